"""Trials of the atlas, run small."""

import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from experiments.atlas import __main__ as command
from experiments.atlas import design, ship, table, work
from experiments.atlas.pictures import LEAST, VERDICTS, draw_phases, ground, shown_methods
from experiments.atlas.summary import report_text
from vaecli.core.errors import DivergedError, InterruptedRunError
from vaecli.metrics.verdict import verdict
from vaecli.runs.trial import run_trial

ROOT = Path(__file__).parents[2]


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(design, "SENTENCES", 200)
    monkeypatch.setattr(design, "HELD_OUT", 40)
    monkeypatch.setattr(design, "BATCH", 4)
    monkeypatch.setattr(design, "EPOCHS", (2, 2, 2, 2))


def test_a_row_has_the_design_the_figures_and_the_first_updates(small):
    row = work.run(2)
    assert row | design.trial(2).row() == row
    assert row["status"] == "done"
    assert (row["steps"], row["epochs_done"], row["epochs"]) == (100, 2, 2)
    assert row["verdict"] in ("collapsed", "informative", "fake-rate", "worse than uniform")
    assert all(isinstance(row[name], float) for name in table.EARLY)
    table.GROWING.line(row)


def test_a_run_that_diverges_is_a_row_too(small, monkeypatch):
    def diverge(folder, watcher, corpus):
        raise DivergedError("step 3: the training loss is inf")

    monkeypatch.setattr(work, "run_trial", diverge)
    row = work.run(2)
    assert (row["status"], row["verdict"]) == ("diverged", "diverged")
    assert row["message"] == "step 3: the training loss is inf"


def test_a_run_that_diverges_in_training_has_the_fingerprint_of_its_text(small, monkeypatch):
    sound = work.run(2)

    def diverge(folder, watcher, corpus):
        run_trial(folder, watcher, corpus)
        raise DivergedError("step 3: the training loss is inf")

    monkeypatch.setattr(work, "run_trial", diverge)
    row = work.run(2)
    assert row["status"] == "diverged"
    assert "kl" not in row
    assert [row[name] for name in ("fingerprint", "vocabulary")] == [sound["fingerprint"], sound["vocabulary"]]


def test_a_verdict_is_that_of_the_digits_kept():
    """Uniform over 917 word types costs 69.88907 nats at 10.246 tokens; a loss of 69.88906 is kept as 69.8891."""
    row = {"status": "done", "rec": 69.88906, "kl": 0.5, "mi": 0.4, "au": 1, "neg_elbo": 70.4, "tokens": 5123}
    row |= {"sentences": 500, "vocabulary": 917, "iw_nll": 70.0}
    assert (verdict(row), verdict(work.as_kept(row))) == ("informative", "worse than uniform")


def test_a_signal_throws_the_trial_away_and_says_so(small, monkeypatch):
    def stop(folder, watcher, corpus):
        raise InterruptedRunError("the checkpoint is saved", signal.SIGTERM)

    monkeypatch.setattr(work, "run_trial", stop)
    with pytest.raises(InterruptedRunError, match="the trial at work is discarded, and the same command") as stopped:
        work.run(2)
    assert stopped.value.exit_code == 128 + signal.SIGTERM


def test_what_cannot_be_built_is_a_row_without_a_verdict(small, monkeypatch):
    monkeypatch.setattr(work, "build_problem", lambda config, corpus: "too small")
    row = work.run(2)
    assert (row["status"], row["message"]) == ("failed", "too small")
    assert not row.get("verdict")


def fake(number, texts=None):
    word = "collapsed" if number % 3 else "informative"
    early = dict.fromkeys(table.EARLY, 0.5) | {"early_mi_last": 0.5 if word == "informative" else 0.001}
    return design.trial(number).row() | {"status": "done", "verdict": word, "kl": 1.0, "mi": 0.5} | early


def test_growing_goes_on_where_it_was(tmp_path, monkeypatch):
    path, told = tmp_path / "atlas.csv", []
    table.GROWING.append(path, fake(2))
    clock = itertools.count()
    monkeypatch.setattr(work, "run", fake)
    monkeypatch.setattr(work.time, "monotonic", lambda: next(clock))
    assert work.grow(path, 4, 1, told.append) == 3  # the clock is read as 0, 1, 2, 3 and 4
    others = [n for n in range(64) if n != 2 and design.trial(n) is not None]
    assert list(table.read_lines(path)) == sorted([2, *others[:3]])
    assert [line.split()[0] for line in told] == [str(n) for n in others[:3]]


def test_an_interruption_loses_nothing_that_was_done(tmp_path, monkeypatch):
    path = tmp_path / "atlas.csv"

    def stop(number, texts=None):
        if number > 2:
            raise KeyboardInterrupt
        return fake(number)

    monkeypatch.setattr(work, "run", stop)
    with pytest.raises(KeyboardInterrupt):
        work.grow(path, 60, 1, lambda line: None)
    assert list(table.read_lines(path)) == [1, 2]


