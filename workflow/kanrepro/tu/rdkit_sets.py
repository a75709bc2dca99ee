"""Graph sets made from molecules that RDKit brings along: the stand-ins of the demo, which needs no download.

NCI-TPSA: the first 300 NCI molecules; atoms and bonds are labelled. CHEMBL-ACT: the first 300 molecules of ChEMBL
document 2321810; only the skeleton, as a set without node labels. Both have two classes: above the median of a number
that the file states (topological polar surface area in square angstrom; measured activity on a logarithmic scale).
"""

from typing import Any

import numpy as np

from kanrepro.core.rdkit_files import Row, numbered
from kanrepro.store.assemble import Ints, assemble
from kanrepro.store.store import GraphStore

MOLECULES = 300


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
