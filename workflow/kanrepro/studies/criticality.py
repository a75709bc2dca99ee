"""Stage: are the critical features critical? What delta and rho say of each component of z, beside what data say.

Reads encoder.safetensors of a pre-training with a KAN, the graph store that it was trained on, and a fold file. Writes
JSON with one value for each of the D components:
    delta, rho  the scores of CKFI, from the coefficients alone
    variance    of the component over all graphs
    lost        accuracy that a linear classifier loses when it is trained without the component, mean over the folds,
                and `lost_error`, the standard error of that mean
    lost_frozen the same where the classifier stays as it was and the component is set to its mean
and `removal`: the accuracy left when more and more components are taken away, from the highest score down (and from the
lowest up: `-least`), by variance, or at random (mean and range of 20 orders); `correlations` are Spearman's. Accuracies
are fractions; the classifier is ridge regression on standardised components (kanrepro.studies.linear).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats

from kanrepro.contrast.ckfi import discriminative_scores, independent_scores
from kanrepro.core.errors import UserError, cli
from kanrepro.core.files import sha256, write_json
from kanrepro.core.parser import stage_parser
from kanrepro.models.encoders import load_encoder
from kanrepro.studies.document import origin
from kanrepro.studies.linear import RidgeFold
from kanrepro.tu.embed import embed
from kanrepro.tu.splits import read_folds

SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)  # of the components taken away
ORDERS = 20  # random ones

Vector = NDArray[np.float64]


def examine(
    z: Vector, y: NDArray[np.int64], test: Sequence[Any], delta: Vector, rho: Vector, seed: int
) -> dict[str, Any]:
    """What the stage writes about embeddings z (G, D) of classes y (G,), with scores (D,) of each component.

    Args:
        test: the test graphs of each fold.
        seed: of the random orders.
    """
    folds = [RidgeFold(z, y, graphs) for graphs in test]
    full = np.array([fold.without() for fold in folds])
    lost = np.array([[a - fold.without([j]) for j in range(z.shape[1])] for a, fold in zip(full, folds, strict=True)])
    frozen = np.array([a - fold.frozen() for a, fold in zip(full, folds, strict=True)])
    told = {"delta": delta, "rho": rho, "variance": z.var(axis=0)}
    return {
        "graphs": len(z),
        "components": z.shape[1],
        "accuracy": float(full.mean()),
        "chance": float(np.bincount(y).max() / len(y)),
        **{name: values.tolist() for name, values in told.items()},
        "lost": lost.mean(0).tolist(),
        "lost_error": (lost.std(0, ddof=1) / np.sqrt(len(folds))).tolist(),
        "lost_frozen": frozen.mean(0).tolist(),
        "correlations": _correlations({**told, "lost": lost.mean(0), "lost_frozen": frozen.mean(0)}),
        "removal": _removal(folds, told, seed),
    }


def _correlations(values: dict[str, Vector]) -> dict[str, float | None]:
    """Spearman's rank correlation of each two; None where one is the same for all components."""
    names = list(values)
    found: dict[str, float | None] = {}
    for at, one in enumerate(names):
        for other in names[at + 1 :]:
            varies = np.ptp(values[one]) > 0 and np.ptp(values[other]) > 0
            rank: Any = stats.spearmanr(values[one], values[other])[0] if varies else None
            found[f"{one}, {other}"] = float(rank) if varies else None
    return found


def _removal(folds: Sequence[RidgeFold], told: dict[str, Vector], seed: int) -> dict[str, Any]:
    size = len(told["delta"])
    counts = [round(share * size) for share in SHARES]

    def left(order: NDArray[np.int64]) -> list[float]:
        return [float(np.mean([fold.without(order[:count]) for fold in folds])) for count in counts]

    orders = {name: np.argsort(-values, kind="stable") for name, values in told.items()}
    orders |= {f"{name}-least": order[::-1] for name, order in orders.items() if name != "variance"}
    rng = np.random.default_rng(seed)
    random = np.array([left(rng.permutation(size)) for _ in range(ORDERS)])
    return {
        "removed": counts,
        **{name: left(order) for name, order in orders.items()},
        "random": random.mean(0).tolist(),
        "random_low": random.min(0).tolist(),
        "random_high": random.max(0).tolist(),
    }


def main(argv: Sequence[str] | None = None) -> None:
    """Command line: python -m kanrepro.studies.criticality."""
    parser = stage_parser(__doc__)
    parser.file("--checkpoint", "encoder.safetensors of a pre-training")
    parser.file("--store", "the graph store that it was trained on")
    parser.file("--folds", "fold file, made by kanrepro.tu.splits")
    parser.add_argument("--preset", default="by-hand", help="name that the document will carry")
    parser.file("--output", "JSON to write")
    arguments = parser.parse_args(argv)
    torch.set_num_threads(1)
    encoder, _ = load_encoder(arguments.checkpoint)
    coefficients = encoder.scored_coefficients()
    if not coefficients:
        raise UserError(f"{arguments.checkpoint} has no KAN, but an MLP: nothing is scored. Name another encoder.")
    delta, rho = (
        torch.cat([score(layer) for layer in coefficients]).double().numpy()
        for score in (independent_scores, discriminative_scores)
    )
    z, y, meta = embed(arguments.checkpoint, arguments.store)
    made = examine(z, y, read_folds(arguments.folds, len(y)), delta, rho, meta["seed"])
    head = origin("criticality", arguments.checkpoint, meta, arguments.preset, argv)
    files = {
        name: {"path": str(path), "sha256": sha256(path)}
        for name, path in (("data", arguments.store), ("folds", arguments.folds))
    }
    write_json(arguments.output, {**head, **files, **made})
    found = made["correlations"]
    shown = ", ".join(
        f"{pair}: {'not defined' if (value := found[pair]) is None else f'{value:+.2f}'}"
        for pair in ("delta, variance", "rho, variance", "delta, lost", "rho, lost")
    )
    print(f"{meta['dataset']} ({meta['reading']}, seed {meta['seed']}): rank correlations {shown}")


if __name__ == "__main__":
    cli(main)
