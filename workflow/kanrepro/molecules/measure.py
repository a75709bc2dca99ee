"""Seconds of a step of pre-training: several methods on one machine at equal settings, in turn.

Reads a set of molecules. Writes one record (JSON, `kanrepro.molecules.record.MeasureRecord`): for each method the
median, quartiles and extremes of its steps in seconds. A step draws the views of a batch, encodes, contrasts, goes
back and updates the weights. The first steps of each method do not count; before and after a step the device is
waited for.
"""

import statistics
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path

import torch
from tqdm import tqdm

from kanrepro.core import provenance
from kanrepro.core.errors import UserError, cli, shown
from kanrepro.core.files import sha256
from kanrepro.core.machine import device_name, made_ready, peak_memory_mb, round_products
from kanrepro.core.options import add_run_options, command_line, given_settings, read_object
from kanrepro.core.parser import stage_parser
from kanrepro.core.parts import merged, validate
from kanrepro.core.streams import stream
from kanrepro.methods.folder import find, learner
from kanrepro.methods.readings import changes_of, settings_of
from kanrepro.molecules.finetune_settings import MeasureSettings
from kanrepro.molecules.record import Clocked, MeasureRecord, MoleculeData, TransferCode, TransferCost
from kanrepro.pretraining.families import MoleculePretrainSettings
from kanrepro.pretraining.settings import PretrainSettings, of_run, with_all_keys
from kanrepro.pretraining.training import Seen, Training
from kanrepro.store.store import GraphStore

DEFAULT = ("graphcl/literal", "khan_gcl/literal", "khan_gcl/repaired", "attr_masking/literal")


def equal_settings(
    pretrain: Mapping[str, PretrainSettings], width: int, batch_size: int
) -> dict[str, PretrainSettings]:
    """The settings of each method with one width of encoder and head and one batch size."""
    equal = {
        "encoder": {"hidden": width},
        "contrast": {"head": [width, width]},
        "optimiser": {"batch_size": batch_size},
    }
    return {
        name: validate(type(settings), merged(settings.model_dump(mode="json"), equal), name)
        for name, settings in pretrain.items()
    }


def seen_by(training: Training) -> Iterator[Seen]:
    """What the steps see, epoch after epoch without end."""
    for epoch in count():
        yield from training.views(stream(0, f"views {epoch}", training.graphs.home))


def step_seconds(training: Training, seen: Iterator[Seen], generator: torch.Generator) -> float:
    """One step as the pre-training takes it, clocked."""
    round_products(training.settings.optimiser.precision)
    _wait(training.device)
    start = time.perf_counter()
    training.method.step(training, next(seen), generator)
    _wait(training.device)
    return time.perf_counter() - start


def measure(
    store: GraphStore,
    pretrain: Mapping[str, PretrainSettings],
    settings: MeasureSettings,
    device: torch.device,
) -> dict[str, Clocked]:
    """The steps of all methods in turn, A B A B: a busy neighbour meets all of them.

    Raises:
        UserError: the store holds fewer molecules than a batch.
    """
    if len(store) < settings.batch_size:
        raise UserError(
            f"{store.meta.get('name', 'the store')} holds {len(store)} molecules, fewer than a batch of "
            f"{settings.batch_size}. Lower molecules.measure.batch_size."
        )
    trainings = {name: Training(store, made, 0, device) for name, made in pretrain.items()}
    runs = {}
    for name, training in trainings.items():
        training.model.train()
        runs[name] = training, seen_by(training), stream(0, "perturbations", device)
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for _ in tqdm(range(settings.warm_up + settings.steps), unit="rounds", disable=None):
        for name, run in runs.items():
            taken[name].append(step_seconds(*run))
    return {name: clocked(seconds[settings.warm_up :]) for name, seconds in taken.items()}


