"""Settings: validated once, at the door, with the key, the value and the nearest valid one."""

import json
from pathlib import Path

import pytest
import yaml

from kanrepro import reference
from kanrepro.core.errors import UserError
from kanrepro.core.parts import merged
from kanrepro.methods.folder import find, of
from kanrepro.methods.readings import readings_of, usual
from kanrepro.molecules.settings import MoleculeSettings
from kanrepro.pretraining.settings import PretrainSettings
from kanrepro.settings import Settings, resolve
from kanrepro.tu.settings import TuSettings

ROOT = Path(__file__).resolve().parents[1]
PRESETS = ROOT / "workflow" / "presets"


@pytest.mark.parametrize("name", ["demo", "small", "paper"])
def test_every_preset_resolves_and_names_itself(name: str) -> None:
    settings = resolve({"preset": name}, PRESETS)
    assert settings.preset == name and settings.tu.datasets


def test_config_yaml_resolves_to_the_demo() -> None:
    assert resolve(yaml.safe_load((ROOT / "config.yaml").read_text()), PRESETS).preset == "demo"


@pytest.mark.parametrize("file", sorted(PRESETS.glob("*.yaml")), ids=lambda file: file.stem)
def test_all_trainings_of_every_preset_have_settings(file: Path) -> None:
    settings = resolve({"preset": file.stem}, PRESETS)
    settings.tu.check()
    assert settings.preset == file.stem


def test_a_reading_like_another_changes_only_what_it_says() -> None:
    readings = {
        "wide": {"like": "repaired", "encoder": {"hidden": 64}},
        "wider": {"like": "wide", "encoder": {"kan": {"range": [-4.0, 4.0]}}},
    }
    tu = resolve({"preset": "small", "tu": {"readings": readings}}, PRESETS).tu
    base, wider = (tu.pretrain_settings("khan_gcl", name).model_dump() for name in ("repaired", "wider"))
    base["encoder"]["hidden"], base["encoder"]["kan"]["range"] = 64, (-4.0, 4.0)
    assert wider == base


def test_keys_of_the_configuration_come_over_the_preset() -> None:
    config = {"preset": "small", "tu": {"seeds": [7], "pretrain": {"optimiser": {"epochs": 3}}}}
    settings = resolve(config, PRESETS)
    assert settings.tu.seeds == (7,) and settings.tu.pretrain.optimiser.epochs == 3
    assert settings.tu.datasets == resolve({"preset": "small"}, PRESETS).tu.datasets


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"preset": "smal"}, "unknown preset 'smal'. Did you mean 'small'?"),
        ({"devise": "cpu"}, "unknown key in config 'devise'. Did you mean 'device'?"),
        ({"tu": {"dataset": ["MUTAG"]}}, "'tu.dataset'. Did you mean 'tu.datasets'?"),
        ({"tu": {"pretrain": {"encoder": {"kan": {"girds": 5}}}}}, "Did you mean 'tu.pretrain.encoder.kan.grid'?"),
        ({"tu": {"seeds": ["one"]}}, "tu.seeds.0 = 'one'"),
        ({"tu": {"seeds": []}}, "tu.seeds = []"),
        ({"tu": {"seeds": [1, 1]}}, "1 stands there twice"),
        ({"tu": {"methods": ["khangcl"]}}, "Did you mean 'khan_gcl'?"),
        ({"tu": {"pretrain": {"optimiser": {"learning_rate": -1}}}}, "tu.pretrain.optimiser.learning_rate = -1"),
        ({"tu": {"pretrain": {"encoder": {"kan": {"range": [1, -1]}}}}}, "the lower end must be below the upper end"),
        (
            {"tu": {"readings": {"literal": {"encoder": {"kan": {"rnge": [0, 1]}}}}}},
            "Did you mean 'encoder.kan.range'?",
        ),
        (
            {"tu": {"readings": {"mine": {"like": "repared"}}}},
            "tu.readings.mine.like 'repared'. Did you mean 'repaired'?",
        ),
        ({"tu": {"readings": {"a": {"like": "b"}, "b": {"like": "a"}}}}, "unknown reading in tu.readings.b.like 'a'"),
        ({"threads": 0}, "threads = 0"),
        ({"report": {"margin": float("nan")}}, "report.margin"),
    ],
)
def test_mistakes_are_refused_with_key_value_and_nearest(config: dict, message: str) -> None:
    with pytest.raises(UserError) as error:
        resolve(config, PRESETS)
    assert message in str(error.value)


