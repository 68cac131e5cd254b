"""Trackers get every row of the history once and the final figures, and none of them can stop or move a training."""

import json
import math
import re
import struct
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from support import TINY, plant, write_corpus

import vaecli
from tests.runs.grids import run_json
from vaecli.config import RunConfig
from vaecli.core.errors import DivergedError, UsageError
from vaecli.remedies import make_method
from vaecli.runs.experiment import Experiment
from vaecli.runs.folder import RunFolder
from vaecli.runs.history import read_rows
from vaecli.runs.identity import protocol
from vaecli.runs.known_trials import with_free
from vaecli.runs.start import prepare_run
from vaecli.runs.tracking import STATE, Trackers, numbers, tracked_settings, tracker_failures
from vaecli.runs.trial import run_trial
from vaecli.settings.resolve import load_settings
from vaecli.trackers import TRACKERS, check_trackers, make_tracker
from vaecli.training.progress import Unwatched

SOURCE = """
class Told:
    calls = []

    def start(self, run):
        self.calls.append(("start", run))
        return run.known_as or "one"

    def log(self, figures, step):
        self.calls.append(("log", step, figures))

    def finish(self, figures, end):
        self.calls.append(("finish", end, figures))


class Failing(Told):
    calls = []


class AtStart(Failing):
    def start(self, run):
        raise RuntimeError("no server")


class AtRow(Failing):
    def log(self, figures, step):
        raise SystemExit("row")


class AtEnd(Failing):
    def finish(self, figures, end):
        raise OSError("disk")
"""


@pytest.fixture
def told(monkeypatch, tmp_path):
    """Trackers of another package; gives the class whose `calls` are what one was told."""
    names = {"told": "Told", "start": "AtStart", "row": "AtRow", "end": "AtEnd", "wandb": "Told", "gone": "Gone"}
    plant(tmp_path / "site", "their-trackers", SOURCE, "vaecli.trackers", **names)
    monkeypatch.syspath_prepend(tmp_path / "site")
    module = __import__("their_trackers")
    yield module.Told
    del sys.modules["their_trackers"]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_corpus(tmp_path_factory.mktemp("text") / "text")


def settings_of(data, trackers, epochs=2, method="bn"):
    values = {**TINY, "training.epochs": epochs, "tracking.tracker": trackers}
    return load_settings(methods=[method], options={"corpus": {"data": str(data)}}, values=values, experiment="exp")


def run(out, data, trackers, *, resume=False, watcher=None, **more):
    folder, corpus = prepare_run(settings_of(data, trackers, **more), out, resume=resume)
    with folder.lock():
        run_trial(folder, watcher or Unwatched(), corpus)
    return folder


def figures(folder):
    """Final ones, without what a run takes."""
    costs = ("seconds", "tokens_per_second", "peak_memory_mb")
    return {key: value for key, value in folder.metrics()["values"].items() if key not in costs}


def steps(tracker):
    return [call[1] for call in tracker.calls if call[0] == "log"]


def test_a_tracker_is_told_settings_rows_and_final_figures(told, tmp_path, data):
    folder = run(tmp_path, data, "told")
    (_, begun), *rows, (_, end, final) = told.calls
    assert (begun.experiment, begun.method, begun.seed, begun.name) == ("exp", "bn", 0, "bn seed 0")
    assert (begun.folder, begun.known_as) == (folder.path, None)
    hyper = {key: value for key, value in begun.settings.items() if key.startswith("bn.")}
    assert hyper == {f"bn.{key}": value for key, value in make_method("bn").remedies[0].hyper().items()}
    assert (begun.settings["training.epochs"], begun.settings["model.init_range"]) == (2, "none")
    history = folder.history()
    assert [step for _, step, _ in rows] == [row["steps"] for row in history]
    assert [values for _, _, values in rows] == [numbers(row) for row in history]
    assert {"kl", "neg_elbo", "train_loss", "kl_weight", "epoch"} <= set(rows[0][2])
    assert end == "done"
    assert final["test/kl"] == folder.metrics()["values"]["kl"]
    assert all(math.isfinite(value) for value in final.values())


def test_a_run_that_has_only_to_be_measured_again_goes_on_at_its_last_step(told, tmp_path, data):
    """As after a signal in the final evaluation: the figures belong to the last update, and not to the first."""
    folder = run(tmp_path, data, "told")
    run(tmp_path, data, "told", resume=True)
    assert [call[1].step for call in told.calls if call[0] == "start"] == [0, folder.history()[-1]["steps"]]
    assert steps(told) == [row["steps"] for row in folder.history()]