def clocked(seconds: Sequence[float]) -> Clocked:
    """At least two steps, summed up."""
    lower, median, upper = statistics.quantiles(seconds, n=4, method="inclusive")
    return Clocked(
        median=median,
        lower_quartile=lower,
        upper_quartile=upper,
        least=min(seconds),
        most=max(seconds),
        steps=len(seconds),
    )


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def read_methods(given: str | None) -> dict[str, PretrainSettings]:
    """`<method>/<reading>` -> settings, as --methods gives them, or those of DEFAULT at the printed protocol.

    Raises:
        UserError: no method, or settings at fault.
    """
    if given is not None:
        made: dict[str, PretrainSettings] = {}
        for name, part in read_object(given, "--methods").items():
            if not isinstance(part, dict):
                raise UserError(f"--methods {name}: expected an object of settings, got {shown(part)}.")
            method = learner(str(part.get("objective", "contrast")))
            made[name] = of_run(MoleculePretrainSettings, part, method, f"--methods {name}")
        if not made:
            raise UserError("--methods names no method.")
        return made
    base = with_all_keys(MoleculePretrainSettings)().model_dump(mode="json")
    pairs = [name.split("/") for name in DEFAULT]
    return {
        f"{method}/{reading}": of_run(
            MoleculePretrainSettings,
            settings_of(base, changes_of("molecule", reading, method), method),
            find(method),
            reading,
        )
        for method, reading in pairs
    }


def _methods_of(pretrain: Iterable[PretrainSettings]) -> list[str | Path]:
    """The sources of the methods that are clocked, each once."""
    return list(dict.fromkeys(learner(settings.objective).source for settings in pretrain))


def main(argv: Sequence[str] | None = None) -> None:
    """Command line: python -m kanrepro.molecules.measure."""
    parser = stage_parser(__doc__)
    parser.file("--store", "prepared molecules to pre-train on")
    parser.add_argument("--width", type=int, default=300, help="of encoder and head (default: 300, table 5)")
    parser.file("--output", "record to write (JSON)")
    parser.add_argument(
        "--methods", help=f"JSON or a file of it: method/reading to settings (default: {', '.join(DEFAULT)})"
    )
    add_run_options(parser, "record", MeasureSettings)
    arguments = parser.parse_args(argv)
    if arguments.width < 1:
        raise UserError(f"--width is {arguments.width}, but must be at least 1.")
    settings = given_settings(MeasureSettings, arguments.settings)
    pretrain = equal_settings(read_methods(arguments.methods), arguments.width, settings.batch_size)
    device = made_ready(arguments)
    command = command_line("kanrepro.molecules.measure", argv)

    start = time.perf_counter()
    store = GraphStore.load(arguments.store)
    found = measure(store, pretrain, settings, device)
    MeasureRecord(
        schema=1,
        preset=arguments.preset,
        demo=bool(store.meta.get("demo", False)),
        dataset=str(store.meta.get("name", arguments.store.stem)),
        width=arguments.width,
        batch_size=settings.batch_size,
        threads=arguments.threads,
        methods=found,
        settings={
            "measure": settings.model_dump(mode="json"),
            "pretrain": {name: made.model_dump(mode="json") for name, made in pretrain.items()},
        },
        data=MoleculeData(
            path=str(arguments.store),
            sha256=sha256(arguments.store),
            source_sha256=store.meta.get("source_sha256"),
            molecules=len(store),
        ),
        code=TransferCode.of("measure", *_methods_of(pretrain.values())),
        versions=provenance.versions(),
        cost=TransferCost(
            hardware=provenance.hardware(),
            device=device_name(device),
            seconds=time.perf_counter() - start,
            peak_memory_mb=peak_memory_mb(device),
        ),
        commands=[command],
    ).write(arguments.output)
    for name, clock in found.items():
        print(f"{name}: {clock.median:.4f} s a step ({clock.lower_quartile:.4f} to {clock.upper_quartile:.4f})")


if __name__ == "__main__":
    cli(main)
