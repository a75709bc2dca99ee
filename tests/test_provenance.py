"""The code digest, and the direction of imports that it relies on."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from kanrepro import provenance

PACKAGE = Path(provenance.__file__).parent
MODULES = sorted(
    "kanrepro" + "".join(f".{part}" for part in path.relative_to(PACKAGE).with_suffix("").parts if part != "__init__")
    for path in PACKAGE.rglob("*.py")
)
# who may import whom: a module imports only from rooms that stand before its own
ORDER = [
    {"errors", "files", "provenance", "methods", "machine", "catalog", "image_models", "streams", "lock"}
    | {"yaml_file", "catalog_file", "workers", "history"},
    {"parts", "options", "image_catalog", "molecule_catalog", "superpixel_catalog"},
    {"graph_settings", "image_settings"},
    {"family_settings", "transfer_settings"},
    {"molecule_settings", "superpixel_settings", "analysis_settings", "sensitivity_settings"},
    {"settings", "smo", "rbf", "svm", "schedules", "corruptions", "metrics", "auc"},
    {"reference"},
    {"record", "checkpoint"},
    {"resume"},
    {"image_record", "transfer_record"},
    {"data"},
    {"kan"},
    {"models"},
    {"contrast"},
    {"distributed", "graph_set"},
    {"objectives"},
    {"training"},
    {"pretrain"},
    {"embed"},
    {"probe"},
    {"analysis"},
    {"digit_training"},
    {"superpixel_finetune"},
    {"retrieve"},
    {"image_outputs"},
    {"image_training"},
    {"classify"},
    {"assess", "memory"},
    {"trace"},
    {"transfer_data"},
    {"fingerprint", "finetuning", "measure"},
    {"finetune"},
]
# who stands after all stages, and reads records and settings without running anything
READERS = {
    "report",
    "explain",
    "explain_images",
    "explain_digits",
    "explain_transfer",
    "explain_parts",
    "explain_graphs",
    "explain_sensitivity",
    "plan",
    "bundle",
    "offline",
}
MAY_BE_READ = {
    "errors",
    "files",
    "history",
    "parts",
    "record",
    "image_record",
    "catalog",
    "image_catalog",
    "superpixel_catalog",
    "catalog_file",
    "methods",
}
MAY_BE_READ |= {"image_models", "provenance", "settings", "yaml_file", "transfer_record", "molecule_catalog"}
MAY_BE_READ |= {"graph_settings", "sensitivity_settings", "transfer_settings"}
LEVEL = {name: level for level, names in enumerate(ORDER) for name in names}


def imports(module: str) -> set[str]:
    """The rooms of kanrepro that a module imports, anywhere in its source."""
    source = provenance.source_of(module)
    assert source is not None
    found = set()
    for node in ast.walk(ast.parse(source.read_text())):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = (
                [f"{node.module}.{alias.name}" for alias in node.names] if node.module == "kanrepro" else [node.module]
            )
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        found |= {name.split(".")[1] for name in names if name.startswith("kanrepro.")}
        assert not any(name.split(".")[0] == "snakemake" for name in names), f"{module} imports snakemake"
    return found


@pytest.mark.parametrize("module", [m for m in MODULES if m.count(".")])
def test_imports_point_one_way(module: str) -> None:
    room = module.split(".")[1]
    others = imports(module) - {room}
    if room in READERS:
        assert not others - MAY_BE_READ - READERS, f"{module} reads records alone"
    else:
        assert room in LEVEL, f"{module}: say in this test which room it is"
        late = {other for other in others if LEVEL.get(other, 99) > LEVEL[room]}
        assert not late, f"{module} imports {late}, which stand after it"


@pytest.mark.parametrize(
    "module", ["kanrepro.settings", "kanrepro.catalog", "kanrepro.record", "kanrepro.report.table"]
)
def test_light_modules_do_not_load_torch(module: str) -> None:
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_digest_sees_code_but_no_comments_docstrings_or_layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def digest(text: str, other: str = "A = 1") -> str:
        package = tmp_path / "kanrepro"
        package.mkdir(exist_ok=True)
        (package / "__init__.py").write_text("")
        (package / "a.py").write_text(text)
        (package / "b.py").write_text(other)
        monkeypatch.setattr(provenance, "__file__", str(package / "provenance.py"))
        for cached in (provenance.code_digest, provenance.source_of, provenance._tree):
            cached.cache_clear()
        return provenance.code_digest("kanrepro.a")

    first = digest('"""Doc."""\nfrom kanrepro import b\ndef f(x):\n    """Doc."""\n    return x + b.A\n')
    assert first == digest("from kanrepro import b  # comment\n\n\ndef f(x):\n    return (x +\n            b.A)\n")
    assert first != digest("from kanrepro import b\ndef f(x):\n    return x - b.A\n")
    assert first != digest("from kanrepro import b\ndef f(x):\n    return x + b.A\n", other="A = 2")
    for cached in (provenance.code_digest, provenance.source_of, provenance._tree):
        cached.cache_clear()


def test_closure_of_a_stage_holds_what_it_runs_and_no_more() -> None:
    closure = provenance.import_closure("kanrepro.pretrain")
    assert {"kanrepro.kan.layer", "kanrepro.contrast.views", "kanrepro.graph_settings"} <= set(closure)
    assert not any(name.startswith("kanrepro.report") for name in closure)
    # neither the report nor the other family: a change there reruns no training here
    assert not {"kanrepro.models.equilibrium", "kanrepro.image_settings", "kanrepro.kan.slopes"} & set(closure)
    images = set(provenance.import_closure("kanrepro.classify"))
    assert {"kanrepro.models.deq", "kanrepro.kan.slopes", "kanrepro.data.augment"} <= images
    assert not {"kanrepro.contrast.views", "kanrepro.models.gin", "kanrepro.graph_settings"} & images
