"""Paths of the superpixel experiments, what they need, and what each of their jobs may ask of the machine."""

from kanrepro import superpixel_catalog

DIGITS = SETTINGS.superpixels.dataset
try:
    DIGIT_ENTRY = superpixel_catalog.entry(DIGITS, SETTINGS.data.superpixel_catalog) if DIGITS else None
except UserError as error:
    raise WorkflowError(str(error)) from None

IDX_FILE = "resources/downloads/superpixels/{dataset}-{part}-{kind}.gz"
SUPERPIXELS = "resources/superpixels/{dataset}-{part}"
SUPERPIXEL_DESCRIPTION = f"{RESULTS}/records/data-superpixels/{{dataset}}.json"
SUPERPIXEL_CATALOGS = " ".join(f"--catalog {shlex.quote(path)}" for path in SETTINGS.data.superpixel_catalog)
SUPERPIXEL_DESCRIPTIONS = wanted([SUPERPIXEL_DESCRIPTION.format(dataset=DIGITS)] if DIGITS else [])


def idx_files(wildcards):
    """The images and labels of a part; the demo set comes with scikit-learn."""
    if DIGIT_ENTRY.train is None:
        return {}
    return {
        kind: IDX_FILE.format(dataset=wildcards.dataset, part=wildcards.part, kind=kind)
        for kind in superpixel_catalog.KINDS
    }


def digits(part):
    """How many images a part has."""
    return getattr(DIGIT_ENTRY.expected, part)
