"""Several processes that train as one (torchrun): which of them this is, and a gather that gradients pass through."""

import os
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, distributed

from kanrepro.core.errors import UserError


@dataclass(frozen=True)
class Ranks:
    """This process among those that train together."""

    rank: int = 0
    world: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the process that writes."""
        return self.rank == 0


def join_ranks(device: str) -> tuple[Ranks, str]:
    """Meet the other processes where torchrun started several; this one's device is then cuda:LOCAL_RANK.

    Returns:
        Which process this is, and its device: `device` itself where there is but one process.

    Raises:
        UserError: several processes are to share one named GPU.
    """
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        return Ranks(), device
    if device.startswith("cuda:"):
        raise UserError(f"--device {device}: {world} processes would share one GPU. Say cuda, and each takes its own.")
    on_cpu = device == "cpu" or not torch.cuda.is_available()
    own = "cpu" if on_cpu else f"cuda:{os.environ['LOCAL_RANK']}"
    if not on_cpu:
        torch.cuda.set_device(own)
    distributed.init_process_group("gloo" if on_cpu else "nccl")
    return Ranks(distributed.get_rank(), world), own


def leave_ranks() -> None:
    """Wait for the others, and part."""
    if distributed.is_initialized():
        distributed.barrier()
        distributed.destroy_process_group()


def gathered(part: Tensor) -> Tensor:
    """Each process's part (n, D) one after the other, (world * n, D): the same on all processes.

    The backward pass gives every part the sum of the gradients of all processes. Where each of them computes the same
    loss of the gathered rows, that sum is `world` times the loss's gradient, and the mean of DistributedDataParallel
    over processes makes of it the gradient of the one loss over the whole batch.
    """
    if not distributed.is_initialized() or distributed.get_world_size() == 1:
        return part
    return _Gather.apply(part)


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, part: Tensor) -> Tensor:
        ctx.rows = len(part)
        parts = [torch.empty_like(part) for _ in range(distributed.get_world_size())]
        distributed.all_gather(parts, part.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        summed = gradient.contiguous().clone()
        distributed.all_reduce(summed)
        start = ctx.rows * distributed.get_rank()
        return summed[start : start + ctx.rows]
