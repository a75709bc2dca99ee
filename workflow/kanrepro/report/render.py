"""A Document as Markdown (for GitHub), HTML, or LaTeX. Nothing here knows what the numbers mean."""

import html
import re

from kanrepro.report.document import Block, Document, Grid, Item, Records, Text

STYLE = """
:root { color-scheme: light dark; --ink: #1d2330; --soft: #5d6778; --line: #d7dce4; --page: #fff; --band: #f5f7fa;
  --good: #1a6e3c; --bad: #a32630; --open: #7d5a00; --link: #1f5fae; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ef; --soft: #9aa5b6; --line: #353d4a; --page: #14181f;
  --band: #1c222c; --good: #6fcf97; --bad: #ff8d8d; --open: #e5b95c; --link: #8ab8f5; } }
body { margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 88rem; background: var(--page); color: var(--ink);
  font: 15px/1.55 system-ui, "Segoe UI", Helvetica, Arial, sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.25; } h2 { font-size: 1.3rem; margin-top: 2.5rem; } h3 { font-size: 1.05rem; }
p, li { max-width: 58rem; } a { color: var(--link); }
code { font: 0.9em ui-monospace, "DejaVu Sans Mono", monospace; background: var(--band); padding: 0 0.25em;
  border-radius: 3px; }
.scroll { overflow-x: auto; margin: 0.75rem 0 1.25rem; }
table { border-collapse: collapse; font-size: 0.87rem; font-variant-numeric: tabular-nums; }
th, td { padding: 0.3rem 0.5rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); }
thead th { border-bottom: 2px solid var(--soft); vertical-align: bottom; white-space: normal; }
th.head, td.head { text-align: left; } tbody tr:hover { background: var(--band); }
.reproduced, .up { color: var(--good); font-weight: 600; } .differs, .down { color: var(--bad); font-weight: 600; }
.inconclusive { color: var(--open); } .missing { color: var(--soft); font-style: italic; }
.notes { list-style: none; padding: 0; }
.notes, details { font-size: 0.87rem; color: var(--soft); } summary { cursor: pointer; }
td[title] { cursor: help; } sup { line-height: 0; }
"""


def markdown(document: Document) -> str:
    """GitHub-flavoured Markdown."""
    notes = "\n".join(f"- <sup>{letter}</sup> {note}" for letter, note in document.footnotes)
    parts = [_markdown_block(block) for block in document.blocks]
    return "\n\n".join([f"# {document.title}", *_with_notes(document, parts, notes)]) + "\n"


def _with_notes(document: Document, parts: list[str], notes: str) -> list[str]:
    """The rendered blocks with the footnotes put before the list of records, which may be long."""
    place = next((i for i, block in enumerate(document.blocks) if isinstance(block, Records)), len(parts))
    return [*parts[:place], *([notes] if notes else []), *parts[place:]]


def _markdown_block(block: Block) -> str:
    if isinstance(block, Text):
        return block.text
    if isinstance(block, Records):
        lines = [
            f"- {name}: " + ", ".join(f"[{short}]({path})" for short, path in paths) for name, paths in block.cells
        ]
        return "\n".join([f"<details><summary>{block.title}</summary>", "", *lines, "", "</details>"])

    def cell(item: Item) -> str:
        return item.text.replace("|", "\\|") + (f" <sup>{item.mark}</sup>" if item.mark else "")

    rule = [":--" if column < block.heads else "--:" for column in range(len(block.header))]
    rows = [list(block.header), rule, *([cell(item) for item in row] for row in block.rows)]
    table = "\n".join("| " + " | ".join(row) + " |" for row in rows)
    return "\n\n".join(part for part in (f"## {block.title}", block.lead, table) if part)


def html_page(document: Document) -> str:
    """A self-contained HTML document."""
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(document.title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f"<h1>{html.escape(document.title)}</h1>\n{html_body(document)}</body>\n</html>\n"
    )


def html_body(document: Document, level: int = 2, anchor: str = "") -> str:
    """The blocks as HTML without the title; grids get headings of `level`, footnotes ids that start with `anchor`."""
    parts = [_html_block(block, level, anchor) for block in document.blocks]
    items = "".join(
        f'<li id="{anchor}note-{letter}"><sup>{letter}</sup> {_inline(note)}</li>\n'
        for letter, note in document.footnotes
    )
    notes = f'<ul class="notes">\n{items}</ul>\n' if items else ""
    return "".join(_with_notes(document, parts, notes))


