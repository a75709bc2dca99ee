"""Graph sets made from molecules that RDKit brings along: the stand-ins of the demo, which needs no download.

NCI-TPSA: the first 300 NCI molecules; atoms and bonds are labelled. CHEMBL-ACT: the first 300 molecules of ChEMBL
document 2321810; only the skeleton, as a set without node labels. Both have two classes: above the median of a number
that the file states (topological polar surface area in square angstrom; measured activity on a logarithmic scale).
"""

import csv
import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from kanrepro.core.errors import UserError
from kanrepro.store.assemble import Ints, assemble
from kanrepro.store.store import GraphStore

MOLECULES = 300

Row = tuple[str, float]  # SMILES, value


def read(name: str) -> GraphStore:
    """The set `name`: one graph a molecule, hydrogens left out, every bond in both directions.

    Returns:
        A store as in TU sets. Node labels are atomic numbers, edge labels RDKit's bond type codes (1 single, 2 double,
        3 triple, 12 aromatic); none in CHEMBL-ACT. Graph label 1: above the median.

    Raises:
        UserError: RDKit is not installed, or its package lacks the files.
    """
    rows, digest = numbered(name)
    return _molecules(name, rows, labelled=name == "NCI-TPSA", digest=digest)


def numbered(name: str) -> tuple[list[Row], str]:
    """All molecules of the files behind the set `name`, each with the number stated there; and the files' SHA-256."""
    return {"NCI-TPSA": _nci, "CHEMBL-ACT": _chembl}[name]()


def _nci() -> tuple[list[Row], str]:
    text, digest = _text("RDDataDir", "NCI/first_5k.tpsa.csv")
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    return [(smiles, float(area)) for smiles, area in csv.reader(lines)], digest


def _chembl() -> tuple[list[Row], str]:
    molecules, first = _text("RDContribDir", "FreeWilson/data/CHEMBL2321810.smi")
    activities, second = _text("RDContribDir", "FreeWilson/data/CHEMBL2321810_act.csv")
    activity = {row["Name"]: float(row["Act"]) for row in csv.DictReader(activities.splitlines())}
    pairs = (line.split() for line in molecules.splitlines())
    return [(smiles, activity[key]) for smiles, key in pairs], hashlib.sha256((first + second).encode()).hexdigest()


def _text(folder: str, name: str) -> tuple[str, str]:
    """Text and SHA-256 of one of RDKit's files."""
    try:
        from rdkit import RDConfig

        content = (Path(getattr(RDConfig, folder)) / name).read_bytes()
    except ImportError:
        raise UserError("the demo sets need RDKit. Install it with: pip install rdkit") from None
    except (OSError, AttributeError):
        raise UserError(f"this RDKit lacks the file {name}. Install the version in envs/requirements.txt.") from None
    return content.decode("utf-8"), hashlib.sha256(content).hexdigest()


def _molecules(name: str, rows: list[Row], labelled: bool, digest: str) -> GraphStore:
    from rdkit import Chem

    rows = rows[:MOLECULES]
    molecules = [Chem.MolFromSmiles(smiles) for smiles, _ in rows]
    values = np.array([value for _, value in rows])
    sizes = [molecule.GetNumAtoms() for molecule in molecules]
    atoms, bonds = _atoms(molecules), _bonds(molecules, sizes)
    keys = bonds[:, 0] * len(atoms) + bonds[:, 1]
    order = np.argsort(keys)
    median = float(np.median(values))
    meta: dict[str, Any] = {"name": name, "source_sha256": digest, "median": median, "edge_lines": len(keys)}
    return assemble(
        graph=np.repeat(np.arange(len(sizes)), sizes),
        runs=[keys[order]],
        graph_labels=(values > median).astype(np.int64),
        node_labels=atoms if labelled else None,
        edge_labels=bonds[order, 2] if labelled else None,
        meta=meta,
    )


def _atoms(molecules: list[Any]) -> Ints:
    """(N,) atomic numbers."""
    return np.array([atom.GetAtomicNum() for molecule in molecules for atom in molecule.GetAtoms()])


def _bonds(molecules: list[Any], sizes: list[int]) -> Ints:
    """(E, 3) source, target (counted over all molecules) and bond type, both directions."""
    one_way = [
        (start + bond.GetBeginAtomIdx(), start + bond.GetEndAtomIdx(), int(bond.GetBondType()))
        for molecule, start in zip(molecules, np.cumsum([0, *sizes[:-1]]).tolist(), strict=True)
        for bond in molecule.GetBonds()
    ]
    forth = np.array(one_way, dtype=np.int64).reshape(-1, 3)
    return np.concatenate([forth, forth[:, [1, 0, 2]]])
