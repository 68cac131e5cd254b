"""What is written to begin with works as it stands: its tests pass, it trains, and nothing is overwritten."""

import importlib
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from vaecli.catalogue.scaffold import class_name, main, write_package, write_remedy
from vaecli.core.errors import UnwritableError, UsageError
from vaecli.testing.contract import check_repeats

ROOT = Path(__file__).parents[2]


def run(*command, cwd, path):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, [*path, ROOT])), "OMP_NUM_THREADS": "1"}
    return subprocess.run([sys.executable, *command], cwd=cwd, env=environment, capture_output=True, text=True)


def test_a_package_that_can_not_be_written_is_the_machine_s_affair(tmp_path, monkeypatch):
    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(UnwritableError, match=r"pyproject\.toml: can't write there: No space left on device; free"):
        write_package("slow_start", tmp_path / "vae-slow-start")


SIZES = [f"--set=corpus.{split}_size=40" for split in ("train", "valid", "test")]


def test_a_package_registers_a_remedy_that_passes_its_tests(tmp_path):
    """Installed by hand: a folder with the module and the metadata that pip would write, no registry being asked."""
    folder = tmp_path / "vae-slow-start"
    assert {path.name for path in write_package("slow_start", folder)} == {
        *("pyproject.toml", "README.md", "vae_slow_start.py", "test_vae_slow_start.py")
    }
    info = folder / "vae_slow_start-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: vae-slow-start\nVersion: 0.1.0\n")
    entries = tomllib.loads((folder / "pyproject.toml").read_text())["project"]["entry-points"]["vaecli.remedies"]
    (info / "entry_points.txt").write_text(f"[vaecli.remedies]\nslow_start = {entries['slow_start']}\n")
    few = "by_hand or above_one or registered or ownership or citation"
    tested = run("-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", few, cwd=folder, path=[folder])
    assert tested.returncode == 0, tested.stdout
    assert "5 passed" in tested.stdout


