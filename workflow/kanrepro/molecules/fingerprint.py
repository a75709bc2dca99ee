"""The control without a network: ECFP fingerprints and a classifier of scikit-learn, a model for each task.

Reads a set of molecules and a split of it. Writes one record (JSON, `kanrepro.molecules.record`) a seed: ROC-AUC of
each task on the labels that are there. Nothing is chosen on validation molecules; they are scored all the same.
"""

import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem
from rdkit.Chem import rdFingerprintGenerator
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from tqdm import tqdm

from kanrepro.core import provenance
from kanrepro.core.errors import UserError, cli
from kanrepro.core.options import add_run_options, check_seeds, check_threads, command_line, given_settings
from kanrepro.core.parser import stage_parser
from kanrepro.molecules.finetune_settings import FingerprintSettings
from kanrepro.molecules.labelled import LabelledSet, by_seed
from kanrepro.molecules.record import Curves, TaskScores, TransferCode, TransferCost, TransferRecord


def fingerprints(smiles: Sequence[str], radius: int, bits: int) -> NDArray[np.uint8]:
    """(G, bits) of 0 and 1: which circular environments of at most `radius` bonds a molecule has (ECFP).

    Raises:
        UserError: a SMILES that RDKit does not read.
    """
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=radius, fpSize=bits)
    made = np.empty((len(smiles), bits), np.uint8)
    for row, text in enumerate(smiles):
        molecule = Chem.MolFromSmiles(text)
        if molecule is None:
            raise UserError(f"molecule {row} is no SMILES that RDKit reads: {text!r}. Prepare the set again.")
        made[row] = generator.GetFingerprintAsNumPy(molecule)
    return made


def classifier(settings: FingerprintSettings, seed: int, threads: int) -> RandomForestClassifier | LogisticRegression:
    """The classifier that `settings` describe."""
    if settings.model == "random_forest":
        return RandomForestClassifier(settings.trees, random_state=seed, n_jobs=threads)
    return LogisticRegression(C=settings.inverse_penalty, max_iter=1000)


def predict(
    labelled: LabelledSet, x: NDArray[np.uint8], settings: FingerprintSettings, seed: int, threads: int
) -> TaskScores:
    """Train on the train part, task by task, and score the others; a task of one class there predicts that class."""
    split = labelled.split
    parts = {part: np.zeros((len(getattr(split, part)), len(labelled.tasks))) for part in ("validation", "test")}
    for task in tqdm(range(len(labelled.tasks)), desc=f"seed {seed}", unit="tasks", disable=None, leave=False):
        y = labelled.y[split.train, task]
        if not ((y > 0).any() and (y < 0).any()):
            continue  # the same score for every molecule
        model = classifier(settings, seed, threads).fit(x[split.train][y != 0], y[y != 0] > 0)
        for part, scores in parts.items():
            scores[:, task] = model.predict_proba(x[getattr(split, part)])[:, 1]
    return labelled.scores(parts["validation"], parts["test"])


def record_of(
    labelled: LabelledSet, found: TaskScores, settings: FingerprintSettings, seed: int, preset: str, cost: TransferCost,
    command: str,
) -> TransferRecord:  # fmt: skip
    """Everything about one result."""
    return TransferRecord(
        schema=1,
        **labelled.facts,
        method="fingerprint",
        encoder="ecfp",
        reading="none",
        seed=seed,
        preset=preset,
        best=found,
        last=None,
        curves=Curves(),
        settings={"fingerprint": settings.model_dump(mode="json")},
        pretraining=None,
        checkpoint=None,
        code=TransferCode.of("fingerprint"),
        versions=provenance.versions(),
        cost=cost,
        commands=[command],
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Command line: python -m kanrepro.molecules.fingerprint."""
    parser = stage_parser(__doc__)
    parser.file("--store", "prepared molecules with labels")
    parser.add_argument("--split", required=True, help="split of it, by kanrepro.molecules.splits; may hold {seed}")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="one record each (default: 0)")
    parser.add_argument("--output", required=True, help="record to write (JSON); `{seed}` stands for the seed")
    add_run_options(parser, "records", FingerprintSettings, device=None)
    arguments = parser.parse_args(argv)
    check_threads(arguments.threads)
    check_seeds(arguments.seeds, arguments.output)
    settings = given_settings(FingerprintSettings, arguments.settings)
    command = command_line("kanrepro.molecules.fingerprint", argv)

    from kanrepro.core.machine import peak_memory_mb, pick_device

    start, x = time.perf_counter(), None
    for seed, labelled in by_seed(arguments.store, arguments.split, arguments.seeds):
        x = fingerprints(labelled.smiles, settings.radius, settings.bits) if x is None else x
        found = predict(labelled, x, settings, seed, arguments.threads)
        seconds, start = time.perf_counter() - start, time.perf_counter()  # the fingerprints count for the first seed
        cost = TransferCost(
            hardware=provenance.hardware(),
            device="cpu",
            seconds=seconds,
            peak_memory_mb=peak_memory_mb(pick_device("cpu")),
        )
        made = record_of(labelled, found, settings, seed, arguments.preset, cost, command)
        made.write(arguments.output.replace("{seed}", str(seed)))
        print(f"{made.dataset} fingerprint (seed {seed}): ROC-AUC {100 * found.test:.2f} % on test, {seconds:.1f} s")


if __name__ == "__main__":
    cli(main)