def _html_block(block: Block, level: int, anchor: str) -> str:
    if isinstance(block, Text):
        return f"<p>{_inline(block.text)}</p>\n"
    if isinstance(block, Records):
        items = "".join(
            f"<li>{html.escape(name)}: "
            + ", ".join(f'<a href="{html.escape(path)}">{html.escape(short)}</a>' for short, path in paths)
            + "</li>\n"
            for name, paths in block.cells
        )
        return f"<details><summary>{html.escape(block.title)}</summary>\n<ul>\n{items}</ul></details>\n"

    def cell(item: Item, column: int) -> str:
        classes = " ".join(name for name in ("head" if column < block.heads else "", item.tone) if name)
        title = f"{len(item.records)} records: {', '.join(item.records)}" if item.records else ""
        marks = ",".join(f'<a href="#{anchor}note-{letter}">{letter}</a>' for letter in item.mark.split(",") if letter)
        return (
            "<td"
            + (f' class="{classes}"' if classes else "")
            + (f' title="{html.escape(title)}"' if title else "")
            + f">{_inline(item.text)}"
            + (f"<sup>{marks}</sup>" if marks else "")
            + "</td>"
        )

    head = "".join(
        ('<th class="head">' if column < block.heads else "<th>") + _inline(name.replace("-", "\u2011")) + "</th>"
        for column, name in enumerate(block.header)
    )
    body = "".join("<tr>" + "".join(cell(item, i) for i, item in enumerate(row)) + "</tr>\n" for row in block.rows)
    return (
        f"<h{level}>{_inline(block.title)}</h{level}>\n"
        + (f"<p>{_inline(block.lead)}</p>\n" if block.lead else "")
        + f'<div class="scroll"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table></div>\n'
    )


def _inline(text: str) -> str:
    """Escaped text with `code` spans."""
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", html.escape(text))


TEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"$<$", ">": r"$>$", "±": r"$\pm$", "≠": r"$\neq$",
    "−": r"$-$", "×": r"$\times$", "≤": r"$\leq$", "Δ": r"$\Delta$", "δ": r"$\delta$", "ρ": r"$\rho$",
}  # fmt: skip


def latex(document: Document) -> str:
    """Tables to be put into a LaTeX document."""
    needs = "Needs \\usepackage{booktabs} and \\usepackage{graphicx}; records are named in comments."
    caption = document.title.partition(": ")[2] or document.title  # LaTeX numbers tables itself
    parts = [_latex_block(block, caption[:1].upper() + caption[1:]) for block in document.blocks]
    notes = " \\\\\n".join(f"\\textsuperscript{{{letter}}} {_tex(note)}" for letter, note in document.footnotes)
    notes = f"{{\\footnotesize\\noindent\n{notes}\n}}" if notes else ""
    return "\n\n".join([f"% {document.title}\n% {needs}", *_with_notes(document, parts, notes)]) + "\n"


def _latex_block(block: Block, title: str) -> str:
    if isinstance(block, Text):
        return _tex(block.text)
    if isinstance(block, Records):
        lines = [f"%   {name}: {'; '.join(path for _, path in paths)}" for name, paths in block.cells]
        return "\n".join([f"% {block.title}", *lines])
    return _latex_grid(block, title)


def _latex_grid(grid: Grid, title: str) -> str:
    def cell(item: Item) -> str:
        return _tex(item.text) + (f"\\textsuperscript{{{item.mark}}}" if item.mark else "")

    columns = "".join("l" if column < grid.heads else "r" for column in range(len(grid.header)))
    rows = [" & ".join(cell(item) for item in row) + r" \\" for row in grid.rows]
    lead = f" {_tex(grid.lead)}" if grid.lead else ""
    return "\n".join(
        [
            r"\begin{table}[htbp]",
            r"\centering",
            f"\\caption{{{_tex(title)}. {_tex(grid.title)}.{lead}}}",
            r"\resizebox{\ifdim\width>\textwidth\textwidth\else\width\fi}{!}{%",
            f"\\begin{{tabular}}{{{columns}}}",
            r"\toprule",
            " & ".join(_tex(name) for name in grid.header) + r" \\",
            r"\midrule",
            *rows,
            r"\bottomrule",
            r"\end{tabular}}",
            r"\end{table}",
        ]
    )


def _tex(text: str) -> str:
    """Text for LaTeX, `code` in typewriter."""
    escaped = "".join(TEX.get(letter, letter) for letter in text)
    return re.sub(r"`([^`]*)`", r"\\texttt{\1}", escaped)
