"""Records of transfer learning: one fine-tuning or control and its scores; and clocked steps of pre-training."""

from typing import Annotated, Any, Literal

from pydantic import Field

from kanrepro.core.parts import Part, Share
from kanrepro.core.record import Artefact, Document, OwnMethod

EXPERIMENTS = ("transfer", "sensitivity")  # table 1, figure 5
Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0)]


class TaskScores(Part):
    """ROC-AUC as fractions: the mean over the tasks that have both classes in a part, and each task (None: not so).

    Attributes:
        epoch: after which it was measured, from 1; None for a model without epochs.
    """

    epoch: Annotated[int, Field(ge=1)] | None
    validation: Share
    test: Share
    validation_tasks: list[Share | None]
    test_tasks: list[Share | None]


class Curves(Part):
    """After each epoch: mean loss over the training steps, ROC-AUC of the parts (means over tasks)."""

    train_loss: list[float] = []
    validation: list[Share] = []
    test: list[Share] = []


class Pretraining(Part):
    """Where the encoder comes from.

    Attributes:
        dataset, molecules: that it saw; what an untrained encoder would have seen.
        epochs: 0 for an untrained encoder, whose weights then come from the seed of the fine-tuning.
        seconds: of its training, shared by all that is made of it.
        code: digest of the stage that trained it.
    """

    dataset: str
    molecules: Count
    epochs: Count
    seed: int
    seconds: Seconds
    code: str
    settings: dict[str, Any]


class MoleculeData(Part):
    """The prepared set."""

    path: str
    sha256: str
    content: str | None = None  # its digest apart from what the file says of its making
    source_sha256: str | None = None
    molecules: Count


class TransferCode(Part):
    """The code that ran: digest of the stage's import closure, and the checkout's commit."""

    stage: Literal["finetune", "fingerprint", "measure"]
    digest: str
    commit: str | None = None
    dirty: bool = False


class TransferCost(Part):
    """What the result itself took, in seconds and MB; a pre-training is not in it."""

    hardware: str
    device: str
    seconds: Seconds
    peak_memory_mb: float


class TransferRecord(Document):
    """One fine-tuned encoder, or one control, on one set: scores by both rules, what they were made from, the cost.

    Attributes:
        encoder: `ecfp` is the control without a network.
        demo: a stand-in set.
        tasks: names, in the order of all lists of tasks.
        excluded: part -> tasks that lack positives or negatives there, and count in no mean.
        best: at the epoch of the best validation score, the first of equals (the paper's rule); for the control what
            it scores.
        last: after the last epoch; None for the control.
        settings: `finetune` or `fingerprint`.
        checkpoint: the pre-trained encoder; None for the control.
    """

    experiment: Literal["transfer", "sensitivity"] = "transfer"
    dataset: str
    method: str
    encoder: Literal["mlp", "kan", "ecfp"]
    reading: str
    seed: int
    preset: str
    demo: bool
    tasks: list[str]
    excluded: dict[str, list[str]]
    best: TaskScores
    last: TaskScores | None
    curves: Curves
    settings: dict[str, Any]
    pretraining: Pretraining | None
    data: MoleculeData
    split: str
    split_file: Artefact
    checkpoint: Artefact | None
    code: TransferCode
    versions: dict[str, str]
    cost: TransferCost
    commands: list[str]
    own_method: OwnMethod | None = None


class Clocked(Part):
    """Seconds of the steps of one method: the median, the quartiles and the extremes of all that counted."""

    median: Seconds
    lower_quartile: Seconds
    upper_quartile: Seconds
    least: Seconds
    most: Seconds
    steps: Count


class MeasureRecord(Document):
    """Seconds of a step of each pre-training at equal settings on one machine.

    Attributes:
        methods: `<method>/<reading>` -> its clock.
        settings: of the measurement, and under `pretrain` those of each method.
    """

    experiment: Literal["measure"] = "measure"
    preset: str
    demo: bool
    dataset: str
    width: Count
    batch_size: Count
    threads: Count
    methods: dict[str, Clocked]
    settings: dict[str, Any]
    data: MoleculeData
    code: TransferCode
    versions: dict[str, str]
    cost: TransferCost
    commands: list[str]
