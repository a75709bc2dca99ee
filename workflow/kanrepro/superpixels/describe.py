"""Stage: what Table 4 says about a set of superpixel graphs, counted in the stores of both its parts.

Reads GraphStores; writes JSON in the form of `kanrepro.tu.describe`: counts, means per graph, and under `candidates`
what the printed column "Avg. degree" might mean, with `parts`: graphs and nodes a graph of each part.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from kanrepro.core.errors import UserError, cli
from kanrepro.core.files import sha256, write_json
from kanrepro.core.parser import stage_parser
from kanrepro.store.store import GraphStore


def describe(stores: Sequence[GraphStore]) -> dict[str, Any]:
    """Counts and means of a set over all its parts.

    Raises:
        UserError: the parts are of different sets.
    """
    names = sorted({str(store.meta.get("name")) for store in stores})
    if len(names) > 1:
        raise UserError(f"the stores are of different sets ({', '.join(names)}). Name the parts of one.")
    graphs = sum(map(len, stores))
    nodes = sum(store.x.shape[0] for store in stores)
    edges = sum(store.edge_index.shape[1] for store in stores)
    labels: Counter[int] = sum((Counter(store.y[:, 0].tolist()) for store in stores), Counter())
    ratios = [float((store.edge_ptr.diff() / store.node_ptr.diff()).sum()) for store in stores]
    sizes = [store.node_ptr.diff() for store in stores]
    return {
        "dataset": names[0],
        "printed": stores[0].meta.get("printed"),
        "demo": bool(stores[0].meta.get("demo")),
        "graphs": graphs,
        "nodes": nodes,
        "directed_edges": edges,
        "classes": {str(label): count for label, count in sorted(labels.items())},
        "node_labels": 0,
        "mean_nodes": nodes / graphs,
        "least_nodes": min(int(size.min()) for size in sizes),
        "most_nodes": max(int(size.max()) for size in sizes),
        "candidates": {
            "directed_edges_per_graph": edges / graphs,
            "directed_edges_per_node": edges / nodes,
            "mean_of_graphs_directed_edges_per_node": sum(ratios) / graphs,
        },
        "parts": {
            store.meta["part"]: {"graphs": len(store), "mean_nodes": store.x.shape[0] / len(store)} for store in stores
        },
        "segments": stores[0].meta.get("segments"),
        "scikit_image": stores[0].meta.get("scikit_image"),
    }


def main(argv: Sequence[str] | None = None) -> None:
    """Command line: python -m kanrepro.superpixels.describe."""
    parser = stage_parser(__doc__)
    parser.file("--stores", "the prepared parts of one set", nargs="+")
    parser.file("--output", "JSON to write: records/data-superpixels/mnist.json")
    options = parser.parse_args(argv)
    content = describe([GraphStore.load(path) for path in options.stores])
    files = {str(path): sha256(path) for path in options.stores}
    write_json(options.output, {**content, "stores": files})


if __name__ == "__main__":
    cli(main)
