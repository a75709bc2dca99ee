"""The GPU's kernels: their text, compiled for this processor and run over an array, beside the other forms."""

import ctypes
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from kanrepro.kan import KANLinear, expansion, kernels
from kanrepro.kan.spline import Grid

COMPILER = next(filter(None, map(shutil.which, ("c++", "g++", "clang++"))), None)


def on_the_host(code: str, folder: Path) -> Callable[..., Tensor]:
    """What the jiterator makes of `code`, without a GPU: the function over the elements of its broadcast tensors."""
    name = code.split("(")[0].split()[-1]
    count = code.split("(")[1].split(")")[0].count("T ") - 3  # tensors, before three constants
    pointers = ", ".join(f"const double* t{i}" for i in range(count))
    values = ", ".join(f"t{i}[n]" for i in range(count))
    source, library = folder / f"{name}.cpp", folder / f"{name}.so"
    source.write_text(
        f"#include <cmath>\n{code}\n"
        f'extern "C" void run(long size, {pointers}, double start, double inverse, double bases, double* out) {{\n'
        f"    for (long n = 0; n < size; n++) out[n] = {name}<double>({values}, start, inverse, bases);\n}}\n"
    )
    subprocess.run([str(COMPILER), "-shared", "-fPIC", "-O1", str(source), "-o", str(library)], check=True)
    run = ctypes.CDLL(str(library)).run

    def called(*tensors: Tensor, start: float, inverse: float, bases: float) -> Tensor:
        even = [each.double().contiguous() for each in torch.broadcast_tensors(*tensors)]
        out = torch.empty_like(even[0])
        given = [ctypes.c_void_p(each.data_ptr()) for each in even]
        constants = [ctypes.c_double(value) for value in (start, inverse, bases)]
        run(ctypes.c_long(out.numel()), *given, *constants, ctypes.c_void_p(out.data_ptr()))
        return out.to(tensors[0].dtype)

    return called


@pytest.mark.skipif(COMPILER is None, reason="no C++ compiler here")
@pytest.mark.parametrize("block", [1 << 20, 1], ids=["kept", "made again"])
@pytest.mark.parametrize("base", [True, False])
def test_kernels_agree_with_tensor_operations(
    base: bool, block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kan = KANLinear(5, 3, base=base, grid=7, grid_range=(-0.5, 2.0)).double()
    x = (torch.rand(500, 5, dtype=torch.float64) * 8 - 4).requires_grad_()
    made = {code: on_the_host(code, tmp_path) for code in (kernels.EXPAND, kernels.PULL_BACK)}

    def found() -> list[Tensor]:
        y = kan(x)
        return [y, *torch.autograd.grad(y.square().sum(), [x, *kan.parameters()])]

    monkeypatch.setattr(expansion, "BLOCK_BYTES", {"cpu": block})
    plain = found()
    monkeypatch.setattr(kernels, "supported", lambda x: True)
    monkeypatch.setattr(kernels, "_compiled", made.__getitem__)
    for ours, theirs in zip(found(), plain, strict=True):
        torch.testing.assert_close(ours, theirs)
    assert kan(x[:0]).shape == (0, 3)
    with torch.autocast("cpu", torch.bfloat16):
        low = kan.float()(x.bfloat16())
    torch.testing.assert_close(low.double(), plain[0], atol=0.1, rtol=0.1)
    gradient = torch.autograd.grad(low.square().sum(), x)[0]
    torch.testing.assert_close(gradient, plain[1], atol=0.3, rtol=0.1)


def test_without_a_gpu_tensor_operations_serve() -> None:
    assert not kernels.supported(torch.zeros(1, 1))
    names = [kernels._compiled(code).kernel_name for code in (kernels.EXPAND, kernels.PULL_BACK)]  # type: ignore[attr-defined]
    assert names == ["kan_expand", "kan_pull_back"]  # as PyTorch reads the text
    if not torch.cuda.is_available():
        assert not kernels.work()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_kernels_run_on_a_gpu(dtype: torch.dtype) -> None:
    assert kernels.work(), "the GPU does not compile the kernels: layers work, but slowly"
    grid, x = Grid(), torch.randn(1000, 30, dtype=dtype, device="cuda") * 2
    shape = (grid.low, grid.spacing, grid.bases)
    made, out, right = kernels.expand(x, *shape, True), torch.empty_like(x), torch.empty_like(x)
    bases = torch.empty(1000, grid.bases, 30, dtype=dtype, device="cuda")
    grid.fill(x, bases)
    torch.testing.assert_close(made[:, :-1], bases)
    torch.testing.assert_close(made[:, -1], torch.nn.functional.silu(x))
    gradient = torch.randn_like(bases)
    kernels.pull_back(x, *shape, gradient, out)
    grid.pull_back(x, bases, gradient, right)
    torch.testing.assert_close(out, right, atol=1e-5, rtol=1e-4)
