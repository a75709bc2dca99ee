"""From digits to Table 7 and Figure 3 at miniature size: pre-train, fine-tune, retrieve, and what is refused."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
import stages
import torch

from kanrepro.core.errors import UserError
from kanrepro.core.explain_parts import Question
from kanrepro.core.files import read_json, write_json
from kanrepro.core.record import Record
from kanrepro.core.streams import stream
from kanrepro.models.digit_classifier import DigitClassifier
from kanrepro.models.encoders import load_encoder
from kanrepro.models.superpixel_gin import SuperpixelGIN
from kanrepro.pretraining import pretrain
from kanrepro.studies.report import analysis_figure
from kanrepro.superpixels import finetune as superpixel_finetune
from kanrepro.superpixels import prepare, retrieve, splits
from kanrepro.superpixels.catalog import entry
from kanrepro.superpixels.explain import explain
from kanrepro.superpixels.report import table
from kanrepro.superpixels.report.table import DigitInputs
from kanrepro.superpixels.settings import DigitFinetuneSettings, SegmentSettings
from kanrepro.superpixels.splits import read_split
from kanrepro.superpixels.training import DigitTraining

ENCODER = '{"family": "superpixel", "hidden": 8, "layers": 1}'
SMALL = f'{{"encoder": {ENCODER}, "contrast": {{"head": [8]}}, "optimiser": {{"epochs": 1}}}}'


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both stores, a split, and encoders of khan_gcl and infograph."""
    folder = tmp_path_factory.mktemp("superpixels")
    for part in ("train", "test"):
        coarse = SegmentSettings(nodes=20, asked=9)
        prepare.prepare(entry("digits"), part, [], coarse, folder / f"{part}.safetensors")  # type: ignore[arg-type]
    splits.split(folder / "train.safetensors", folder / "test.safetensors", 0.2, 50, 100, 3, folder / "split.json")
    for method in ("khan_gcl", "infograph"):
        words = ["--store", str(folder / "train.safetensors"), "--limit", "64", "--method", method, "--device", "cpu"]
        words += [
            "--reading",
            "literal_silu",
            "--settings",
            SMALL,
            "--output",
            str(folder / method),
            "--preset",
            "small",
        ]
        pretrain.main(words)
    return folder


def options(world: Path, method: str, output: Path, epochs: int = 8, **changes: str) -> list[str]:
    named = {"train": "train.safetensors", "test": "test.safetensors", "split": "split.json"} | changes
    words = [word for name, file in named.items() for word in (f"--{name}", str(world / file))]
    words += ["--checkpoint", str(world / method / "encoder.safetensors"), "--device", "cpu", "--preset", "small"]
    settings = json.dumps({"epochs": epochs, "batch_size": 16, "patience": 1, "learning_rate": 0.01})
    return [*words, "--settings", settings, "--output", str(output)]


def finetune(world: Path, method: str, output: Path, epochs: int = 8, **changes: str) -> Record:
    superpixel_finetune.main(options(world, method, output, epochs, **changes))
    return Record.read(output)


def without_cost(made: Record) -> dict[str, Any]:
    return made.model_dump(exclude={"cost", "commands"})


def test_fine_tuning_learns_and_is_the_same_again(world: Path, tmp_path: Path) -> None:
    first = finetune(world, "khan_gcl", tmp_path / "a.json")
    again = finetune(world, "khan_gcl", tmp_path / "b.json")
    assert first.metrics == again.metrics and first.details["finetuning"] == again.details["finetuning"]
    assert first.experiment == "superpixels" and first.seed == 3 and first.encoder == "kan"
    assert first.details["labelled"] == round(0.2 * 1387) and first.details["tested"] == 100
    loss = first.details["finetuning"]["loss"]
    assert loss[-1] < 0.9 * loss[0] and 0 <= first.metrics["accuracy"].value <= 1
    assert len(first.commands) == 2 and first.details["pretrained_on"] == 64


def test_killed_it_goes_on_to_the_same_record(world: Path, tmp_path: Path) -> None:
    undisturbed = without_cost(finetune(world, "khan_gcl", tmp_path / "a.json", epochs=40))
    rates = undisturbed["details"]["finetuning"]["rate"]
    assert rates[-1] < rates[0]  # the rate depends on the epochs before, also on those before the kill
    state = tmp_path / "states" / "b" / "finetune.safetensors"
    words, log = options(world, "khan_gcl", tmp_path / "b.json", epochs=40), tmp_path / "log"
    process = stages.start("kanrepro.superpixels.finetune", *words, log=log)
    while process.is_alive() and not state.exists():
        time.sleep(0.01)
    process.kill()
    process.join()
    assert not (tmp_path / "b.json").exists()
    assert "resuming after epoch" in stages.finish("kanrepro.superpixels.finetune", *words, log=log)
    assert without_cost(Record.read(tmp_path / "b.json")) == undisturbed
    assert not list(state.parent.iterdir())