def test_the_report_of_two_stretches(tmp_path, capsys):
    path = tmp_path / "atlas.csv"
    for number in range(1, 128):
        if design.trial(number) is not None:
            table.GROWING.append(path, fake(number))
    assert command.main(["--report", "--table", str(path)]) == 0
    text = capsys.readouterr().out
    frame = table.read_table(path)
    assert text == report_text(frame)
    assert f"{len(frame)} trials of {len(design.METHODS)} methods" in text
    assert "| threshold | 0 of" in text
    assert "Brier score" in text


def test_another_budget_is_refused(capsys):
    assert command.main(["--budget", "soon"]) == 2
    assert "is no duration" in capsys.readouterr().err


def test_the_ground_of_a_panel_turns_halfway_between_two_trials():
    """At 1e-3 a run collapsed and at 4e-3 one informed: halfway, by ratios, lies 2e-3. Between the first and the fifth
    value of the knob lies the third, where the verdict that is named first wins."""
    rates, at = np.array([1e-3, 4e-3]), np.array([1.9e-3, 2.1e-3])
    one = ground(rates, np.zeros(2), np.array(["collapsed", "informative"]), at, 1)
    assert [VERDICTS[n] for n in one[0]] == ["collapsed", "informative"]
    other = ground(np.full(2, 1e-3), np.array([0.0, 4.0]), np.array(["collapsed", "diverged"]), at, 5)
    assert [VERDICTS[n] for n in other[:, 0]] == ["collapsed"] * 3 + ["diverged"] * 2


def test_pictures_have_a_panel_a_method_that_has_enough_trials(tmp_path, capsys):
    path, picture = tmp_path / "atlas.csv", tmp_path / "phases.png"
    for number in range(1, LEAST + 3):
        if design.trial(number) is not None:
            table.GROWING.append(path, fake(number))
    frame = table.read_table(path)
    assert draw_phases(frame, tmp_path) is None  # one trial of a method is no diagram
    command.main(["--report", "--table", str(path), "--pictures", str(tmp_path)])
    assert "no method has enough trials for a phase diagram" in capsys.readouterr().err
    assert not picture.exists()
    assert shown_methods(frame.assign(method="bn")) == ["bn"]
    assert draw_phases(frame.assign(method="bn"), tmp_path) == picture
    assert picture.stat().st_size > 10_000


def test_repeats_grow_apart_from_the_table(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(work, "trained", lambda config, row: {**row, "status": "done", "mi": config.training.seed})
    path = tmp_path / "repeats.csv"
    monkeypatch.setattr(design, "REPEATS", 1)
    first = next(iter(design.repeats()))
    assert work.grow_repeats(path, 60, 1, lambda _: None) == len(design.METHODS)
    assert work.grow_repeats(path, 60, 1, lambda _: None) == 0
    rows = table.read_table(path).set_index("trial")
    assert (
        rows.loc[first.number, "seed"] == rows.loc[first.number, "mi"] == design.trial(first.number).seed + design.SEEDS
    )


def test_pairs_are_of_runs_that_say_something():
    def rows(*trials):
        return pd.DataFrame(trials, columns=["trial", "method", "status", "verdict", "mi"])

    lost = "worse than uniform"
    once = rows(
        (5, "bn", "done", "informative", 2.0), (3, "du", "done", "informative", 1.0), (4, "iaf", "done", lost, -9)
    )
    twice = rows(
        (5, "bn", "done", "collapsed", 0.5), (3, "du", "diverged", "diverged", None), (4, "iaf", "done", "x", 0)
    )
    assert ship.repeats_text(once, twice) == "trial,method,mi,again\n5,bn,2,0.5\n"


POOL = """
import time
from experiments.atlas.work import work_through
from vaecli.core.errors import InterruptedRunError
try:
    work_through([0.0, 0.0, *[2.0] * 50], time.sleep, lambda row: print("kept", flush=True), 60, 2)
except InterruptedRunError as stop:
    print(stop.signal_number)
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/task"), reason="the children of a process are read from /proc")
def test_a_signal_leaves_no_process_of_several_behind():
    process = subprocess.Popen([sys.executable, "-c", POOL], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "kept\n"
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    assert len(children) >= 2
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=60)
    assert said.split()[-1] == str(int(signal.SIGTERM))
    end = time.monotonic() + 20  # one of them tracks resources, and ends when it sees that the others have
    while (left := [child for child in children if os.path.exists(f"/proc/{child}")]) and time.monotonic() < end:
        time.sleep(0.1)
    assert not left
