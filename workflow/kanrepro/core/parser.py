"""The parser of every stage and tool: nearest names for mistyped options, and @FILE for long lists of arguments."""

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from kanrepro.core.errors import UserError, unknown


class Parser(argparse.ArgumentParser):
    """An argument @FILE stands for the lines of a file. What is not known is refused with the nearest that is."""

    def parse_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:
        """As argparse's, with the errors of this package.

        Raises:
            UserError: an unknown option, or a word too many.
        """
        if args is _SHOW:
            raise _Shown(self)
        found, rest = self.parse_known_args(expanded(sys.argv[1:] if args is None else args), namespace)
        if rest and rest[0].startswith("--"):
            raise unknown(
                "option", rest[0].partition("=")[0], (o for o in self._option_string_actions if o[:2] == "--")
            )
        if rest:
            raise UserError(f"{self.prog}: {rest[0]!r} is one word too many; --help says what it takes.")
        return found

    # options of a kind that many stages have

    def file(self, option: str, text: str, **more: Any) -> None:
        """A file or folder that must be named, with nargs="+" one or more."""
        self.add_argument(option, type=Path, required=True, help=text, **more)

    def files(self, option: str, text: str) -> None:
        """Files, none or many; the option may be given several times."""
        self.add_argument(option, type=Path, nargs="+", action="extend", default=[], metavar="FILE", help=text)

    def folder(self, option: str, text: str, default: Path | None = None) -> None:
        """A folder that may be named."""
        self.add_argument(option, type=Path, default=default, metavar="FOLDER", help=text)

    def names(self, option: str, text: str) -> None:
        """Names, none or many."""
        self.add_argument(option, nargs="+", default=[], metavar="NAME", help=text)

    def catalogs(self, kind: str = "") -> None:
        """--catalog, `kind`: what sets the files are of."""
        text = " ".join(("your own catalogue file", kind)).strip()
        self.add_argument("--catalog", type=Path, action="append", default=[], help=f"{text} (repeatable)")


def stage_parser(description: str | None, epilog: str | None = None) -> Parser:
    """The parser of a stage or tool, its help laid out as it is written; errors name the command as it was typed."""
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    by_module = spec is not None and sys.argv[0] == spec.origin  # else `kanrepro STAGE`, which says so in sys.argv
    prog = f"python -m {spec.name.removesuffix('.__main__')}" if by_module and spec else Path(sys.argv[0]).name
    return Parser(
        prog=prog,
        description=(description or "").strip(),
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


_SHOW: Sequence[str] = ("show the parser",)


class _Shown(Exception):
    def __init__(self, parser: Parser) -> None:
        super().__init__()
        self.parser = parser


def parser_of(main: Callable[[Sequence[str]], None]) -> Parser:
    """The parser that a stage's `main` builds; nothing runs."""
    try:
        main(_SHOW)
    except _Shown as shown:
        return shown.parser
    raise TypeError(f"{main.__module__}.main parses no arguments with a stage_parser")


def expanded(words: Iterable[str]) -> list[str]:
    """Arguments, those that begin with @ replaced by the lines of the file that they name.

    Raises:
        UserError: a file cannot be read.
    """
    found: list[str] = []
    for word in words:
        if not word.startswith("@"):
            found.append(word)
            continue
        try:
            found += Path(word[1:]).read_text(encoding="utf-8").splitlines()
        except (OSError, ValueError) as error:
            raise UserError(f"{word}: no file of arguments, one a line ({error}).") from None
    return found
