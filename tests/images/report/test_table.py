"""Tables of the image experiments on tiny worlds: a whole text, every kind of difference, and what is missing."""

import csv
import io
import random
import statistics

import pytest
from record_worlds import TEST

from kanrepro.images.report import longform as image_longform
from kanrepro.images.report import table as image_table
from kanrepro.images.report.inputs import ImageInputs
from kanrepro.report import render

IMAGES = """\
# Image classification: DEQ-KAN and what it is compared with

Preset `small`. DEQ-KAN's paper is behind a paywall and its repository gives no result, so no printed number \
stands beside these. Mean ± standard deviation (n − 1) over runs in %, macro averages over classes (of two \
classes: of the positive one). ECE: calibration error, less is better. Parameters and MFLOPs (10^6 operations of \
one image forward in convolutions and matrix products, a multiply-add counts two). Steps: mean evaluations of \
the map an image until the solver stops; Converged: share of images that reach its tolerance; Rate: factor by \
which a plain step changes |F(z) − z| (above 1 it runs away); Bound: what the certified form promises.

## lungs, grouped

Split `grouped`: nothing of one patient, tile or picture on both sides. 2 classes (`well`, `ill`, of which \
`ill` is the positive one); 8 pixels an edge; 4 test images a run, in 4 units that share no patient, tile or picture.

| Model | Runs | Accuracy | Precision | Recall | Specificity | F1 | AUC | ECE | Parameters | MFLOPs | Steps | \
Converged | Rate | Bound |
| :-- | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: |
| CNN | 2 | 81.0 ± 1.4 | 81.0 ± 1.4 | 81.0 ± 1.4 | 81.0 ± 1.4 | 81.0 ± 1.4 | 81.0 ± 1.4 | 5.0 ± 0.0 | 1,234,567 \
| 2.5 | no solver | no solver | no solver | no solver |
| Vision Transformer | 0 | not run | not run | not run | not run | not run | not run | not run | not run | not \
run | not run | not run | not run | not run |
| DEQ-KAN, repaired | 2 | 86.0 ± 2.8 | 86.0 ± 2.8 | 86.0 ± 2.8 | 86.0 ± 2.8 | 86.0 ± 2.8 | 86.0 ± 2.8 | 5.0 ± \
0.0 | 1,234,567 | 2.5 | 8.0 ± 0.0 | 100.0 ± 0.0 | 0.400 ± 0.000 | no bound |
| largest class |  | 50.0 ± 0.0 | not defined | not defined | not defined | not defined | not defined | not \
defined | not defined | not defined | not defined | not defined | not defined | not defined |

## lungs, grouped: what the test images leave open

95 % intervals of one run by bootstrap over its test images, those of a patient, tile or picture together; both \
ends are means over runs. What other test images would change; the ± above is what another seed changes.

| Model | Accuracy | F1 | AUC | ECE |
| :-- | --: | --: | --: | --: |
| CNN | 80.0 to 82.0 | 80.0 to 82.0 | 80.0 to 82.0 | 4.0 to 6.0 |
| DEQ-KAN, repaired | 85.0 to 87.0 | 85.0 to 87.0 | 85.0 to 87.0 | 4.0 to 6.0 |

## lungs, grouped: recall of each class

Share of the test images of a class that are called by its name, in %.

| Model | well | ill |
| :-- | --: | --: |
| CNN | 81.0 ± 1.4 | 81.0 ± 1.4 |
| DEQ-KAN, repaired | 86.0 ± 2.8 | 86.0 ± 2.8 |

## lungs, grouped: differences from CNN and DEQ-KAN, repaired

Percentage points, with the 95 % interval of a t-test paired by seed (the runs of a seed share their split) and \
the number of pairs; `*` where the interval leaves out zero.

| Difference | Accuracy | F1 | AUC | ECE |
| :-- | --: | --: | --: | --: |
| Vision Transformer − CNN | not run | not run | not run | not run |
| DEQ-KAN, repaired − CNN | +5.0 [−7.7, +17.7] (2) | +5.0 [−7.7, +17.7] (2) | +5.0 [−7.7, +17.7] (2) | 0.0 \
[0.0, 0.0] (2) |
| Vision Transformer − DEQ-KAN, repaired | not run | not run | not run | not run |

<details><summary>Records behind each number</summary>

- lungs, grouped, CNN: [seed 0](../records/images/lungs/grouped/cnn-0.json), [seed \
1](../records/images/lungs/grouped/cnn-1.json)
- lungs, grouped, DEQ-KAN, repaired: [seed 0](../records/images/lungs/grouped/deq_kan-0.json), [seed \
1](../records/images/lungs/grouped/deq_kan-1.json)

</details>
"""

