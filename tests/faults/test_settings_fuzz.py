"""Broken configurations, hundreds of them made from good ones: each refused at the door, in one line with the key."""

import copy
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from kanrepro.core.errors import UserError
from kanrepro.core.yaml_file import read_yaml
from kanrepro.settings import Settings, resolve
from kanrepro.tu import catalog

Happened = Callable[[object], None]
Path_ = tuple[str, ...]
ROOT = Path(__file__).resolve().parents[2]
PRESETS = ROOT / "workflow" / "presets"
SECRET = "hunter2-do-not-print"
FREE = {"readings", "checks", "catalog", "image_catalog"}  # below these a user names the keys


def text(config: Any) -> str:
    """A configuration as YAML, with a secret in a comment."""
    return f"# {SECRET}\n{yaml.safe_dump(config)}"


def refusal(content: str | bytes, path: Path) -> str:
    """The message with which a configuration file is refused, whose form holds for every one of them."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UserError) as error:
        resolve(read_yaml(path), PRESETS)
    said = str(error.value)
    assert "\n" not in said and len(said) < 1200, said
    assert SECRET not in said and os.environ["SECRET"] not in said, said
    return said


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "s3cret-of-the-environment")


def leaves(config: Any, path: Path_ = ()) -> Iterator[tuple[Path_, Any]]:
    """Every value of a configuration that is no mapping, and the keys that lead to it."""
    for key, value in config.items():
        if key in FREE:
            continue
        if isinstance(value, dict):
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key), value


def changed(path: Path_, value: Any) -> dict[str, Any]:
    """A configuration that says this alone, beside the preset."""
    for key in reversed(path):
        value = {key: value}
    return {"preset": "small", **value}


def every_leaf() -> list[tuple[Path_, Any]]:
    """All leaves of the preset `small` but its name."""
    small = resolve({"preset": "small"}, PRESETS).model_dump(mode="json")
    return [leaf for leaf in leaves(small) if leaf[0] != ("preset",)]


def bounds(schema: dict[str, Any], part: dict[str, Any], path: Path_ = ()) -> Iterator[tuple[Path_, Any]]:
    """Values that the JSON schema of the settings forbids, by the keys that lead to them."""
    if "$ref" in part:
        part = {**schema["$defs"][part["$ref"].rpartition("/")[2]], **{k: v for k, v in part.items() if k != "$ref"}}
    for key, below in part.get("properties", {}).items():
        if key not in FREE:
            yield from bounds(schema, below, (*path, key))
    for limit, step in (("minimum", -1), ("exclusiveMinimum", 0), ("maximum", 1), ("exclusiveMaximum", 0)):
        if limit in part:
            yield path, part[limit] + step
    if "enum" in part:
        yield path, "none-of-these"


def misspelt(word: str, chance: random.Random) -> str:
    """A word with one slip of the finger."""
    at = chance.randrange(len(word))
    slips = [word[:at] + word[at + 1 :], word[:at] + word[at] * 2 + word[at + 1 :], word[:at] + "q" + word[at + 1 :]]
    return next(made for made in chance.sample(slips, 3) if made not in (word, ""))


@pytest.mark.fault("Settings", "a key is misspelt", "every key once, with one letter lost, doubled or wrong (seed 1)")
def test_misspelt_keys(tmp_path: Path, happened: Happened) -> None:
    chance = random.Random(1)
    count = 0
    for path, value in every_leaf():
        wrong = (*path[:-1], misspelt(path[-1], chance))
        said = refusal(text(changed(wrong, value)), tmp_path / "config.yaml")
        assert f"unknown key in config '{'.'.join(wrong)}'" in said, said
        count += 1
    assert count > 60
    happened(f"{count} refused with the key, most with the right one: “{said.partition(' Known')[0]}”")


@pytest.mark.fault("Settings", "a value is of the wrong type", "every key, with a mapping, a list of mappings, yes, and words for numbers")  # noqa: E501  # fmt: skip
def test_wrong_types(tmp_path: Path, happened: Happened) -> None:
    count = 0
    for path, value in every_leaf():
        wrong: list[Any] = [{"x": 1}, [{"x": 1}]]
        if isinstance(value, int | float) and not isinstance(value, bool):
            wrong += [True, "many", float("nan"), [1]]
        for given in wrong:
            said = refusal(text(changed(path, given)), tmp_path / "config.yaml")
            assert f"config: {'.'.join(path)}" in said, said
            count += 1
    assert count > 200
    happened(f"{count} refused with key and value, for instance “{said}”")


@pytest.mark.fault("Settings", "a value is out of range", "every bound and every choice of the schema, just missed")
def test_out_of_range(tmp_path: Path, happened: Happened) -> None:
    schema = Settings.model_json_schema()
    found = list(bounds(schema, schema))
    for path, value in found:
        said = refusal(text(changed(path, value)), tmp_path / "config.yaml")
        assert f"config: {'.'.join(path)} = {value!r}" in said, said
    assert len(found) > 40
    happened(f"{len(found)} refused with key and value, for instance “{said}”")


LINES = yaml.safe_dump(changed(("tu", "pretrain", "optimiser", "epochs"), 3))
ODD = {
    "a key twice": ("preset: small\ntu:\n  seeds: [1]\n  seeds: [2]\n", "line 4: 'tu.seeds' stands there twice"),
    "a group twice": ("tu: {seeds: [1]}\npreset: demo\ntu: {}\n", "line 3: 'tu' stands there twice"),
    "a list": ("- preset: small\n", "must map keys to values"),
    "a word": (SECRET[:4], "must map keys to values"),
    "a tab": ("tu:\n\tseeds: [1]\n", "line 2, column 1 is not valid YAML: found character '\\t'"),
    "an open bracket": ("tu: {seeds: [1\npreset: small\n", "is not valid YAML"),
    "an open quote": ("preset: 'small\n", "is not valid YAML"),
    "two documents": ("preset: small\n---\npreset: demo\n", "is not valid YAML"),
    "an unknown alias": ("preset: *small\n", "is not valid YAML: found undefined alias"),
    "an object of Python": ("preset: !!python/object/apply:os.system ['touch harm']\n", "line 1, column 9 is not"),
    "a tag": ("preset: !harm small\n", "could not determine a constructor"),
    "bytes": (b"\xff\xfe\x00preset", "byte 0 is not text in UTF-8"),
    "a control character": ("preset: \x07\n", "is not valid YAML"),
    "a bomb": (
        "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)),  # noqa: E501
        "unfolds to more than 100,000 values",
    ),
    "a list in itself": ("tu: &a [*a]\n", "line 1: 'tu.0' holds itself"),
    "a mapping in itself": ("tu: &a {tu: *a}\n", "holds itself"),
    "a thousand levels": ("tu: " + "[" * 5000 + "]" * 5000, "nested too deeply"),
    "a key that is a list": ("? [a, b]\n: 1\n", "has a key that is no single word"),
    "an endless number": ("threads: " + "9" * 5000, "line 1: 'threads' is too long for a number"),
    "a huge number in hexadecimal": ("threads: 0x" + "f" * 9000, "line 1: 'threads' is too long for a number"),
    "an impossible date": ("preset: 2026-99-99\n", "is not valid YAML: month must be in 1..12"),
    "a date": ("preset: 2026-01-01\n", "config: preset = datetime.date(2026, 1, 1): it must be one of"),
    "a number for the preset": ("preset: 7\n", "config: preset = 7"),
    "null for the preset": ("preset:\n", "config: preset = None"),
    "null for a group": ("preset: small\ntu:\n", "config: tu = None"),
    "null for a number": ("preset: small\nthreads:\n", "config: threads = None"),
    "a word for a group": ("preset: small\ntu: all\n", "config: tu = 'all'"),
    "a long word": ("preset: small\nthreads: " + "x" * 10**6, "config: threads = 'xxx"),
    "a long key": ("preset: small\n? " + "x" * 10**6 + "\n: 1\n", "unknown key in config 'xxx"),
    "a preset of another folder": ("preset: ../../../etc/passwd\n", "unknown preset '../../../etc/passwd'"),
}  # fmt: skip


@pytest.mark.fault("Settings", "a file is no configuration", "tabs, open brackets, equal keys, nulls, tags, bombs of aliases, other bytes")  # noqa: E501  # fmt: skip
@pytest.mark.parametrize("kind", list(ODD))
def test_odd_files(kind: str, tmp_path: Path, happened: Happened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    content, message = ODD[kind]
    said = refusal(content, tmp_path / "config.yaml")
    assert message in said, said
    assert "config" in said or "preset" in said
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]
    if kind in ("a key twice", "a bomb", "null for a group"):
        happened(f"{kind}: “{said}”")


@pytest.mark.fault("Settings", "a line of a configuration is damaged", "300 random bytes of a good file changed, lost or doubled (seed 2)")  # noqa: E501  # fmt: skip
def test_damaged_lines(tmp_path: Path, happened: Happened) -> None:
    chance, refused = random.Random(2), 0
    good = yaml.safe_dump({**resolve({"preset": "small"}, PRESETS).model_dump(mode="json"), "preset": "small"})
    path = tmp_path / "config.yaml"
    for _ in range(300):
        at = chance.randrange(len(good))
        path.write_text(
            good[:at] + chance.choice(["", good[at] * 2, ":", "\t", "[", "*", "!", "\n", "7"]) + good[at + 1 :]
        )
        try:
            resolve(read_yaml(path), PRESETS)
        except UserError as error:
            assert "\n" not in str(error) and len(str(error)) < 1200
            refused += 1  # the others say something else that is possible
    assert refused > 100
    happened("refused in one line each, but for those that say something else that is possible")


@pytest.mark.fault("Settings", "a catalogue of one's own is broken", "each of the same odd files as a catalogue")
def test_odd_catalogues(tmp_path: Path, happened: Happened) -> None:
    for number, (kind, (content, _)) in enumerate(ODD.items()):
        path = tmp_path / f"{number}.yaml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        with pytest.raises(UserError) as error:
            catalog.load([path])
        assert str(path) in str(error.value) and len(str(error.value)) < 1200, kind
    happened("each refused with the file, and the place or the set in it")


@pytest.mark.parametrize("kind", ["a key twice", "a bomb", "null for a group", "an object of Python"])
def test_snakemake_stops_before_any_job(kind: str, tmp_path: Path) -> None:
    for name in ("Snakefile", "workflow", "profiles"):
        (tmp_path / name).symlink_to(ROOT / name)
    content = ODD[kind][0]
    assert isinstance(content, str)
    (tmp_path / "config.yaml").write_text(content)
    words = [sys.executable, "-m", "snakemake", "--cores", "1", "table4"]
    ended = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
    said = ended.stdout + ended.stderr
    assert ended.returncode and "Traceback" not in said and os.environ["SECRET"] not in said
    assert not (tmp_path / "results").exists() and not (tmp_path / "harm").exists()
    if kind == "an object of Python":  # Snakemake reads the file first, and has its own words for it
        assert "not valid JSON or YAML" in said
    else:
        assert ODD[kind][1] in said, said


def test_good_files_are_read(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    good = changed(("tu", "seeds"), [1, 2])
    path.write_text(text(copy.deepcopy(good)))
    assert read_yaml(path) == good
    path.write_text("# nothing\n")
    assert read_yaml(path) == {}
    path.write_text("a: &a {x: 1}\nb: {<<: *a, y: [*a, *a]}\n")
    assert read_yaml(path) == {"a": {"x": 1}, "b": {"x": 1, "y": [{"x": 1}, {"x": 1}]}}
    for preset in PRESETS.glob("*.yaml"):
        assert resolve(read_yaml(preset), PRESETS).preset == preset.stem
