"""The committed page of faults tells of every fault that the tests try."""

import ast
from pathlib import Path

import faults_page

TESTS = Path(__file__).resolve().parents[1]


def test_the_page_lists_every_fault() -> None:
    page = (TESTS.parent / "docs" / "faults.md").read_text()
    assert page.startswith(faults_page.HEAD) and "FAILED" not in page
    marked = [
        [ast.literal_eval(argument) for argument in node.args]
        for path in TESTS.rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.fault"
    ]
    assert len(marked) > 20
    for area, fault, done in marked:
        assert area in faults_page.AREAS
        row = f"| {' '.join(fault.split())} | {' '.join(done.split())} |"
        assert row in page, f"make it again: pytest tests -m fault --faults docs/faults.md ({row})"