def test_the_committed_schema_is_that_of_the_models() -> None:
    committed = json.loads((ROOT / "workflow" / "config.schema.json").read_text())
    assert committed == Settings.model_json_schema(), "make it again: python -m kanrepro.settings --schema"


def test_the_printed_protocol_is_the_default() -> None:
    s = PretrainSettings()
    assert (s.optimiser.epochs, s.optimiser.learning_rate, s.optimiser.batch_size) == (60, 1e-4, 128)
    assert (s.encoder.hidden, s.encoder.layers, s.encoder.readout, s.encoder.join) == (32, 3, "sum", "concat")
    assert (s.contrast.temperature, s.contrast.head) == (0.2, (32, 32))
    n = s.contrast.negatives
    assert {n.epsilon_delta, n.epsilon_rho} == {0.075} and {n.sigma_delta, n.sigma_rho} == {0.05}


def test_the_printed_protocol_is_the_default_for_molecules_too() -> None:
    molecules = MoleculeSettings()
    s = molecules.pretrain
    assert (s.optimiser.epochs, s.optimiser.learning_rate, s.optimiser.batch_size) == (100, 1e-4, 256)
    assert (s.encoder.hidden, s.encoder.layers, s.encoder.readout, s.encoder.join) == (300, 5, "mean", "last")
    assert (s.contrast.temperature, s.contrast.head) == (0.1, (300, 300))
    assert s.views.kinds == ("drop_nodes", "subgraph") and s.views.drop_ratio == s.views.subgraph_ratio == 0.2
    assert len(molecules.seeds) == 10 and molecules.split == "scaffold"


def test_what_is_pre_trained_on_molecules() -> None:
    molecules = MoleculeSettings(pretrain_seed=3)
    assert molecules.readings_of("khan_gcl") == ["literal", "literal_silu", "repaired"]
    assert molecules.readings_of("graphcl") == ["literal", "own"]  # without a KAN both readings are the same
    assert molecules.readings_of("attr_masking") == molecules.readings_of("untrained_mlp") == ["literal"]
    assert (molecules.seed_of("khan_gcl", 7), molecules.seed_of("untrained_kan", 7)) == (3, 7)
    own = molecules.pretrain_settings("graphcl", "own")
    assert (own.contrast.loss, own.optimiser.epochs, own.views.subgraph_hops) == ("one_way", 80, 1)
    masking = molecules.pretrain_settings("attr_masking", "literal")
    assert (masking.objective, masking.encoder.network, masking.optimiser.learning_rate) == (
        "attr_masking",
        "mlp",
        1e-3,
    )
    assert molecules.pretrain_settings("untrained_kan", "repaired").optimiser.epochs == 0


@pytest.mark.parametrize(
    ("molecules", "message"),
    [
        ({"datasets": ["bace"]}, "no pretrain_set to pre-train on"),
        ({"methods": ["attr_maskin"]}, "Did you mean 'attr_masking'?"),
        ({"controls": ["shuffled_labels"]}, "unknown control 'shuffled_labels'"),
        ({"pretrain": {"encoder": {"family": "tu"}}}, "molecules have the encoder family 'molecule'"),
        ({"pretrain": {"views": {"drop_rate": 0.2}}}, "Did you mean 'molecules.pretrain.views.drop_ratio'?"),
    ],
)
def test_mistakes_about_molecules_are_refused(molecules: dict, message: str) -> None:
    with pytest.raises(UserError) as error:
        resolve({"preset": "paper", "molecules": {"pretrain_set": None, "datasets": [], **molecules}}, PRESETS)
    assert message in str(error.value)


def test_readings_and_methods_change_only_what_they_say() -> None:
    tu = TuSettings()
    literal, repaired = (tu.pretrain_settings("khan_gcl", r) for r in ("literal", "repaired"))
    assert literal.encoder.kan.range == (-1, 1) and repaired.encoder.kan.range == (-3, 3)
    assert not literal.encoder.normalise_input and repaired.encoder.normalise_input
    assert literal.contrast.negatives.perturbations == ("delta", "rho")
    assert tu.pretrain_settings("wo_d_dims", "literal").contrast.negatives.perturbations == ("delta",)
    assert tu.pretrain_settings("wo_i_dims", "literal").contrast.negatives.perturbations == ("rho",)
    own = tu.pretrain_settings("graphcl", "own")
    assert own.contrast.loss == "one_way" and own.optimiser.epochs == 20 and own.views.first_view == "original"
    for method in of("variant", "control"):
        made = tu.pretrain_settings(method, "repaired")
        assert (made.encoder.network == "mlp") == (find(method).network == "mlp")
        assert not ((find(method).network == "mlp") and made.encoder.normalise_input)


