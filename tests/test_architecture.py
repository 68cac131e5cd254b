"""Imports point one way, the loop names no remedy, and nothing heavy loads for ``vae --help``."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from vaecli.remedies import REMEDIES

PACKAGE = Path(__file__).parent.parent / "vaecli"
LAYERS = [
    "corpus",
    "optim",
    "model",
    "objective",
    "remedies",
    "metrics",
    "training",
    "runs",
    "report",
    "engines",
    "cli",
]
FREE = {"checked", "errors", "config", "files", "presets", "settings", "settings_file", "settings_layers"}
FILES = sorted(PACKAGE.rglob("*.py"))


def layer(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("vaecli."):
            yield node.module.split(".")[1]
        elif isinstance(node, ast.Import):
            yield from (a.name.split(".")[1] for a in node.names if a.name.startswith("vaecli."))


@pytest.mark.parametrize("path", [f for f in FILES if layer(f) in LAYERS], ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_to_lower_layers(path):
    mine = LAYERS.index(layer(path))
    for target in imported(path):
        if target not in FREE:
            assert LAYERS.index(target) <= mine, f"{path} imports {target}"


def test_report_and_engines_do_not_know_each_other():
    for path in FILES:
        if layer(path) in ("report", "engines"):
            assert not {"report", "engines"} - {layer(path)} & set(imported(path))


@pytest.mark.parametrize("path", [*(PACKAGE / "training").glob("*.py"), PACKAGE / "objective.py"], ids=lambda p: p.name)
def test_the_loop_names_no_remedy(path):
    text = [n.value for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Constant)]
    assert not set(REMEDIES) & {t for t in text if isinstance(t, str)}


def test_help_loads_nothing_heavy():
    code = (
        "import sys; from typer.testing import CliRunner; from vaecli.cli.app import app;"
        "r = CliRunner().invoke(app, ['--help']); assert r.exit_code == 0, r.output;"
        "print([m for m in ('torch', 'pandas', 'pydantic', 'scipy', 'numpy', 'torchtext') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
