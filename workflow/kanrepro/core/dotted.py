"""Keys with dots, as people write them, in the form that Snakemake and YAML take."""

import re

_DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.\w+)+")


def nested(key: str, value: str, joint: str = "=") -> str | None:
    """`tu={seeds: [0]}` for the key `tu.seeds` and the value `[0]`; None for a key without a dot.

    Args:
        joint: what stands behind the first key, `=` on a command line, `: ` in a file.
    """
    if not _DOTTED.fullmatch(key):
        return None
    first, *rest = key.split(".")
    for name in reversed(rest):
        value = f"{{{name}: {value}}}"
    return f"{first}{joint}{value}"
