"""A linear classifier whose components can be taken away one by one or by the dozen, at the price of a small solve."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

RIDGE = 1e-2  # added to the correlation matrix of the components


class RidgeFold:
    """Ridge regression on +-1 targets over standardised components, trained on one part of a set, tested on the other.

    Args:
        z: (G, D) embeddings.
        y: (G,) classes 0 .. C-1.
        test: graphs that test; all others train.
    """

    def __init__(self, z: NDArray[np.float64], y: NDArray[np.int64], test: Sequence[int]) -> None:
        tested = np.zeros(len(z), bool)
        tested[list(test)] = True
        mean, std = z[~tested].mean(0), z[~tested].std(0)
        x = (z - mean) / np.where(std > 0, std, 1)
        targets = 2.0 * np.eye(int(y.max()) + 1)[y] - 1
        self.prior = targets[~tested].mean(0)
        self.gram = x[~tested].T @ x[~tested] / (~tested).sum() + RIDGE * np.eye(z.shape[1])  # (D, D)
        self.moment = x[~tested].T @ (targets[~tested] - self.prior) / (~tested).sum()  # (D, C)
        self.x, self.y = x[tested], y[tested]

    def without(self, gone: Sequence[int] | NDArray[np.int64] = ()) -> float:
        """Accuracy on the test graphs of the classifier that is trained without the components `gone`."""
        kept = np.setdiff1d(np.arange(len(self.gram)), gone)
        weights = np.linalg.solve(self.gram[np.ix_(kept, kept)], self.moment[kept])
        return float((np.argmax(self.x[:, kept] @ weights + self.prior, axis=1) == self.y).mean())

    def frozen(self) -> NDArray[np.float64]:
        """(D,) accuracy where one component is set to its mean, without training the classifier anew."""
        weights = np.linalg.solve(self.gram, self.moment)
        scores = self.x @ weights + self.prior
        return np.array(
            [
                float((np.argmax(scores - np.outer(self.x[:, j], weights[j]), axis=1) == self.y).mean())
                for j in range(len(weights))
            ]
        )
