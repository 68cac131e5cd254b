"""A long evaluation that is cut off goes on where it was: nothing is measured twice, and the figures are the same."""

import errno
import json
import signal
from pathlib import Path

import pytest
import torch
from support import TINY, write_corpus

import vaecli
from vaecli.core.errors import DataError, InterruptedRunError, UsageError
from vaecli.core.files import unwritable
from vaecli.metrics.columns import iw
from vaecli.metrics.extras import gaps, registry
from vaecli.metrics.extras.registry import BlockResult
from vaecli.metrics.kept_results import digest_of
from vaecli.metrics.schema import ESTIMATOR_VERSIONS
from vaecli.metrics.scoring import Scoring
from vaecli.runs import lock
from vaecli.runs.evaluation import Evaluated, EvaluationRequest, evaluate_run, store, write_sentences
from vaecli.runs.folder import RunFolder
from vaecli.runs.loaded_run import load_run
from vaecli.runs.partial_evaluation import FILE, FolderKeeper
from vaecli.training.checkpoint import save_checkpoint

SETTINGS = {**TINY, "training.epochs": 1, "evaluation.batch_size": 4}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return write_corpus(tmp_path_factory.mktemp("text") / "toy", times=4)


def counted(monkeypatch, module, name, stop_after=None):
    """Counts the calls of a function, and sends a signal after one of them."""
    function, calls = getattr(module, name), []

    def counting(*arguments, **more):
        result = function(*arguments, **more)
        calls.append(1)
        if len(calls) == stop_after:
            signal.raise_signal(signal.SIGTERM)
        return result

    monkeypatch.setattr(module, name, counting)
    return calls


@pytest.mark.parametrize("method", ["vanilla", "semi_amortized", "iaf"])
def test_the_final_evaluation_goes_on_from_its_last_batch(corpus, tmp_path, method, monkeypatch):
    whole = vaecli.train(method, corpus, settings=SETTINGS, out=tmp_path / "whole").figures
    calls = counted(monkeypatch, iw, "_batch_nll", stop_after=2)
    with pytest.raises(InterruptedRunError, match="what was measured is kept; the same command goes on") as stopped:
        vaecli.train(method, corpus, settings=SETTINGS, out=tmp_path / "cut")
    assert stopped.value.exit_code == 143
    folder = RunFolder(tmp_path / "cut" / "toy" / method / "seed-0")
    assert folder.status == "interrupted"
    assert (folder.checkpoint_path / FILE).exists()
    again = vaecli.train(method, corpus, settings=SETTINGS, out=tmp_path / "cut", resume=True).figures
    assert len(calls) == 7  # six batches, of which the second was stopped before it was written down
    assert not (folder.checkpoint_path / FILE).exists()
    timings = ("seconds", "tokens_per_second", "peak_memory_mb")
    assert {k: v for k, v in again.items() if k not in timings} == {k: v for k, v in whole.items() if k not in timings}


@pytest.fixture
def run(corpus, tmp_path):
    vaecli.train("vanilla", corpus, settings=SETTINGS, out=tmp_path)
    return load_run(tmp_path / "toy" / "vanilla" / "seed-0")


def test_what_a_kill_leaves_is_taken_up(run, monkeypatch):
    """A kill leaves what was saved in time; here that is every batch."""
    request = EvaluationRequest(("gaps",), "test", iw_samples=7)
    whole = evaluate_run(run, request)
    monkeypatch.setattr(FolderKeeper, "_save_in_time", FolderKeeper.save)
    optimise = gaps.optimise

    class Power(BaseException):
        pass

    def cut(*arguments):
        calls.append(1)
        if len(calls) == 4:
            raise Power
        return optimise(*arguments)

    calls = []
    monkeypatch.setattr(gaps, "optimise", cut)
    with pytest.raises(Power):
        evaluate_run(run, request)
    nlls = counted(monkeypatch, iw, "_batch_nll")
    resumed = evaluate_run(run, request)
    assert len(calls) == 7  # six batches, of which the fourth began twice
    assert len(nlls) == 6  # those of gaps; those of the standard columns are kept
    assert resumed == whole


def test_a_finished_evaluation_is_not_made_again(run, monkeypatch):
    made = []

    def block(inputs):
        made.append(1)
        return BlockResult({"inference_gap": 1.5}, {"list": [1, 2]}, ("line",), {"samples": 3})

    def last(inputs):
        signal.raise_signal(signal.SIGHUP)

    monkeypatch.setattr("vaecli.runs.evaluation.load_block", {"gaps": block, "payoff": last}.get)
    request = EvaluationRequest(("gaps", "payoff"), "test")
    for _ in range(2):
        with pytest.raises(InterruptedRunError) as stopped:
            evaluate_run(run, request)
        assert stopped.value.exit_code == 128 + signal.SIGHUP
    assert made == [1]
    result = evaluate_run(run, EvaluationRequest(("gaps",), "test")).results["gaps"]
    assert result == BlockResult({"inference_gap": 1.5}, {"list": [1, 2]}, ("line",), {"samples": 3})
    assert made == [1]


