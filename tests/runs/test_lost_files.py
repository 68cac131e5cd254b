"""Run folders that lose files, or themselves, between runs and while one is at work."""

import shutil
import warnings

import pytest
from support import TINY, write_corpus

import vaecli
from vaecli.config import build_config
from vaecli.core.errors import DataError, UsageError
from vaecli.core.resources import shortage
from vaecli.runs.folder import RunFolder
from vaecli.runs.loaded_run import load_run, load_run_corpus
from vaecli.runs.start import prepare_run
from vaecli.runs.tables import results_table
from vaecli.runs.trial import run_trial
from vaecli.settings.resolve import load_settings
from vaecli.training.progress import Unwatched


def config(epochs=6):
    return build_config({"method": "bn", "training": {"epochs": epochs}})


@pytest.fixture
def folder(tmp_path):
    return RunFolder(tmp_path / "exp" / "bn" / "seed-0").create(config())


@pytest.mark.parametrize("status", ["done", "interrupted", "failed", "diverged"])
def test_a_run_without_its_settings_is_not_taken_for_none(folder, status):
    folder.update(status=status)
    folder.write_metrics({"values": {"kl": 1.0}})
    (folder.path / "config.toml").unlink()
    with pytest.raises(
        UsageError, match=rf"this run \({status}\) has lost its config\.toml; put it back, or --overwrite"
    ):
        RunFolder(folder.path).create(config())
    assert folder.metrics() == {"values": {"kl": 1.0}}
    folder.create(config(epochs=2), overwrite=True)
    assert (folder.status, folder.metrics(), folder.config()) == ("pending", {}, config(epochs=2))


def test_a_finished_run_without_its_figures_is_no_row_of_gaps(folder):
    """A row of two seeds had the mean of one, without a word."""
    folder.update(status="done")
    folder.write_metrics({"values": {"kl": 1.0}})
    assert results_table(folder.path.parent.parent)["kl"].tolist() == [1.0]
    (folder.path / "metrics.json").unlink()
    for read in (folder.metrics, lambda: results_table(folder.path.parent.parent)):
        with pytest.raises(UsageError, match=r"seed-0: this run \(done\) has lost its metrics\.json; put it back, or"):
            read()
    folder.update(status="interrupted")
    assert folder.metrics() == {}, "it has none yet"


@pytest.mark.parametrize("begun", ["history.csv", "checkpoint"])
def test_a_run_that_waits_to_be_gone_on_with_is_kept_without_its_settings(folder, begun):
    """As one that was interrupted and is in a queue again."""
    (folder.path / begun).mkdir()
    folder.update(status="pending", message="")
    (folder.path / "config.toml").unlink()
    with pytest.raises(UsageError, match=r"this run \(pending\) has lost its config\.toml"):
        RunFolder(folder.path).create(config())
    assert (folder.path / begun).exists()


def test_an_overwriting_that_was_cut_short_goes_on_without_being_asked_for_again(folder, monkeypatch):
    folder.update(status="done")
    folder.checkpoint_path.mkdir()
    monkeypatch.setattr("shutil.rmtree", lambda path: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        folder.create(config(), overwrite=True)
    monkeypatch.undo()
    folder.create(config(epochs=2))
    assert not folder.checkpoint_path.exists()


def test_a_run_whose_folder_is_removed_at_work_ends_and_says_so(tmp_path):
    """At its next save; nothing is left that would have to be moved away before the run can be made again."""
    values = {**TINY, "training.epochs": 2}
    options = {"corpus": {"data": str(write_corpus(tmp_path / "text"))}}
    settings = load_settings(methods=["vanilla"], options=options, values=values, experiment="exp")
    folder, corpus = prepare_run(settings, tmp_path / "runs")

    class Removing(Unwatched):
        def step(self, progress, terms):
            if progress.total_steps == 1:
                shutil.rmtree(folder.path)

    with pytest.raises(FileNotFoundError) as ended, folder.lock():
        run_trial(folder, Removing(), corpus)
    assert "no such file or directory; was it moved or removed meanwhile?" in shortage(ended.value)
    assert str(folder.path) in shortage(ended.value)
    assert not folder.path.exists()


def test_a_corpus_that_a_preset_names_is_read_where_the_run_was_trained(tmp_path, monkeypatch):
    """Its path is relative; another folder may have another corpus of the name, or none."""
    write_corpus(tmp_path / "a" / "toy")
    write_corpus(tmp_path / "b" / "toy", ["another text"])
    values = {key.partition(".")[2]: value for key, value in TINY.items() if key.startswith("training.")}
    model = {key.partition(".")[2]: value for key, value in TINY.items() if key.startswith("model.")}
    trained = build_config({"method": "bn", "corpus": {"data": "toy"}, "training": values, "model": model})
    monkeypatch.chdir(tmp_path / "a")
    folder = RunFolder(tmp_path / "exp" / "bn" / "seed-0").create(trained)
    with folder.lock():
        run_trial(folder, Unwatched())
    for other in ("b", "exp"):
        monkeypatch.chdir(tmp_path / other)
        assert load_run_corpus(folder, folder.config()).fingerprint == folder.fingerprint
    (tmp_path / "a").rename(tmp_path / "gone")
    with pytest.raises(DataError, match=rf"its corpus 'toy' isn't there any more, at {tmp_path / 'a' / 'toy'}$"):
        load_run_corpus(folder, folder.config())


@pytest.mark.parametrize(
    ("status", "told"),
    [("diverged", "the run diverged;"), ("failed", "the run failed;"), ("interrupted", "the run is interrupted;")],
)
def test_the_model_of_a_training_that_is_not_done_is_told_as_such(tmp_path, status, told):
    write_corpus(tmp_path / "toy")
    run = vaecli.train("bn", tmp_path / "toy", settings=TINY, out=tmp_path / "runs")
    trained = RunFolder(run.path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_run(trained.path)
    trained.update(status=status)
    with pytest.warns(UserWarning, match=f"{told} this is the model of its best validation so far"):
        load_run(trained.path)


@pytest.mark.parametrize("status", ["diverged", "failed"])
def test_a_run_that_ended_without_a_model_is_not_told_to_be_trained_first(folder, status):
    folder.update(status=status, message="step 2: the training nll is nan")
    told = rf"the run {status} before its first validation and left no model \(step 2: the training nll is nan\)"
    with pytest.raises(UsageError, match=told):
        load_run(folder.path)
    folder.update(status="interrupted", message="")
    with pytest.raises(UsageError, match="the run is interrupted and has no trained model yet"):
        load_run(folder.path)
