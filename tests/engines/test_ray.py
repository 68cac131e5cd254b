"""A grid on a real Ray cluster of two nodes on this machine: one that loses a node, and one that loses its driver."""

import os
import shutil
import signal
import subprocess
import warnings
from types import SimpleNamespace

import pytest

from tests.engines.finished import results
from tests.engines.test_local import wait_for
from tests.runs.grids import prepared
from tests.support import TINY
from vaecli.core.errors import UsageError
from vaecli.engines.choice import make_engine
from vaecli.engines.engine import Policy
from vaecli.engines.interpreter import PYTHON, safe_children
from vaecli.engines.parcel import Report, TextParcel
from vaecli.engines.run_grid import run_experiment
from vaecli.engines.supervisor import End, Start
from vaecli.runs.experiment import Experiment
from vaecli.runs.folder import RunFolder
from vaecli.runs.history import read_rows
from vaecli.settings.resolve import load_settings

ray = pytest.importorskip("ray", reason="needs the extra: pip install 'vaecli[ray]'")
ray_engine = pytest.importorskip("vaecli.engines.ray_engine")
pytestmark = pytest.mark.filterwarnings("default")  # Ray's own

EPOCHS = 25
VALUES = {
    **TINY,
    "training.epochs": EPOCHS,
    "training.patience": 100,
    "corpus.train_size": 200,
    "corpus.valid_size": 40,
    "corpus.test_size": 40,
}


CLUSTER = ("cpus", "gpus", "text_ref", "reference_ref", "variables")


class Answering:
    """Ray with one actor, which always reports the same."""

    def __init__(self, report):
        self.answer = report

    def remote(self, *arguments):
        return self

    def options(self, **resources):
        return self

    def wait(self, asked, timeout):
        return asked, []

    def get(self, asked, timeout=None):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def kill(self, actor):
        pass

    def __getattr__(self, name):
        return Asked()


class Asked:
    def remote(self, *arguments):
        return "report"


def experiment(out):
    return Experiment.of(load_settings(methods=["vanilla", "bn"], seeds="0", experiment="grid", values=VALUES), out)


@pytest.fixture(scope="module")
def local_results(tmp_path_factory):
    out = tmp_path_factory.mktemp("local")
    run_experiment(experiment(out))
    return results(out / "grid")


@pytest.fixture
def cluster():
    """A head without room for trials, and two nodes with room for one each."""
    from ray.cluster_utils import Cluster

    with safe_children(RAY_USAGE_STATS_ENABLED="0", OMP_NUM_THREADS="1"):
        made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
        made.workers = [made.add_node(num_cpus=1) for _ in range(2)]
    made.wait_for_nodes()
    yield made
    ray.shutdown()
    made.shutdown()


def begun_once(out, trial):
    """Whether the trial went on from a checkpoint wherever it went on: its first epoch is in its log once."""
    lines = RunFolder(trial.path).log_path.read_text().splitlines()
    epochs = [row["epoch"] for row in RunFolder(trial.path).history()]
    return sum(line.startswith("epoch 1  ") for line in lines) == 1 and epochs == list(range(1, EPOCHS + 1))


def test_a_trial_whose_folder_is_gone_ends_alone(tmp_path, monkeypatch):
    (trial,) = prepared(tmp_path)
    monkeypatch.setattr(ray_engine, "ray", Answering(Report({"history.csv": b"epoch\n1\n"}, {}, b"", None)))
    attempt = ray_engine.RayAttempt(Start(trial, 1, 0), SimpleNamespace(**dict.fromkeys(CLUSTER)), TextParcel())
    assert (attempt.poll(), attempt.poll()) == (None, None)
    assert RunFolder(trial.path).history() == [{"epoch": 1}]
    shutil.rmtree(trial.path)
    attempt.asked, attempt.pending = 0.0, "report"
    assert attempt.poll() == End(code=1)
    assert not trial.path.exists()


