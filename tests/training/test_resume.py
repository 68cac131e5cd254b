"""A run stopped at a checkpoint and resumed equals the unbroken one, for every registered remedy."""

import signal
import tempfile
from functools import cache
from pathlib import Path

import pytest
import torch
from support import tiny_batch, tiny_split

from vaecli.config import build_config
from vaecli.core.errors import DataError, DivergedError, InterruptedRunError
from vaecli.core.signals import STOPPING
from vaecli.corpus.types import Corpus
from vaecli.model.vae import Shape
from vaecli.remedies import make_method, method_names
from vaecli.remedies.core.phase_epochs import phase_epochs
from vaecli.training.checkpoint import load_checkpoint, load_latest
from vaecli.training.loop import Loop
from vaecli.training.session import TrainingSession


class Words:
    words = tuple(map(str, range(12)))

    def __len__(self):
        return 12


def tiny_corpus():
    return Corpus("tiny", Words(), tiny_split(22, 0), tiny_split(9, 1), tiny_split(9, 2), "none")


INNER = {"lagging": {"inner_updates": 8, "check_every": 4}, "semi_amortized": {"steps": 3}}
"""Shorter loops within an update: the first look at a loop of `lagging` always passes, so that it has 8 updates."""


def tiny_config(method="vanilla", **training):
    return build_config(
        {
            "method": method,
            "hyper": {name: INNER[name] for name in method.split("+") if name in INNER},
            "model": {
                "embedding_size": 4,
                "encoder_size": 5,
                "decoder_size": 5,
                "latent_size": 3,
                "embedding_dropout": 0.2,
                "output_dropout": 0.2,
            },
            "training": {"epochs": 3, "batch_size": 5, "seed": 3, "patience": 1, **training},
        }
    )


class Watcher:
    """Keeps the history, and sends a signal after a given update."""

    def __init__(self, stop_after=None, number=signal.SIGTERM):
        self.stop_after, self.number, self.rows, self.updates = stop_after, number, [], 0

    def step(self, progress, terms):
        self.updates += 1
        if progress.total_steps == self.stop_after:
            signal.raise_signal(self.number)

    def evaluated(self, row):
        self.rows.append({k: v for k, v in row.items() if k != "train_seconds"})

    def forget(self, epochs):
        self.rows = self.rows[:epochs]


def start(folder, watcher, config):
    """A session from nothing, as a new process would make it."""
    torch.manual_seed(config.training.seed)
    corpus, method = tiny_corpus(), make_method(config.method, config.hyper)
    model = method.build(Shape(12, len(corpus.train), config.model), config.training.seed)
    session = TrainingSession(model, method, corpus, config, torch.device("cpu"))
    return session, Loop(session, folder, watcher, watcher.forget)


def finish(folder, watcher, config):
    session, loop = start(folder, watcher, config)
    progress = loop.run()
    return session.model.state_dict(), progress


@cache
def unbroken_run(method):
    """What a run of a method that nothing stops watches, its weights and where it ends."""
    watcher = Watcher()
    with tempfile.TemporaryDirectory() as folder:
        return watcher, *finish(Path(folder), watcher, tiny_config(method))


@pytest.mark.parametrize("method", [*method_names(), "bn+linear_anneal+word_dropout"])
@pytest.mark.parametrize("stop", [3, 5])
def test_a_resumed_run_equals_the_unbroken_one(tmp_path, method, stop):
    # 22 sentences in batches of 5 are 5 updates an epoch or 4 with the last merged: 3 is inside the first epoch
    config = tiny_config(method)
    unbroken, weights, progress = unbroken_run(method)

    broken = Watcher(stop_after=stop)
    with pytest.raises(InterruptedRunError) as stopped:
        finish(tmp_path / "broken", broken, config)
    assert stopped.value.exit_code == 143
    resumed, progress_again = finish(tmp_path / "broken", broken, config)

    assert broken.rows == unbroken.rows
    assert broken.updates == unbroken.updates
    assert progress_again.best == progress.best
    for name, value in weights.items():
        assert torch.equal(resumed[name], value), name


class Power(Exception):
    """What SIGKILL or a power cut is to a run: it stops between two instructions, without a word."""


class Unplugged(Watcher):
    def step(self, progress, terms):
        super().step(progress, terms)
        if self.updates == self.stop_after:
            raise Power

    def evaluated(self, row):
        super().evaluated(row)
        if row["epoch"] == 1 and self.stop_after == "validation":
            raise Power


