"""Stage: hard negatives and their nearest neighbours in the whole set (Khan-GCL, Figure 3), with a number.

Reads encoder.safetensors of a pre-training on superpixel graphs, the stores of both parts, and their images. Embeds all
graphs (z, evaluation mode), and for images drawn once makes directions away from z by
    ckfi     the perturbations that CKFI would add (eq. 9), as in the encoder's settings
    random   one perturbation with all components alike, at the same epsilon, sigma and scale
and looks up the nearest others by cosine. Since only the angle of a perturbed z matters to a cosine, a perturbation is
taken as a direction, and z is turned towards it until the cosine distance is one of `distances`, or `own`: that of
CKFI's own perturbation. So both kinds are compared at equal distance, and with `none`, z itself. Writes JSON: for each,
the share of the neighbours that are of another class, with the standard error over images; and for one image a class
the neighbours themselves, as pictures.
"""

import base64
import io
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import normalize

from kanrepro.contrast.negatives import component_scores, hard_negatives
from kanrepro.contrast.settings import NegativeSettings
from kanrepro.core.errors import UserError, cli
from kanrepro.core.files import sha256, write_json
from kanrepro.core.machine import made_ready
from kanrepro.core.options import add_run_options, given_settings, made_by
from kanrepro.core.parser import stage_parser
from kanrepro.core.streams import stream
from kanrepro.models.encoders import load_encoder
from kanrepro.models.graph_encoder import GraphEncoder
from kanrepro.pretraining.settings import recorded
from kanrepro.store.store import GraphStore
from kanrepro.superpixels import idx
from kanrepro.superpixels.finetune import superpixels
from kanrepro.superpixels.settings import RetrievalSettings

BATCH = 512  # graphs embedded at a time
KINDS = {"ckfi": ("delta", "rho"), "random": ("random",)}


@torch.inference_mode()
def embed(encoder: GraphEncoder, graphs: GraphStore) -> Tensor:
    """z (G, D) of all graphs of a set in evaluation mode, on the CPU."""
    encoder.eval()
    every = torch.arange(len(graphs), device=graphs.x.device).split(BATCH)
    return torch.cat([encoder(graphs.batch(index)).float().cpu() for index in every])