def test_a_trial_that_could_not_begin_and_whose_folder_is_gone_ends_alone(tmp_path, monkeypatch):
    (trial,) = prepared(tmp_path)

    class Refused(ray_engine.RayActorError):
        def __str__(self):
            return "an error was raised in its creation task"

    monkeypatch.setattr(ray_engine, "ray", Answering(Refused()))
    attempt = ray_engine.RayAttempt(Start(trial, 1, 0), SimpleNamespace(**dict.fromkeys(CLUSTER)), TextParcel())
    shutil.rmtree(trial.path)
    attempt.pending = "report"
    assert attempt.poll() == End(code=1)
    assert not trial.path.exists()


@pytest.mark.slow
def test_a_node_that_dies_in_mid_trial_changes_no_figure(tmp_path, cluster, local_results, capsys):
    grid, events = experiment(tmp_path), []
    killed = False

    def on_event(event):
        nonlocal killed
        events.append(event)
        if event.kind == "progress" and event.row["epoch"] >= 3 and not killed:
            assert RunFolder(event.trial.path).status == "running"
            killed = True
            cluster.remove_node(cluster.workers[0], allow_graceful=False)

    outcome = run_experiment(grid, make_engine("ray", address=cluster.address), watch=lambda todo: on_event)
    assert set(outcome.statuses.values()) == {"done"}
    assert capsys.readouterr().out == ""
    assert [e.message.split(";")[0] for e in events if e.kind == "retried"] == ["lost with its machine in attempt 1"]
    assert all(begun_once(tmp_path, trial) for trial in grid.trials())
    assert results(tmp_path / "grid") == local_results


@pytest.mark.slow
def test_a_driver_that_dies_in_mid_grid_finds_its_trials_again(tmp_path, cluster, local_results):
    grid = experiment(tmp_path)
    values = [f"--set={key}={value}" for key, value in VALUES.items()]
    where = ["--out", str(tmp_path), "--name", "grid", "--methods", "vanilla,bn"]
    command = [*PYTHON, "-m", "vaecli", "compare", "--engine", "ray", "--address", cluster.address, *where, *values]
    driver = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    histories = [RunFolder(trial.path).history_path for trial in grid.trials()]
    wait_for(lambda: all(len(read_rows(path)) >= 3 for path in histories), 120)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    assert [RunFolder(trial.path).status for trial in grid.trials()] == ["interrupted"] * 2
    again = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert again.returncode == 0, again.stderr
    assert all(begun_once(tmp_path, trial) for trial in grid.trials())
    assert results(tmp_path / "grid") == local_results


@pytest.mark.slow
def test_the_first_signal_lets_trials_save_and_what_waits_is_called_off(tmp_path, cluster, local_results):
    grid = experiment(tmp_path)
    sent = False

    def on_event(event):
        nonlocal sent
        if event.kind == "progress" and not sent:
            sent = True
            os.kill(os.getpid(), signal.SIGINT)

    engine = make_engine("ray", address=cluster.address, cpus_per_trial=1.0)
    with safe_children():
        outcome = run_experiment(grid, engine, watch=lambda todo: on_event)
    assert outcome.signal_number == signal.SIGINT
    assert "interrupted" in outcome.statuses.values()
    assert set(outcome.statuses.values()) <= {"interrupted", "pending"}
    outcome = run_experiment(grid, engine)
    assert set(outcome.statuses.values()) == {"done"}
    assert results(tmp_path / "grid") == local_results


@pytest.mark.parametrize(
    ("words", "lost"),
    [
        ("The actor died because its node has died. Node Id: 7f", "machine"),
        ("The actor's node was preempted", "machine"),
        ("The actor is dead because its worker process has died. node_ip: 10.0.0.1", "Ray worker"),
    ],
)
def test_what_was_lost_is_told(words, lost):
    assert ray_engine.lost_with(words) == lost


def test_a_cluster_that_is_not_there():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(UsageError, match=r"^--address nowhere:1: Ray can't be reached or started there"):
            make_engine("ray", address="nowhere:1").run([], lambda event: None, Policy())