CNN = "../records/images/lungs/grouped/cnn-0.json;../records/images/lungs/grouped/cnn-1.json"
BOTH = f"../records/images/lungs/grouped/deq_kan-0.json;../records/images/lungs/grouped/deq_kan-1.json;{CNN}"
NOT_RUN = ",not run" * 11


def build(table, paths, folder, **options):
    """A table as Markdown and as the rows of its CSV."""
    document, text = image_table.build(table, ImageInputs("small", tuple(paths), **options), folder.parent / "tables")
    return render.markdown(document), list(csv.DictReader(io.StringIO(text)))


def cells(markdown, title, row):
    """The cells of the row that starts with the cells `row`, in the grid under `title`."""
    grid = markdown.partition(f"## {title}\n")[2].partition("\n## ")[0]
    found = [line.strip("| ").split(" | ") for line in grid.splitlines() if line.startswith(f"| {' | '.join(row)} |")]
    assert len(found) == 1, (title, row, grid)
    return found[0][len(row) :]


@pytest.fixture
def lungs(write_images):
    return write_images("lungs", "cnn", [80.0, 82.0]) + write_images("lungs", "deq_kan", [84.0, 88.0])


def test_the_whole_comparison(lungs, folder):
    inputs = ImageInputs("small", tuple(lungs), models=("cnn", "vit", "deq_kan"))
    document, text = image_table.build("images", inputs, folder.parent / "tables")
    assert render.markdown(document) == IMAGES
    lines = text.splitlines()
    assert lines[0] == ",".join(image_longform.COLUMNS)
    assert lines[1] == (
        "images,small,value,lungs,no,grouped,none,cnn,none,accuracy,all test images,percent,81.0000,1.4142,2,0;1,"
        f"80.0000;82.0000,bootstrap of one run,80.0000,82.0000,not defined,none,{CNN}"
    )
    assert f"images,small,value,lungs,no,grouped,none,vit,none,auc,all test images,percent{NOT_RUN}" in lines
    assert (
        "images,small,difference,lungs,no,grouped,grouped,deq_kan,cnn,f1,all test images,points,5.0000,not defined,2,"
        f'0;1,4.0000;6.0000,"paired t, 95 %",-7.7062,17.7062,0.126,none,{BOTH}'
    ) in lines
    # 3 models: 13 values and 2 classes of 5 values; 2 differences from one, 1 from the other, in 4 metrics
    assert len(lines) == 1 + 3 * (13 + 10) + 3 * 4


@pytest.mark.parametrize("table", image_table.TABLES)
def test_any_order_gives_the_same_bytes(lungs, write_images, clean, folder, table):
    paths = lungs + write_images("lungs", "cnn", [90.0, 91.0], split="random", without_leaks=clean(3, 80.0))
    first = build(table, paths, folder)
    random.Random(1).shuffle(paths)
    assert build(table, paths, folder) == first


@pytest.mark.parametrize("table", image_table.TABLES)
def test_the_csv_gives_back_every_number(lungs, write_images, clean, folder, table):
    paths = lungs + write_images("lungs", "cnn", [90.0, 93.0], split="source", without_leaks=clean(3, 80.0))
    _, rows = build(table, paths, folder)
    assert rows
    for row in rows:
        assert all(row.values()), row  # nothing is blank
        if row["values"] not in ("not run", "not defined"):
            values = [float(value) for value in row["values"].split(";")]
            assert len(values) == len(row["seeds"].split(";")) == int(row["runs"])
            assert float(row["mean"]) == pytest.approx(statistics.mean(values), abs=1e-4)
            if row["kind"] == "value":
                assert float(row["std"]) == pytest.approx(statistics.stdev(values), abs=2e-4)
            else:
                assert float(row["low"]) <= float(row["mean"]) <= float(row["high"])
    keys = [tuple(row[name] for name in image_longform.COLUMNS[:11]) for row in rows]
    assert len(set(keys)) == len(keys)


