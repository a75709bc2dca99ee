"""Stage: trained splines against their coefficients, and their variance against its bounds (Khan-GCL, Figure 2b).

Reads encoder.safetensors of a pre-training with a KAN. Writes JSON about the splines phi = sum_k c_k B_k of the layers
that are scored (rho), without the SiLU branch, on the grid's range [a, b]:
    cloud     of at most 500 of them: variance of the coefficients (1/K), variance of phi (1 / (b - a))
    bounds    what the variance of phi is at most, for each unit of the coefficients' variance: `sharp` and `corrected`
              (kanrepro.kan.bounds, which hold), `printed` (eq. 24, which does not)
    above     share of all splines whose variance lies above each bound
    share     of the corrected bound that the variance makes up: 5 %, 50 %, 95 % and 100 % quantile
    rank_correlation  of the two variances over all splines (Spearman)
    shown     a few splines: their place, coefficients, and points of the curve
"""

from collections.abc import Sequence
from typing import Any

import torch
from scipy import stats
from torch import Tensor

from kanrepro.core.errors import UserError, cli
from kanrepro.core.files import write_json
from kanrepro.core.parser import stage_parser
from kanrepro.kan.bounds import printed_bound, spline_variation, variation_bound
from kanrepro.kan.spline import Grid, bspline_basis
from kanrepro.models.encoders import load_encoder
from kanrepro.studies.document import origin

CLOUD = 500  # splines in the document
POINTS = 81  # of a curve
QUANTILES = (0.05, 0.5, 0.95, 1.0)
SHOWN = {"little": 0.02, "medium": 0.5, "much": 0.98}  # quantiles of the coefficients' variance


def describe(layers: Sequence[Tensor], grid: Grid) -> dict[str, Any]:
    """What the stage writes about the coefficient tensors (I, O, K) of some layers on one grid."""
    width = grid.high - grid.low
    coefficients = torch.cat([layer.detach().double().flatten(0, 1) for layer in layers])  # (S, K)
    places = [(n, i, o) for n, layer in enumerate(layers) for i in range(layer.shape[0]) for o in range(layer.shape[1])]
    spread = coefficients.var(dim=1, correction=0)
    variance = spline_variation(coefficients, grid) / width
    # every bound is linear in the variance of the coefficients: its slope is its value at variance 1
    unit = torch.ones(grid.bases, dtype=torch.float64)
    unit[: grid.bases // 2] = -1
    unit = (unit - unit.mean()) / unit.std(correction=0)
    bounds = {
        "sharp": float(variation_bound(unit, grid) / width),
        "corrected": float(variation_bound(unit, grid, sharp=False) / width),
        "printed": float(printed_bound(unit, grid) / width),
    }
    order = spread.argsort()
    some = order[torch.linspace(0, len(order) - 1, min(CLOUD, len(order))).long()]
    ratio = (variance / (bounds["corrected"] * spread)).nan_to_num(0.0)
    correlation: Any = stats.spearmanr(spread, variance)[0]
    picked = {name: int(order[round(share * (len(order) - 1))]) for name, share in SHOWN.items()}
    picked["nearest to its bound"] = int(ratio.argmax())
    return {
        "grid": {"size": grid.size, "order": grid.order, "range": [grid.low, grid.high]},
        "splines": len(coefficients),
        "bounds": bounds,
        "above": {
            name: float((variance > slope * spread * (1 + 1e-9)).double().mean()) for name, slope in bounds.items()
        },
        "share": dict(zip(map(str, QUANTILES), ratio.quantile(torch.tensor(QUANTILES).double()).tolist(), strict=True)),
        "rank_correlation": float(correlation),
        "cloud": {"coefficients": spread[some].tolist(), "spline": variance[some].tolist()},
        "shown": [
            _spline(name, places[at], coefficients[at], grid, float(variance[at])) for name, at in picked.items()
        ],
    }


def _spline(
    name: str, place: tuple[int, int, int], coefficients: Tensor, grid: Grid, variance: float
) -> dict[str, Any]:
    x = torch.linspace(grid.low, grid.high, POINTS, dtype=torch.float64)
    y = bspline_basis(x, grid.size, grid.order, (grid.low, grid.high)) @ coefficients
    centres = grid.low + grid.spacing * grid.centres(x)
    return {
        "name": name,
        "block": place[0],
        "input": place[1],
        "output": place[2],
        "coefficients": coefficients.tolist(),
        "centres": centres.tolist(),
        "x": x.tolist(),
        "y": y.tolist(),
        "coefficient_variance": float(coefficients.var(correction=0)),
        "spline_variance": variance,
    }


def main(argv: Sequence[str] | None = None) -> None:
    """Command line: python -m kanrepro.studies.splines."""
    parser = stage_parser(__doc__)
    parser.file("--checkpoint", "encoder.safetensors of a pre-training")
    parser.add_argument("--preset", default="by-hand", help="name that the document will carry")
    parser.file("--output", "JSON to write")
    arguments = parser.parse_args(argv)
    torch.set_num_threads(1)
    encoder, meta = load_encoder(arguments.checkpoint)
    layers = encoder.scored_coefficients()
    if not layers:
        raise UserError(f"{arguments.checkpoint} has no KAN, but an MLP: it has no splines. Name another encoder.")
    kan = meta["settings"]["encoder"]["kan"]
    found = describe(layers, Grid(kan["grid"], kan["order"], *kan["range"]))
    write_json(arguments.output, {**origin("splines", arguments.checkpoint, meta, arguments.preset, argv), **found})
    print(
        f"{meta['dataset']} {meta['method']} ({meta['reading']}, seed {meta['seed']}): {found['splines']} splines, "
        f"{100 * found['above']['printed']:.2f} % above the printed bound, "
        f"{100 * found['above']['corrected']:.2f} % above the corrected one"
    )


if __name__ == "__main__":
    cli(main)
