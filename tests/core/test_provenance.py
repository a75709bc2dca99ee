"""The code digest, and the direction of imports that it relies on."""

import subprocess
import sys
from pathlib import Path

import pytest

from kanrepro.core import provenance

PACKAGE = Path(provenance.__file__).parents[1]
MODULES = sorted(
    "kanrepro" + "".join(f".{part}" for part in path.relative_to(PACKAGE).with_suffix("").parts if part != "__init__")
    for path in PACKAGE.rglob("*.py")
)


@pytest.mark.parametrize(
    "module", ["kanrepro.settings", "kanrepro.tu.catalog", "kanrepro.core.record", "kanrepro.tu.report.table"]
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
        monkeypatch.setattr(provenance, "__file__", str(package / "core" / "provenance.py"))
        for cached in (provenance._digest, provenance.source_of, provenance._tree):
            cached.cache_clear()
        return provenance.code_digest("kanrepro.a")

    first = digest('"""Doc."""\nfrom kanrepro import b\ndef f(x):\n    """Doc."""\n    return x + b.A\n')
    assert first == digest("from kanrepro import b  # comment\n\n\ndef f(x):\n    return (x +\n            b.A)\n")
    assert first != digest("from kanrepro import b\ndef f(x):\n    return x - b.A\n")
    assert first != digest("from kanrepro import b\ndef f(x):\n    return x + b.A\n", other="A = 2")
    for cached in (provenance._digest, provenance.source_of, provenance._tree):
        cached.cache_clear()


def test_closure_of_a_stage_holds_what_it_runs_and_no_more() -> None:
    closure = provenance.import_closure("kanrepro.pretraining.pretrain")
    assert {"kanrepro.kan.layer", "kanrepro.contrast.views", "kanrepro.pretraining.settings"} <= set(closure)
    assert not any(name.startswith("kanrepro.report") for name in closure)
    # neither the report nor the other family: a change there reruns no training here
    assert not {"kanrepro.models.equilibrium", "kanrepro.images.settings", "kanrepro.kan.slopes"} & set(closure)
    images = set(provenance.import_closure("kanrepro.images.classify"))
    assert {"kanrepro.models.deq", "kanrepro.kan.slopes", "kanrepro.images.augment"} <= images
    assert not {"kanrepro.contrast.views", "kanrepro.models.gin", "kanrepro.tu.settings"} & images