def test_the_ablation_is_two_by_two(write_images, folder):
    accuracies = {"cnn_mlp": [80, 81, 82], "cnn_kan": [82, 83, 84], "deq_mlp": [81, 84, 84], "deq_kan": [86, 88, 90]}
    paths = [path for model, found in accuracies.items() for path in write_images("lungs", model, found)]
    markdown, rows = build("images-ablation", paths, folder)
    square = "lungs, grouped: iteration and splines"
    assert cells(markdown, square, ["Accuracy", "applied once"]) == ["not run", "81.0 ± 1.0 (3)", "83.0 ± 1.0 (3)"]
    assert cells(markdown, square, ["F1", "unrolled"]) == ["no such model", "no such model", "not run"]
    assert cells(markdown, square, ["AUC", "to equilibrium"])[1:] == ["83.0 ± 1.7 (3)", "88.0 ± 2.0 (3)"]
    why = "lungs, grouped: what makes the difference"
    assert cells(markdown, why, ["splines, applied once"])[:2] == [
        "(CNN + KAN) − (CNN + MLP)",
        "+2.0 [+2.0, +2.0] (3) *",
    ]
    # 5, 4, 6 by seed: mean 5, t(2) 4.303 times 1 / sqrt(3)
    assert cells(markdown, why, ["splines, at equilibrium"])[1] == "+5.0 [+2.5, +7.5] (3) *"
    # (4, 5, 6) - (1, 3, 2) = 3, 2, 4
    together = cells(markdown, why, ["what both do together beyond what each does alone"])
    assert together[:2] == [
        "[DEQ-KAN, repaired − (CNN + KAN)] − [(CNN + DEQ-MLP) − (CNN + MLP)]",
        "+3.0 [+0.5, +5.5] (3) *",
    ]
    assert cells(markdown, why, ["a map at all"])[1:] == ["not run"] * 4
    (row,) = [r for r in rows if r["model"] == "deq_kan - cnn_kan" and r["metric"] == "auc"]
    assert (row["against_model"], row["values"]) == ("deq_mlp - cnn_mlp", "3.0000;2.0000;4.0000")


def test_leaks_beside_the_clean_split(write_images, clean, folder):
    paths = write_images("lungs", "cnn", [80.0, 82.0]) + write_images("lungs", "vit", [70.0])
    paths += write_images("lungs", "cnn", [90.0, 92.0], split="random", without_leaks=clean(3, 85.0))
    paths += write_images("lungs", "deq_kan", [95.0, 95.0], split="random", without_leaks=clean(0, 0))
    other = {"units": 2, "index": [1, 2], "y": [0, 1], "p": [[0.5, 0.5], [0.5, 0.5]]}
    paths += write_images("lungs", "cnn", [60.0, 70.0], split="source", test=other)
    paths += write_images("lungs", "cnn", [79.0, 80.0], split="imbalanced")
    markdown, rows = build("images-leaks", paths, folder)
    scores = "lungs: with and without leaked test images"
    assert cells(markdown, scores, ["grouped", "CNN"])[:4] == ["4", "0", "81.0 ± 1.4", "none leaked"]
    assert cells(markdown, scores, ["random", "CNN"])[:4] == ["4", "1", "91.0 ± 1.4", "85.0 ± 0.0"]
    assert cells(markdown, scores, ["random", "DEQ-KAN, repaired"])[:4] == ["4", "4", "95.0 ± 0.0", "all leaked"]
    assert cells(markdown, scores, ["grouped", "DEQ-KAN, repaired"]) == ["not run"] * 8
    assert "Vision Transformer" not in markdown  # it has the clean split only
    assert cells(markdown, "lungs: what leaks add", ["random", "CNN"])[0] == "+6.0 [−6.7, +18.7] (2)"
    assert cells(markdown, "lungs: what leaks add", ["random", "DEQ-KAN, repaired"])[0] == "not defined"
    change = "lungs: what another split changes"
    # the same test images: paired, -1 and -2; others: Welch
    assert cells(markdown, change, ["imbalanced − grouped", "CNN"])[0] == "−1.5 [−7.9, +4.9] (2)"
    assert cells(markdown, change, ["random − grouped", "DEQ-KAN, repaired"])[0] == "not run"
    tests = {row["split"]: row["interval"] for row in rows if row["against_split"] == "grouped" != row["split"]}
    assert tests["imbalanced"] == "paired t, 95 %" and tests["source"] == "Welch, 95 %"
    markdown, rows = build("images-leaks", paths[:3], folder)
    assert "No data set was run on more than one split" in markdown and rows == []


