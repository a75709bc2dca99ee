"""Molecules as graphs, in the encoding of Hu et al. (2020): the small integers that embedding tables are indexed by.

A node is an atom, hydrogens left out: (atomic number - 1, chirality: 0 none, 1 clockwise, 2 counterclockwise, 3 other).
An edge is a bond in one direction, edges sorted by (source, target); both directions carry the same pair (type: 0
single, 1 double, 2 triple, 3 aromatic; direction for the stereo of double bonds: 0 none, 1 up, 2 down). The direction
is of the bond as it is written, from its first atom to its second, also on the edge that runs back.

Source: mol_to_graph_data_obj_simple in chem/loader.py of snap-stanford/pretrain-gnns, which GraphCL uses unchanged.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem, RDLogger

ENCODING = 1  # counts up when the encoding changes: shards of another one are made again
MISSING = 0  # of labels, which are 1 and -1

# reasons for leaving a molecule out
EMPTY = "empty"
SYNTAX = "not a SMILES"
CHEMISTRY = "impossible chemistry"
ATOM = "an atom of no element"
BOND = "a bond of another kind"
FRAGMENTS = "several fragments"

Bytes = NDArray[np.uint8]

_BONDS = {  # bond -> type
    Chem.BondType.SINGLE: 0,
    Chem.BondType.DOUBLE: 1,
    Chem.BondType.TRIPLE: 2,
    Chem.BondType.AROMATIC: 3,
}
_DIRECTIONS = {Chem.BondDir.ENDUPRIGHT: 1, Chem.BondDir.ENDDOWNRIGHT: 2}
_BY_ORDER = np.array([255, 255, 0, 3, 1, 255, 2], np.uint8)  # twice the order of a bond -> type
_PLAIN = np.zeros(256, bool)  # atomic numbers whose bonds RDKit never makes dative (as it does those of metals)
_PLAIN[[1, 5, 6, 7, 8, 9, 14, 15, 16, 17, 33, 34, 35, 52, 53]] = True
_ODD_BOND = re.compile(r"->|<-|[~$]")  # dative, any, quadruple

RDLogger.DisableLog("rdApp.*")  # pyright: ignore[reportAttributeAccessIssue]  (what it says is kept as a reason)


class Excluded(Exception):
    """A molecule is left out: one of the reasons above, and what RDKit says to it."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.reason, self.detail = reason, detail


class Graph(NamedTuple):
    """One molecule: x (N, 2) uint8, edge_index (2, E) int16, edge_attr (E, 2) uint8."""

    x: Bytes
    edge_index: NDArray[np.int16]
    edge_attr: Bytes


def parse(smiles: str) -> Any:
    """RDKit's molecule, without hydrogens, with its stereo.

    Raises:
        Excluded: EMPTY, SYNTAX or CHEMISTRY.
    """
    if not smiles:
        raise Excluded(EMPTY)
    if any(letter.isspace() for letter in smiles):
        raise Excluded(SYNTAX, "it holds a blank")
    molecule = Chem.MolFromSmiles(smiles)
    if molecule is None:
        raw = Chem.MolFromSmiles(smiles, sanitize=False)
        if raw is None:
            raise Excluded(SYNTAX)
        problems = Chem.DetectChemistryProblems(raw)
        raise Excluded(CHEMISTRY, problems[0].Message() if problems else "")
    if not molecule.GetNumAtoms():
        raise Excluded(EMPTY)
    return molecule


def encode(molecule: Any, smiles: str) -> Graph:
    """The graph of a molecule that was read from `smiles`.

    Raises:
        Excluded: ATOM (a wildcard `*`) or BOND (a kind of bond that the encoding lacks, mostly dative ones of metals).
    """
    x = _atoms(molecule, "@" in smiles)
    if _PLAIN[x[:, 0]].all() and not _ODD_BOND.search(smiles):
        orders = Chem.GetAdjacencyMatrix(molecule, useBO=True)
        source, target = orders.nonzero()
        kind = _BY_ORDER[(2 * orders[source, target]).astype(np.intp)]
    else:
        source, target, kind = _bonds_one_by_one(molecule)
    x[:, 0] -= 1
    edge_attr = np.zeros((len(kind), 2), np.uint8)
    edge_attr[:, 0] = kind
    if "/" in smiles or "\\" in smiles:
        edge_attr[:, 1] = _directions(molecule)[source, target]
    return Graph(x, np.stack([source, target]).astype(np.int16), edge_attr)


def _atoms(molecule: Any, chiral: bool) -> Bytes:
    """(N, 2) atomic number and chirality."""
    x = np.zeros((molecule.GetNumAtoms(), 2), np.uint8)
    if chiral:
        x[:] = [(atom.GetAtomicNum(), min(atom.GetChiralTag(), 3)) for atom in molecule.GetAtoms()]
    else:
        x[:, 0] = [atom.GetAtomicNum() for atom in molecule.GetAtoms()]
    if not x[:, 0].all():
        raise Excluded(ATOM, "a wildcard")
    return x


