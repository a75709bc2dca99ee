"""User errors, and every stage's exit codes: 0 done, 1 a failure that is ours, 2 a mistake in what the user gave."""

import difflib
import os
import reprlib
import signal
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any


class UserError(Exception):
    """A mistake that the user can mend: the message names the file, key or value at fault and what to do."""


_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 80
_SHORT.maxlevel, _SHORT.maxdict, _SHORT.maxlist, _SHORT.maxtuple = 2, 4, 4, 4


def shown(value: Any) -> str:
    """A value as a message shows it: enough to find it again, however large it is."""
    try:
        return _SHORT.repr(value)
    except ValueError:  # a number of thousands of digits
        return f"a huge {type(value).__name__}"


def listed(names: Sequence[str], most: int = 20) -> str:
    """Names that a file gave as a message lists them: the first few of them, each in one line and not at any length."""
    short = [" ".join(name.split()) for name in names[:most]]
    return ", ".join(name if len(name) <= 60 else f"{name[:57]}..." for name in short) + ", ..." * (len(names) > most)


def unknown(kind: str, name: str, known: Iterable[str]) -> UserError:
    """The error for a name that is not among `known`, with the nearest one that is."""
    known = sorted(known)
    near = difflib.get_close_matches(name.lower(), [k.lower() for k in known], n=1, cutoff=0.4)
    hint = next((f" Did you mean {k!r}?" for k in known if near and k.lower() == near[0]), "")
    return UserError(f"unknown {kind} {shown(name)}.{hint} Known: {', '.join(known)}.")


def foreign(path: object, what: str) -> UserError:
    """The error for a file that says what is not known here; it may have cost hours, so nobody is told to delete it."""
    return UserError(f"{path} {what}. Another version of kanrepro made it, or code of your own: read it with that.")


def _terminated(signum: int, frame: object) -> None:
    raise SystemExit(128 + signum)


def cli(main: Callable[[], None]) -> None:
    """Run a stage's `main`; a user error becomes one line on stderr and exit code 2, SIGTERM a clean stop."""
    signal.signal(signal.SIGTERM, _terminated)  # atomic outputs then remove their temporary files
    try:
        main()
    except UserError as error:
        print(f"kanrepro: error: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except BrokenPipeError:  # as in `kanrepro explain ... | head`: whoever read has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None
    except KeyboardInterrupt:
        print("kanrepro: interrupted; run the same command again to resume", file=sys.stderr)
        raise SystemExit(130) from None
