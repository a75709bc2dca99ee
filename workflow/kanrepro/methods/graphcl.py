"""GraphCL: contrast of two views by MLP encoders.

Paper: You et al., Graph Contrastive Learning with Augmentations (2020), sections 3.2 and 3.3. Public code:
Shen-Lab/GraphCL@b4d7501; its habits are the reading `own`. In the ablation it is Khan-GCL without KANs and without
hard negatives.
"""

from kanrepro.methods.khan_gcl import KhanGCL, perturbed_by


class GraphCL(KhanGCL):
    """Encode and contrast."""

    label = "GraphCL"
    place = 1
    network = "mlp"
    printed = {"table1": "GraphCL", "table2": "GraphCL", "table3": "GraphCL", "table7": "GraphCL"}
    changes = perturbed_by()
    readings = {
        "tu": {
            **KhanGCL.readings["tu"],
            "own": {
                "encoder": {"normalise_input": False},
                "features": {"unlabelled": "constant", "self_loops": True},
                "views": {"first_view": "original", "subgraph_hops": 1, "add_edges": False, "directed_edges": True},
                "contrast": {"loss": "one_way", "head": [96, 96]},
                "optimiser": {"epochs": 20, "learning_rate": 0.01, "shuffle": "once"},
            },
        },
        # the code in chem/: its rate, loss, star-shaped subgraphs and the epoch that it evaluates
        "molecule": {
            "own": {
                "encoder": {"normalise_input": False},
                "views": {"subgraph_hops": 1},
                "contrast": {"loss": "one_way"},
                "optimiser": {"epochs": 80, "learning_rate": 1e-3},
            }
        },
    }
