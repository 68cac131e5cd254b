"""No process of ours takes a module from the folder that it runs in."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import vaecli
from tests.runs.grids import prepared, run_json
from tests.support import TINY
from vaecli.engines import interpreter
from vaecli.engines.engine import Policy
from vaecli.engines.interpreter import PACKAGE_ROOT, PYTHON, finds_package, safe_environment
from vaecli.engines.local import LocalEngine

SMALL = {f"corpus.{split}_size": 40 for split in ("train", "valid", "test")}


@pytest.fixture
def traps(tmp_path, monkeypatch):
    """A working folder whose modules say so when somebody imports them."""
    folder = tmp_path / "work"
    folder.mkdir()
    for name in ("random", "json", "torch", "vaecli", "sitecustomize"):
        (folder / f"{name}.py").write_text(f"open({str(tmp_path / 'sprung')!r}, 'a').write('{name} ')\n")
    monkeypatch.chdir(folder)
    finds_package.cache_clear()
    yield tmp_path / "sprung"
    finds_package.cache_clear()


def test_a_trial_runs_in_a_folder_of_traps(traps, tmp_path):
    values = {**TINY, **SMALL, "training.epochs": 1}
    trials = prepared(tmp_path / "runs", values=values)
    outcome = LocalEngine(poll_seconds=0.05).run(trials, lambda event: None, Policy())
    assert outcome.statuses == {"vanilla seed 0": "done"}, run_json(trials[0].path)["message"]
    assert not traps.exists()


def test_a_checkout_that_is_not_installed_is_found(traps, monkeypatch):
    """As when Python was started in it: the package is known to this process alone."""
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.setattr(interpreter, "finds_package", lambda path: False)
    made = safe_environment({"PYTHONPATH": "/somewhere"})
    assert made["PYTHONPATH"] == os.pathsep.join(("/somewhere", str(PACKAGE_ROOT)))
    command = [*PYTHON, "-c", "import json, sys, vaecli; print(json.dumps([vaecli.__file__, sys.path]))"]
    output = subprocess.run(command, env={**os.environ, **made}, capture_output=True, text=True, check=True).stdout
    file, path = json.loads(output)
    assert Path(file).resolve() == Path(vaecli.__file__).resolve()
    assert os.getcwd() not in path
    assert not traps.exists()


def test_the_path_is_left_alone_where_the_package_is_found_anyway():
    assert finds_package(str(PACKAGE_ROOT))
    assert safe_environment({"PYTHONPATH": str(PACKAGE_ROOT)})["PYTHONPATH"] == str(PACKAGE_ROOT)
    assert safe_environment({"PYTHONPATH": str(PACKAGE_ROOT)})["PYTHONSAFEPATH"] == "1"


def test_an_empty_entry_of_the_path_is_not_the_working_folder(traps):
    """As ``export PYTHONPATH=$PYTHONPATH:DIR`` makes it where the variable was unset."""
    made = safe_environment({"PYTHONPATH": os.pathsep.join(("", str(PACKAGE_ROOT), ""))})
    assert made["PYTHONPATH"] == str(PACKAGE_ROOT)
    assert "PYTHONPATH" not in safe_environment({}) or not finds_package("")


def test_another_package_of_the_same_name_is_not_it(tmp_path):
    (tmp_path / "vaecli.py").touch()
    assert not finds_package(str(tmp_path))
    assert PYTHON[0] == sys.executable