def nearest(queries: Tensor, z: Tensor, neighbours: int, itself: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """The nearest rows of z (N, D) by cosine to each of Q queries (Q, D): cosines and numbers (Q, neighbours).

    Exact: one matrix product with unit vectors.

    Args:
        itself: (Q,) row of z that is left out for each query.
    """
    similar = normalize(queries) @ normalize(z).T
    if itself is not None:
        similar[torch.arange(len(queries)), itself] = -2
    found = similar.topk(neighbours, dim=1)
    return found.values, found.indices


def turned(z: Tensor, perturbation: Tensor, distance: Tensor | float) -> Tensor:
    """z (Q, D) turned towards z + perturbation until its cosine distance is `distance` ((Q,) or one): unit vectors."""
    unit = normalize(z)
    across = perturbation - (perturbation * unit).sum(1, keepdim=True) * unit
    left = 1 - torch.as_tensor(distance).double().expand(len(z)).unsqueeze(1)  # cosine
    return (left * unit + (1 - left.square()).sqrt() * normalize(across)).float()


def perturbations(z: Tensor, encoder: GraphEncoder, negatives: NegativeSettings, seed: int) -> dict[str, Tensor]:
    """What each kind adds to the embeddings z (Q, D); `scale: relative` takes their own spread."""
    coefficients = [c.detach().cpu() for c in encoder.scored_coefficients()]
    made = {}
    for kind, scored in KINDS.items():
        scores = {name: component_scores(name, coefficients, negatives) for name in scored}
        made[kind] = hard_negatives(z, scores, negatives, stream(seed, f"retrieval {kind}")) - z
    return made


def compare(
    z: Tensor, y: Tensor, queries: Tensor, pushes: dict[str, Tensor], settings: RetrievalSettings
) -> dict[str, Any]:
    """Shares of neighbours of another class, by kind and distance, and the neighbours at `own` distance.

    Args:
        z: (N, D) all embeddings, y (N,) their classes.
        queries: (Q,) rows that are asked about.
        pushes: kind to perturbations (Q, D).
    """
    start = time.perf_counter()
    asked = z[queries]
    own = 1 - torch.cosine_similarity(asked.double(), (asked + pushes["ckfi"]).double())
    own = own.clamp(1e-12, 1).float()
    found: dict[str, dict[str, Tensor]] = {"none": {"own": nearest(asked, z, settings.neighbours, queries)[1]}}
    for kind, push in pushes.items():
        distances = {"own": own} | {str(distance): distance for distance in settings.distances}
        found[kind] = {
            name: nearest(turned(asked, push, distance), z, settings.neighbours, queries)[1]
            for name, distance in distances.items()
        }
    seconds = time.perf_counter() - start
    other = {
        kind: {name: (y[numbers] != y[queries].unsqueeze(1)).double().mean(1) for name, numbers in by_distance.items()}
        for kind, by_distance in found.items()
    }
    return {
        "search_seconds": seconds,
        "own_distance": {"mean": float(own.mean()), "least": float(own.min()), "most": float(own.max())},
        "other_class": {
            kind: {
                name: {"share": float(s.mean()), "error": float(s.std() / math.sqrt(len(s)))} for name, s in by.items()
            }
            for kind, by in other.items()
        },
        "found": {kind: by["own"].tolist() for kind, by in found.items()},
    }


def one_of_each(y: Tensor, queries: Tensor) -> list[int]:
    """The first query of every class: places among the queries, by class."""
    labels = y[queries].tolist()
    return [labels.index(label) for label in sorted(set(labels))]


def picture(pixels: NDArray[np.uint8]) -> str:
    """An image as a PNG in base64."""
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", optimize=True)
    return base64.b64encode(stream.getvalue()).decode("ascii")


def retrieve(
    checkpoint: Path, stores: Sequence[Path], images: Sequence[Path], settings: RetrievalSettings, device: torch.device
) -> dict[str, Any]:
    """The document, without preset and command.

    Raises:
        UserError: files are missing or do not belong together, or the encoder has no KAN.
    """
    encoder, meta = load_encoder(checkpoint, device=device)
    if not encoder.scored_coefficients():
        raise UserError(f"{checkpoint} has no KAN, but an MLP: CKFI scores nothing in it. Name another encoder.")
    if meta["store"] != sha256(stores[0]):
        raise UserError(f"{checkpoint} was trained on another version of {meta['dataset']} than {stores[0]} holds.")
    pretrained = recorded(meta["settings"])
    loaded = [superpixels(path) for path in stores]
    pixels = [_pixels(store, path) for store, path in zip(loaded, [*images, None, None], strict=False)]
    z = torch.cat([embed(encoder, store.to(device)) for store in loaded])
    y = torch.cat([store.y[:, 0] for store in loaded])
    if len(z) <= settings.neighbours:
        raise UserError(f"{len(z)} graphs have no {settings.neighbours} neighbours each. Ask for fewer.")
    queries = torch.randperm(len(z), generator=stream(0, "queries"))[: settings.queries]
    pushes = perturbations(z[queries], encoder, pretrained.contrast.negatives, meta["seed"])
    made = compare(z, y, queries, pushes, settings)
    rows = one_of_each(y, queries)
    examples = [
        {"query": int(queries[row]), **{kind: numbers[row] for kind, numbers in made["found"].items()}} for row in rows
    ]
    shown = sorted({number for row in examples for each in row.values() for number in np.atleast_1d(each).tolist()})
    first = len(loaded[0])
    return {
        **{key: meta[key] for key in ("dataset", "method", "reading", "seed")},
        "demo": bool(loaded[0].meta.get("demo")),
        "graphs": len(z),
        "queries": len(queries),
        "settings": settings.model_dump(mode="json"),
        **{key: value for key, value in made.items() if key != "found"},
        "chance": float(1 - (y.bincount().double() / len(y)).square().sum()),
        "examples": examples,
        "labels": {str(n): int(y[n]) for n in shown},
        "pictures": {str(n): picture(pixels[n >= first][n - first * (n >= first)]) for n in shown},
    }


def _pixels(store: GraphStore, path: Path | None) -> NDArray[np.uint8]:
    """The images of a store, in its order."""
    found = idx.read(path, 3) if path else idx.digits(store.meta["part"])[0]
    if len(found) != len(store):
        raise UserError(f"{path or 'scikit-learn'} holds {len(found)} images, but the store {len(store)} graphs.")
    return found


def main(argv: Sequence[str] | None = None) -> None:
    """Command line: python -m kanrepro.superpixels.retrieve."""
    parser = stage_parser(__doc__)
    parser.file("--checkpoint", "encoder.safetensors of a pre-training")
    parser.file("--stores", "training and test part", nargs=2)
    parser.add_argument("--images", type=Path, nargs="*", default=[], help="idx files of both; none for digits")
    parser.file("--output", "JSON to write")
    add_run_options(parser, "document", RetrievalSettings)
    arguments = parser.parse_args(argv)
    if len(arguments.images) not in (0, 2):
        raise UserError("--images needs both files, of the training and of the test part, or none.")
    settings = given_settings(RetrievalSettings, arguments.settings)
    device = made_ready(arguments)
    made = retrieve(arguments.checkpoint, arguments.stores, arguments.images, settings, device)
    head = {
        "schema": 1,
        "experiment": "retrieval",
        "preset": arguments.preset,
        "checkpoint": {"path": str(arguments.checkpoint), "sha256": sha256(arguments.checkpoint)},
        **made_by("kanrepro.superpixels.retrieve", argv),
    }
    write_json(arguments.output, {**head, **made})
    shares = {kind: 100 * by["own"]["share"] for kind, by in made["other_class"].items()}
    print(
        f"{made['dataset']} {made['method']} ({made['reading']}): of the neighbours "
        + ", ".join(f"{share:.1f} % ({kind})" for kind, share in shares.items())
        + f" are of another class; {made['queries']} searches of each kind and distance among {made['graphs']} "
        f"graphs in {made['search_seconds']:.2f} s"
    )


if __name__ == "__main__":
    cli(main)
