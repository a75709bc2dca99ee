"""Khan-GCL's own code as a reading: its step, its habits and their switches, on tiny inputs."""

import itertools
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from worlds import rings_and_stars

from kanrepro.core import resume
from kanrepro.core.parts import merged
from kanrepro.methods import released
from kanrepro.methods.folder import find
from kanrepro.methods.khan_gcl import KhanGCL
from kanrepro.methods.readings import changes_of, readings_of, settings_of
from kanrepro.models.refit import adaptive
from kanrepro.pretraining.settings import PretrainSettings, of_run
from kanrepro.pretraining.training import Training

SMALL: dict[str, Any] = {"encoder": {"hidden": 4, "layers": 2}, "optimiser": {"batch_size": 4, "epochs": 3}}


def run(method: str = "khan_gcl", reading: str = "released_seeded", seed: int = 0, **changes: Any) -> Training:
    base = PretrainSettings().model_dump(mode="json")
    made = merged(settings_of(base, changes_of("tu", reading, method), method), merged(SMALL, changes))
    return Training(rings_and_stars(12), of_run(PretrainSettings, made, find(method), "test"), seed, "cpu")


def weights(training: Training) -> list[Tensor]:
    return [tensor.clone() for tensor in training.model.state_dict().values()]


def same(one: Training, other: Training) -> bool:
    return all(itertools.starmap(torch.equal, zip(weights(one), weights(other), strict=True)))


def test_a_step_is_what_the_fact_sheet_says() -> None:
    """Target moved, both encoders on both views in training mode, predictor, three terms, Adam, target moved again."""
    given = {"negatives": {"sigma_rho": 0.0, "epsilon_rho": 0.0}}  # P = 0: the term is then plain repulsion
    ours, again = run(contrast=given), run(contrast=given)
    seen = next(iter(ours.views(torch.Generator().manual_seed(0))))
    model = again.model.train()
    ours.model.train()
    with torch.no_grad():  # a target that stands elsewhere
        for training in (ours, again):
            for parameter in training.model.target.parameters():
                parameter.mul_(1.5)
    found = ours.method.step(ours, seen, torch.Generator().manual_seed(0))

    pairs = list(zip(model.target.parameters(), model.encoder.parameters(), strict=True))
    with torch.no_grad():
        for old, new in pairs:
            old.copy_(0.8 * old + 0.2 * new)
        t = [model.target(view) for view in seen]
    a = [model.encoder(view) for view in seen]
    p = [model.predictor(each) for each in a]

    def cos(u: Tensor, v: Tensor) -> Tensor:
        return (u / u.norm(dim=1, keepdim=True)) @ (v / v.norm(dim=1, keepdim=True)).T

    def contrast(u: Tensor, v: Tensor) -> Tensor:
        inside, across = cos(u, u).exp(), cos(u, v).exp()
        return -(across.diag() / (inside.sum(1) + across.sum(1) - inside.diag())).log().mean()

    agree = (0.6 * (contrast(p[0], p[1]) + contrast(p[1], p[0])) / 2
             - 0.4 * (cos(p[0], t[1]).diag().mean() + cos(p[1], t[0]).diag().mean()) / 2)  # fmt: skip
    repel = (cos(a[0], t[0]).diag().mean() + cos(a[1], t[1]).diag().mean()) / 2
    torch.testing.assert_close(found["loss_cl"], agree)
    torch.testing.assert_close(found["loss_hn"], repel)
    torch.testing.assert_close(found["loss"], agree + repel)
    optimiser = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=0.01)
    (agree + repel).backward()
    optimiser.step()
    with torch.no_grad():
        for old, new in pairs:
            old.copy_(0.8 * old + 0.2 * new)
    for name, value in ours.model.state_dict().items():
        if name != "steps" and "running" not in name and "tracked" not in name:
            # Adam divides by the size of gradients: where they are rounding, so is their sign
            torch.testing.assert_close(value, model.state_dict()[name], atol=2e-3, rtol=1e-3, msg=name)


def test_views_are_the_graph_with_loops_but_on_its_last_node_and_one_without() -> None:
    training = run()
    whole, view = next(iter(training.views(torch.Generator().manual_seed(0))))
    loops = [int((batch.edge_index[0] == batch.edge_index[1]).sum()) for batch in (whole, view)]
    assert loops == [whole.num_nodes - whole.num_graphs, 0]
    assert view.num_nodes == whole.num_nodes  # of less than eleven nodes none is dropped


