"""``vae compare``: the grid from the command line to the table, with workers that train nothing."""

import csv
import io
import json
import shutil
import signal
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from tests.runs.grids import finish
from vaecli.cli.compare import DEFAULT_METHODS, check_outputs, compare
from vaecli.cli.plan import show_plan
from vaecli.config import TrainingConfig
from vaecli.core.durations import duration
from vaecli.core.errors import DataError, InterruptedRunError, TrialsFailedError, UsageError
from vaecli.corpus.load import load_corpus
from vaecli.engines.engine import Outcome
from vaecli.engines.local import LocalEngine, visible_gpus
from vaecli.engines.run_grid import check_outcome
from vaecli.remedies import method_names
from vaecli.runs.experiment import Experiment
from vaecli.runs.folder import RunFolder
from vaecli.settings.resolve import load_settings

EPOCHS = TrainingConfig().epochs
FAKE = Path(__file__).parents[1] / "engines" / "fake_worker.py"
TINY = [f"--set=corpus.{split}_size=40" for split in ("train", "valid", "test")]


@pytest.fixture
def vae(tmp_path, monkeypatch):
    """Runs the command in an empty folder with the fake worker; raises what it raises."""
    app = typer.Typer()
    app.command()(compare)
    monkeypatch.chdir(tmp_path)
    fake = LocalEngine(command=lambda path: [sys.executable, str(FAKE), str(path)], poll_seconds=0.02)
    monkeypatch.setattr("vaecli.engines.local.LocalEngine", lambda: fake)

    def invoke(*arguments):
        result = CliRunner().invoke(app, [*TINY, *arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return invoke


def rows(path):
    return list(csv.DictReader(io.StringIO(path.read_text())))


def test_the_default_methods_exist_and_go_together():
    assert set(DEFAULT_METHODS) <= set(method_names())
    assert load_settings(default_methods=DEFAULT_METHODS).methods == DEFAULT_METHODS


def test_from_the_command_line_to_the_table(vae, tmp_path):
    result = vae("--methods", "bn,vanilla", "--seeds", "0-1")
    assert result.exit_code == 0
    out = tmp_path / "runs" / "synthetic"
    assert [(r["method"], r["seed"], r["status"]) for r in rows(out / "results.csv")] == [
        ("bn", "0", "done"),
        ("bn", "1", "done"),
        ("vanilla", "0", "done"),
        ("vanilla", "1", "done"),
    ]
    assert [(r["method"], r["trials"]) for r in rows(out / "summary.csv")] == [("bn", "2"), ("vanilla", "2")]
    assert "bn" in result.stdout
    assert "4 trials to do" not in result.stdout, "progress is no result"
    assert "4 trials to do, 0 done already" in result.stderr
    assert "results.csv" in result.stderr


def test_run_again_it_does_only_what_is_missing(vae, tmp_path):
    vae("--methods", "bn", "--seeds", "0")
    attempts = tmp_path / "runs" / "synthetic" / "bn" / "seed-0" / "attempts"
    assert len(attempts.read_text().splitlines()) == 1
    result = vae("--methods", "bn,lm", "--seeds", "0")
    assert "1 trial to do, 1 done already" in result.stderr
    assert len(attempts.read_text().splitlines()) == 1
    result = vae(str(tmp_path / "runs" / "synthetic" / "experiment.toml"))
    assert "0 trials to do, 2 done already" in result.stderr


def test_machine_readable_results(vae):
    result = vae("--methods", "bn", "--csv", "-", "--quiet")
    assert [row["rec"] for row in csv.DictReader(io.StringIO(result.stdout))] == ["20.0"]
    assert result.stderr == ""
    (record,) = json.loads(vae("--methods", "bn", "--json", "-q", "--csv", "copy.csv").stdout)
    assert (record["method"], record["seed"], record["kl"], record["mi"]) == ("bn", 0, 0.5, None)
    assert Path("copy.csv").read_bytes() == Path("runs/synthetic/results.csv").read_bytes()
    Path("link.csv").symlink_to("linked.csv")
    vae("--methods", "bn", "-q", "--csv", "link.csv")
    assert Path("link.csv").is_symlink()
    assert Path("linked.csv").read_bytes() == Path("copy.csv").read_bytes()


def test_two_results_on_one_stdout_are_refused_before_any_work(tmp_path):
    with pytest.raises(UsageError, match="keep one"):
        check_outputs(True, "-")
    for path in (tmp_path, tmp_path / "none" / "x.csv"):
        with pytest.raises(UsageError, match="no file can be written there"):
            check_outputs(False, str(path))


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--engine", "rey"], r"unknown engine 'rey' \(--engine\): did you mean 'ray'\?"),
        (["--address", "auto"], "--address is for --engine ray, not local"),
        (["--engine", "slurm", "--gpus-per-trial", "0.5"], "--gpus-per-trial is for --engine ray, not slurm"),
        (["--slurm", "partition=gpu"], "--slurm is for --engine slurm, not local"),
    ],
)
def test_engines_that_do_not_exist_and_options_of_others(vae, options, problem):
    with pytest.raises(UsageError, match=problem):
        vae("--methods", "bn", *options)
    assert not Path("runs").exists()