def test_nothing_of_another_request_model_or_version_is_taken(run, monkeypatch):
    keeper, made = FolderKeeper(run.folder, 0), []
    monkeypatch.setattr("vaecli.runs.evaluation.load_block", lambda name: lambda inputs: made.append(1) or RESULT)
    RESULT = BlockResult({"inference_gap": 1.0})

    def measure(sentences=None):
        from vaecli.runs.evaluation import block_input, run_blocks

        request = EvaluationRequest(("gaps",), "test", sentences=sentences)
        run_blocks(("gaps",), block_input(run, request, keeper), keeper)

    measure()
    measure()
    assert len(made) == 1
    measure(sentences=3)
    assert len(made) == 2
    with torch.no_grad():
        run.model.decoder.output.weight.add_(1)
    measure()
    assert len(made) == 3
    monkeypatch.setitem(registry.VERSIONS, "gaps", 99)
    measure()
    assert len(made) == 4


@pytest.mark.parametrize(("versions", "name"), [(ESTIMATOR_VERSIONS, "iw_nll"), (registry.VERSIONS, "gaps")])
def test_batches_of_another_version_are_not_taken(run, monkeypatch, versions, name):
    """What a program left that was updated since is none of the new one's, batch by batch as by evaluation."""
    scoring = Scoring.exact(run.corpus.split("test"), run.config.evaluation, 0, run.device)
    before = digest_of("iw", run.model, scoring, [3])
    assert digest_of("iw", run.model, scoring, [3]) == before
    monkeypatch.setitem(versions, name, 99)
    assert digest_of("iw", run.model, scoring, [3]) != before


def test_a_damaged_file_is_made_anew_and_a_folder_that_can_not_be_written_keeps_nothing(run, monkeypatch):
    (run.folder.checkpoint_path / FILE).write_bytes(b"damaged")
    keeper = FolderKeeper(run.folder, 5)
    assert keeper.batches == {}
    assert keeper.save()
    monkeypatch.setattr("vaecli.runs.partial_evaluation.save_checkpoint", lambda *a: (_ for _ in ()).throw(OSError()))
    assert not keeper.save()
    with pytest.raises(InterruptedRunError, match="what was measured is lost: it can't be written"), keeper.kept():
        signal.raise_signal(signal.SIGINT)


def test_a_short_evaluation_writes_nothing(run, monkeypatch):
    monkeypatch.setattr("vaecli.runs.partial_evaluation.save_checkpoint", lambda *a: pytest.fail("too early"))
    evaluate_run(run, EvaluationRequest(("dimensions",), "test", iw_samples=5))


def test_it_is_kept_as_numbers_and_json(run):
    keeper = FolderKeeper(run.folder, 0)
    keeper.write("key", torch.tensor([1.5]))
    keeper.save()
    again = FolderKeeper(run.folder, 0)
    assert torch.equal(again.read("key"), torch.tensor([1.5]))
    assert json.loads(json.dumps(again.blocks)) == {}
    save_checkpoint(run.folder.checkpoint_path, FILE, {}, {"blocks": {}})


def test_what_can_not_be_stored_is_kept(run, monkeypatch):
    def full(evaluated):
        raise DataError("the disk is full")

    request = EvaluationRequest(("gaps",), "test", iw_samples=7)
    calls = counted(monkeypatch, gaps, "optimise")
    with pytest.raises(DataError, match="the disk is full"):
        evaluate_run(run, request, finish=full)
    stored = []
    evaluated = evaluate_run(run, request, finish=stored.append)
    assert len(calls) == 6
    assert stored == [evaluated]
    assert not (run.folder.checkpoint_path / FILE).exists()


def test_a_signal_before_it_is_stored_loses_nothing(run, monkeypatch):
    request = EvaluationRequest(("gaps",), "test")
    calls = counted(monkeypatch, gaps, "optimise")
    with pytest.raises(InterruptedRunError, match="what was measured is kept"):
        evaluate_run(run, request, finish=lambda evaluated: signal.raise_signal(signal.SIGTERM))
    evaluate_run(run, request)
    assert len(calls) == 6


