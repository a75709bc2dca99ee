"""Critical KAN feature identification: scores of output components from coefficients alone (Khan-GCL section 4.2)."""

import torch
from torch import Tensor

CONVERGED = 1e-4  # tensorly's


@torch.no_grad()
def independent_scores(coefficients: Tensor) -> Tensor:
    """delta (Algorithms 1-2 at full multilinear rank): how far each output's slice lies from the span of the others.

    With A (O, I*K) the mode-2 unfolding, delta_j^2 = 1 / [(A A^T)^-1]_jj; 0 where slice j depends on the others. This
    equals the paper's loop of one HOSVD an output to rounding (`independent_scores_loop`), at a thousandth of its cost.

    Args:
        coefficients: (I, O, K).

    Returns:
        (O,) in the dtype of the coefficients, computed in float64.
    """
    unfolded = coefficients.transpose(0, 1).flatten(1).double()
    gram = unfolded @ unfolded.T
    factor, failed = torch.linalg.cholesky_ex(gram)
    diagonal = factor.diagonal()
    if bool((failed == 0) & (diagonal.min() > 1e-6 * diagonal.max())):  # one question, for a GPU's answer takes time
        return torch.cholesky_inverse(factor).diagonal().rsqrt().to(coefficients.dtype)
    # the limit of 1 / [(A A^T + lambda)^-1]_jj: zero for a slice with a part in the null space
    eigenvalues, vectors = torch.linalg.eigh(gram)
    null = eigenvalues <= eigenvalues[-1].clamp_min(0) * gram.shape[0] * 1e-14
    dependent = vectors[:, null].square().sum(1) > 1e-10
    inverse = (vectors[:, ~null].square() / eigenvalues[~null]).sum(1)
    return torch.where(dependent, 0.0, inverse.rsqrt()).to(coefficients.dtype)


@torch.no_grad()
def independent_scores_loop(
    coefficients: Tensor, ranks: tuple[int, int, int] | None = None, iterations: int = 0
) -> Tensor:
    """delta by the paper's own loop: for each output an HOSVD of the other slices, and a least-squares fit.

    Args:
        coefficients: (I, O, K).
        ranks: multilinear ranks kept in modes 1, 2, 3; None for all.
        iterations: of alternating least squares (HOOI) after the HOSVD, at most; they end where the relative error
            changes by less than CONVERGED.

    Returns:
        (O,).
    """
    tensor = coefficients.double()
    inputs, outputs, bases = tensor.shape
    r1, r2, r3 = ranks or tensor.shape
    scores = []
    for j in range(outputs):
        others = torch.cat([tensor[:, :j], tensor[:, j + 1 :]], dim=1)
        u1, u2, u3 = _factors(others, (r1, r2, r3), iterations)
        core = torch.einsum("iok,ia,ob,kc->abc", others, u1, u2, u3)
        partial = torch.einsum("abc,ia,kc->ibk", core, u1, u3)  # P = core x1 U1 x3 U3
        columns = partial.movedim(1, 0).flatten(1).T
        row = torch.linalg.lstsq(columns, tensor[:, j].flatten(), driver="gelsd").solution
        filled = torch.cat([u2[:j], row.unsqueeze(0), u2[j:]])
        rebuilt = torch.einsum("ibk,ob->iok", partial, filled)
        scores.append((rebuilt - tensor).norm())
    return torch.stack(scores).to(coefficients.dtype)


def _factors(tensor: Tensor, ranks: tuple[int, ...], iterations: int) -> list[Tensor]:
    """Orthonormal factors of the three modes: those of the HOSVD, then each of what the others keep of the tensor."""

    def leading(part: Tensor, mode: int) -> Tensor:
        return torch.linalg.svd(part.movedim(mode, 0).flatten(1), full_matrices=False)[0][:, : ranks[mode]]

    found = [leading(tensor, mode) for mode in range(3)]
    error = 0.0
    for _ in range(iterations):
        for mode in range(3):
            part = tensor
            for other in {0, 1, 2} - {mode}:
                part = _projected(part, found[other], other)
            found[mode] = leading(part, mode)
        lost = tensor.square().sum() - _projected(part, found[2], 2).square().sum()
        before, error = error, float((lost.clamp_min(0)).sqrt() / tensor.norm())
        if abs(error - before) < CONVERGED:
            break
    return found


def _projected(tensor: Tensor, factor: Tensor, mode: int) -> Tensor:
    """The product of a mode with a factor's transpose."""
    return (tensor.movedim(mode, -1) @ factor).movedim(-1, mode)


@torch.no_grad()
def discriminative_scores(coefficients: Tensor) -> Tensor:
    """rho (eq. 8): the variance over the K coefficients of each spline, averaged over inputs; (I, O, K) to (O,)."""
    return coefficients.var(dim=-1, correction=0).mean(dim=0)