def test_a_state_holds_all_that_an_epoch_depends_on(world: Path) -> None:
    def training() -> DigitTraining:
        encoder, _ = load_encoder(world / "khan_gcl" / "encoder.safetensors")
        assert isinstance(encoder, SuperpixelGIN)
        split = read_split(world / "split.json", world / "train.safetensors", world / "test.safetensors")
        graphs = superpixel_finetune.superpixels(world / "train.safetensors")
        model = DigitClassifier(encoder, 10, stream(0, "heads"))
        return DigitTraining(model, graphs, split, DigitFinetuneSettings(epochs=9, patience=1, learning_rate=0.1), 0)

    straight, again = training(), training()
    for _ in range(4):
        straight.run_epoch()
    tensors, kept = straight.state()
    again.restore({name: tensor.clone() for name, tensor in tensors.items()}, json.loads(json.dumps(kept)))
    assert again.plateau.state_dict() == straight.plateau.state_dict()
    for one in (straight, again):
        one.run_epoch()
    assert straight.history == again.history and straight.history[-1]["rate"] < 0.1
    first, second = straight.state()[0], again.state()[0]
    assert first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def test_table_7_and_figure_3_come_from_records_alone(world: Path, tmp_path: Path) -> None:
    folder = tmp_path / "records"
    for method in ("khan_gcl", "infograph"):
        finetune(world, method, folder / "superpixels" / "digits" / f"{method}-literal_silu-3.json")
    document, rows = table.build("table7", DigitInputs("small", folder=folder), tmp_path)
    assert document.title.startswith("Table 7") and "stand-in" in document.title and "83.8" not in rows
    assert "infograph,literal_silu,digits,not printed,not printed,not printed" in rows
    for path in (folder / "superpixels" / "digits").glob("*.json"):  # as if it had been MNIST
        write_json(folder / "superpixels" / "mnist" / path.name, {**read_json(path), "dataset": "mnist"})
        path.unlink()
    _, rows = table.build("table7", DigitInputs("small", folder=folder), tmp_path)
    assert (
        "printed,RGCL,not run,mnist,83.8,0.4,5" in rows and "compared,infograph,literal_silu,mnist,63.2,0.8,5" in rows
    )
    assert "control,untrained_kan,repaired,mnist,not printed" in rows
    for path in (folder / "superpixels" / "mnist").glob("*.json"):
        write_json(tmp_path / "small" / "records" / "superpixels" / "mnist" / path.name, read_json(path))
    text = explain(Question("table7", "MNIST-superpixel", "infograph", None, tmp_path / "small"))
    assert "over 1 runs; printed: 63.2 ± 0.8" in text and "finetune" in text and "python -m kanrepro" in text
    with pytest.raises(UserError, match="Did you mean 'khan_gcl'"):
        explain(Question("table7", "mnist", "khangcl", None, tmp_path / "small"))
    path = tmp_path / "retrieval.json"
    words = [
        "--checkpoint",
        str(world / "khan_gcl" / "encoder.safetensors"),
        "--output",
        str(path),
        "--preset",
        "small",
    ]
    words += ["--stores", str(world / "train.safetensors"), str(world / "test.safetensors"), "--device", "cpu"]
    retrieve.main([*words, "--settings", '{"queries": 40}'])
    found = read_json(path)
    assert found["graphs"] == 1797 and 5 < len(found["examples"]) <= 10
    for example in found["examples"]:
        asked = example["query"]
        numbers = [*example["none"], *example["ckfi"], *example["random"]]
        assert asked not in numbers and {str(n) for n in [asked, *numbers]} <= found["pictures"].keys()
    stem = tmp_path / "figure3"
    analysis_figure.main(
        ["--figure", "figure3", "--documents", str(path), "--preset", "small", "--output-stem", str(stem)]
    )
    assert stem.with_suffix(".png").stat().st_size > 20_000


def test_what_does_not_belong_is_refused(world: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="another version"):
        finetune(world, "khan_gcl", tmp_path / "r.json", train="test.safetensors", test="train.safetensors")
    words = ["--stores", str(world / "train.safetensors"), str(world / "test.safetensors"), "--output", "r.json"]
    with pytest.raises(UserError, match="has no KAN, but an MLP"):
        retrieve.main(["--checkpoint", str(world / "infograph" / "encoder.safetensors"), *words])
    settings = '{"encoder": {"family": "tu"}}'
    with pytest.raises(UserError, match="holds superpixel graphs, but encoder.family is 'tu'"):
        pretrain.main(
            [
                "--store",
                str(world / "train.safetensors"),
                "--settings",
                settings,
                "--output",
                str(tmp_path),
                "--device",
                "cpu",
            ]
        )
    with pytest.raises(UserError, match="directed_edges must stay true"):
        pretrain.main(
            ["--store", str(world / "train.safetensors"), "--output", str(tmp_path), "--settings",
             '{"encoder": {"family": "superpixel"}, "views": {"directed_edges": false}}']
        )  # fmt: skip
