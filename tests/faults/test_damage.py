"""Files that were cut short, or in which a bit flipped: noticed before they become a number, or harmless."""

import json
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from squares import squares, write_world
from worlds import rings_and_stars

from kanrepro.core import checkpoint
from kanrepro.core.errors import UserError
from kanrepro.core.files import read_json, sha256, write_json
from kanrepro.core.record import Record
from kanrepro.images.splits import read_split
from kanrepro.images.store import ImageSet
from kanrepro.molecules.catalog import MoleculeEntry
from kanrepro.molecules.join import join
from kanrepro.molecules.shards import make_shards
from kanrepro.pretraining import pretrain
from kanrepro.store.store import GraphStore
from kanrepro.tu import splits

Happened = Callable[[object], None]
RECORD = Path(__file__).resolve().parents[2] / "results/small/records/tu/MUTAG/khan_gcl-repaired-0.json"


def flips(path: Path, count: int, seed: int) -> Iterator[str]:
    """Let one bit of a file flip, `count` times elsewhere, and put the file right again; yields what was done."""
    whole, chance = path.read_bytes(), random.Random(seed)
    for _ in range(count):
        position, bit = chance.randrange(len(whole)), chance.randrange(8)
        damaged = bytearray(whole)
        damaged[position] ^= 1 << bit
        path.write_bytes(damaged)
        yield f"bit {bit} of byte {position} of {len(whole)}"
    path.write_bytes(whole)


def cuts(path: Path, count: int, seed: int) -> Iterator[str]:
    """Cut a file short, `count` times elsewhere, and put it right again."""
    whole, chance = path.read_bytes(), random.Random(seed)
    for _ in range(count):
        length = chance.randrange(len(whole))
        path.write_bytes(whole[:length])
        yield f"{length} of {len(whole)} bytes"
    path.write_bytes(whole)


def refused(read: Callable[[], Any], expected: Any, done: str) -> str | None:
    """The message with which a damaged file was refused; None where the damage changed nothing that is read."""
    try:
        found = read()
    except UserError as error:
        return str(error)
    assert found == expected, done
    return None


def held(path: Path, kind: type[GraphStore] | type[ImageSet], facts: Sequence[str]) -> Any:
    """Tensors and facts of a store, as values that can be compared; its digest is verified, as stages do."""
    store = kind.load(path)
    sha256(path)
    tensors = {name: value.tolist() for name, value in vars(store).items() if isinstance(value, torch.Tensor)}
    return tensors, {name: store.meta.get(name) for name in facts}


def graphs(folder: Path) -> tuple[Path, Callable[[], Any]]:
    path = folder / "rings.safetensors"
    made = rings_and_stars()
    made.save(path)
    return path, lambda: held(path, GraphStore, list(made.meta))


def images(folder: Path) -> tuple[Path, Callable[[], Any]]:
    path = folder / "squares.safetensors"
    made = squares(12)
    made.save(path)
    return path, lambda: held(path, ImageSet, list(made.meta))


def weights(folder: Path) -> tuple[Path, Callable[[], Any]]:
    path = folder / "encoder.safetensors"
    checkpoint.save(path, {"a": torch.arange(40.0), "b": torch.zeros(3, 4, dtype=torch.int8)}, {"seed": 1, "x": [0.5]})

    def read() -> Any:
        tensors, meta = checkpoint.load(path)
        return {name: tensor.tolist() for name, tensor in tensors.items()}, meta

    return path, read


def record(folder: Path) -> tuple[Path, Callable[[], Any]]:
    path = folder / "record.json"
    Record.read(RECORD).write(path)
    return path, lambda: Record.read(path)


def description(folder: Path) -> tuple[Path, Callable[[], Any]]:
    from kanrepro.report.described import read

    path = folder / "MUTAG.json"
    write_json(path, read_json(RECORD.parents[2] / "data" / "MUTAG.json"))
    return path, lambda: repr(read([path]))


def folds(folder: Path) -> tuple[Path, Callable[[], Any]]:
    path = folder / "folds.json"
    splits.split(graphs(folder)[0], 4, 0, path)
    return path, lambda: [fold.tolist() for fold in splits.read_folds(path, 40)]


def division(folder: Path) -> tuple[Path, Callable[[], Any]]:
    path = write_world(folder)[1]
    return path, lambda: {name: list(value) for name, value in vars(read_split(path, 40)).items()}


FILES = {
    "store of graphs": graphs, "store of images": images, "checkpoint": weights, "record": record,
    "description of a set": description, "fold file": folds, "split file": division,
}  # fmt: skip


@pytest.mark.fault(
    "Damaged files",
    "a bit of a file that was written flips",
    "60 random bits of each kind of file, one at a time (seed 1)",
)
@pytest.mark.parametrize("kind", list(FILES))
def test_a_flipped_bit_is_noticed_or_harmless(kind: str, tmp_path: Path, happened: Happened) -> None:
    path, read = FILES[kind](tmp_path)
    expected = read()
    said = [refused(read, expected, done) for done in flips(path, 60, seed=1)]
    assert all(text is None or str(path) in text for text in said)
    assert read() == expected
    noticed = sum(text is not None for text in said)
    assert noticed >= 50  # the others: spaces between the numbers of a JSON file, and the name of the digest itself
    happened(f"{kind}: noticed; none changed what was read")


@pytest.mark.fault(
    "Damaged files",
    "a file that was written is cut short",
    "30 random lengths of each kind of file (seed 2)",
)
@pytest.mark.parametrize("kind", list(FILES))
def test_a_file_cut_short_is_noticed(kind: str, tmp_path: Path, happened: Happened) -> None:
    path, read = FILES[kind](tmp_path)
    expected = read()
    said = [text for done in cuts(path, 30, seed=2) if (text := refused(read, expected, done))]
    assert len(said) >= 28 and all(str(path) in text for text in said)  # the last line break may go
    happened(f"{kind}: “{said[0].split(' (')[0]} ...”")


