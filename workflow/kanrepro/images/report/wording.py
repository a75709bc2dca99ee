"""Standing sentences of the image tables."""

from kanrepro.images.record import ImageRecord

STAND_IN = (
    "These are stand-in images that come with the installed packages, not medical ones. They show that the whole "
    "workflow runs, and say nothing about DEQ-KAN's claims."
)
NO_PRINTED = (
    "DEQ-KAN's paper is behind a paywall and its repository gives no result, so no printed number stands beside these."
)
MEASURED = "Mean ± standard deviation (n − 1) over runs"
PAIRED = (
    "Percentage points, with the 95 % interval of a t-test paired by seed (the runs of a seed share their split) and "
    "the number of pairs; `*` where the interval leaves out zero."
)
SPLITS = {
    "grouped": "nothing of one patient, tile or picture on both sides",
    "random": "images drawn one by one, as in DEQ-KAN's code",
    "source": "the test folder of the set itself",
    "imbalanced": "grouped, with a tenth of all but the largest class to train on",
}


def introduction(preset: str, stand_in: bool, what: str) -> str:
    """The paragraph under a table's title."""
    return f"Preset `{preset}`. {STAND_IN if stand_in else NO_PRINTED} {what}"


def setting(records: list[ImageRecord]) -> str:
    """What the runs of a data set and split were about: classes, pixels, test images."""
    if not records:
        return "Not run."
    sizes = spread(record.size for record in records)
    images = spread(len(record.test.y) for record in records)
    units = spread(record.test.units for record in records)
    names = ", ".join(f"`{name}`" for name in records[0].classes)
    positive = f", of which `{records[0].classes[1]}` is the positive one" if len(records[0].classes) == 2 else ""
    return (
        f"{len(records[0].classes)} classes ({names}{positive}); {sizes} pixels an edge; {images} test images a run, "
        f"in {units} units that share no patient, tile or picture."
    )


def spread(values: object) -> str:
    """One number, or the smallest and largest."""
    found = sorted(set(values))  # type: ignore[call-overload]
    return f"{found[0]:,}" if len(found) == 1 else f"{found[0]:,} to {found[-1]:,}"
