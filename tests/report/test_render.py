"""Rendering: special letters stay letters in every form."""

from kanrepro.report.document import Document, Footnotes, Grid, Item, Records, Text
from kanrepro.report.render import html_page, latex, markdown

DOCUMENT = Document(
    "Table 9: a & b",
    (
        Text("100 % of `a_b` < c"),
        Grid("G", ("Head", "x-y"), ((Item("a|b"), Item("1 ± 2", "differs", "a", ("r.json",))),), lead="L"),
        Records("Behind", (("cell", (("seed 0", "r.json"),)),)),
    ),
    (("a", "why_not"),),
)

MARKDOWN = """\
# Table 9: a & b

100 % of `a_b` < c

## G

L

| Head | x-y |
| :-- | --: |
| a\\|b | 1 ± 2 <sup>a</sup> |

- <sup>a</sup> why_not

<details><summary>Behind</summary>

- cell: [seed 0](r.json)

</details>
"""

LATEX = r"""% Table 9: a & b
% Needs \usepackage{booktabs} and \usepackage{graphicx}; records are named in comments.

100 \% of \texttt{a\_b} $<$ c

\begin{table}[htbp]
\centering
\caption{A \& b. G. L}
\resizebox{\ifdim\width>\textwidth\textwidth\else\width\fi}{!}{%
\begin{tabular}{lr}
\toprule
Head & x-y \\
\midrule
a|b & 1 $\pm$ 2\textsuperscript{a} \\
\bottomrule
\end{tabular}}
\end{table}

{\footnotesize\noindent
\textsuperscript{a} why\_not
}

% Behind
%   cell: r.json
"""


def test_markdown():
    assert markdown(DOCUMENT) == MARKDOWN


def test_latex():
    assert latex(DOCUMENT) == LATEX


def test_html_escapes_and_names_records():
    text = html_page(DOCUMENT)
    assert "<title>Table 9: a &amp; b</title>" in text
    assert "<p>100 % of <code>a_b</code> &lt; c</p>" in text
    assert (
        '<td class="differs" title="1 records: r.json">1 ± 2<sup><a href="#note-a">a</a></sup></td>' in text
        and '<li id="note-a">' in text
    )
    assert '<a href="r.json">seed 0</a>' in text


def test_html_lets_nothing_in():
    grid = Grid("<script>", ("<b>",), ((Item("<i>", records=('"><img src=x>',)),),))
    text = html_page(Document("<script>", (Text("<script>"), grid)))
    assert "<script>" not in text and "<b>" not in text and "<i>" not in text and "<img" not in text


def test_footnotes_share_letters_and_go_on_after_z():
    notes = Footnotes()
    assert notes.mark(("one", "two")) == "a,b"
    assert notes.mark(("two",)) == "b"
    assert notes.mark(()) == ""
    assert notes.mark(tuple(map(str, range(26)))).endswith("z,aa,ab")
    assert notes.listed[0] == ("a", "one")
