"""Views for a whole batch at once: their share of training, and beside the same views made graph by graph."""

from collections.abc import Iterator

from clocks import ClockedTraining, settings_for
from harness import Effort, Line, judged, not_measured, side_by_side, threads, words
from sets import Set, chosen

from kanrepro.core.streams import stream
from kanrepro.pretraining.training import Training

GRAPHS = 1024  # graphs whose views are made one by one


def lines(effort: Effort) -> Iterator[Line]:
    """Both comparisons on each set."""
    for data in chosen(effort):
        for count in effort.threads:
            with threads(count):
                yield _share(data, effort, count)
        yield from _graph_by_graph(data, effort)


def _share(data: Set, effort: Effort, count: int) -> Line:
    """The share of views in the fastest epoch of khan_gcl."""
    training = ClockedTraining(data.store(), settings_for("khan_gcl"))
    for _ in range(2 if effort.quick else 4):
        training.run_epoch()
    clock = training.fastest_epoch()
    note = f"{1e3 * clock['views'] / clock['steps']:.3g} ms of a step of {1e3 * clock['epoch'] / clock['steps']:.3g} ms"
    return Line(
        f"batching and views, share of a khan_gcl step on {data.name}",
        value=100 * clock["views"] / clock["epoch"],
        unit="%",
        target=judged(effort, "<= 10"),
        threads=count,
        note=words(note, data.note),
    )


def _graph_by_graph(data: Set, effort: Effort) -> Iterator[Line]:
    """Two views of every graph of an epoch, all at once and one by one."""
    name = f"batching and views on {data.name}, faster than graph by graph with PyG's DataLoader"
    try:
        from pergraph import loader
    except ImportError as error:
        yield not_measured(name, f"{error.name} is not installed")
        return
    settings = settings_for("khan_gcl")
    training = Training(data.store(), settings, seed=0, device="cpu")
    graphs = training.graphs
    total, some = len(graphs.store), min(GRAPHS, len(graphs.store))
    batches = loader(graphs.store, graphs.x, some, settings.optimiser.batch_size, settings.views)
    nodes = {}

    def at_once() -> None:
        nodes["ours"] = sum(a.num_nodes + b.num_nodes for a, b in training.views(stream(0, "views"))) / total

    def one_by_one() -> None:
        nodes["theirs"] = sum(a.num_nodes + b.num_nodes for a, b in batches) / some

    times = side_by_side({"at once": at_once, "one by one": one_by_one}, effort)
    ours, theirs = times["at once"].least / total, times["one by one"].least / some
    note = (
        f"{1e6 * ours:.3g} and {1e6 * theirs:.3g} us a graph for both views, of {total} and {some} graphs; "
        f"{nodes['ours'] / 2:.3g} and {nodes['theirs'] / 2:.3g} nodes a view; num_workers 0"
    )
    yield Line(
        name,
        value=theirs / ours,
        unit="x",
        target=judged(effort, ">= 20"),
        threads=1,
        note=words(note, data.note),
        times={part: found.summary() for part, found in times.items()},
    )
