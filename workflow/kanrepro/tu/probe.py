"""Evaluate a frozen encoder: embed all graphs, classify them by SVM over given folds, write the record.

Reads encoder.safetensors (with run.json beside it), the graph store that it was trained on, and a fold file. Writes one
record (JSON, `kanrepro.core.record`): accuracies as fractions for each fold, the C chosen in each, and everything that
the number was made from. Encoders of earlier epochs that the checkpoint holds are evaluated too (`kanrepro.tu.epochs`);
`accuracy` is that of the last. With --shuffle-labels the labels are permuted, and as many folds drawn of the permuted
ones with the file's seed: a control that must sit at chance. (Folds of the true labels would hold the permuted classes
in other proportions than their training graphs, and so push it below.)
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kanrepro.core import provenance, record
from kanrepro.core.errors import UserError, cli
from kanrepro.core.files import content_digest, read_json
from kanrepro.core.options import check_threads, command_line, given_settings
from kanrepro.core.parser import stage_parser
from kanrepro.tu import epochs
from kanrepro.tu.settings import SvmSettings
from kanrepro.tu.splits import read_folds, stratified_folds
from kanrepro.tu.svm import SvmResult, cross_validate

MODULE = "kanrepro.tu.probe"


def shuffled(y: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """The labels y (G,) in an order drawn from `seed`: embeddings can then tell nothing about them."""
    return np.random.default_rng(seed).permutation(y)


def folds_of(path: Path, graphs: int, store_sha256: str, settings: SvmSettings) -> list[NDArray[np.int64]]:
    """The test indices of each fold in a fold file of a set of `graphs` graphs.

    Raises:
        UserError: the file is damaged, of another set or of another number of folds.
    """
    test = read_folds(path, graphs)
    made_for = read_json(path).get("store_sha256")
    if made_for not in (None, store_sha256):
        raise UserError(f"{path} was made for another version of this set. Make it again.")
    if len(test) != settings.folds:
        raise UserError(f"{path} holds {len(test)} folds, but svm.folds is {settings.folds}. Make them agree.")
    return test


def probe(
    checkpoint: Path,
    store: Path,
    folds: Path,
    settings: SvmSettings,
    shuffle_labels: bool,
    threads: int,
    command: str,
    experiment: str = "tu",
) -> record.Record:
    """Embed, classify, and gather the record. `command` is the line that makes it again."""
    import torch

    from kanrepro.core.machine import peak_memory_mb
    from kanrepro.store.store import GraphStore
    from kanrepro.tu.embed import embed

    torch.set_num_threads(threads)
    start = time.perf_counter()
    z, y, trained = embed(checkpoint, store)
    dataset, seed, run = trained["dataset"], trained["seed"], trained["run"]
    try:
        labels, test = y, folds_of(folds, len(y), trained["store"], settings)
        if shuffle_labels:
            labels = shuffled(y, seed)
            test = [
                np.asarray(fold)
                for fold in stratified_folds(labels, settings.folds, read_json(folds).get("seed", seed))
            ]
        result = cross_validate(z, labels, test, settings.c_values, settings.inner_folds, threads)
        last = (trained["settings"]["optimiser"]["epochs"], z, result)
        looks = [] if shuffle_labels else _looks(checkpoint, store, y, test, settings, threads, last)
    except UserError as error:
        raise UserError(f"{dataset}: {error}") from None
    seconds = time.perf_counter() - start
    accuracy = record.Metric(value=float(np.mean(result.accuracies)), folds=result.accuracies)
    return record.Record(
        schema=1,
        experiment=experiment,
        dataset=dataset,
        method="shuffled_labels" if shuffle_labels else trained["method"],
        encoder=trained["settings"]["encoder"]["network"],
        reading=trained["reading"],
        seed=seed,
        preset=run["preset"],
        metrics={"accuracy": accuracy, **epochs.selected(looks)},
        details=_details(z, y, result, threads) | epochs.told(looks),
        history={"epochs": trained["settings"]["optimiser"]["epochs"], **trained["history"]},
        settings={"pretrain": trained["settings"], "svm": settings.model_dump(mode="json")},
        data=record.Data(
            path=str(store),
            sha256=trained["store"],
            content=content_digest(store),
            source_sha256=GraphStore.load(store).meta.get("source_sha256"),
            graphs=len(y),
        ),
        checkpoint=record.Artefact.of(checkpoint),
        folds=record.Artefact.of(folds),
        code=record.Code(pretrain=trained["code"], probe=provenance.code_digest(MODULE), **provenance.checkout()),
        versions=provenance.versions(),
        cost=record.Cost(
            hardware=run["hardware"],
            device=run["device"],
            pretrain_seconds=run["seconds"],
            probe_seconds=seconds,
            peak_memory_mb=max(run["peak_memory_mb"], peak_memory_mb(torch.device("cpu"))),
        ),
        commands=[run["command"], command],
        own_method=trained.get("own_method"),
    )


def _looks(
    checkpoint: Path,
    store: Path,
    y: NDArray[np.int64],
    test: list[NDArray[np.int64]],
    settings: SvmSettings,
    threads: int,
    last: tuple[int, NDArray[np.float64], SvmResult],
) -> list[epochs.Look]:
    """All epochs whose encoders the checkpoint holds, each evaluated by itself; none where it holds the last alone.

    `last`: the last epoch, its z, and what that scored.
    """
    from kanrepro.tu.embed import embed

    def look(epoch: int, z: NDArray[np.float64], result: SvmResult) -> epochs.Look:
        checked = epochs.validation(z, y, test, settings, threads)
        return epochs.Look(epoch, float(np.mean(result.accuracies)), checked, result.accuracies)

    found = []
    for epoch in epochs.kept_epochs(checkpoint):
        z = embed(checkpoint, store, epoch=epoch)[0]
        result = cross_validate(z, y, test, settings.c_values, settings.inner_folds, threads)
        found.append(look(epoch, z, result))
    return [*found, look(*last)] if found else []


def _details(z: NDArray[np.float64], y: NDArray[np.int64], result: SvmResult, threads: int) -> dict[str, Any]:
    return {
        "chosen_c": result.chosen_c,
        "embedding_size": z.shape[1],
        "embedding_max": float(np.abs(z).max()),
        "majority_share": float(np.bincount(y).max() / len(y)),  # what always naming the largest class would score
        "threads": threads,
    }


def main(argv: Sequence[str] | None = None) -> None:
    """Command line: python -m kanrepro.tu.probe."""
    parser = stage_parser(__doc__)
    parser.file("--checkpoint", "encoder.safetensors of a pre-training")
    parser.file("--store", "the graph store that it was trained on")
    parser.file("--folds", "fold file, made by kanrepro.tu.splits")
    parser.file("--output", "record to write (JSON)")
    parser.add_argument("--settings", default="{}", help="JSON, or a file of it: keys of SvmSettings to change")
    parser.add_argument("--shuffle-labels", action="store_true", help="control: permute the labels first")
    parser.add_argument(
        "--experiment",
        choices=record.EXPERIMENTS,
        default="tu",
        help="whose record it is (default: tu, tables 2 and 3)",
    )
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default: 1)")
    arguments = parser.parse_args(argv)
    check_threads(arguments.threads)

    settings = given_settings(SvmSettings, arguments.settings)
    command = command_line(MODULE, argv)
    made = probe(
        arguments.checkpoint, arguments.store, arguments.folds, settings, arguments.shuffle_labels, arguments.threads,
        command, arguments.experiment,
    )  # fmt: skip
    made.write(arguments.output)
    accuracy = made.metrics["accuracy"]
    print(
        f"{made.dataset} {made.method} ({made.reading}, seed {made.seed}): "
        f"accuracy {100 * accuracy.value:.2f} % over {len(accuracy.folds)} folds, {made.cost.probe_seconds:.1f} s"
    )


if __name__ == "__main__":
    cli(main)