@pytest.mark.parametrize(("reading", "dead"), [("released", True), ("released_seeded", False)])
def test_the_dead_seed(reading: str, dead: bool) -> None:
    one, other = run(reading=reading, seed=0), run(reading=reading, seed=1)
    for training in (one, other):
        training.run_epoch()
    assert same(one, other) is dead
    alive = [run("graphcl", reading, seed) for seed in (0, 1)]  # without KAN layers nothing sets it
    assert not same(*alive)


def test_mlp_encoders_start_different_and_kan_encoders_alike() -> None:
    for method, alike in (("graphcl", False), ("khan_gcl", True)):
        model = run(method).model
        pairs = zip(model.encoder.parameters(), model.target.parameters(), strict=True)
        assert all(torch.equal(a, b) for a, b in pairs) is alike


def test_the_if_elif_takes_one_score_and_both_can_be_had() -> None:
    assert released.kinds(run().model) == ("rho",)
    assert released.kinds(run("wo_d_dims").model) == ("delta",)
    assert released.kinds(run("rand_perturb").model) == ("random",)
    both = run(released={"scores": "all"})
    assert released.kinds(both.model) == ("rho", "delta")
    both.run_epoch()
    assert both.model.delta.shape == (8,) and bool((both.model.delta > 0).all())
    full, one = run(), run("wo_i_dims")
    full.run_epoch()
    one.run_epoch()
    assert same(full, one)


def test_random_scores_are_drawn_anew_each_time() -> None:
    model, generator = run("rand_perturb").model, torch.Generator().manual_seed(0)
    first, second = (released.scores(model, generator)["random"] for _ in range(2))
    assert not torch.equal(first, second)


def test_grids_are_refitted_at_later_steps_of_an_epoch_alone() -> None:
    """Three batches an epoch: refits at steps 2, 4, ... are one an epoch, or three in six steps counted through."""
    never, anew, through = (
        run(released={"refit_every": every, "count": count})
        for every, count in ((10, "epoch"), (2, "epoch"), (2, "run"))
    )
    counts = []
    for training in (never, anew, through):
        rows = [training.run_epoch() for _ in range(2)]
        counts.append([float(training.model.refits[0]), all(layer.moved for layer in adaptive(training.model.encoder))])
        assert (rows[0]["refit_kept"] is None) is (training is never)
    assert counts == [[0, False], [1, True], [1, True]]
    assert anew.history[1] != through.history[1]
    kept, change = (anew.history[0][name] for name in ("refit_kept", "refit_change"))
    assert kept is not None and 0 <= kept <= 1
    assert change is not None and change > 0


@pytest.mark.parametrize("reading", ["released_seeded", "repaired"])
def test_what_is_looked_at_once_an_epoch_changes_nothing(reading: str, monkeypatch: pytest.MonkeyPatch) -> None:
    looked = run(reading=reading)
    rows = [looked.run_epoch() for _ in range(2)]
    assert all(math.isfinite(rows[1][name] or math.nan) for name in ("hn_strength", "hn_step", "hn_cosine"))
    for kind in (KhanGCL, released.Released):
        monkeypatch.setattr(kind, "examine", lambda *_: {})
    blind = run(reading=reading)
    for _ in range(2):
        blind.run_epoch()
    assert same(looked, blind)


def test_kept_epochs_and_grids_go_on_to_the_same_bits(tmp_path: Path) -> None:
    given: dict[str, Any] = {"optimiser": {"epochs": 5, "keep_every": 2}, "released": {"refit_every": 2}}
    straight, broken, again = (run(**given) for _ in range(3))
    while not straight.finished:
        straight.run_epoch()
    for _ in range(3):
        broken.run_epoch()
    resume.save(broken, tmp_path / "state.safetensors", {})
    again.restore(*resume.checkpoint.load(tmp_path / "state.safetensors"))
    while not again.finished:
        again.run_epoch()
    assert same(straight, again)
    assert {name.split(".")[1] for name in straight.kept} == {"2", "4"}
    assert straight.kept.keys() == again.kept.keys()
    assert all(torch.equal(straight.kept[name], again.kept[name]) for name in straight.kept)


def test_the_reading_is_khan_gcls_and_its_variants() -> None:
    readings = ["released", "repaired"]
    for method in ("khan_gcl", "wo_hard_neg", "graphcl", "untrained_mlp", "calibrated_kan"):
        assert "released" in readings_of(method, readings, labelled=False)
    assert readings_of("infograph", readings, labelled=False) == ["repaired"]