@pytest.mark.parametrize(("engine", "library"), [("ray", "ray"), ("slurm", "submitit")])
def test_an_engine_without_its_library_says_what_to_install(vae, monkeypatch, engine, library):
    monkeypatch.setattr("vaecli.engines.choice.find_spec", lambda name: None)
    with pytest.raises(UsageError, match=rf"the library {library}: pip install 'vaecli\[{engine}\]'"):
        vae("--methods", "bn", "--engine", engine)


def test_a_bad_corpus_ends_before_any_trial(vae, tmp_path):
    with pytest.raises(DataError):
        vae("--data", str(tmp_path / "none"))
    assert not (tmp_path / "runs").exists()


def test_settings_that_changed_are_refused_and_nothing_is_touched(vae, tmp_path):
    vae("--methods", "bn")
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "runs").rglob("*") if p.is_file() and p.name != ".lock"}
    with pytest.raises(UsageError, match=rf"training\.epochs: {EPOCHS} -> 3"):
        vae("--methods", "bn", "--epochs", "3")
    assert {p: p.stat().st_mtime_ns for p in before} == before
    vae("--methods", "bn", "--epochs", "3", "--overwrite")
    assert RunFolder(tmp_path / "runs" / "synthetic" / "bn" / "seed-0").config().training.epochs == 3


def test_a_dry_run_lists_and_leaves_nothing(vae, tmp_path):
    result = vae("--methods", "vanilla,lm", "--seeds", "0-1", "--dry-run")
    lines = [line.split() for line in result.stdout.splitlines()]
    assert [line[:2] for line in lines[1:]] == [["vanilla", "0"], ["vanilla", "1"], ["lm", "0"], ["lm", "1"]]
    sizes = {line[0]: int(line[2].replace(",", "")) for line in lines[1:]}
    assert sizes["vanilla"] > sizes["lm"] > 0
    assert "4 trials to do" in result.stderr
    assert not (tmp_path / "runs").exists()


def test_a_dry_run_times_what_is_to_do_only(vae, monkeypatch):
    vae("--methods", "vanilla")
    timed = []
    monkeypatch.setattr(
        "vaecli.training.timing.seconds_per_epoch", lambda config, corpus: timed.append(config.method) or (1000, 2.0)
    )
    result = vae("--methods", "vanilla,lm", "--dry-run")
    assert result.stdout.splitlines()[1].split() == ["vanilla", "0", "kept"]
    assert timed == ["lm"]


MISFIT = ["--set=model.latent_size=1", "--set=model.decoder_size=2000"]
"""A sphere needs two dimensions, and an injective decoder as many word types as units."""


@pytest.mark.parametrize("dry", [["--dry-run"], []])
def test_methods_whose_settings_do_not_fit_are_named_together_before_any_work(vae, tmp_path, dry):
    with pytest.raises(UsageError) as caught:
        vae("--methods", "vanilla,vmf,lipschitz,bn", *MISFIT, *dry)
    lines = str(caught.value).split("\n  ")
    assert lines[0] == "2 methods can't run; to run the others, name those alone:"
    assert lines[1] == "vmf: 'vmf' needs a sphere: model.latent_size is 1; make it 2 or more"
    assert lines[2].startswith("lipschitz: ")
    assert "'lipschitz'" not in lines[2]
    assert len(lines) == 3
    assert not (tmp_path / "runs").exists()