def test_mlps_on_labelled_sets_are_the_same_in_both_readings() -> None:
    tu = TuSettings()
    literal, repaired = (tu.pretrain_settings("graphcl", r).model_dump() for r in ("literal", "repaired"))
    for made in (literal, repaired):  # none of these reaches an MLP on a set with labels
        del made["encoder"]["kan"], made["features"], made["contrast"]["negatives"]["scale"]
    assert literal == repaired
    silu = tu.pretrain_settings("graphcl", "literal_silu").model_dump()
    del silu["encoder"]["kan"], silu["features"], silu["contrast"]["negatives"]["scale"]
    assert silu == literal
    kan = [tu.pretrain_settings("khan_gcl", r).encoder.kan for r in ("literal", "literal_silu")]
    assert [k.base for k in kan] == [False, True] and kan[0].model_copy(update={"base": True}) == kan[1]
    readings = usual("tu")
    assert readings_of("graphcl", readings, labelled=True) == ["literal", "own"]
    assert readings_of("graphcl", readings, labelled=False) == ["literal", "repaired", "own"]
    assert readings_of("graphcl", ["repaired"], labelled=True) == ["repaired"]
    assert readings_of("khan_gcl", readings, labelled=True) == ["literal", "literal_silu", "repaired"]
    assert readings_of("graphcl", ["literal_silu", "repaired"], labelled=True) == ["literal_silu"]


def test_a_user_can_change_a_reading_or_add_one() -> None:
    tu = TuSettings.model_validate({"readings": {"wide": {"encoder": {"kan": {"range": [-9, 9]}}}}})
    assert tu.pretrain_settings("khan_gcl", "wide").encoder.kan.range == (-9, 9)


def test_a_reading_can_be_dropped() -> None:
    settings = resolve({"preset": "small", "tu": {"readings": {"own": None, "released_seeded": None}}}, PRESETS)
    assert list(settings.tu.readings) == ["literal", "literal_silu", "repaired", "released"]
    assert list(resolve({"preset": "demo"}, PRESETS).tu.readings) == ["repaired"]


def test_merging_leaves_its_arguments_alone() -> None:
    base, changes = {"a": {"b": 1, "c": 2}}, {"a": {"b": 3}}
    assert merged(base, changes) == {"a": {"b": 3, "c": 2}}
    assert base == {"a": {"b": 1, "c": 2}} and changes == {"a": {"b": 3}}


def test_the_committed_reference_is_that_of_the_models() -> None:
    made = reference.HEAD + "\n".join(reference.rows(Settings)) + "\n"
    assert (ROOT / "docs" / "configuration.md").read_text() == made, "make it again: python -m kanrepro.reference"


@pytest.mark.parametrize("device", ["gpu", "gpuu", "cuda:", "cuda:x", "CPU"])
def test_a_device_that_cannot_be_is_refused_at_the_door(device: str) -> None:
    with pytest.raises(UserError, match=f"config: device = '{device}': it is none of auto, cpu, cuda and cuda:N"):
        resolve({"device": device}, PRESETS)


def test_a_mirror_that_does_not_exist_is_refused_at_the_door(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = tmp_path / "nowhere"
    with pytest.raises(UserError, match="nowhere does not exist. Correct data.mirror or KANREPRO_MIRROR"):
        resolve({"data": {"mirror": str(missing)}}, PRESETS)
    monkeypatch.setenv("KANREPRO_MIRROR", str(missing))
    with pytest.raises(UserError, match="nowhere does not exist"):
        resolve({}, PRESETS)
    missing.mkdir()
    assert resolve({}, PRESETS).data.mirror is None


@pytest.mark.parametrize(
    ("device", "here", "asked"),
    [("auto", 0, 0), ("auto", 2, 1), ("auto", None, 1), ("cpu", 2, 0), ("cpu", None, 0), ("cuda", 0, 1)],
)
def test_a_gpu_is_asked_for_where_there_may_be_one(device: str, here: int | None, asked: int) -> None:
    assert resolve({"device": device}, PRESETS).gpus(here) == asked