@pytest.mark.fault(
    "Damaged files",
    "a shard of molecules is damaged",
    "40 random flips and 10 lengths of one (seed 3), then both stages again",
)
def test_a_damaged_shard_is_made_again(tmp_path: Path, happened: Happened) -> None:
    table, folder = tmp_path / "dyes.csv", tmp_path / "shards"
    table.write_text("mol,blue\nCCO,1\nCCN,0\nCCC,1\nc1ccccc1,0\n")
    entry = MoleculeEntry(name="DYES", address="x", smiles="mol", tasks=["blue"])  # pyright: ignore[reportCallIssue]
    report = make_shards(entry, [table], folder, size=2)
    join(entry, [report], tmp_path / "expected.safetensors")
    expected, shard = (tmp_path / "expected.safetensors").read_bytes(), folder / "00001.safetensors"
    whole = shard.read_bytes()
    for harm, count in ((flips, 40), (cuts, 10)):
        for done in harm(shard, count, seed=3):
            try:
                join(entry, [report], tmp_path / "joined.safetensors")
            except UserError as error:
                assert "00001.safetensors is missing or damaged" in str(error), done
            else:
                assert (tmp_path / "joined.safetensors").read_bytes() == expected, done
            make_shards(entry, [table], folder, size=2)
            join(entry, [report], tmp_path / "again.safetensors")
            assert (tmp_path / "again.safetensors").read_bytes() == expected, done
    assert shard.read_bytes() == whole
    happened("the store is refused until the shard is made again, which a rerun does; then the same bytes")


@pytest.mark.fault(
    "Damaged files",
    "the state that a training resumes from is damaged",
    "a bit flips in it, it is cut short, both states are",
)
@pytest.mark.parametrize("harm", ["flip", "cut", "both"])
def test_a_damaged_state_costs_epochs_and_no_bit(
    harm: str, tmp_path: Path, happened: Happened, capsys: pytest.CaptureFixture
) -> None:
    rings_and_stars().save(tmp_path / "rings.safetensors")
    settings = json.dumps({"optimiser": {"epochs": 3, "batch_size": 16}})
    arguments = ["--store", str(tmp_path / "rings.safetensors"), "--settings", settings, "--device", "cpu", "--output"]
    pretrain.main([*arguments, str(tmp_path / "straight")])
    with pytest.MonkeyPatch.context() as patch:  # stop before the outputs: the states stay
        patch.setattr(checkpoint, "save", _stops(checkpoint.save))
        with pytest.raises(KeyboardInterrupt):
            pretrain.main([*arguments, str(tmp_path / "run")])
    state = tmp_path / "run" / "state.safetensors"
    damaged = [state, state.with_name("state.safetensors.previous")][: 2 if harm == "both" else 1]
    for path in damaged:
        held = bytearray(path.read_bytes())
        held[len(held) // 2] ^= 1
        path.write_bytes(held[:-9] if harm == "cut" else held)
    capsys.readouterr()
    pretrain.main([*arguments, str(tmp_path / "run")])
    said = capsys.readouterr().err
    assert said.count("Falling back to the state before it") == len(damaged)
    assert ("resuming after epoch 2" in said) == (harm != "both")
    one, other = (tmp_path / name / "encoder.safetensors" for name in ("straight", "run"))
    assert one.read_bytes() == other.read_bytes()
    lost = "three epochs are" if harm == "both" else "one epoch is"
    happened(f"said; {lost} trained again; the encoder has the same bytes")


def _stops(save: Callable[..., None]) -> Callable[..., None]:
    def saving(path: Path, *content: Any) -> None:
        if path.name == "encoder.safetensors":
            raise KeyboardInterrupt
        save(path, *content)

    return saving


@pytest.mark.fault(
    "Damaged files",
    "a store is damaged between preparing and training",
    "the class of one graph changes in it; then each stage that reads it",
)
def test_no_stage_works_on_a_damaged_store(tmp_path: Path, happened: Happened) -> None:
    from kanrepro.tu.describe import main as describe

    path = tmp_path / "rings.safetensors"
    rings_and_stars().save(path)
    splits.split(path, 4, 0, tmp_path / "folds.json")
    pretrain.main(
        ["--store", str(path), "--settings", '{"optimiser": {"epochs": 1}}', "--output", str(tmp_path / "run")]
    )
    whole = path.read_bytes()
    stored = torch.arange(40).remainder(2).numpy().tobytes()
    at = whole.index(stored)
    path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])  # graph 0 is of the other class
    GraphStore.load(path)  # it opens: nothing in it is impossible
    from kanrepro.tu.probe import main as probe

    for stage, arguments in (
        (pretrain.main, ["--store", str(path), "--output", str(tmp_path / "other")]),
        (probe, ["--checkpoint", str(tmp_path / "run" / "encoder.safetensors"), "--store", str(path), "--folds",
                 str(tmp_path / "folds.json"), "--output", str(tmp_path / "r.json")]),
        (describe, ["--store", str(path), "--output", str(tmp_path / "d.json")]),
        (splits.main, ["--store", str(path), "--seed", "0", "--folds", "4", "--output", str(tmp_path / "f.json")]),
    ):  # fmt: skip
        with pytest.raises(UserError, match=r"rings.safetensors does not hold what was written into it. Delete it"):
            stage(arguments)
    assert not {"other", "r.json", "d.json", "f.json"} & {made.name for made in tmp_path.iterdir()}
    happened("each refuses: “rings.safetensors does not hold what was written into it. Delete it and run again.”")
