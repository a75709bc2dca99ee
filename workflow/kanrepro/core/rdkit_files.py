"""The molecules that RDKit brings along, which stand in for data sets in the demo: it needs no download.

NCI-TPSA: NCI molecules with their topological polar surface area in square angstrom. CHEMBL-ACT: those of ChEMBL
document 2321810 with their measured activity on a logarithmic scale.
"""

import csv
import hashlib
from pathlib import Path

from kanrepro.core.errors import UserError

Row = tuple[str, float]  # SMILES, value


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
