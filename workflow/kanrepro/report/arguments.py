"""Options that the stages of the report share."""

import argparse
from pathlib import Path


def add_files(parser: argparse.ArgumentParser, option: str, text: str) -> None:
    """An option that takes files, none or many, and may be given several times; `text` is its help."""
    parser.add_argument(option, type=Path, nargs="+", action="extend", default=[], metavar="FILE", help=text)
