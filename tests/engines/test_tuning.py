"""The search: its budget, its journal, its pruning, and what it calls best; the trials are made by a stand-in."""

import json
import shutil
from contextlib import contextmanager

import pytest

from vaecli.cli.search_table import row, summary_rows
from vaecli.core.errors import InterruptedRunError
from vaecli.engines.engine import Event, Outcome
from vaecli.runs.experiment import Experiment
from vaecli.runs.folder import RunFolder
from vaecli.runs.stop_request import STOP
from vaecli.settings.resolve import load_settings
from vaecli.settings.search import parse_objective, parse_ranges, space_of

pytest.importorskip("optuna")
from vaecli.engines.candidates import Candidate, front, hypervolume
from vaecli.engines.tuning import Search, rounded

EPOCHS = 4
RANGE = ["bn.gamma=0.1..2.0"]


class Bowl:
    """Trials whose neg_elbo is least at gamma 0.5, told epoch by epoch; one that is asked to stop does.

    Args:
        signal_at: The round that a signal ends before its trials do anything.
    """

    def __init__(self, signal_at=0):
        self.rounds, self.signal_at, self.trained = 0, signal_at, []

    def run(self, trials, on_event, policy):
        self.rounds += 1
        if self.rounds == self.signal_at:
            return Outcome({}, 2)
        statuses = {}
        for trial in trials:
            folder = RunFolder(trial.path)
            gamma = trial.config.hyper["bn"]["gamma"]
            self.trained.append(gamma)
            status = "done"
            for epoch in range(1, EPOCHS + 1):
                loss = 20 + (gamma - 0.5) ** 2 + 1 / epoch
                row = {"epoch": epoch, "neg_elbo": loss, "kl": 8 * gamma**2, "rec": loss - 8 * gamma**2, "mi": gamma}
                folder.append_history({**row, "best": 1})
                on_event(Event("progress", trial, "running", row=folder.history()[-1]))
                if (trial.path / STOP).exists():
                    status = "interrupted"
                    break
            folder.update(status=status)
            statuses[trial.name] = status
        return Outcome(statuses)


@contextmanager
def unwatched(todo):
    yield lambda event: None


@pytest.fixture
def search(tmp_path):
    def make(
        objective="neg_elbo", trials=12, name="x", method="bn", jobs=2, prune=True, seed=0, ranges=RANGE, epochs=EPOCHS
    ):
        settings = load_settings(methods=[method], seeds=seed, experiment=name, values={"training.epochs": epochs})
        experiment = Experiment.of(settings, tmp_path)
        space = space_of(method, parse_ranges(ranges, [method]))
        goal = parse_objective(objective)
        return Search(experiment, method, space, goal, trials, seed, jobs, prune, experiment.path / "tune")

    return make


def test_the_first_trial_is_that_of_the_defaults_and_the_best_is_near_the_optimum(search):
    tuning = search(trials=20)
    tuning.run(Bowl(), unwatched)
    assert tuning.candidates[0].values == {"bn.gamma": 0.6}
    assert tuning.best().figures["neg_elbo"] < 20.25 + 0.01
    assert abs(tuning.best().values["bn.gamma"] - 0.5) < 0.1


def test_the_budget_is_one_of_epochs(search):
    whole = search(trials=12, name="whole", prune=False)
    whole.run(Bowl(), unwatched)
    assert (whole.spent, len(whole.candidates)) == (12 * EPOCHS, 12)
    pruned = search(trials=12, name="pruned")
    pruned.run(Bowl(), unwatched)
    assert 11 * EPOCHS < pruned.spent <= 12 * EPOCHS
    assert len(pruned.candidates) > 12, "what a pruned trial leaves is for others"
    assert "pruned" in {candidate.status for candidate in pruned.candidates}