@pytest.mark.parametrize(
    ("name", "when"),
    [
        ("start", "at its start, .*RuntimeError: no server"),
        ("row", "at epoch 1, .*SystemExit: row"),
        ("end", "at the end, "),
    ],
)
def test_one_that_fails_costs_a_warning_and_no_figure(told, tmp_path, data, name, when):
    plain = figures(run(tmp_path / "plain", data, ()))
    with pytest.warns(UserWarning, match=f"tracker '{name}' failed {when}") as caught:
        folder = run(tmp_path, data, f"{name},told")
    assert len(caught) == 1
    assert folder.status == "done"
    assert figures(folder) == plain
    assert [call[0] for call in told.calls] == ["start", "log", "log", "finish"]
    experiment = Experiment.of(settings_of(data, f"{name},told"), tmp_path)
    (line,) = tracker_failures(experiment.trials())
    assert re.match(
        f"tracker '{name}' failed in 1 of 1 trial, .*; the first: bn seed 0, {when.partition(',')[0]}", line
    )


class Killed(Exception):
    pass


class KilledAfter(Unwatched):
    """Ends the process, as it were, when a row is on disk and its checkpoint is not."""

    def __init__(self, epoch):
        self.epoch = epoch

    def evaluated(self, row):
        if row["epoch"] == self.epoch:
            raise Killed


def test_a_resumed_run_goes_on_in_the_same_tracker_run_without_double_steps(told, tmp_path, data):
    with pytest.raises(Killed):
        run(tmp_path, data, "told", epochs=3, watcher=KilledAfter(2))
    assert told.calls[-1][:2] == ("finish", "failed")
    folder = run(tmp_path, data, "told", epochs=3, resume=True)
    assert [call[1].known_as for call in told.calls if call[0] == "start"] == [None, "one"]
    assert steps(told) == [row["steps"] for row in folder.history()]
    assert told.calls[-1][:2] == ("finish", "done")
    run(tmp_path, data, "told", epochs=4, resume=True)
    assert steps(told) == [row["steps"] for row in folder.history()]
    assert len(folder.history()) == 4


def test_a_tracker_that_is_added_later_is_told_what_was_before(told, tmp_path, data):
    run(tmp_path, data, ())
    folder = run(tmp_path, data, "told", epochs=3, resume=True)
    assert steps(told) == [row["steps"] for row in folder.history()]
    assert len(steps(told)) == 3


def test_a_state_that_is_damaged_begins_anew(told, tmp_path, data):
    folder = run(tmp_path, data, "told")
    for text in ("{", "[]", '{"told": 3}'):
        (folder.path / STATE).write_text(text)
        told.calls.clear()
        Trackers(folder, folder.config(), make_method("bn"))
        assert [call[0] for call in told.calls] == ["start", "log", "log"]


def test_a_run_that_diverges_says_so(told, tmp_path, data):
    class Diverging(Unwatched):
        def evaluated(self, row):
            raise DivergedError("the loss is nan")

    with pytest.raises(DivergedError):
        run(tmp_path, data, "told", watcher=Diverging())
    assert told.calls[-1] == ("finish", "diverged", {})


def test_what_cannot_be_used_is_refused_before_anything_is_written(told, tmp_path, data, monkeypatch):
    monkeypatch.setitem(vaecli.trackers.REQUIRED, "tensorboard", ("no_such_package",))
    for names, why in (
        ("tensorbord", r"unknown tracker 'tensorbord' \(--tracker\): did you mean 'tensorboard'\?"),
        ("tensorboard", r"--tracker tensorboard needs no_such_package; install it with `pip install 'vaecli\[tensorbo"),
        ("gone", r"package their-trackers 1\.0 \(.*their_trackers\.py\): AttributeError"),
    ):
        with pytest.raises(UsageError, match=why):
            run(tmp_path / "runs", data, names)
        with pytest.raises(UsageError, match=why):
            vaecli.compare(["bn"], data=data, out=tmp_path / "runs", settings={"tracking.tracker": names})
    assert not (tmp_path / "runs").exists()
    assert told.calls == []


def test_a_name_that_is_taken_is_addressed_with_its_package(told):
    assert type(make_tracker("their-trackers:wandb")) is told
    check_trackers(["told"])
    assert set(TRACKERS) == set(vaecli.trackers.REQUIRED)


