"""AD-GCL: its gate, what weights do to messages, its regulariser, and who learns in which half of a step."""

import pytest
import torch
from method_worlds import S3, first_step, training

from kanrepro.contrast.loss import one_way
from kanrepro.methods.adgcl import edge_weights, gate, reversed_edges, share_dropped
from kanrepro.models.graph_encoder import sum_neighbours
from kanrepro.store.store import GraphBatch, pointers


@pytest.mark.parametrize(
    ("logit", "noise", "weight"),
    [
        (0, 0.5, 0.5),
        (0, 0.25, 0.749950),
        (0, 0, 0.999900),
        (0, 1, 0.000100),
        (1, 0.25, 0.890742),
        (-2, 0.9, 0.014827),
        (1, 0, 0.999963),
    ],
)
def test_the_gate(logit: float, noise: float, weight: float) -> None:
    assert float(gate(torch.tensor(float(logit)), torch.tensor(float(noise)))) == pytest.approx(weight, abs=2e-6)


def test_the_gate_in_the_mean_over_its_noise() -> None:
    noise = (torch.arange(200_000, dtype=torch.float64) + 0.5) / 200_000
    found = [float(gate(torch.tensor(a, dtype=torch.float64), noise).mean()) for a in (0.0, 1.0, 2.0)]
    assert found == pytest.approx([0.5, 0.661335, 0.794546], abs=2e-6)


def test_weights_multiply_messages_and_not_a_node_itself() -> None:
    edges = torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]])
    x, weight = torch.ones(3, 1), torch.tensor([0.5, 0.25, 0.75, 1.0])
    assert (x + sum_neighbours(x, edges, weight)).flatten().tolist() == [1.25, 2.5, 1.75]


def test_the_regulariser_is_a_mean_over_graphs() -> None:
    edges = torch.tensor([[0, 1, 2, 3, 3, 4], [1, 0, 3, 2, 4, 3]])
    batch = GraphBatch(torch.ones(6, 1), edges, pointers(torch.tensor([2, 3, 1])), pointers(torch.tensor([2, 4, 0])))
    dropped = float(share_dropped(torch.tensor([0.5, 0.25, 0.9, 0.8, 0.7, 0.6]), batch))
    assert dropped == pytest.approx(0.4375)
    contrast = float(one_way(S3, 0.2) + one_way(S3.T, 0.2)) / 2
    assert contrast - 5 * dropped == pytest.approx(-4.469225, abs=1e-5)


def test_graphs_without_edges_pay_nothing() -> None:
    batch = GraphBatch(
        torch.ones(2, 1), torch.zeros(2, 0, dtype=torch.long), torch.tensor([0, 1, 2]), torch.zeros(3).long()
    )
    assert float(share_dropped(torch.zeros(0), batch)) == 0


def test_weights_of_one_are_the_graph_itself() -> None:
    run = training("adgcl", "tu")
    (batch,) = first_step(run)
    encoder = run.model.encoder.eval()
    torch.testing.assert_close(encoder(batch, torch.ones(batch.num_edges)), encoder(batch))
    alone = GraphBatch(batch.x, batch.edge_index[:, :0], batch.node_ptr, torch.zeros_like(batch.edge_ptr))
    torch.testing.assert_close(encoder(batch, torch.zeros(batch.num_edges)), encoder(alone))


def test_each_half_of_a_step_moves_one_of_the_two() -> None:
    run = training("adgcl", "tu")
    seen, model = first_step(run), run.model
    halves = {"encoder": (model.encoder, model.head), "learner": (model.learner, model.gate)}
    before: list[dict[str, list[torch.Tensor]]] = []

    def kept() -> dict[str, list[torch.Tensor]]:
        return {
            name: [tensor.clone() for part in parts for tensor in part.state_dict().values()]
            for name, parts in halves.items()
        }

    steps = [optimiser.step for optimiser in run.optimisers]
    encoding, learning = run.optimisers
    encoding.step = lambda: (before.append(kept()), steps[0]())  # type: ignore[method-assign]
    learning.step = lambda: (before.append(kept()), steps[1]())  # type: ignore[method-assign]
    start = kept()
    run.method.step(run, seen, torch.Generator().manual_seed(0))
    after_learner, end = before[1], kept()  # before the encoder's step its batch norms have moved, its weights not
    assert all(map(torch.equal, start["encoder"], before[0]["encoder"]))
    assert not all(map(torch.equal, start["learner"], after_learner["learner"]))
    assert all(map(torch.equal, after_learner["learner"], end["learner"]))
    assert not all(map(torch.equal, start["encoder"], end["encoder"]))


def test_a_large_lambda_keeps_all_edges() -> None:
    run = training("adgcl", "tu", adgcl={"regularisation": 100.0})
    start = run.run_epoch()["weight"] or 1
    for _ in range(15):
        row = run.run_epoch()
    assert start < 0.9 < (row["weight"] or 0)


def test_undirected_edges_share_a_weight() -> None:
    run = training("adgcl", "tu", adgcl={"edges": "undirected"})
    (batch,) = first_step(run)
    reverse = reversed_edges(batch)
    assert torch.equal(batch.edge_index[:, reverse], batch.edge_index.flip(0))
    weight = edge_weights(run.model, batch, torch.Generator().manual_seed(0))
    torch.testing.assert_close(weight, weight[reverse])
    other = edge_weights(training("adgcl", "tu").model, batch, torch.Generator().manual_seed(0))
    assert not torch.allclose(other, other[reverse])


def test_its_own_reading_sees_no_labels() -> None:
    run = training("adgcl", "tu", reading="own")
    assert run.graphs.x.shape[1] == 1 and run.run_epoch()["loss"] is not None


def test_the_gate_has_the_published_size() -> None:
    run = training("adgcl", "tu", encoder={"hidden": 32})
    assert sum(p.numel() for p in run.model.gate.parameters()) == 4_225
