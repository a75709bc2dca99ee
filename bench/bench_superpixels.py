"""Superpixel graphs: images a second, exact neighbours in a whole set, a training step beside its matrix products."""

from collections.abc import Iterator

import numpy as np
import torch
from harness import Effort, Line, fastest, judged, ratio, side_by_side, threads
from torch import Tensor, nn

from kanrepro.kan import KANLinear
from kanrepro.models.superpixel_gin import SuperpixelGIN
from kanrepro.store.store import GraphBatch, pointers
from kanrepro.superpixels.graphs import image_graph
from kanrepro.superpixels.idx import digits
from kanrepro.superpixels.retrieve import nearest
from kanrepro.superpixels.settings import SegmentSettings


def lines(effort: Effort) -> Iterator[Line]:
    """One line for each claim."""
    yield _graphs(effort)
    for count in effort.threads:
        with threads(count):
            yield _neighbours(effort, count)
            yield _step(effort, count)


def _graphs(effort: Effort) -> Line:
    """Digits of scikit-learn to graphs, at settings where one attempt of SLIC suffices, as for most of MNIST."""
    images = digits("test")[0][: 20 if effort.quick else 200]
    settings = SegmentSettings(nodes=81)
    times = side_by_side({"graphs": lambda: [image_graph(image, settings) for image in images]}, effort)
    return Line(
        "superpixel graphs of 28 x 28 images",
        value=len(images) / times["graphs"].least,
        unit="images/s",
        target=judged(effort, ">= 200"),
        threads=1,
        note=f"{len(images)} digits of scikit-learn, enlarged",
        times={name: found.summary() for name, found in times.items()},
    )


def _neighbours(effort: Effort, count: int) -> Line:
    """The five nearest of 100 queries among as many embeddings as MNIST has images, exactly."""
    size = 2_000 if effort.quick else 70_000
    z = torch.from_numpy(np.random.default_rng(0).normal(size=(size, 110)).astype(np.float32))
    times = side_by_side({"search": lambda: nearest(z[:100], z, 5, torch.arange(100))}, effort)
    return fastest(
        f"nearest neighbours of 100 embeddings among {size:,}",
        times,
        "search",
        target=judged(effort, "<= 1000"),
        threads=count,
    )


def _step(effort: Effort, count: int) -> Line:
    """Forward and backward pass of the KAN encoder over one view of a batch, beside its matrix products alone."""
    graphs, nodes = (8 if effort.quick else 128), 57
    total = graphs * nodes
    generator = torch.Generator().manual_seed(0)
    source = torch.arange(total).repeat_interleave(7)
    target = source // nodes * nodes + torch.randint(0, nodes, source.shape, generator=generator)
    batch = GraphBatch(
        torch.rand(total, 3, generator=generator),
        torch.stack([source, target]),
        pointers(torch.full((graphs,), nodes)),
        pointers(torch.full((graphs,), nodes * 7)),
    )
    encoder = SuperpixelGIN(kan={"grid_range": (-3.0, 3.0)}, normalise_input=True, generator=generator)
    products = nn.Sequential(*(_equal(layer) for layer in encoder.modules() if isinstance(layer, KANLinear)))
    inputs = [torch.rand(total, layer.in_features, generator=generator) for layer in products]  # pyright: ignore[reportArgumentType]

    def step() -> None:
        encoder(batch).square().mean().backward()

    def alone() -> None:
        made: list[Tensor] = [layer(x.requires_grad_()) for layer, x in zip(products, inputs, strict=True)]
        torch.stack([y.square().mean() for y in made]).sum().backward()

    times = side_by_side({"step": step, "products": alone}, effort)
    return ratio(
        "pre-training step of the 110 x 4 KAN encoder, times its equal-arithmetic matrix products",
        times, "step", "products", judged(effort, "<= 1.5"), threads=count, note=f"one view, {graphs} graphs",
    )  # fmt: skip


def _equal(layer: KANLinear) -> nn.Linear:
    """A linear layer with as many weights as the KAN layer: K coefficients and the SiLU branch of every edge."""
    made = nn.Linear(layer.in_features * (layer.coefficients.shape[2] + 1), layer.out_features, bias=False)
    return made