def test_trackers_decide_neither_identity_nor_protocol(told, tmp_path, data):
    """A grid that is done has nothing to do with a tracker; trials with and without one are averaged."""
    plain, tracked = (Experiment.of(settings_of(data, names), tmp_path) for names in ((), "told"))
    configs = [experiment.trials()[0].config for experiment in (plain, tracked)]
    texts = [protocol(config.model_dump(mode="json"), {}, {}) for config in configs]
    assert texts[0] == texts[1]
    folder = run(tmp_path, data, ())
    tracked.check()
    assert tracked.plan() == []
    assert tracked.trials()[0].path == folder.path
    assert RunFolder(folder.path).resumed_config(configs[1]) == configs[1]
    assert with_free(*configs).tracking.tracker == ("told",)
    assert Experiment.of(settings_of(data, "told,row"), tmp_path).plan() == []


def test_lists_and_texts_name_trackers_in_every_layer(tmp_path):
    file = tmp_path / "exp.toml"
    file.write_text('[tracking]\ntracker = ["tensorboard", "mlflow"]\n')
    assert load_settings(file).config("vanilla", 0).tracking.tracker == ("tensorboard", "mlflow")
    chosen = load_settings(file, options={"tracking": {"tracker": "wandb, mlflow,wandb"}})
    assert chosen.config("vanilla", 0).tracking.tracker == ("wandb", "mlflow")
    assert RunConfig().tracking.tracker == ()


def test_settings_are_scalars():
    values = tracked_settings(RunConfig(method="bn", evaluation={"extra": ["probe", "gaps"]}), make_method("bn"))
    assert values["evaluation.extra"] == "probe,gaps"
    assert all(isinstance(value, bool | int | float | str) for value in values.values())
    assert "tracking.tracker" not in values


def twice(tmp_path, data, name):
    """The folder of a run that went on for an epoch in another process, as it were."""
    run(tmp_path, data, name)
    folder = run(tmp_path, data, name, epochs=3, resume=True)
    assert run_json(folder.path)["status"] == "done"
    assert figures(folder) == figures(run(tmp_path / "plain", data, (), epochs=3)), "it moves no figure"
    return folder, read_rows(folder.history_path)


def test_the_tracker_of_the_page_works_as_it_stands(tmp_path, data, monkeypatch, capsys):
    page = (Path(__file__).parents[2] / "docs" / "trackers.md").read_text()
    (source,) = re.findall(r"^```python\n(.*?)^```", page, re.S | re.M)
    *_, registered = re.findall(r"^```toml\n(.*?)^```", page, re.S | re.M)
    entries = tomllib.loads(registered)["project"]["entry-points"]["vaecli.trackers"]
    assert entries == {"printed": "my_package:Printed"}
    plant(tmp_path / "site", "my-package", source, "vaecli.trackers", printed="Printed")
    monkeypatch.syspath_prepend(tmp_path / "site")
    folder = run(tmp_path, data, "printed")
    assert capsys.readouterr().out.splitlines()[0] == "exp bn seed 0 2"
    assert json.loads((folder.path / STATE).read_text()) == {"printed": {"known_as": "printed", "epochs": 2}}