@pytest.mark.slow
def test_a_package_is_installed_tested_trained_and_removed(tmp_path):
    """By pip, without a network: as its author and its users go on, the last of whom has only its figures."""
    folder, site = tmp_path / "vae-slow-start", tmp_path / "site"
    made = run("-m", "vaecli", "methods", "new", "slow_start", cwd=tmp_path, path=[])
    assert made.returncode == 0, made.stderr
    flags = ["--no-build-isolation", "--no-deps", "--no-index", "--disable-pip-version-check"]
    installed = run("-m", "pip", "install", "-q", *flags, "--target", str(site), str(folder), cwd=tmp_path, path=[])
    assert installed.returncode == 0, installed.stderr
    tested = run("-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=folder, path=[site])
    assert tested.returncode == 0, tested.stdout
    source = (folder / "vae_slow_start.py").read_text()
    (folder / "vae_slow_start.py").write_text(source.replace("clamp(max=1)", "clamp(max=2)"))
    broken = run("-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "by_hand or above", cwd=folder, path=[folder])
    assert "1 failed, 1 passed" in broken.stdout, "its law is tested"
    (folder / "vae_slow_start.py").write_text(source)
    ours = ["--set=slow_start.target=2", "--epochs=1", *SIZES]
    trained = run("-m", "vaecli", "train", "--method", "slow_start", *ours, cwd=tmp_path, path=[site])
    assert trained.returncode == 0, trained.stderr
    shown = run("-m", "vaecli", "methods", "slow_start", cwd=tmp_path, path=[site])
    assert "changes: kl_weight" in shown.stdout
    assert "version: 1, of vae-slow-start 0.1.0" in shown.stdout
    listed = run("-m", "vaecli", "methods", cwd=tmp_path, path=[site])
    package = f"slow_start: vae-slow-start 0.1.0 ({site / 'vae_slow_start.py'})"
    assert "".join(package.split()) in "".join(listed.stdout.split())  # a long path is wrapped
    grid = [
        "-m",
        "vaecli",
        "compare",
        "--methods",
        "slow_start,slow_start+bn",
        "--set=slow_start.target=2",
        "--epochs=1",
        *SIZES,
    ]
    assert run(*grid, cwd=tmp_path, path=[site]).returncode == 0

    experiment = tmp_path / "runs" / "synthetic"
    more = run("-m", "vaecli", "compare", "--methods", "vanilla", "--epochs=1", *SIZES, cwd=tmp_path, path=[])
    assert more.returncode == 0, more.stderr
    assert "slow_start" in more.stdout
    for form in ("table", "csv", "json", "markdown"):
        report = run("-m", "vaecli", "report", str(experiment), "--format", form, cwd=tmp_path, path=[])
        assert report.returncode == 0, report.stderr
        assert "slow_start" in report.stdout
    drawn = run("-m", "vaecli", "report", str(experiment), "--picture", "p.png", cwd=tmp_path, path=[])
    assert drawn.returncode == 0, drawn.stderr
    for command in ("generate", "evaluate"):
        more = ["--probe"] if command == "evaluate" else []
        used = run("-m", "vaecli", command, str(experiment / "slow_start" / "seed-0"), *more, cwd=tmp_path, path=[])
        assert used.returncode == 2
        assert "its method 'slow_start' is of package vae-slow-start 0.1.0, which doesn't bring it here" in used.stderr
        assert "pip install vae-slow-start==0.1.0" in used.stderr


def test_a_remedy_of_the_tree_is_a_file_and_a_test(tmp_path):
    paths = write_remedy("slow_start", tmp_path)
    assert [str(path.relative_to(tmp_path)) for path in paths] == [
        "vaecli/remedies/slow_start.py",
        "tests/remedies/test_slow_start.py",
    ]
    for path in paths:
        compile(path.read_text(), str(path), "exec")
    text = paths[0].read_text()
    assert f"Authors ({re.search(r'Paper[(].Authors., ([0-9]+)', text)[1]})" in text.partition("References:")[2]
    with pytest.raises(UsageError, match="is there already"):
        write_remedy("slow_start", tmp_path)


def test_contributing_names_the_files_that_are_written(tmp_path):
    paths = [str(path.relative_to(tmp_path)) for path in write_remedy("slow_start", tmp_path)]
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    told = re.search(r"`make remedy NAME=name` writes (.*?), `make docs` its card", text)[1]
    assert [path.replace("name.py", "slow_start.py") for path in re.findall(r"`([^`]+)`", told)] == paths


def test_ruff_has_nothing_against_a_remedy_of_the_tree(tmp_path):
    pytest.importorskip("ruff")  # a tool of development, which the tests can be run without
    paths = write_remedy("slow_start", tmp_path)
    command = [sys.executable, "-m", "ruff", "check", "--config", str(ROOT / "pyproject.toml"), str(paths[0])]
    assert subprocess.run(command, capture_output=True, text=True).returncode == 0


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("bn", "is a method already"),
        ("vae", "is a method already"),
        ("training", "means something else"),
        ("new", "means something else"),
        ("Bn", "lower-case"),
        ("", "lower-case"),
        ("a/b", "lower"),
    ],
)
def test_names_that_cannot_be(tmp_path, monkeypatch, name, why):
    with pytest.raises(UsageError, match=why):
        write_package(name, tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match=why):
        main(name)
    assert list(tmp_path.iterdir()) == []


def test_class_names():
    assert class_name("free_bits") == "FreeBits"
    assert class_name("state") == "State"


@pytest.mark.parametrize("name", ["running_mean", "none", "true", "class_var", "tensor"])
def test_a_word_that_means_something_else_in_what_is_written_names_no_class(tmp_path, monkeypatch, name):
    """Such as what the file imports and uses: its class took the place of the other."""
    write_package(name, tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, f"vae_{name}", raising=False)
    module = importlib.import_module(f"vae_{name}")
    kind = getattr(module, class_name(name))
    assert kind.__name__.endswith("Remedy")
    check_repeats(kind)
    assert f"import {kind.__name__}, {kind.__name__}State" in (tmp_path / f"test_vae_{name}.py").read_text()
