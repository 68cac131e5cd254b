"""What is written to begin with works as it stands: its tests pass, it trains, and nothing is overwritten."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from vaecli.catalogue.scaffold import class_name, main, write_package, write_remedy
from vaecli.core.errors import UsageError

ROOT = Path(__file__).parents[2]


def run(*command, cwd, path):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, [*path, ROOT])), "OMP_NUM_THREADS": "1"}
    return subprocess.run([sys.executable, *command], cwd=cwd, env=environment, capture_output=True, text=True)


def test_a_package_registers_a_remedy_that_trains(tmp_path):
    """Installed by hand: a folder with the module and the metadata that pip would write, no registry being asked."""
    folder = tmp_path / "vae-slow-start"
    assert {path.name for path in write_package("slow_start", folder)} == {
        *("pyproject.toml", "README.md", "vae_slow_start.py", "test_vae_slow_start.py")
    }
    info = folder / "vae_slow_start-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: vae-slow-start\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text("[vaecli.remedies]\nslow_start = vae_slow_start:SlowStart\n")
    tested = run("-m", "pytest", "-q", "-p", "no:cacheprovider", "test_vae_slow_start.py", cwd=folder, path=[folder])
    assert tested.returncode == 0, tested.stdout
    sizes = [f"--set=corpus.{split}_size=40" for split in ("train", "valid", "test")]
    trained = run("-m", "vaecli", "train", "--method", "slow_start", *sizes, "--epochs=1", cwd=tmp_path, path=[folder])
    assert trained.returncode == 0, trained.stderr
    shown = run("-m", "vaecli", "methods", "slow_start", cwd=tmp_path, path=[folder])
    assert "changes: kl_weight" in shown.stdout


def test_a_remedy_of_the_tree_is_a_file_and_a_test(tmp_path):
    paths = write_remedy("slow_start", tmp_path)
    assert [str(path.relative_to(tmp_path)) for path in paths] == [
        "vaecli/remedies/slow_start.py",
        "tests/remedies/test_slow_start.py",
    ]
    for path in paths:
        compile(path.read_text(), str(path), "exec")
    command = [sys.executable, "-m", "ruff", "check", "--config", str(ROOT / "pyproject.toml"), str(paths[0])]
    assert subprocess.run(command, capture_output=True, text=True).returncode == 0
    with pytest.raises(UsageError, match="is there already"):
        write_remedy("slow_start", tmp_path)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("bn", "is a method already"),
        ("vae", "is a method already"),
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
