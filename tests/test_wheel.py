"""What README promises, done by a wheel in an environment without the repository, from an empty folder elsewhere."""

import csv
import gzip
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from importlib.util import find_spec
from pathlib import Path

import pytest
from support import SENTENCES, TINY, plant, write_corpus

ROOT = Path(__file__).parent.parent
TRACKER = """
class Printed:
    def start(self, run):
        self.file = run.folder / "told.txt"
        self.file.write_text(run.name)
        return "told"
    def log(self, figures, step):
        with self.file.open("a") as file:
            file.write(f" {step}")
    def finish(self, figures, end):
        pass
"""

pytestmark = pytest.mark.slow


def build(folder):
    """The wheel of what is in the repository now; of a copy, since an old `build` folder would get into it."""
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(ROOT / "vaecli", source / "vaecli", ignore=shutil.ignore_patterns("__pycache__"))
    pip = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(folder)]
    subprocess.run([*pip, str(source)], check=True)
    shutil.rmtree(source)
    return next(folder.glob("*.whl"))


class Environment:
    """A virtual environment with our dependencies, without us until a wheel is installed, and an empty folder."""

    def __init__(self, folder):
        venv.create(folder / "env", symlinks=True)
        self.python = folder / "env/bin/python"
        self.folder = folder / "elsewhere"
        self.folder.mkdir()
        dependencies = folder / "dependencies"
        dependencies.mkdir()
        for path in Path(sysconfig.get_path("purelib")).iterdir():
            if "vaecli" not in path.name and path.suffix != ".pth":
                (dependencies / path.name).symlink_to(path)
        self.site = next((folder / "env").glob("lib/python*/site-packages"))
        (self.site / "dependencies.pth").write_text(f"{dependencies}\n")
        self.variables = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VAE_", "COLUMNS"))}
        self.variables |= {"PATH": f"{folder / 'env/bin'}:{os.environ['PATH']}", "VAE_CACHE": str(folder / "cache")}

    def install(self, path):
        """A wheel, or the folder of a package."""
        options = ["-q", "--disable-pip-version-check", "--no-deps", "--no-build-isolation", "--no-index"]
        pip = [str(self.python), "-m", "pip", "install", *options, str(path)]
        subprocess.run(pip, check=True, env=self.variables, cwd=self.folder)

    def __call__(self, *command, stdin=None, code=0, **variables):
        """What a command prints; `stdin` is what it reads."""
        done = subprocess.run(
            [str(word) for word in command],
            cwd=self.folder,
            env={**self.variables, **variables},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == code, (command, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr, (command, done.stderr)
        return done.stdout + done.stderr


HUB_CODE = 3 if find_spec("datasets") else 2
"""Of a dataset that is not in the cache; of the extra `hub` that is not installed."""

SMALL = [f"--set={key}={value}" for key, value in TINY.items()]
CATS = ["--data=cats", *SMALL]
RUN = "runs/cats/bn/seed-0"
GRID = ("--methods=bn,vanilla,lm", "--set=bn.gamma=0.3,0.5", *CATS, "--name=grid", "--jobs=2")


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """The environment, with a run and a grid that the tests look at, in whatever order they come."""
    folder = tmp_path_factory.mktemp("wheel")
    environment = Environment(folder)
    environment.install(build(folder))
    write_corpus(environment.folder / "cats")
    (environment.folder / "tiny.toml").write_text(
        "\n".join(f"{key} = {json.dumps(value)}" for key, value in TINY.items()) + '\n[corpus]\ndata = "cats"\n'
    )
    environment.trained = environment("vae", "train", "--method", "bn", *CATS)
    environment.compared = environment("vae", "compare", *GRID)
    return environment


def test_the_wheel_is_what_is_imported(here):
    assert str(here.site) in here("python", "-c", "import vaecli; print(vaecli.__file__)")
    assert "torch" not in here("python", "-c", "import sys, vaecli; print(*sys.modules)").split()
    assert "kim2018" in here("vae", "reproduce", "--list")
    for command in (
        "train",
        "compare",
        "reproduce",
        "watch",
        "tune",
        "report",
        "methods",
        "generate",
        "encode",
        "evaluate",
        "data",
    ):
        assert f" {command} " in here("vae", "--help")


def test_train_and_go_on(here):
    assert "bn, seed 0, into runs/cats/bn/seed-0" in here.trained
    again = here("vae", "train", f"{RUN}/config.toml", "--name", "again")
    assert "runs/again" in again
    here("vae", "train", "--resume", RUN)
    assert "bn.gamma" in here("vae", "train", "--set", "gamma=0.5", *CATS, code=2)
    assert "1 trial to do" in here("vae", "train", *CATS, "--dry-run")


def test_grids_and_tuning(here):
    assert "0.3" in here.compared
    rows = csv.DictReader((here.folder / "runs/grid/results.csv").read_text().splitlines())
    assert sorted(row["variant"] for row in rows) == ["", "", "bn.gamma=0.3", "bn.gamma=0.5"]
    assert "bn" in here("vae", "tune", "bn", "--trials=2", *CATS, "--name=tuned", "--jobs=2")
    assert (here.folder / "runs/tuned/tune/bn.toml").exists()


def test_settings(here):
    here("vae", "config", "init", "--methods", "bn", "-o", "own.toml")
    here("vae", "compare", "own.toml", "--dry-run")
    assert "gamma" in here("vae", "config", "show", RUN)
    assert "gamma" in here("vae", "config", "explain", "bn.gamma")
    assert "bn.gamma" in here("vae", "config", "diff", RUN, "runs/grid/bn--bn.gamma-0.3/seed-0")


def test_the_data_door(here):
    rows = [f"{i % 2},{line}" for i, line in enumerate(SENTENCES * 5)]
    for name, opened in (("rows.csv", open), ("rows.csv.gz", gzip.open)):
        with opened(here.folder / name, "wt") as file:
            file.write("\n".join(["label,text", *rows]) + "\n")
    convert = "import pandas as pd; pd.read_csv('rows.csv')"
    here("python", "-c", f"{convert}.to_json('rows.jsonl', orient='records', lines=True)")
    here("python", "-c", f"{convert}.to_parquet('rows.parquet')")
    for data in ("cats", "rows.csv", "rows.csv.gz", "rows.jsonl", "rows.parquet"):
        counts = json.loads(here("vae", "data", "check", data, "--json").split("\nnote")[0])
        assert counts, data
    assert "yelp_short: " in here("vae", "data", "fetch")
    told = here("vae", "data", "check", "hf:nowhere", code=HUB_CODE, HF_HOME=str(here.folder / "hub"))
    assert "load_dataset('nowhere')" in told or "vaecli[hub]" in told


def test_watching(here):
    assert "bn" in here("vae", "watch", "runs/grid", "--once")


def test_reports(here):
    assert "bn" in here("vae", "report", "runs/grid", COLUMNS="60")
    assert "verdict" in here("vae", "report", "runs/grid", "--explain")
    assert "experiment" in here("vae", "report", "runs/grid", "runs/cats", "--format", "json")
    here("vae", "report", "runs/grid", "-o", "page.html")
    page = (here.folder / "page.html").read_text()
    assert page.startswith("<!DOCTYPE html>")
    assert len(page) < 3_000_000
    here("vae", "evaluate", RUN, "--dimensions")
    for kind, suffix in (("plane", "png"), ("curves", "svg"), ("dimensions", "pdf"), ("codes", "png")):
        here("vae", "report", "runs/cats", "--picture", f"{kind}.{suffix}", "--kind", kind)
        assert (here.folder / f"{kind}.{suffix}").stat().st_size > 1000


def test_using_a_model(here):
    lines = "the cat sat\na dog ran\n"
    here("vae", "encode", RUN, "-", "-o", "codes.npz", stdin=lines)
    assert "(2, 2)" in here("python", "-c", "import numpy as np; print(np.load('codes.npz')['mean'].shape)")
    assert here("vae", "generate", RUN, "--text", "-", "--decoding", "beam", stdin=lines)
    assert here("vae", "generate", RUN, "--count", "2", "--top-p", "0.9", "--temperature", "0.8")
    here("vae", "evaluate", RUN, "--per-sentence", "--decoder-use")
    assert list((here.folder / RUN).glob("sentences-*.csv"))
    assert "seed-0" in here("vae", "generate", "runs/cats/bn", "--count", "2", code=2)


def test_plugins_and_trackers(here):
    here("vae", "methods", "new", "slow_start")
    here.install(here.folder / "vae-slow-start")
    assert "slow_start" in here("vae", "methods")
    plant(here.site, "their-tracker", TRACKER, group="vaecli.trackers", told="Printed")
    here("vae", "train", "--method=slow_start", *CATS, "--tracker=told", "--name=own")
    assert (here.folder / "runs/own/slow_start/seed-0/told.txt").read_text().startswith("slow_start seed 0 ")
    record = json.loads((here.folder / "runs/own/slow_start/seed-0/run.json").read_text())
    assert "vae-slow-start" in json.dumps(record)
    here("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "vae-slow-start")
    here("python", "-m", "pip", "uninstall", "-q", "-y", "vae-slow-start")
    assert "slow_start" in here("vae", "report", "runs/own")


def test_completion(here):
    words = {"_VAE_COMPLETE": "complete_bash", "COMP_WORDS": "vae train --method b", "COMP_CWORD": "3"}
    assert "bn_scale" in here("vae", **words).split()


def test_python(here):
    code = f"import vaecli; run = vaecli.load({RUN!r}); print(run.figures['kl'])"
    assert float(here("python", "-c", code).splitlines()[-1]) > 0