@pytest.mark.parametrize("method", ["bn+linear_anneal+word_dropout", "lagging", "semi_amortized", "info_js", "geco"])
@pytest.mark.parametrize("stop", [2, 6, "validation"])
def test_a_run_that_is_cut_off_goes_on_from_its_last_save_inside_the_epoch(tmp_path, method, stop):
    config = tiny_config(method, save_every=1e-9)
    broken, (unbroken, weights, _) = Unplugged(stop), unbroken_run(method)
    with pytest.raises(Power):
        finish(tmp_path / "broken", broken, config)
    broken.stop_after = None
    resumed, progress = finish(tmp_path / "broken", broken, config)
    assert broken.rows == unbroken.rows
    assert broken.updates == progress.total_steps + (stop != "validation")  # the update of the cut was not saved yet
    for name, value in weights.items():
        assert torch.equal(resumed[name], value), name


def test_without_minutes_nothing_is_saved_inside_an_epoch(tmp_path):
    saved = []

    class Watching(Watcher):
        def step(self, progress, terms):
            saved.append((tmp_path / "last.safetensors").exists())

    finish(tmp_path, Watching(), tiny_config(save_every=0, epochs=1))
    assert saved
    assert not any(saved)


@pytest.mark.parametrize("number", STOPPING)
def test_every_signal_saves_within_one_update(tmp_path, number):
    watcher = Watcher(stop_after=2, number=number)
    with pytest.raises(InterruptedRunError, match=r"after 2 updates \(epoch 1\); the checkpoint is saved") as stopped:
        finish(tmp_path, watcher, tiny_config())
    assert stopped.value.exit_code == 128 + number
    assert load_latest(tmp_path)[1]["progress"]["total_steps"] == watcher.updates == 2


@pytest.mark.parametrize("after", [1, 11])
def test_a_signal_inside_an_inner_loop_saves_there_and_changes_nothing(tmp_path, after, monkeypatch):
    """The loop of the first step has 8 updates, so `after` = 1 is inside of it, and 11 inside of the second one."""
    config = tiny_config("lagging")
    _, weights, _ = unbroken_run("lagging")
    update, count = TrainingSession.update, [0]

    def counted(self, loss, groups=("encoder", "decoder")):
        update(self, loss, groups)
        count[0] += 1
        if count[0] == after:
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(TrainingSession, "update", counted)
    with pytest.raises(InterruptedRunError, match="the checkpoint is saved"):
        finish(tmp_path / "broken", Watcher(), config)
    assert count[0] == after
    tensors, _ = load_latest(tmp_path / "broken")
    assert tensors["model.aux.lagging.inner"][0] > 0
    resumed, _ = finish(tmp_path / "broken", Watcher(), config)
    for name, value in weights.items():
        assert torch.equal(resumed[name], value), name


@pytest.mark.parametrize("moment", ["after_epoch", "after_validation", "last"])
def test_a_signal_during_a_save_is_not_lost(tmp_path, moment, monkeypatch):
    """Seven saves are made in three epochs: after each one's updates and validation, none before the first update."""
    number = {"after_epoch": 1, "after_validation": 2, "last": 6}[moment]
    save, count = Loop._save, [0]

    def signalled(self):
        count[0] += 1
        if count[0] == number:
            signal.raise_signal(signal.SIGTERM)
        save(self)

    monkeypatch.setattr(Loop, "_save", signalled)
    with pytest.raises(InterruptedRunError, match="the checkpoint is saved") as stopped:
        finish(tmp_path, Watcher(), tiny_config(patience=9))
    assert stopped.value.exit_code == 143
    assert count[0] == number


def test_the_second_signal_stops_at_once_and_claims_no_checkpoint(tmp_path):
    class Impatient(Watcher):
        def step(self, progress, terms):
            super().step(progress, terms)
            if progress.total_steps == self.stop_after:
                signal.raise_signal(signal.SIGTERM)

    with pytest.raises(InterruptedRunError, match="nothing is saved yet") as stopped:
        finish(tmp_path / "early", Impatient(stop_after=2), tiny_config())
    assert stopped.value.exit_code == 143
    assert load_latest(tmp_path / "early") is None
    with pytest.raises(InterruptedRunError, match=r"stopped before it was saved; .* goes on from update 5"):
        finish(tmp_path / "late", Impatient(stop_after=6), tiny_config())


