"""The learning rate of each epoch."""

from kanrepro.images.settings import ImageTrainingSettings

SHIPPED_WARMUP = 2  # epochs, in DEQ-KAN's train.py
SHIPPED_START = 0.1  # of the base rate: it warms up from 3e-5 to 3e-4


def learning_rate(epoch: int, settings: ImageTrainingSettings) -> float:
    """The rate of epoch 1, 2, ... under the schedule that the settings name."""
    return {"warmup_step": warmup_step, "shipped": shipped}[settings.schedule](epoch, settings)


def warmup_step(epoch: int, settings: ImageTrainingSettings) -> float:
    """Linear from a fraction of the base rate to all of it in epoch `warmup`, then a step down every `step_size`."""
    if epoch < settings.warmup:
        return settings.learning_rate * epoch / settings.warmup
    since = epoch - max(settings.warmup, 1)  # epochs since the base rate was reached
    return settings.learning_rate * settings.step_factor ** (since // settings.step_size)


def shipped(epoch: int, settings: ImageTrainingSettings) -> float:
    """What DEQ-KAN's code does, not what it means to (its weights_scheduler.py; protocol Part 3 G 5).

    Epoch 1 lies halfway up to the base rate. When the warm-up ends with epoch 2, the code sets the base rate and at
    once overwrites it: its StepLR was made while the optimiser held the starting rate, and decays from there.
    """
    start = SHIPPED_START * settings.learning_rate
    if epoch < SHIPPED_WARMUP:
        return start + (settings.learning_rate - start) * epoch / SHIPPED_WARMUP
    return start * settings.step_factor ** ((epoch - SHIPPED_WARMUP) // settings.step_size)
