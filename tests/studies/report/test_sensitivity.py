"""Figure 5: curves are what records say, the default is shared with the tables, and what is missing is said."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import transfer_records

from kanrepro import explain
from kanrepro.core.errors import UserError
from kanrepro.core.files import read_json, write_json
from kanrepro.molecules.finetune_settings import FinetuneSettings
from kanrepro.molecules.report import results as transfer_results
from kanrepro.pretraining.settings import PretrainSettings
from kanrepro.report import results
from kanrepro.studies.report import sensitivity_figure
from kanrepro.studies.report.sensitivity_figure import SensitivityInputs
from kanrepro.studies.sensitivity_settings import PARAMETERS, Point, moved

DEFAULT: Point = (0.075, 0.075, 0.05, 0.05)
NO_DELTA: Point = (0.0, 0.075, 0.05, 0.05)
MUCH_DELTA: Point = (0.3, 0.075, 0.05, 0.05)
LOUD_RHO: Point = (0.075, 0.075, 0.05, 0.2)
Place = Callable[..., list[Path]]


def name(point: Point) -> str:
    return "-".join(map(str, point))


def pretrained(point: Point) -> dict[str, Any]:
    return moved(PretrainSettings(), dict(zip(PARAMETERS, point, strict=True))).model_dump(mode="json")


@pytest.fixture
def place(folder: Path, content: Callable[..., dict[str, Any]]) -> Place:
    """place(data set, point, accuracies in percent, reading=, **changes) -> records of khan_gcl there, one a seed."""

    def write(dataset: str, point: Point, found: Sequence[float], reading: str = "repaired", **more: Any) -> list[Path]:
        paths = []
        for seed, accuracy in enumerate(found):
            record = content(dataset, "khan_gcl", reading, seed, accuracy) | {
                "experiment": "tu" if point == DEFAULT else "sensitivity",
                "settings": {"pretrain": pretrained(point), "svm": {"folds": 10}},
            }
            below = f"tu/{dataset}/khan_gcl-{reading}-{seed}.json"
            if point != DEFAULT:
                below = f"sensitivity/tu/{dataset}/khan_gcl/{reading}/{name(point)}/{seed}.json"
            paths.append(folder / below)
            write_json(paths[-1], record | more)
        return paths

    return write


@pytest.fixture
def place_molecules(folder: Path) -> Place:
    """The same of transfer learning, with test ROC-AUC in percent; a None has no record."""

    def write(dataset: str, point: Point, found: Sequence[float | None], demo: bool = False) -> list[Path]:
        paths = []
        for seed, auc in enumerate(found):
            if auc is None:
                continue
            record = transfer_records.content(dataset, "khan_gcl", "repaired", seed, auc, 50)
            record |= {"experiment": "transfer" if point == DEFAULT else "sensitivity", "demo": demo}
            record["pretraining"] = {**record["pretraining"], "settings": pretrained(point)}
            below = f"transfer/{dataset}/khan_gcl-repaired-{seed}.json"
            if point != DEFAULT:
                below = f"sensitivity/transfer/{dataset}/khan_gcl/repaired/{name(point)}/{seed}.json"
            paths.append(folder / below)
            write_json(paths[-1], record)
        return paths

    return write


def words(drawn: Any) -> str:
    """All text of the figure."""
    texts = [text.get_text() for text in drawn.texts] + [drawn.get_supxlabel()]
    for axis in drawn.axes:
        texts += [text.get_text() for text in (*axis.texts, axis.xaxis.label, axis.yaxis.label)]
    for legend in drawn.legends:
        texts += [text.get_text() for text in legend.get_texts()]
    return " ".join(" ".join(texts).split())


def curves(axis: Any) -> dict[str, tuple[list[float], list[float], list[float]]]:
    """Label -> values, means, and half the height of the error bars."""
    found = {}
    for container in axis.containers:
        line, _, (bars,) = container.lines
        heights = [float(segment[1, 1] - segment[0, 1]) / 2 for segment in bars.get_segments()]
        x, y = (np.asarray(data, float) for data in line.get_data())
        found[container.get_label()] = np.round(x, 6).tolist(), np.round(y, 6).tolist(), np.round(heights, 6).tolist()
    return found


def test_curves_are_the_records_and_the_default_is_that_of_table_2(place: Place, folder: Path) -> None:
    place("PROTEINS", DEFAULT, [73, 75])
    place("PROTEINS", NO_DELTA, [70, 70])
    place("PROTEINS", MUCH_DELTA, [71, 72, 73])
    place("PROTEINS", LOUD_RHO, [60])
    place("MUTAG", DEFAULT, [90])  # of Table 2, and nothing varied: no part of the figure
    drawn = sensitivity_figure.build(SensitivityInputs("small", folder=folder))
    delta, rho = drawn.axes  # no panel for what was not varied
    assert curves(delta) == {"repaired": ([0, 0.075, 0.3], [70, 74, 72], [0, round(2**0.5, 6), 1])}
    assert curves(rho) == {"repaired": ([0.05, 0.2], [74, 60], [round(2**0.5, 6), 0])}
    text = words(drawn)
    assert "PROTEINS 1;" not in text and "Not varied: ε_ρ, σ_δ." in text and "MUTAG" not in text
    assert "n=3" in text and "The paper prints no numbers of Figure 5." in text
    marks = [line for axis in drawn.axes for line in axis.lines if line.get_marker() == "D"]
    assert [(float(m.get_xdata()[0]), float(m.get_ydata()[0])) for m in marks] == [(0.075, 76.9), (0.05, 76.9)]  # type: ignore[index]


def test_readings_are_curves_of_their_own(place: Place, folder: Path) -> None:
    for reading, base in (("literal", 70), ("repaired", 80)):
        place("PROTEINS", DEFAULT, [base], reading)
        place("PROTEINS", NO_DELTA, [base + 1], reading)
    (axis,) = sensitivity_figure.build(SensitivityInputs("small", folder=folder)).axes
    assert {name: y for name, (_, y, _) in curves(axis).items()} == {"literal": [71, 70], "repaired": [81, 80]}


def test_the_average_is_over_the_same_sets_at_every_point(place_molecules: Place, folder: Path) -> None:
    for dataset, base in (("bbbp", 60), ("bace", 70)):
        place_molecules(dataset, DEFAULT, [base, base + 2])
    place_molecules("bbbp", NO_DELTA, [61, 62])
    place_molecules("bace", NO_DELTA, [71, None])  # seed 1 lacks a set
    place_molecules("bbbp", MUCH_DELTA, [90, 90])  # no seed with both
    place_molecules("sider", DEFAULT, [10, 10])  # of Table 1, and nothing varied
    inputs = SensitivityInputs("small", folder=folder, transfer=("bbbp", "bace", "sider"))
    drawn = sensitivity_figure.build(inputs)
    (axis,) = drawn.axes
    assert curves(axis) == {"repaired": ([0, 0.075], [66, 66], [0, round(2**0.5, 6)])}
    text = words(drawn)
    assert "mean of 2 sets test ROC-AUC" in text and "best validation epoch over BACE, BBBP." in text
    assert "Left out of the average: 1 points without all sets." in text and "Not run: SIDER." in text
    assert "printed (default)" not in text  # the paper's average is over eight sets


def test_without_the_tables_runs_the_default_is_where_most_curves_cross(place: Place, folder: Path) -> None:
    base: Point = (0.1, 0.2, 0.3, 0.4)
    for i in range(4):
        for value in (1.0, 2.0):
            place("PROTEINS", base[:i] + (value,) + base[i + 1 :], [70.0 + i], preset="small")
    (target,) = SensitivityInputs("small", folder=folder).targets
    assert target.centre == {"repaired": base} and target.parameters == list(PARAMETERS)
    assert [spot.point[2] for spot in target.curve("repaired", "sigma_delta")] == [1.0, 2.0]


def test_points_off_the_curves_and_unlike_runs_are_said(place: Place, folder: Path) -> None:
    place("PROTEINS", DEFAULT, [73])
    place("PROTEINS", NO_DELTA, [70], code={"pretrain": "other", "probe": "fedcba9876543210"})
    place("PROTEINS", (0.0, 0.075, 0.05, 0.2), [70], code={"pretrain": "other", "probe": "fedcba9876543210"})
    drawn = sensitivity_figure.build(SensitivityInputs("small", folder=folder))
    text = words(drawn)
    assert "Left out of PROTEINS: 1 points off the curves." in text
    assert "The runs of PROTEINS differ in code.pretrain." in text


def test_a_key_that_came_after_a_record_has_its_default_there(place_molecules: Place, folder: Path) -> None:
    place_molecules("bace", DEFAULT, [70])  # as the committed records: epochs alone
    (path,) = place_molecules("bace", NO_DELTA, [71])
    full = FinetuneSettings(epochs=5)
    for settings, unlike in ((full, []), (full.model_copy(update={"batch_size": 9}), ["finetune.batch_size"])):
        write_json(path, read_json(path) | {"settings": {"finetune": settings.model_dump(mode="json")}})
        (target,) = SensitivityInputs("small", folder=folder).targets
        assert target.unlike == unlike


def test_the_csv_in_whole(place: Place, place_molecules: Place, folder: Path, tmp_path: Path) -> None:
    place("PROTEINS", DEFAULT, [73, 75])
    place("PROTEINS", NO_DELTA, [70])
    place_molecules("bace", LOUD_RHO, [70])
    stem = tmp_path / "results" / "small" / "figures" / "figure5"
    words = ["--preset", "small", "--records-from", str(folder), "--output-stem", str(stem)]
    sensitivity_figure.main(words)
    assert stem.with_suffix(".csv").read_text() == (
        "figure,preset,target,score,sets,reading,parameter,value,default,mean,std,runs,seeds,scores,records\n"
        "figure5,small,PROTEINS,accuracy,PROTEINS,repaired,epsilon_delta,0,no,70.0000,not defined,1,0,70.0000,"
        "../records/sensitivity/tu/PROTEINS/khan_gcl/repaired/0.0-0.075-0.05-0.05/0.json\n"
        "figure5,small,PROTEINS,accuracy,PROTEINS,repaired,epsilon_delta,0.075,yes,74.0000,1.4142,2,0;1,73.0000;75.0000,"
        "../records/tu/PROTEINS/khan_gcl-repaired-0.json;../records/tu/PROTEINS/khan_gcl-repaired-1.json\n"
        "figure5,small,AVG,ROC-AUC,bace,repaired,sigma_rho,0.2,no,70.0000,not defined,1,0,70.0000,"
        "../records/sensitivity/transfer/bace/khan_gcl/repaired/0.075-0.075-0.05-0.2/0.json\n"
    )
    files = [stem.with_suffix(f".{form}") for form in ("png", "svg", "csv")]
    before = [path.read_bytes() for path in files]
    records = [*folder.glob("tu/*/*.json"), *folder.glob("sensitivity/tu/**/*.json")]
    random.Random(0).shuffle(records)
    transfer = [str(path) for path in folder.glob("sensitivity/transfer/**/*.json")]
    words = ["--preset", "small", "--records", *map(str, records), "--transfer-records", *transfer]
    sensitivity_figure.main([*words, "--output-stem", str(stem)])
    assert [path.read_bytes() for path in files] == before


def test_tables_1_and_2_do_not_take_them_for_their_own(place: Place, place_molecules: Place) -> None:
    around = place("PROTEINS", NO_DELTA, [70, 71])
    default = place("PROTEINS", DEFAULT, [73])
    found = results.read([*around, *default], "small")
    assert [run.score for run in found.cells["PROTEINS", "khan_gcl", "repaired"].runs] == [pytest.approx(73)]
    molecules = [*place_molecules("bace", NO_DELTA, [70]), *place_molecules("bace", DEFAULT, [60])]
    best = transfer_results.read(molecules, "small")[transfer_results.BEST]
    assert [run.score for run in best.cells["bace", "khan_gcl", "repaired"].runs] == [60]


def test_stand_ins_and_nothing(place: Place, place_molecules: Place, folder: Path) -> None:
    empty = sensitivity_figure.build(SensitivityInputs("small"))
    assert "no parameter was varied" in words(empty)
    place("NCI-TPSA", NO_DELTA, [70])
    place_molecules("chembl-activity", NO_DELTA, [70], demo=True)
    drawn = sensitivity_figure.build(SensitivityInputs("small", folder=folder, datasets=("NCI-TPSA", "PROTEINS")))
    assert "stand-in data sets" in words(drawn) and "printed" not in words(drawn).split("Khan-GCL, one")[0]
    assert "Not run: PROTEINS." in words(drawn)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"preset": "paper"}, "made with preset 'paper', not 'small'"),
        ({"method": "graphcl"}, "is of the method 'graphcl'; Figure 5 is about khan_gcl"),
        ({"metrics": {}}, "has no metrics.accuracy"),
        ({"settings": {"svm": {}}}, "does not say how it was pre-trained"),
        ({"settings": {"pretrain": {"contrast": {"negatives": {"epsilon_delta": -1}}}}}, "does not say how"),
        ({"experiment": "tu"}, "stand at different points, though both are the default"),
    ],
)
def test_records_that_do_not_belong_are_refused(
    changes: dict[str, Any], message: str, place: Place, folder: Path
) -> None:
    place("PROTEINS", DEFAULT, [73])
    place("PROTEINS", NO_DELTA, [70], **changes)
    with pytest.raises(UserError, match=message):
        sensitivity_figure.build(SensitivityInputs("small", folder=folder))


def test_two_files_of_the_same_run_are_refused(place: Place, folder: Path) -> None:
    (path,) = place("PROTEINS", NO_DELTA, [70])
    copy = path.with_name("7.json")
    copy.write_bytes(path.read_bytes())
    with pytest.raises(UserError, match=r"0.json and .*7.json hold the same run"):
        sensitivity_figure.build(SensitivityInputs("small", folder=folder))


def test_explanations_name_every_record_of_a_spot(
    place: Place, place_molecules: Place, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place("PROTEINS", DEFAULT, [73, 75])
    place("PROTEINS", NO_DELTA, [70])
    place_molecules("bace", NO_DELTA, [70])
    said = ["--results", str(folder.parent)]
    explain.main(["figure5", "PROTEINS", "epsilon_delta", *said, "--full"])
    text = capsys.readouterr().out
    assert "epsilon_delta = 0.075 (the default), reading repaired: 74.00 ± 1.41 %" in text
    assert "sensitivity/tu/PROTEINS/khan_gcl/repaired/0.0-0.075-0.05-0.05/0.json" in text
    assert "pretrain.contrast.negatives.epsilon_delta = 0.0" in text and "python -m kanrepro.tu.probe" in text
    explain.main(["figure5", "AVG", "epsilon_delta=0", *said, "--full"])
    assert "ROC" not in (text := capsys.readouterr().out) and "70.00 %" in text and "best epoch 2" in text
    for wrong, message in (
        (["AVGE", "epsilon_delta"], "Did you mean 'AVG'"),
        (["PROTEINS", "epsilon_detla"], "Did you mean 'epsilon_delta'"),
        (["PROTEINS", "epsilon_delta=0.2"], "unknown value of epsilon_delta in figure5: '0.2'"),
        (["PROTEINS", "epsilon_delta", "--reading", "literal"], "unknown reading of PROTEINS"),
    ):
        with pytest.raises(UserError, match=message):
            explain.main(["figure5", *wrong, *said])
    with pytest.raises(UserError, match="holds no records of figure5"):
        (folder.parent.parent / "none" / "records").mkdir(parents=True)
        explain.main(["figure5", "PROTEINS", "--results", str(folder.parent.parent / "none")])