def test_a_damaged_checkpoint_is_moved_aside_so_that_the_good_one_stays(tmp_path):
    config = tiny_config()
    finish(tmp_path, Watcher(), config)
    (tmp_path / "last.safetensors").write_bytes(b"damaged")
    with pytest.warns(UserWarning, match=r"kept as damaged\.safetensors, going on from previous\.safetensors"):
        start(tmp_path, Watcher(), config)[1]._save()
    for name in ("last.safetensors", "previous.safetensors"):
        load_checkpoint(tmp_path / name)
    assert (tmp_path / "damaged.safetensors").read_bytes() == b"damaged"


def test_a_checkpoint_of_another_model_is_told(tmp_path):
    finish(tmp_path, Watcher(), tiny_config(epochs=1))
    with pytest.raises(DataError, match=r"last\.safetensors: the checkpoint is of another model or method"):
        start(tmp_path, Watcher(), tiny_config("bn"))


def test_a_finished_run_resumed_does_nothing(tmp_path):
    config = tiny_config()
    finish(tmp_path, Watcher(), config)
    again = Watcher()
    finish(tmp_path, again, config)
    assert again.updates == 0


def test_raised_epochs_go_on_where_the_run_had_stopped(tmp_path):
    short, long = Watcher(), Watcher()
    weights, _ = finish(tmp_path / "long", long, tiny_config(patience=9))
    finish(tmp_path / "short", short, tiny_config(epochs=1, patience=9))
    resumed, _ = finish(tmp_path / "short", short, tiny_config(patience=9))
    assert short.rows == long.rows
    assert all(torch.equal(resumed[n], v) for n, v in weights.items())


def test_raised_epochs_go_on_with_a_run_that_was_not_to_decay_yet(tmp_path):
    """It had stalled for longer than its patience when its epochs were over, and would have gone on for all that."""
    still = {"learning_rate": 1e-30, "optimizer": "sgd", "decay_start": 9}
    short = Watcher()
    _, progress = finish(tmp_path, short, tiny_config(epochs=3, **still))
    assert progress.stalls >= 1
    _, progress = finish(tmp_path, short, tiny_config(epochs=5, **still))
    assert (progress.total_epochs, len(short.rows)) == (5, 5)


def test_raised_epochs_train_no_run_further_that_had_stopped_early(tmp_path):
    still = {"learning_rate": 1e-30, "optimizer": "sgd", "max_decays": 0}
    _, progress = finish(tmp_path, Watcher(), tiny_config(epochs=2, **still))
    assert (progress.total_epochs, progress.stopped) == (2, True)
    again = Watcher()
    finish(tmp_path, again, tiny_config(epochs=5, **still))
    assert again.updates == 0


@pytest.mark.parametrize(("planned", "raised", "stages"), [(4, 7, [2, 5]), (6, 7, [3, 4]), (1, 3, [1, 2])])
def test_raised_epochs_of_a_run_in_stages_are_all_trained(tmp_path, planned, raised, stages):
    """The first stage is over and stays as long as it was; the second has the rest, and its schedules know."""
    watcher, method = Watcher(), {"method": "ae_pretrain", "patience": 9}
    finish(tmp_path, watcher, tiny_config(epochs=planned, **method))
    session, loop = start(tmp_path, watcher, tiny_config(epochs=raised, **method))
    assert loop.run().total_epochs == raised
    assert [row["phase"] for row in watcher.rows] == ["autoencoder"] * stages[0] + ["vae"] * stages[1]
    assert (loop.epochs, session.clock.epochs) == (stages, stages[1])
    again = start(tmp_path, Watcher(), tiny_config(epochs=raised + 1, **method))[1]
    assert again.epochs == [stages[0], stages[1] + 1]


def test_raised_epochs_of_a_run_in_stages_equal_a_share_that_had_them_from_the_start(tmp_path):
    """What the longer row of Penn Treebank rests on: its first epochs are those of the row before."""

    def config(epochs, **share):
        plan = tiny_config("ae_pretrain+free_bits+linear_anneal", epochs=epochs, patience=9)
        return plan.model_copy(update={"hyper": {"linear_anneal": {"epochs": 1.0, "share": 0.5}, "ae_pretrain": share}})

    raised, whole = Watcher(), Watcher()
    for epochs in (4, 6):
        weights, _ = finish(tmp_path / "raised", raised, config(epochs))
    expected, _ = finish(tmp_path / "whole", whole, config(6, share=0.3333))
    assert [row["phase"] for row in whole.rows] == ["autoencoder"] * 2 + ["vae"] * 4
    assert raised.rows == whole.rows
    assert all(torch.equal(weights[name], value) for name, value in expected.items())


