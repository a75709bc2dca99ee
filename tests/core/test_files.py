"""Files appear whole or not at all; user errors are one line and exit code 2."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import safetensors.torch
import torch

from kanrepro.core.errors import UserError, unknown
from kanrepro.core.explain_parts import file_state, machine_state
from kanrepro.core.files import atomic, content_digest, read_json, write_json, write_tensors
from kanrepro.core.provenance import hardware
from kanrepro.core.record import Artefact


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"x": 1})
    with pytest.raises(RuntimeError), atomic(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert read_json(path) == {"x": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_lists_of_numbers_stand_in_one_line(tmp_path: Path) -> None:
    content = {"a": [1, -2.5, 3e-05], "rows": [[1, 2], [3, 4]], "words": ["x, [1,\n2]"], "none": [], "mixed": [1, None]}
    write_json(tmp_path / "a", content)
    assert read_json(tmp_path / "a") == content
    assert '"a": [1, -2.5, 3e-05],' in (tmp_path / "a").read_text()


def test_permissions_follow_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_json(tmp_path / "a", {})
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640


def test_tensors_are_written_in_the_hidden_folder_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What safetensors writes beside its file lies there too; the file's mode is of the umask, not its own."""
    seen: list[list[str]] = []
    save = safetensors.torch.save_file

    def watched(tensors: dict[str, torch.Tensor], path: Path, metadata: dict[str, str]) -> None:
        save(tensors, path, metadata)
        seen.append([part.name for part in tmp_path.iterdir()])

    monkeypatch.setattr(safetensors.torch, "save_file", watched)
    before = os.umask(0o027)
    try:
        write_tensors(tmp_path / "a.safetensors", {"x": torch.arange(3)}, {})
    finally:
        os.umask(before)
    ((hidden,),) = seen
    assert hidden.startswith(".a.safetensors.") and hidden.endswith(".part")
    assert [path.name for path in tmp_path.iterdir()] == ["a.safetensors"]
    assert (tmp_path / "a.safetensors").stat().st_mode & 0o777 == 0o640


def test_an_unwritable_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write .*file/a.json.*Choose a folder"):
        write_json(tmp_path / "file" / "a.json", {})


def test_nan_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "a", {"x": float("nan")})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ["", "{", '{"a": 1', "\x00"])
def test_truncated_json_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(UserError, match="a.json is not valid JSON"):
        read_json(tmp_path / "a.json")


def test_the_nearest_name_is_offered() -> None:
    assert "Did you mean 'khan_gcl'?" in str(unknown("method", "khangcl", ["khan_gcl", "graphcl"]))
    assert "Did you mean 'MUTAG'?" in str(unknown("data set", "mutag", ["MUTAG", "NCI1"]))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["kanrepro.pretraining.pretrain", "--store", "x", "--output", "y", "--method", "khangcl"],
            "Did you mean 'khan_gcl'?",
        ),
        (
            ["kanrepro.pretraining.pretrain", "--store", "x", "--output", "y", "--reading", "litteral"],
            "Did you mean 'literal'?",
        ),
        (["kanrepro.pretraining.pretrain", "--store", "none", "--output", "y"], "none does not exist"),
        (["kanrepro.pretraining.pretrain", "--store", "x", "--output", "y", "--settings", "{"], "not valid JSON"),
        (
            ["kanrepro.pretraining.pretrain", "--store", "x", "--output", "y", "--settings", '{"optimizer": {}}'],
            "'optimiser'",
        ),
        (
            [
                "kanrepro.pretraining.pretrain",
                "--store",
                "x",
                "--output",
                "y",
                "--settings",
                '{"optimiser": {"epochs": -1}}',
            ],
            "epochs = -1",
        ),
        (["kanrepro.pretraining.pretrain", "--store", "x", "--output", "y", "--device", "cuda:99"], "cuda:99"),
        (
            ["kanrepro.pretraining.pretrain", "--store", "x", "--output", "y", "--device", "gpu"],
            "none of auto, cpu, cuda",
        ),
        (["kanrepro.settings", "--check", "none.yaml"], "none.yaml cannot be read"),
    ],
)
def test_user_errors_are_one_line_and_exit_code_2(arguments: list[str], message: str, tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-m", *arguments], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr and len(done.stderr.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


# content apart from what a file says of its making


def test_equal_tensors_have_one_digest_whatever_document_they_carry(tmp_path: Path) -> None:
    tensors = {"x": torch.arange(6.0).reshape(2, 3), "y": torch.tensor([1])}
    write_tensors(tmp_path / "a.safetensors", tensors, {"code": "a"})
    write_tensors(tmp_path / "b.safetensors", tensors, {"code": "another, and longer"})
    write_tensors(tmp_path / "c.safetensors", {**tensors, "x": tensors["x"].reshape(3, 2)}, {"code": "a"})
    a, b, c = (content_digest(tmp_path / f"{name}.safetensors") for name in "abc")
    assert a == b != c


def test_equal_folds_have_one_digest_whatever_file_their_set_was(tmp_path: Path) -> None:
    for name, store, test in (("a", "1", [[0], [1]]), ("b", "2", [[0], [1]]), ("c", "1", [[1], [0]])):
        write_json(tmp_path / f"{name}.json", {"seed": 0, "store_sha256": store, "test": test})
    a, b, c = (content_digest(tmp_path / f"{name}.json") for name in "abc")
    assert a == b != c


def test_a_file_is_unchanged_or_of_the_same_content_or_changed(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"store_sha256": "1", "test": [[0]]})
    of = Artefact.of(path).model_copy(update={"path": "a.json"})
    assert file_state(of, tmp_path).endswith(", unchanged")
    write_json(path, {"store_sha256": "2", "test": [[0]]})
    assert file_state(of, tmp_path).endswith(", the same content in another file")
    assert "keeps no digest of its content" in file_state(of.model_copy(update={"content": None}), tmp_path)
    write_json(path, {"store_sha256": "1", "test": [[1]]})
    assert file_state(of, tmp_path).endswith(", CHANGED since")


def test_a_machine_is_this_one_or_another() -> None:
    assert machine_state(hardware(), "cpu").endswith("cpu, the same processor here")
    assert "ANOTHER than here" in machine_state("Z80, 1 cores", "cpu")