@pytest.mark.parametrize("change", ["longer", "anew"])
def test_figures_of_weights_that_are_no_longer_the_run_s_are_not_kept(run, change):
    """A long evaluation, beside which somebody trains the run further."""
    folder, kept = run.folder, []
    if change == "longer":
        longer = run.config.training.model_copy(update={"epochs": run.config.training.epochs + 1})
        folder.resume(run.config.model_copy(update={"training": longer}))
    else:
        folder.update(created="2026-01-01T00:00:00+00:00")
    folder.update(status="done")
    with pytest.raises(UsageError, match="trained anew, or further, after its weights were read; measure it again"):
        evaluate_run(run, EvaluationRequest(("dimensions",), "test"), finish=kept.append)
    assert kept == []


def test_a_second_signal_does_not_cut_the_save(run, monkeypatch):
    save = FolderKeeper.save

    def signalled(self):
        signal.raise_signal(signal.SIGTERM)
        return save(self)

    monkeypatch.setattr(FolderKeeper, "save", signalled)
    keeper = FolderKeeper(run.folder, 0)
    with pytest.raises(InterruptedRunError, match="what was measured is kept") as stopped, keeper.kept():
        signal.raise_signal(signal.SIGINT)
    assert stopped.value.exit_code == 130
    assert (run.folder.checkpoint_path / FILE).exists()


def test_nothing_is_kept_in_a_folder_that_is_gone(tmp_path):
    folder = RunFolder(tmp_path / "exp" / "bn" / "seed-0")
    assert not FolderKeeper(folder, 0).save()
    with FolderKeeper(folder, 0).reference_folder([[4, 5]], 0) as path:
        assert path is None
    assert not folder.path.exists()


def test_a_language_model_is_trained_without_checkpoints_on_a_full_disk(run, monkeypatch):
    def full(path, content, **more):
        raise unwritable(path, len(content), OSError(errno.ENOSPC, "No space left on device"))

    monkeypatch.setattr(lock, "write_atomic", full)
    with FolderKeeper(run.folder, 0).reference_folder([[4, 5]], 0) as path:
        assert path is None


def test_two_processes_train_no_language_model_in_one_folder(run):
    first, second = FolderKeeper(run.folder, 0), FolderKeeper(run.folder, 0)
    with first.reference_folder([[4, 5]], 0) as mine:
        with second.reference_folder([[4, 5]], 0) as theirs:
            assert theirs is None
        with second.reference_folder([[4, 6]], 0) as other:
            assert other not in (None, mine)
        second.forget()
        assert mine.is_dir()
        assert not other.exists()
    first.forget()
    assert not mine.exists()


def test_a_signal_once_the_figures_are_written_measures_nothing_again(corpus, tmp_path, monkeypatch):
    write = RunFolder.write_metrics

    def signalled(self, metrics):
        write(self, metrics)
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(RunFolder, "write_metrics", signalled)
    with pytest.raises(InterruptedRunError, match="what was measured is kept"):
        vaecli.train("vanilla", corpus, settings=SETTINGS, out=tmp_path)
    monkeypatch.setattr(RunFolder, "write_metrics", write)
    calls = counted(monkeypatch, iw, "_batch_nll")
    run = vaecli.train("vanilla", corpus, settings=SETTINGS, out=tmp_path, resume=True)
    assert calls == []
    assert run.figures["iw_nll"] > 0
    assert not list((run.path / "checkpoint").glob(FILE))


@pytest.mark.parametrize("inside", [".", "seed-0"])
def test_tables_are_made_anew_from_inside_a_run_s_folder_too(run, inside, monkeypatch):
    path = run.folder.path
    (path.parent.parent / "results.csv").write_text("")
    monkeypatch.chdir(path if inside == "." else path.parent)
    told = store(RunFolder(Path(inside)), Evaluated("test", {"au": 1}))
    assert "results.csv and summary.csv" in told
    assert "vanilla" in (path.parent.parent / "results.csv").read_text()


def test_tables_that_can_not_be_made_are_told_and_what_was_measured_is_stored(run, monkeypatch):
    (run.folder.path.parent.parent / "results.csv").write_text("")

    def broken(experiment):
        raise UsageError("a copy of a trial")

    monkeypatch.setattr("vaecli.runs.evaluation.write_tables", broken)
    told = store(run.folder, evaluate_run(run, EvaluationRequest(("dimensions",), "test")))
    assert told.endswith("can't be made anew: a copy of a trial")
    assert "metrics.json" in told
    assert "dimensions" in run.folder.metrics()


def test_figures_of_sentences_are_of_a_run_that_is_done(run):
    write_sentences(run, EvaluationRequest((), "test"))
    table = run.folder.path / "sentences-test.csv"
    assert table.exists()
    config = run.folder.config()
    more = config.model_copy(update={"training": config.training.model_copy(update={"epochs": 2})})
    run.folder.resume(more)
    assert not table.exists()  # they were of the weights before
    with pytest.raises(UsageError, match="the run is interrupted; finish it first"):
        write_sentences(run, EvaluationRequest((), "test"))