def test_a_stage_that_had_stopped_early_leaves_nothing_to_the_next(tmp_path):
    """Interrupted in the second stage or not: the plan of the same number of epochs is the same."""
    settings = {"method": "ae_pretrain", "epochs": 12, "learning_rate": 1e-30, "optimizer": "sgd", "max_decays": 0}
    finish(tmp_path, watcher := Watcher(), tiny_config(**settings))
    stages = [row["phase"] for row in watcher.rows]
    assert stages.count("autoencoder") < 6
    assert start(tmp_path, Watcher(), tiny_config(**settings))[1].epochs == [6, 6]
    assert start(tmp_path, Watcher(), tiny_config(**{**settings, "epochs": 20}))[1].epochs == [6, 14]


def test_the_caller_handles_signals_again_after_the_loop(tmp_path):
    before = signal.getsignal(signal.SIGTERM)
    finish(tmp_path, Watcher(), tiny_config(epochs=1))
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize(("method", "stage"), [("vanilla", ""), ("ae_pretrain", " of stage 'autoencoder'")])
def test_a_loss_that_is_not_finite_stops_the_run_and_names_the_step(tmp_path, method, stage):
    session, loop = start(tmp_path, Watcher(), tiny_config(method))
    with torch.no_grad():
        session.model.decoder.output.weight.fill_(float("nan"))
    with pytest.raises(DivergedError, match=f"^step 0{stage}: the training nll is nan$"):
        loop.run()


def test_a_gradient_that_is_not_finite_beside_terms_that_are_is_named(tmp_path):
    session, _ = start(tmp_path, Watcher(), tiny_config())
    loss, weight = session.loss(tiny_batch()).loss, session.model.decoder.output.weight
    with pytest.raises(DivergedError, match=r"^step 0: the gradient is not finite \(norm inf\)$"):
        session.update(loss + float("inf") * weight.sum())


def test_the_best_checkpoint_has_the_lowest_validation_figure(tmp_path):
    watcher = Watcher()
    _, progress = finish(tmp_path, watcher, tiny_config())
    figures = [row["neg_elbo"] for row in watcher.rows]
    assert progress.best == min(figures)
    assert progress.best_epoch == figures.index(min(figures)) + 1


def test_learning_rate_halves_at_a_stall_and_the_run_ends_after_the_last_decay(tmp_path):
    # a learning rate of 1e-12 changes no figure by much more than rounding: validations stall or creep
    watcher = Watcher()
    config = tiny_config(epochs=50, max_decays=2, learning_rate=1e-30, optimizer="sgd")
    _, progress = finish(tmp_path, watcher, config)
    # epoch 1 is the best; epochs 2 and 3 stall and halve, epoch 4 stalls with no decay left
    assert [row["learning_rate"] for row in watcher.rows] == [1e-30, 1e-30, 5e-31, 2.5e-31]
    assert progress.total_epochs == 4


def test_phases_share_the_epochs():
    from vaecli.remedies.core.remedy import Phase

    assert phase_epochs((Phase("a", 0.3), Phase("b", 0.7)), 10) == [3, 7]
    assert phase_epochs((Phase("a", 0.1), Phase("b", 0.9)), 2) == [1, 1]
    assert phase_epochs((Phase(),), 8) == [8]
    assert phase_epochs((Phase("a", 0.95), Phase("b", 0.05)), 6) == [5, 1]  # a planned epoch is left to the last
    assert phase_epochs((Phase("a", 0.8), Phase("b", 0.15), Phase("c", 0.05)), 4) == [2, 1, 1]
    assert phase_epochs((Phase("a", 0.5), Phase("b", 0.5)), 1) == [1, 1]
    three = (Phase("a", 0.2), Phase("b", 0.3), Phase("c", 0.5))
    assert [phase_epochs(three, 20, over) for over in ((2,), (2, 3))] == [[2, 6, 12], [2, 3, 15]]
