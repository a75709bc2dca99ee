"""Fine-tuning: ten seeds of BACE in one process beside ten processes of one seed, and what batches cost."""

import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch
from harness import Effort, Line, judged, not_measured, ratio, side_by_side, threads, words
from subprocesses import last_line, python

from kanrepro.models.encoders import load_encoder
from kanrepro.molecules import catalog as molecule_catalog
from kanrepro.molecules.finetune_settings import FinetuneSettings
from kanrepro.molecules.finetuning import Finetuning
from kanrepro.molecules.labelled import open_labelled
from kanrepro.molecules.prepare import prepare
from kanrepro.molecules.splits import split

ROOT = Path(__file__).resolve().parents[1]
SEEDS = 10
ENCODER = {"encoder": {"family": "molecule", "hidden": 32}, "contrast": {"head": [32, 32]}, "optimiser": {"epochs": 0}}


def lines(effort: Effort) -> Iterator[Line]:
    """Both, with an MLP encoder of width 32 as initialised: the narrower the encoder, the more the rest shows."""
    with tempfile.TemporaryDirectory(prefix="kanrepro-bench-") as made, threads(1):
        folder = Path(made)
        name, note = _prepare(folder, effort)
        store = str(folder / "set.safetensors")
        given = ["--store", store, "--method", "untrained_mlp", "--reading", "literal", "--output", str(folder)]
        done = python(
            ["-m", "kanrepro.pretraining.pretrain", *given, "--settings", json.dumps(ENCODER), "--device", "cpu"]
        )
        if done.returncode:
            yield not_measured(f"{SEEDS} seeds of {name}", last_line(done))
            return
        yield _seeds(folder, name, note, effort)
        yield _batches(folder, name, note, effort)


def _prepare(folder: Path, effort: Effort) -> tuple[str, str]:
    """BACE where it is here, else what RDKit brings along; as files, with its split."""
    entry = molecule_catalog.entry("bace")
    mirror = Path(os.environ.get("KANREPRO_MIRROR") or ROOT.parent / "shared/data")
    source = entry.files[0].mirror
    here = source is not None and (mirror / source.path).is_file()
    if effort.quick or not here:
        entry, sources = molecule_catalog.entry("chembl-activity"), []
    else:
        assert source is not None
        sources = [mirror / source.path]
    prepare(entry, sources, folder / "set.safetensors")
    split(folder / "set.safetensors", "scaffold", 0, folder / "split.json")
    return entry.name, "" if entry.name == "bace" else "molecules out of RDKit stand in"


def _seeds(folder: Path, name: str, note: str, effort: Effort) -> Line:
    """Processes from their start to their records."""
    seeds = 2 if effort.quick else SEEDS
    stage = [
        "-m", "kanrepro.molecules.finetune", "--checkpoint", str(folder / "encoder.safetensors"), "--store",
        str(folder / "set.safetensors"), "--split", str(folder / "split.json"), "--output", str(folder / "{seed}.json"),
        "--device", "cpu", "--settings", '{"epochs": 2}', "--seeds",
    ]  # fmt: skip

    def together() -> None:
        python([*stage, *map(str, range(seeds))]).check_returncode()

    def alone() -> None:
        for seed in range(seeds):
            python([*stage, str(seed)]).check_returncode()

    times = side_by_side({"together": together, "alone": alone}, replace(effort, rounds=(1, 2)))
    target = judged(effort, "<= 1")
    return ratio(
        f"{seeds} seeds of {name}, over {seeds} times one seed", times, "together", "alone", target, threads=1,
        note=words("2 epochs", note),
    )  # fmt: skip


def _batches(folder: Path, name: str, note: str, effort: Effort) -> Line:
    """The batches of an epoch, as a share of its training."""
    labelled = open_labelled(folder / "set.safetensors", folder / "split.json")
    settings = FinetuneSettings()
    encoder, _ = load_encoder(folder / "encoder.safetensors", settings.dropout)
    training = Finetuning(labelled, encoder, settings, 0, torch.device("cpu"))

    def batches() -> None:
        for _ in training.batches():
            pass

    times = side_by_side({"batches": batches, "epoch": training.run_epoch}, effort)
    share = 100 * times["batches"].least / times["epoch"].least
    return Line(
        f"batches, share of a fine-tuning epoch on {name}",
        share,
        "%",
        judged(effort, "<= 10"),
        threads=1,
        note=words("MLP encoder of width 32", note),
        times={part: taken.summary() for part, taken in times.items()},
    )