@pytest.mark.slow
def test_each_trial_of_a_grid_has_its_own_tracker(tmp_path, data):
    pytest.importorskip("tensorboard")
    small = [f"--set={key}={value}" for key, value in TINY.items()]
    command = ["compare", "--methods", "vanilla,bn", "--data", str(data), "--tracker", "tensorboard", *small]
    made = subprocess.run([sys.executable, "-m", "vaecli", *command], cwd=tmp_path, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    for method in ("vanilla", "bn"):
        folder = tmp_path / "runs" / "text" / method / "seed-0"
        assert json.loads((folder / STATE).read_text())["tensorboard"]["epochs"] == 2
        assert len(list((folder / "tensorboard").glob("events*"))) == 1


@pytest.mark.slow
def test_tensorboard_holds_the_history(tmp_path, data):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    folder, rows = twice(tmp_path, data, "tensorboard")
    events = EventAccumulator(str(folder.path / "tensorboard"))
    events.Reload()
    points = [(event.step, event.value) for event in events.Scalars("kl")]
    assert points == [(row["steps"], pytest.approx(row["kl"])) for row in rows]
    final = events.Scalars("test/kl")
    assert final[-1].value == pytest.approx(folder.metrics()["values"]["kl"])
    assert len(events.PluginTagToContent("hparams")) == 3, "the experiment, and a session's start and end"
    (text,) = events.Tensors("settings/text_summary")
    assert b"| bn.gamma | 0.6 |" in text.tensor_proto.string_val[0]


@pytest.mark.slow
def test_mlflow_holds_the_history_in_one_run(tmp_path, data, monkeypatch):
    pytest.importorskip("mlflow")
    pytest.importorskip("sqlalchemy")
    from mlflow import MlflowClient

    folder, rows = twice(tmp_path, data, "mlflow")
    client = MlflowClient(f"sqlite:///{folder.path}/mlflow/mlflow.db")
    (mlflow_run,) = client.search_runs([client.get_experiment_by_name("exp").experiment_id])
    assert (mlflow_run.info.run_name, mlflow_run.info.status) == ("bn seed 0", "FINISHED")
    assert mlflow_run.data.params["bn.gamma"] == "0.6"
    assert mlflow_run.data.tags["method"] == "bn"
    history = [(metric.step, metric.value) for metric in client.get_metric_history(mlflow_run.info.run_id, "kl")]
    assert history == [(row["steps"], row["kl"]) for row in rows]
    assert mlflow_run.data.metrics["test/kl"] == folder.metrics()["values"]["kl"]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/own.db")
    other = run(tmp_path / "other", data, "mlflow")
    assert not (other.path / "mlflow").exists()
    assert MlflowClient(f"sqlite:///{tmp_path}/own.db").get_experiment_by_name("exp") is not None


@pytest.mark.slow
def test_wandb_holds_the_history_offline(tmp_path, data, monkeypatch):
    pytest.importorskip("wandb")
    for name in ("WANDB_MODE", "WANDB_DIR", "WANDB_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    folder, rows = twice(tmp_path, data, "wandb")
    files = sorted((folder.path / "wandb").glob("offline-run-*/run-*.wandb"))
    assert len(files) == 2
    assert len({file.name for file in files}) == 1, "one id, which a sync joins to one run"
    records = [record for file in files for record in wandb_records(file)]
    logged = [row for kind, row in records if kind == "history"]
    assert [(row["steps"], row["kl"]) for row in logged] == [(row["steps"], row["kl"]) for row in rows]
    summary = {key: value for kind, row in records if kind == "summary" for key, value in row.items()}
    assert summary["test/kl"] == folder.metrics()["values"]["kl"]
    config = {key: value for kind, row in records if kind == "config" for key, value in row.items()}
    assert config["bn.gamma"] == 0.6


@pytest.mark.slow
def test_aim_holds_the_history_in_one_run(tmp_path, data, monkeypatch):
    aim = pytest.importorskip("aim")
    from aim.sdk.index_manager import RepoIndexManager

    monkeypatch.delenv("AIM_REPO", raising=False)
    folder, rows = twice(tmp_path, data, "aim")
    repository = aim.Repo(str(folder.path / "aim"))
    (key,) = repository.list_all_runs()
    RepoIndexManager.get_index_manager(repository).index(key)  # as `aim up` does
    (aim_run,) = aim.Repo(str(folder.path / "aim")).iter_runs()
    assert (aim_run.experiment, aim_run.name, aim_run["method"], aim_run["end"]) == ("exp", "bn seed 0", "bn", "done")
    assert aim_run["hparams"]["bn.gamma"] == 0.6
    curves = {metric.name: metric.dataframe() for metric in aim_run.metrics()}
    assert list(curves["kl"]["step"]) == [row["steps"] for row in rows]
    assert list(curves["kl"]["value"]) == [row["kl"] for row in rows]
    assert curves["test/kl"]["value"].iloc[-1] == folder.metrics()["values"]["kl"]


def wandb_records(file: Path):
    """The rows that a file of W&B holds, by kind."""
    from wandb.proto import wandb_internal_pb2

    for data in leveldb_records(file.read_bytes()):
        record = wandb_internal_pb2.Record()
        record.ParseFromString(data)
        for kind, items in (
            ("history", record.history.item),
            ("summary", record.summary.update),
            ("config", [*record.config.update, *record.run.config.update]),
        ):
            row = {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in items}
            if row:
                yield kind, row


def leveldb_records(data, block=32768):
    """The records of a log of LevelDB: blocks of pieces, each with a checksum, its length and its kind before it."""
    start, whole = 7, b""  # after the head of the file
    while start + 7 <= len(data):
        if block - start % block < 7:
            start += block - start % block
            continue
        _, length, kind = struct.unpack("<IHB", data[start : start + 7])
        whole += data[start + 7 : start + 7 + length]
        start += 7 + length
        if kind in (1, 4):  # all of a record, or its last piece
            yield whole
            whole = b""
