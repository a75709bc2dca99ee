"""The command `kanrepro`: every stage and tool by its name.

A stage is named as its family has it, `kanrepro images prepare`. The family may be left out: the first that has a stage
of this name is meant, as the list of `kanrepro help` shows it.
"""

import importlib
import importlib.metadata
import sys
from collections.abc import Sequence

from kanrepro.core.errors import UserError, cli, unknown
from kanrepro.core.parser import parser_of
from kanrepro.families import FAMILIES

TOOLS = {
    "explain": "kanrepro.explain",
    "verify": "kanrepro.compare.verify",
    "diff": "kanrepro.compare.diff",
    "quote": "kanrepro.report.quote",
    "plan": "kanrepro.plan.__main__",
    "settings": "kanrepro.settings",
    "bundle": "kanrepro.bundle.__main__",
    "page": "kanrepro.page.page",
    "offline": "kanrepro.bundle.offline",
    "reference": "kanrepro.reference",
}
OWN = ("completion", "help", "version")
STAGES = {family.name: family.stages for family in FAMILIES}


def commands() -> dict[str, str]:
    """Command -> module: tools, stages by family, and without it where that is the first with such a stage."""
    named = {f"{family} {stage}": module for family, stages in STAGES.items() for stage, module in stages.items()}
    short: dict[str, str] = {}
    for stages in STAGES.values():
        short = {**stages, **short}
    return {**TOOLS, **named, **short}


def find(words: Sequence[str]) -> tuple[str, str, list[str]]:
    """The command that arguments begin with, its module, and the arguments that are left.

    Raises:
        UserError: no such command, with the nearest that is.
    """
    known = commands()
    family = words[0] in STAGES
    if family and len(words) == 1 or words[1:2] in (["-h"], ["--help"]) and family:
        raise UserError(f"kanrepro {words[0]} STAGE: name one of {', '.join(STAGES[words[0]])}.")
    name = " ".join(words[: 2 if family else 1])
    if name not in known:
        names = [one for one in known if one.startswith(f"{words[0]} ")] if family else _first()
        raise unknown("command", name, names)
    return name, known[name], list(words[2 if family else 1 :])


def overview() -> str:
    """What there is, by family."""
    lines = [
        "kanrepro COMMAND [OPTIONS]: a stage or a tool by its name; COMMAND --help says what it reads and writes.",
        "",
        "tools",
        f"  {', '.join([*TOOLS, *OWN])}",
        "stages",
        *(f"  {family:12}{', '.join(stages)}" for family, stages in STAGES.items()),
        "",
        "`kanrepro images prepare` is the stage of that family, `kanrepro prepare` that of the first that has it.",
        "Names are completed after: source <(kanrepro completion)        in bash, also from ~/.bashrc",
    ]
    return "\n".join(lines)


def _first() -> list[str]:
    """The words that a command can begin with."""
    return [*STAGES, *(name for name in commands() if " " not in name), *OWN]


def completion() -> str:
    """Bash code that completes names of commands and of their options; it starts no Python."""
    known = commands()
    options: dict[str, str] = {}
    for module in dict.fromkeys(known.values()):
        parser = parser_of(importlib.import_module(module).main)
        options[module] = " ".join(name for name in parser._option_string_actions if name.startswith("--"))
    cases = [f"    {name.replace(' ', chr(92) + ' ')}) words='{options[known[name]]}' ;;" for name in known]
    families = [f"    {family}) words='{' '.join(stages)}' ;;" for family, stages in STAGES.items()]
    return "\n".join(
        [
            "_kanrepro() {",
            "  local words='' word=${COMP_WORDS[COMP_CWORD]} name=${COMP_WORDS[1]} family",
            f"  case $name in {'|'.join(STAGES)}) family=1 ;; esac",
            '  [[ $family && $COMP_CWORD -gt 2 ]] && name="$name ${COMP_WORDS[2]}"',
            f"  if [[ $COMP_CWORD -eq 1 ]]; then words='{' '.join(_first())}'",
            "  elif [[ $family && $COMP_CWORD -eq 2 ]]; then case $name in",
            *families,
            "    esac",
            '  else case "$name" in',
            *cases,
            "    esac",
            "  fi",
            '  COMPREPLY=($(compgen -W "$words" -- "$word"))',
            "}",
            "complete -o default -F _kanrepro kanrepro",
        ]
    )


def main() -> None:
    """Run the command that the process's arguments name."""
    words = sys.argv[1:]
    if not words or words[0] in ("help", "-h", "--help"):
        print(overview())
    elif words[0] in ("version", "--version", "-V"):
        print(f"kanrepro {importlib.metadata.version('kanrepro')}")
    elif words[0] == "completion":
        print(completion())
    else:
        name, module, rest = find(words)
        sys.argv = [f"kanrepro {name}", *rest]  # as records and messages name it
        importlib.import_module(module).main()


def run() -> None:
    """The installed command."""
    cli(main)


if __name__ == "__main__":
    run()
