"""All that comes from the network, and nothing else: for machines that have none."""

from types import SimpleNamespace

DOWNLOADS = [path for name in ENTRIES for path in archive(SimpleNamespace(dataset=name))]
DOWNLOADS += [path for name in IMAGE_ENTRIES for path in image_sources(SimpleNamespace(dataset=name)).values()]
DOWNLOADS += [path for name in MOLECULE_ENTRIES for path in molecule_files(SimpleNamespace(dataset=name))]
if DIGITS:
    for part in ("train", "test"):
        DOWNLOADS += idx_files(SimpleNamespace(dataset=DIGITS, part=part)).values()


rule downloads:
    input:
        DOWNLOADS,
