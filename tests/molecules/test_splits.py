"""Scaffold splits: Hu et al.'s rule worked out by hand and as their loop, laws, order, faults."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("rdkit")

from kanrepro.core.errors import UserError
from kanrepro.core.files import read_json, sha256
from kanrepro.molecules.describe import describe, describe_split
from kanrepro.molecules.describe import main as describe_main
from kanrepro.molecules.graph import Task, encode_rows, scaffold
from kanrepro.molecules.splits import PARTS, SPLITS, by_scaffold, divide, draw, main, read_split
from kanrepro.store.store import GraphStore, pointers

SCAFFOLDS = st.lists(st.sampled_from(["", *"abcdefghijklm"]), min_size=1, max_size=120)


def hu(scaffolds: list[str]) -> tuple[list[int], list[int], list[int]]:
    """The split of Hu et al., as in their code."""
    groups: dict[str, list[int]] = {}
    for i, text in enumerate(scaffolds):
        if text not in groups:
            groups[text] = [i]
        else:
            groups[text].append(i)
    groups = {key: sorted(value) for key, value in groups.items()}
    sets = [g for (_, g) in sorted(groups.items(), key=lambda x: (len(x[1]), x[1][0]), reverse=True)]
    train_cutoff = 0.8 * len(scaffolds)
    valid_cutoff = (0.8 + 0.1) * len(scaffolds)
    train: list[int] = []
    valid: list[int] = []
    test: list[int] = []
    for g in sets:
        if len(train) + len(g) > train_cutoff:
            if len(train) + len(valid) + len(g) > valid_cutoff:
                test.extend(g)
            else:
                valid.extend(g)
        else:
            train.extend(g)
    return train, valid, test


def molecules(smiles: list[str], y: list[list[int]] | None = None) -> GraphStore:
    """A store of these molecules; half of each ring's in TOY have label 1, unless labels are given."""
    made = encode_rows(Task(list(enumerate(smiles)), keep=True))
    labels = y or [[1 if (i + i // 10) % 2 else -1] for i in range(len(smiles))]
    tasks = [f"task{i}" for i in range(len(labels[0]))]
    return GraphStore(
        torch.from_numpy(made.x),
        torch.from_numpy(made.edge_index),
        torch.from_numpy(made.edge_attr),
        torch.tensor(labels, dtype=torch.int8),
        pointers(torch.from_numpy(made.nodes).long()),
        pointers(torch.from_numpy(made.edges).long()),
        {"name": "toy", "tasks": tasks, "smiles": made.smiles},
    )


RINGS = ["C1CC1", "C1CCC1", "C1CCCC1", "C1CCCCC1", "c1ccccc1", "c1ccncc1", "C1CCNCC1", "c1ccoc1", "c1ccsc1", "C1COC1"]
TOY = [f"{'C' * tail}{ring}" for tail in range(1, 5) for ring in RINGS] + ["CCO", "CCN", "CCC", "CCCl"]


def test_the_rule_of_hu_et_al_worked_out_by_hand() -> None:
    # 10 molecules: A has 4, B 2 (first 1), C 2 (first 3), D 1 (7), acyclic 1 (9). Sorted by (size, first), descending:
    # A, C, B, acyclic, D. A and C to train (6 <= 8), B to train (8 <= 8), acyclic to validation (9 <= 9), D to test.
    scaffolds = ["A", "B", "A", "C", "A", "C", "B", "D", "A", ""]
    train, validation, test = divide(by_scaffold(scaffolds), "scaffold")
    assert (train.tolist(), validation.tolist(), test.tolist()) == ([0, 1, 2, 3, 4, 5, 6, 8], [9], [7])


def test_a_group_that_does_not_fit_is_passed_over_and_a_smaller_one_goes_to_train() -> None:
    # 20: A 12, B 5, C 2, D 1; train up to 16, with validation up to 18. A trains; B does not fit (17), but validates.
    scaffolds = list("A" * 12 + "B" * 5 + "C" * 2 + "D")
    train, validation, test = (part.tolist() for part in divide(by_scaffold(scaffolds), "scaffold"))
    assert train == [*range(12), 17, 18, 19] and validation == [12, 13, 14, 15, 16] and test == []


@given(SCAFFOLDS)
def test_it_is_their_loop(scaffolds: list[str]) -> None:
    found = divide(by_scaffold(scaffolds), "scaffold")
    assert [part.tolist() for part in found] == [sorted(part) for part in hu(scaffolds)]


@given(SCAFFOLDS, st.sampled_from(SPLITS), st.integers(0, 3))
def test_no_scaffold_is_shared_and_nothing_is_lost(scaffolds: list[str], kind: str, seed: int) -> None:
    parts = divide(by_scaffold(scaffolds), kind, seed)
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(scaffolds)))
    held = [{scaffolds[i] for i in part} for part in parts]
    assert not (held[0] & held[1] or held[0] & held[2] or held[1] & held[2])


@given(SCAFFOLDS, st.sampled_from(["scaffold-stable", "random-scaffold"]), st.randoms(use_true_random=False))
def test_the_order_of_molecules_does_not_change_the_sets(scaffolds: list[str], kind: str, random: object) -> None:
    order = list(range(len(scaffolds)))
    random.shuffle(order)  # pyright: ignore[reportAttributeAccessIssue]
    parts = divide(by_scaffold(scaffolds), kind, 5)
    moved = divide(by_scaffold([scaffolds[i] for i in order]), kind, 5)
    assert [part.tolist() for part in parts] == [sorted(order[i] for i in part) for part in moved]


@given(SCAFFOLDS, st.randoms(use_true_random=False))
def test_of_hu_et_al_s_sets_the_sizes_do_not_depend_on_order(scaffolds: list[str], random: object) -> None:
    moved = scaffolds.copy()
    random.shuffle(moved)  # pyright: ignore[reportAttributeAccessIssue]

    def sizes(texts: list[str]) -> list[list[int]]:
        return [
            sorted(map(len, by_scaffold([texts[i] for i in p]).values()))
            for p in divide(by_scaffold(texts), "scaffold")
        ]

    assert sizes(scaffolds) == sizes(moved)


def test_but_the_sets_do_among_groups_of_one_size() -> None:
    texts = list("abcdefghij")
    assert [part.tolist() for part in divide(by_scaffold(texts), "scaffold")] == [list(range(2, 10)), [1], [0]]
    assert [part.tolist() for part in divide(by_scaffold(texts[::-1]), "scaffold")] == [list(range(2, 10)), [1], [0]]
    # the last molecules of the file train, whatever they are: reversed, these are other molecules


def test_seeds_draw_different_random_splits_and_equal_ones_the_same() -> None:
    groups = by_scaffold([str(i // 2) for i in range(100)])
    drawn = [divide(groups, "random-scaffold", seed) for seed in (0, 0, 1)]
    assert all(np.array_equal(a, b) for a, b in zip(drawn[0], drawn[1], strict=True))
    assert not np.array_equal(drawn[0][2], drawn[2][2])
    assert [len(part) for part in drawn[0]] == [80, 10, 10]


@pytest.mark.parametrize("kind", SPLITS)
def test_a_split_file_says_what_it_holds(tmp_path: Path, kind: str) -> None:
    store, path = tmp_path / "toy.safetensors", tmp_path / "split.json"
    molecules(TOY).save(store)
    main(["--store", str(store), "--split", kind, "--seed", "1", "--output", str(path)])
    made, content = read_split(path, len(TOY)), read_json(path)
    assert made.set_sha256 == sha256(store) and content["split"] == kind
    held = {part: {scaffold(TOY[i]) for i in getattr(made, part)} for part in PARTS}
    assert {part: len(texts) for part, texts in held.items()} == made.scaffolds
    assert sum(made.scaffolds.values()) == 11  # ten rings, and all molecules without one
    assert "4 molecules without a ring" in made.notes[0]
    first = path.read_bytes()
    main(["--store", str(store), "--split", kind, "--seed", "1", "--output", str(path)])
    assert path.read_bytes() == first


def test_molecules_without_a_ring_stay_together() -> None:
    made = draw(molecules(TOY), "random-scaffold", 3)
    acyclic = {part for part in PARTS for i in getattr(made, part) if not scaffold(TOY[i])}
    assert len(acyclic) == 1


def test_a_task_of_one_class_in_a_part_is_told() -> None:
    y = [[1 if (i + i // 10) % 2 else -1, -1 if i % 3 else 0] for i in range(len(TOY))]
    made = draw(molecules(TOY, y), "scaffold")
    assert made.one_class == {part: ["task1"] for part in PARTS}
    assert "1 of 2 tasks have one class only in test" in made.notes


def test_a_part_where_nothing_can_be_measured_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"the train part of the split 'scaffold' .* no task with both"):
        draw(molecules(TOY, [[1]] * len(TOY)), "scaffold")
    with pytest.raises(UserError, match=r"the train part of the split 'scaffold' \(0 molecules\)"):
        draw(molecules(["C1CC1", "CC1CC1"]), "scaffold")


def test_other_faults_are_named(tmp_path: Path) -> None:
    store = molecules(TOY)
    bare = GraphStore(store.x, store.edge_index, store.edge_attr, store.y[:, :0], store.node_ptr, store.edge_ptr)
    with pytest.raises(UserError, match="a set to pre-train on, or no molecules"):
        draw(bare, "scaffold")
    with pytest.raises(UserError, match="--split is 'random', but must be one of scaffold,"):
        divide({"": [0]}, "random")
    with pytest.raises(UserError, match="--seed is -1"):
        divide({"": [0]}, "scaffold", -1)
    path = tmp_path / "split.json"
    path.write_text(json.dumps({"train": [0]}))
    with pytest.raises(UserError, match="is not a split file"):
        read_split(path, 1)
    whole = {"set": "", "scaffolds": {}, "one_class": {}, "notes": [], "train": [0, 1], "validation": [1], "test": [2]}
    path.write_text(json.dumps(whole))
    with pytest.raises(UserError, match="does not split 3 molecules"):
        read_split(path, 3)


def test_the_description_counts_a_set_and_its_splits(tmp_path: Path) -> None:
    store, split, output = tmp_path / "toy.safetensors", tmp_path / "split.json", tmp_path / "toy.json"
    molecules(TOY, [[(1, -1, 0)[i % 3]] for i in range(len(TOY))]).save(store)
    main(["--store", str(store), "--output", str(split)])
    describe_main(["--store", str(store), "--splits", str(split), "--output", str(output)])
    told = read_json(output)
    assert told["molecules"] == 44 and told["without_bonds"] == 0
    assert told["mean_nodes"] * 44 == told["atoms"] == sum(len(s) - s.count("1") - s.count("l") for s in TOY)
    assert told["labels"]["positives"] == told["labels"]["tasks"]["task0"]["positives"] == 15
    assert told["labels"]["missing"] == 14 and told["tasks_of_one_class"] == []
    (drawn,) = told["splits"]
    assert [drawn[part]["molecules"] for part in PARTS] == [len(read_json(split)[part]) for part in PARTS]
    assert sum(drawn[part]["positives"] for part in PARTS) == 15
    with pytest.raises(UserError, match="was drawn for another store"):
        describe_split(GraphStore.load(store), split, "0" * 64)


def test_the_description_of_one_molecule_in_full() -> None:
    told = describe(molecules(["C[C@H](F)/C=C/Cl", "[Na]"], [[1], [0]]))
    assert told == {
        "molecules": 2,
        "atoms": 7,
        "bonds": 5,
        "mean_nodes": 3.5,
        "mean_directed_edges": 5.0,
        "mean_degree": 10 / 7,
        "largest": 6,
        "without_bonds": 1,
        "chiral_atoms": 1 / 7,
        "directed_bonds": 0.4,
        "graphs": 2,
        "candidates": {
            "undirected_edges_per_graph": 2.5,
            "directed_edges_per_graph": 5.0,
            "undirected_edges_per_node": 5 / 7,
            "directed_edges_per_node": 10 / 7,
            "mean_of_graphs_directed_edges_per_node": (10 / 6 + 0) / 2,
        },
        "labels": {
            "positives": 1,
            "negatives": 0,
            "missing": 1,
            "tasks": {"task0": {"positives": 1, "negatives": 0, "missing": 1}},
        },
        "tasks_of_one_class": ["task0"],
    }