def test_a_pruned_trial_is_worse_than_half_of_those_before_and_says_so(search):
    tuning = search(trials=12)
    tuning.run(Bowl(), unwatched)
    pruned = next(c for c in tuning.candidates if c.status == "pruned")
    run = RunFolder(pruned.path).run()
    assert run["status"] == "interrupted"
    assert run["message"].startswith("pruned by vae tune")
    done = sorted(abs(c.values["bn.gamma"] - 0.5) for c in tuning.candidates if c.status == "done")
    assert abs(pruned.values["bn.gamma"] - 0.5) > done[len(done) // 4]


class InStages(Bowl):
    """Trials of `ae_pretrain`: in the first stage, as long as their share, the KL is free and neg_elbo is large."""

    def run(self, trials, on_event, policy):
        for trial in trials:
            folder, share = RunFolder(trial.path), trial.config.hyper["ae_pretrain"]["share"]
            planned = trial.config.training.epochs
            first, whole = max(1, round(share * planned)), max(2, planned)
            status = "done"
            for epoch in range(1, whole + 1):
                loss = 500.0 if epoch <= first else 20 - share + 1 / epoch
                phase = "autoencoder" if epoch <= first else "vae"
                folder.append_history({"epoch": epoch, "phase": phase, "neg_elbo": loss, "best": 1})
                on_event(Event("progress", trial, "running", row=folder.history()[-1]))
                if (trial.path / STOP).exists():
                    status = "interrupted"
                    break
            folder.update(status=status)
        return Outcome({})


def test_a_trial_is_not_pruned_by_what_a_stage_before_its_last_shows(search):
    """The longer the first stage the better, here; such trials were pruned in it beside those that were past theirs."""
    tuning = search(trials=14, method="ae_pretrain", ranges=["ae_pretrain.share=0.1..0.7"], jobs=1, epochs=20)
    tuning.run(InStages(), unwatched)
    pruned = [c.values["ae_pretrain.share"] for c in tuning.candidates if c.status == "pruned"]
    best = max(c.values["ae_pretrain.share"] for c in tuning.candidates)
    assert best not in pruned
    assert all(RunFolder(c.path).history()[-1]["phase"] == "vae" for c in tuning.candidates)


def test_the_budget_is_that_of_whole_trials_where_stages_are_more_than_epochs(search):
    tuning = search(trials=4, method="ae_pretrain", ranges=["ae_pretrain.share=0.1..0.7"], epochs=1)
    tuning.run(InStages(), unwatched)
    assert (len(tuning.candidates), tuning.spent) == (4, 8)


def test_a_trial_whose_folder_is_gone_fails_alone(search):
    class Removing(Bowl):
        def run(self, trials, on_event, policy):
            outcome = super().run(trials, on_event, policy)
            if self.rounds == 2:
                shutil.rmtree(trials[0].path)
            return outcome

    tuning = search(trials=8, prune=False)
    tuning.run(Removing(), unwatched)
    assert [c.status for c in tuning.candidates].count("failed") == 1
    assert tuning.best() is not None


def test_an_interrupted_search_ends_as_one_that_was_not(search):
    whole = search(name="whole")
    whole.run(Bowl(), unwatched)
    first = search(name="stopped")
    with pytest.raises(InterruptedRunError, match="same command goes on"):
        first.run(Bowl(signal_at=3), unwatched)
    again = search(name="stopped")
    again.run(Bowl(), unwatched)
    assert [c.values for c in again.candidates] == [c.values for c in whole.candidates]
    assert [c.status for c in again.candidates] == [c.status for c in whole.candidates]


def test_a_finished_search_trains_nothing_and_a_larger_budget_goes_on(search):
    search(trials=6).run(Bowl(), unwatched)
    idle = Bowl()
    same = search(trials=6)
    same.run(idle, unwatched)
    assert idle.trained == []
    more = search(trials=9, prune=False)
    more.run(idle, unwatched)
    assert more.candidates[:6] == same.candidates
    assert more.spent <= 9 * EPOCHS


def test_trials_are_ordinary_runs(search):
    tuning = search(trials=4)
    tuning.run(Bowl(), unwatched)
    for candidate in tuning.candidates:
        gamma = candidate.values["bn.gamma"]
        run = RunFolder(candidate.path)
        assert candidate.path.parent.name == f"bn--bn.gamma-{gamma}"
        assert run.config().hyper["bn"] == {"gamma": gamma, "eps": 1e-12}
        assert run.run()["own"] == {"bn": {"gamma": gamma}}


def test_other_ranges_or_another_seed_are_another_search(search):
    first = search(trials=3)
    first.run(Bowl(), unwatched)
    for other in (search(trials=3, ranges=["bn.gamma=0.1..0.2"]), search(trials=3, seed=1)):
        other.run(Bowl(), unwatched)
        assert len(other.candidates) == 3
        assert not {c.path for c in other.candidates} & {c.path for c in first.candidates}


def test_two_seeds_propose_nothing_twice(search):
    proposed = []
    for seed in (0, 1):
        one = search(trials=4, seed=seed, jobs=1)
        one.run(Bowl(), unwatched)
        proposed.append({c.values["bn.gamma"] for c in one.candidates[1:]})  # the first is that of the defaults
    assert not proposed[0] & proposed[1]


def test_a_limit_goes_before_the_figure(search):
    tuning = search("mi at neg_elbo <= 20.5", trials=16)
    tuning.run(Bowl(), unwatched)
    best = tuning.best()
    assert best.figures["neg_elbo"] <= 20.5
    keeping = [c for c in tuning.candidates if c.status == "done" and c.figures["neg_elbo"] <= 20.5]
    assert best.figures["mi"] == max(c.figures["mi"] for c in keeping)
    none = search("mi at neg_elbo <= 1", trials=4, name="none")
    none.run(Bowl(), unwatched)
    assert none.best().figures["neg_elbo"] == min(c.figures["neg_elbo"] for c in none.candidates if c.status == "done")


def test_few_values_end_the_search(search):
    class Words(Bowl):
        def run(self, trials, on_event, policy):
            for trial in trials:
                self.trained.append(trial.config.hyper["pooling"]["kind"])
                folder = RunFolder(trial.path)
                folder.append_history({"epoch": EPOCHS, "neg_elbo": 1.0, "kl": 1.0, "rec": 0.0, "best": 1})
                folder.update(status="done")
            return Outcome({})

    words = Words()
    tuning = search(trials=30, method="pooling", ranges=[])
    tuning.run(words, unwatched)
    assert sorted(words.trained) == ["max", "mean"], "each once"
    assert len(tuning.candidates) == 2


def test_a_diverged_trial_counts_and_is_no_answer(search):
    class Diverges(Bowl):
        def run(self, trials, on_event, policy):
            for trial in trials:
                RunFolder(trial.path).update(status="diverged")
            return Outcome({})

    tuning = search(trials=3, jobs=1)
    tuning.run(Diverges(), unwatched)
    assert tuning.best() is None
    assert {c.status for c in tuning.candidates} == {"diverged"}
    assert len(tuning.candidates) <= 3 * EPOCHS, "each counts as an epoch at least"


@pytest.mark.parametrize("objective", ["neg_elbo", "mi at neg_elbo <= 30", "hypervolume"])
def test_a_search_leaves_the_values_whose_trials_diverge(search, objective):
    class DivergesAbove(Bowl):
        def run(self, trials, on_event, policy):
            kept = [trial for trial in trials if trial.config.hyper["bn"]["gamma"] < 1]
            for trial in trials:
                if trial not in kept:
                    RunFolder(trial.path).update(status="diverged")
            return super().run(kept, on_event, policy)

    tuning = search(objective, trials=25, jobs=1, prune=False)
    tuning.run(DivergesAbove(), unwatched)
    late = [candidate.status for candidate in tuning.candidates[12:]]
    assert late.count("diverged") < len(late) / 2


@pytest.mark.parametrize("objective", ["marginal_kl", "mi at marginal_kl <= 1"])
def test_a_trial_without_the_figure_that_judges_it_is_no_answer(search, objective):
    tuning = search(objective, trials=2)
    tuning.run(Bowl(), unwatched)
    assert tuning.best() is None
    assert [c.status for c in tuning.candidates] == ["done", "done"]
    assert [row(tuning, c)["keeps_limit"] for c in tuning.candidates] == [None, None]
    assert summary_rows(tuning)[0][-1] == "no trial has the figures"


def test_the_journal_is_lines_of_json(search):
    tuning = search(trials=2)
    tuning.run(Bowl(), unwatched)
    lines = (tuning.folder / "bn.log").read_text().splitlines()
    assert all(isinstance(json.loads(line), dict) for line in lines)


def candidate(kl, rec, status="done"):
    return Candidate("bn", {}, status, {"kl": kl, "rec": rec}, 1, None)


def test_hypervolume_by_hand():
    """Two steps below (10, 20): from kl 2 on 20 - 15, from kl 4 on 15 - 12."""
    trials = [candidate(4.0, 12.0), candidate(2.0, 15.0), candidate(5.0, 14.0), candidate(1.0, 1.0, "pruned")]
    assert [(c.figures["kl"], c.figures["rec"]) for c in front(trials)] == [(2.0, 15.0), (4.0, 12.0)]
    assert hypervolume(trials, (10.0, 20.0)) == 8 * 5 + 6 * 3
    assert hypervolume(trials, (3.0, 20.0)) == 1 * 5
    assert hypervolume([], (10.0, 20.0)) == 0.0


@pytest.mark.parametrize(
    ("value", "few"), [(0.123456, 0.1235), (12345.6, 12350.0), (0.0, 0.0), (1.0, 1.0), (9.99996, 10.0)]
)
def test_numbers_of_four_digits(value, few):
    assert rounded(value) == few
