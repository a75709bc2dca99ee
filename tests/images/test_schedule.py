"""Learning rates: the intended schedule, and the one that DEQ-KAN's code really follows."""

import pytest

from kanrepro.images.schedule import learning_rate
from kanrepro.images.settings import ImageTrainingSettings


def rates(**settings: object) -> list[float]:
    made = ImageTrainingSettings.model_validate(settings)
    return [learning_rate(epoch, made) for epoch in range(1, made.epochs + 1)]


def test_warm_up_reaches_the_base_rate_then_steps_down() -> None:
    found = rates(epochs=10, learning_rate=0.8, warmup=4, step_size=2, step_factor=0.5)
    assert found == pytest.approx([0.2, 0.4, 0.6, 0.8, 0.8, 0.4, 0.4, 0.2, 0.2, 0.1])


@pytest.mark.parametrize("warmup", [0, 1])
def test_without_warm_up_the_first_epoch_has_the_base_rate(warmup: int) -> None:
    found = rates(epochs=5, learning_rate=1.0, warmup=warmup, step_size=3, step_factor=0.1)
    assert found == pytest.approx([1.0, 1.0, 1.0, 0.1, 0.1])


def test_the_shipped_schedule_never_reaches_its_base_rate() -> None:
    """The rates that its train.py printed in 20 epochs, when it was run (protocol Part 3 G 5)."""
    measured = [1.65e-4] + 5 * [3e-5] + 5 * [1.5e-5] + 5 * [7.5e-6] + 4 * [3.75e-6]
    found = rates(schedule="shipped", epochs=20, learning_rate=3e-4)
    assert found == pytest.approx(measured, rel=1e-12)
    assert max(found) < 3e-4