def test_robustness_counts_what_corruption_takes(lungs, folder):
    markdown, rows = build("images-robustness", lungs, folder, models=("cnn", "deq_kan"))
    scores = "lungs, grouped: clean and corrupted"
    # clean, noise (2 points a strength), its strongest, blur (1 point), its strongest, both
    expected = ["86.0 ± 2.8", "80.0 ± 2.8", "76.0 ± 2.8", "83.0 ± 2.8", "81.0 ± 2.8", "81.5 ± 2.8"]
    assert cells(markdown, scores, ["Accuracy", "DEQ-KAN, repaired"]) == expected
    assert cells(markdown, scores, ["ECE", "CNN"])[:3] == ["5.0 ± 0.0", "11.0 ± 0.0", "15.0 ± 0.0"]
    assert cells(markdown, "lungs, grouped: what corruption takes", ["ECE", "CNN"]) == [
        "6.0 ± 0.0",
        "3.0 ± 0.0",
        "4.5 ± 0.0",
    ]
    beside = "lungs, grouped: harm beside that of CNN"
    assert cells(markdown, beside, ["AUC", "DEQ-KAN, repaired − CNN"])[0] == "0.0 [0.0, 0.0] (2)"
    assert "contrast" not in markdown.partition("## ")[2]  # not measured
    assert {row["condition"] for row in rows if row["kind"] == "difference"} == {
        "harm by noise",
        "harm by blur",
        "harm by all corruptions",
    }


def test_a_difference_that_is_worse_is_toned_so(write_images, folder):
    paths = write_images("lungs", "cnn", [80.0, 82.0, 84.0]) + write_images("lungs", "deq_kan", [75.0, 77.0, 79.0])
    html = render.html_page(image_table.build("images", ImageInputs("small", tuple(paths)), folder)[0])
    assert '<td class="down"' in html and '<td class="up"' not in html
    assert html.count("−5.0 [−5.0, −5.0] (3) *") == 3


def test_what_is_missing_is_said(write_images, folder):
    paths = write_images("lungs", "cnn", [80.0]) + write_images("lungs", "deq_kan", [84.0])
    markdown, _ = build("images", paths, folder)
    title = "lungs, grouped: differences from CNN and DEQ-KAN, repaired"
    assert cells(markdown, title, ["DEQ-KAN, repaired − CNN"]) == ["too few runs"] * 4
    assert cells(markdown, title, ["Vision Transformer − CNN"]) == ["not run"] * 4
    for table in image_table.TABLES:
        assert build(table, [], folder)[1] == []
    markdown, _ = build("images", [], folder, datasets=("lungs",))
    assert "## lungs, grouped" in markdown and "Not run." in markdown and "| CNN | 0 | not run |" in markdown


def test_runs_tested_on_other_images_of_a_seed_are_noted(lungs, write_images, folder):
    same = write_images("lungs", "vit", [70.0, 71.0], split_file={"path": "s", "sha256": "0" * 64})  # a file of before
    markdown, _ = build("images", lungs[:2] + same, folder)
    assert "not tested on the same images" not in markdown
    other = {**TEST, "index": [each + 1 for each in TEST["index"]]}
    markdown, _ = build("images", lungs[:2] + write_images("lungs", "vit", [70.0, 71.0], test=other), folder)
    assert "Runs of a seed were not tested on the same images" in markdown