def _bonds_one_by_one(molecule: Any) -> tuple[NDArray[np.intp], NDArray[np.intp], Bytes]:
    """Source, target and type of the edges, sorted; the slow way, which looks at the kind of every bond."""
    edges = []
    for bond in molecule.GetBonds():
        kind = _BONDS.get(bond.GetBondType())
        if kind is None:
            raise Excluded(BOND, str(bond.GetBondType()).lower())
        a, b = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
        edges += [(a, b, kind), (b, a, kind)]
    made = np.array(sorted(edges), np.intp).reshape(-1, 3)
    return made[:, 0], made[:, 1], made[:, 2].astype(np.uint8)


def _directions(molecule: Any) -> Bytes:
    """(N, N) direction of each bond, at both of its edges."""
    made = np.zeros((molecule.GetNumAtoms(),) * 2, np.uint8)
    for bond in molecule.GetBonds():
        if direction := _DIRECTIONS.get(bond.GetBondDir()):
            a, b = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
            made[a, b] = made[b, a] = direction
    return made


def largest(molecule: Any) -> tuple[Any, str]:
    """The fragment with most atoms, the first such one in the canonical SMILES, and its SMILES."""
    parts = [(Chem.MolFromSmiles(part), part) for part in Chem.MolToSmiles(molecule).split(".")]
    return max(((part, text) for part, text in parts if part is not None), key=lambda pair: pair[0].GetNumAtoms())


def scaffold(smiles: str) -> str:
    """The Bemis-Murcko scaffold with chirality, as canonical SMILES; empty for a molecule without a ring."""
    from rdkit.Chem.Scaffolds import MurckoScaffold

    return MurckoScaffold.MurckoScaffoldSmiles(smiles=smiles, includeChirality=True)


@dataclass(frozen=True)
class Task:
    """What is to be done with some rows.

    Attributes:
        rows: (number of the row among all rows of the set, SMILES).
        fragments, canonical: as in the catalogue.
        keep: whether the SMILES are kept.
    """

    rows: Sequence[tuple[int, str]]
    fragments: str = "all"
    canonical: bool = False
    keep: bool = False


@dataclass
class Encoded:
    """Some rows as graphs.

    Attributes:
        x, edge_index, edge_attr: of all G graphs one after the other, node numbers local to each; as in `Graph`.
        nodes, edges: (G,) int32 how many belong to each graph.
        rows: (G,) int64 which row each graph is of.
        digest: (G,) int64 of its SMILES (canonical ones where the task says so): equal for duplicates.
        smiles: G texts, empty where they are not kept.
        fragments: how many rows have several fragments, left out or not.
        excluded: (row, SMILES, reason, detail) of the others.
    """

    x: Bytes
    edge_index: NDArray[np.int16]
    edge_attr: Bytes
    nodes: NDArray[np.int32]
    edges: NDArray[np.int32]
    rows: NDArray[np.int64]
    digest: NDArray[np.int64]
    smiles: list[str] = field(default_factory=list)
    fragments: int = 0
    excluded: list[tuple[int, str, str, str]] = field(default_factory=list)


def encode_rows(task: Task) -> Encoded:
    """All rows of a task; what cannot be encoded is left out, with the reason."""
    graphs, kept, texts, excluded, several = [], [], [], [], 0
    for row, smiles in task.rows:
        try:
            molecule, text = parse(smiles), smiles
            if "." in smiles and len(Chem.GetMolFrags(molecule)) > 1:
                several += 1
                if task.fragments == "exclude":
                    raise Excluded(FRAGMENTS)
                if task.fragments == "largest":
                    molecule, text = largest(molecule)
            graphs.append(encode(molecule, text))
        except Excluded as why:
            excluded.append((row, smiles, why.reason, why.detail))
            continue
        kept.append(row)
        texts.append(Chem.MolToSmiles(molecule) if task.canonical else text)
    return Encoded(
        x=np.concatenate([np.empty((0, 2), np.uint8), *(graph.x for graph in graphs)]),
        edge_index=np.concatenate([np.empty((2, 0), np.int16), *(graph.edge_index for graph in graphs)], axis=1),
        edge_attr=np.concatenate([np.empty((0, 2), np.uint8), *(graph.edge_attr for graph in graphs)]),
        nodes=np.array([len(graph.x) for graph in graphs], np.int32),
        edges=np.array([len(graph.edge_attr) for graph in graphs], np.int32),
        rows=np.array(kept, np.int64),
        digest=np.array([_digest(text) for text in texts], np.int64),
        smiles=texts if task.keep else [],
        fragments=several,
        excluded=excluded,
    )


def joined(parts: Sequence[Encoded]) -> Encoded:
    """Several lots of graphs, in that order, as one."""
    return Encoded(
        **{name: np.concatenate([getattr(part, name) for part in parts]) for name in
           ("x", "edge_attr", "nodes", "edges", "rows", "digest")},
        edge_index=np.concatenate([part.edge_index for part in parts], axis=1),
        smiles=[text for part in parts for text in part.smiles],
        fragments=sum(part.fragments for part in parts),
        excluded=[row for part in parts for row in part.excluded],
    )  # fmt: skip


def _digest(text: str) -> int:
    """64 bits of a text; two of 2,000,000 texts collide with probability 1e-7."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little", signed=True)