def test_a_dry_run_goes_on_behind_a_method_that_fails_in_its_first_updates(vae, capsys, monkeypatch):
    def seconds_per_epoch(config, corpus):
        if config.method == "bn":
            raise UsageError("a batch of one sentence")
        return 1000, 2.0

    monkeypatch.setattr("vaecli.training.timing.seconds_per_epoch", seconds_per_epoch)
    corpus = load_corpus(load_settings(sets=[t.removeprefix("--set=") for t in TINY]).config("bn", 0).corpus)
    experiment = Experiment.of(load_settings(methods=["bn", "beta"], seeds="0-1"), Path("runs"))
    with pytest.raises(UsageError, match=r"^bn: a batch of one sentence$"):
        show_plan(experiment.trials(), experiment.trials(), corpus, jobs=1)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[-2:] for line in lines[1:]] == [["can't", "run"]] * 2 + [["to", "do"]] * 2


def test_the_time_of_a_grid_is_that_of_its_longest_way(capsys, monkeypatch):
    """Two at a time: half of the sum would be less than the one long trial takes."""
    seconds = {"lagging": 600.0, "beta": 60.0, "bn": 60.0}
    monkeypatch.setattr("vaecli.training.timing.seconds_per_epoch", lambda config, corpus: (1, seconds[config.method]))
    settings = load_settings(methods=list(seconds), seeds="0", values={"training.epochs": 1})
    trials = Experiment.of(settings, Path("runs")).trials()
    show_plan(trials, trials, None, jobs=2)
    assert "3 trials to do, 2 at a time: about 10m00s of updates at most" in capsys.readouterr().err


def test_the_time_of_a_run_in_stages_is_that_of_all_of_them(capsys, monkeypatch):
    """Each has an epoch where one is planned; the time at most was half of it."""
    monkeypatch.setattr("vaecli.training.timing.seconds_per_epoch", lambda config, corpus: (1, 60.0))
    trials = Experiment.of(load_settings(methods=["ae_pretrain"], seeds="0", values={"training.epochs": 1}), Path("r"))
    show_plan(trials.trials(), trials.trials(), None, jobs=1)
    assert "2m00s" in capsys.readouterr().out


def test_set_before_an_option_is_said_on_stderr(vae):
    result = vae("--methods", "lm", "--epochs", "3", "--set", "training.epochs=2", "--dry-run", "-q")
    assert "vae: --set training.epochs=2 goes before --epochs 3\n" in result.stderr


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0s"), (59.4, "59s"), (200, "3m20s"), (3599.7, "1h00m"), (7500, "2h05m")]
)
def test_durations(seconds, text):
    assert duration(seconds) == text


def test_a_chosen_device_is_not_shared_out():
    assert visible_gpus("cpu") == visible_gpus("cuda:1") == []


@pytest.fixture
def grid(tmp_path):
    experiment = Experiment.of(load_settings(methods=["bn"], seeds="0-1"), tmp_path)
    experiment.path.mkdir()
    experiment.prepare(experiment.trials())
    return experiment


def test_the_end_of_an_experiment(grid):
    first, second = grid.trials()
    finish(first, {})
    finish(second, {}, status="failed", message="DataError: x")
    with pytest.raises(TrialsFailedError) as failed:
        check_outcome(grid, Outcome())
    assert failed.value.exit_code == 5
    assert "1 of 2 trials not done" in str(failed.value)
    assert "bn seed 1: failed: DataError: x" in str(failed.value)
    for number in (signal.SIGINT, signal.SIGTERM):
        with pytest.raises(InterruptedRunError) as interrupted:
            check_outcome(grid, Outcome(signal_number=number))
        assert interrupted.value.exit_code == 128 + number
    RunFolder(second.path).update(status="done")
    check_outcome(grid, Outcome())
    shutil.rmtree(second.path)
    with pytest.raises(TrialsFailedError, match=r"bn seed 1: failed: .*seed-1: there is no run of vae here"):
        check_outcome(grid, Outcome())
