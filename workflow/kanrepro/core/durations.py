"""Times as a person tells them."""

MINUTE, HOUR = 60.0, 3600.0  # seconds


def short(value: float) -> str:
    """A number with as many digits as are read: `116`, `2.5`, `0.08`."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.2g}"


def duration(seconds: float) -> str:
    """Seconds in the unit that a person would take: `0.8 s`, `12 min`, `116 h`."""
    if seconds < MINUTE:
        return f"{short(seconds)} s"
    return f"{short(seconds / MINUTE)} min" if seconds < HOUR else f"{short(seconds / HOUR)} h"
