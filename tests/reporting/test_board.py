"""What is visible of an experiment at work, by the size of the terminal; pure, so that no terminal is needed."""

import io
import re
from pathlib import Path

import pytest
from rich.console import Console
from rich.text import Text

from tests.reporting.scenes import COLLAPSED, EPOCHS, FIGURES, done, grid, rows, running, watched
from vaecli.reporting.advice import what_to_try
from vaecli.reporting.board import Scene, board, totals
from vaecli.reporting.forecast import forecast
from vaecli.runs.progress_file import Stand


def scene(trials, elapsed=3725.0, slots=2, **more):
    return Scene("runs/all", trials, elapsed, forecast(trials, slots), **more)


def shown(trials, width=80, height=24, **more):
    """The lines as a console of that size prints them."""
    lines = board(scene(trials, **more), width, height)
    assert len(lines) <= height
    assert all(line.cell_len <= width for line in lines)
    console = Console(width=width, height=height, record=True, file=io.StringIO(), legacy_windows=False)
    console.print(Text("\n").join(lines))
    printed = console.export_text().splitlines()
    assert len(printed) == len(lines)  # none was wrapped
    return printed


def test_all_that_matters_of_138_trials_fits_80_by_24():
    lines = shown(grid())
    assert lines[0] == "runs/all  138 trials: 61 done, 2 running, 74 waiting, 1 failed"
    assert "45 %" in lines[1]
    assert "1h02m so far, about" in lines[1]
    text = "\n".join(lines)
    assert "target_kl seed 2        3/8 ━━━━━━━━" in text
    assert "bn seed 0               3/8 ━━━━━━━━" in text
    assert "target_kl seed 1        failed: RuntimeError: a long reason" in text
    assert "collapsed: soft_free_bits 3, ae_pretrain 3" in text
    assert "mdr                       3/3    25.29   3.05   2.27  informative" in text
    assert lines[-1] == "and 10 more"


def test_200_by_50_shows_every_method_beside_what_runs():
    trials = grid(ended=136, at_work=1, failed=1)
    lines = shown(trials, 200, 50)
    results = [line[101:].split()[0] for line in lines[4:]]
    assert len(set(results)) == len({trial.label for trial in trials if trial.state == "done"}) == 46
    assert lines[3].split() == [
        *("running", "epoch", "rec", "kl", "neg_elbo", "mi", "au", "left"),
        *("results", "seeds", "rec", "kl", "neg_elbo", "mi", "au", "verdict"),
    ]


@pytest.mark.parametrize("width", [20, 40, 80, 100, 149, 150, 200, 300])
@pytest.mark.parametrize("height", [1, 2, 3, 5, 8, 24, 50])
@pytest.mark.parametrize("at_work", [0, 2, 64])
def test_no_size_overflows(width, height, at_work):
    for failed in (0, 1, 10):
        lines = board(scene(grid(60, at_work, failed)), width, height)
        assert 1 <= len(lines) <= height
        assert all(line.cell_len <= width for line in lines)


def test_many_at_work_leave_room_for_results_and_failures():
    text = "\n".join(shown(grid(60, 64, 10)))
    assert "and 56 more" in text  # running
    assert "failed: RuntimeError" in text
    assert "results" in text


def test_a_bar_grows_inside_the_epoch():
    bars = [shown([running(step=step, steps=640)])[4].count("━") for step in (0, 320, 640)]
    assert bars[0] == 0 < bars[1] < bars[2]


def test_what_is_done_besides_training_is_named():
    measuring = running(stand=Stand("measuring on test", 8, 8, 640, 640, 0.0, 60.0))
    fresh = watched("bn", 1, "running")
    text = "\n".join(shown([measuring, fresh]))
    assert "8/8 measuring on test" in text
    assert "starting" in text


def test_an_epoch_that_is_over_in_the_history_is_not_shown_as_going_on():
    late = running(epoch=3, step=500, rows=rows(3, FIGURES))
    assert "4/8 ─" in shown([late])[4]


def test_a_collapse_marks_what_runs_and_says_what_to_try():
    lines = shown([running("vanilla", figures=COLLAPSED, options=("--data", "my news", "--preset", "ptb"))])
    assert lines[4].startswith("! vanilla seed 0")
    assert "collapsed: vanilla 1" in lines
    assert "try `vae compare --methods vanilla,bn,free_bits --data 'my news' --preset ptb`" in lines


def test_a_warning_marks_what_runs_until_validations_say_more():
    lines = shown([running("bow", epoch=1, warning="likely to collapse"), running("bn", seed=1)])
    assert any(line.startswith("! bow seed 0") for line in lines)
    assert "likely to collapse: bow 1" in lines
    lines = shown([running("bow", epoch=4, figures=COLLAPSED, warning="likely to collapse")])
    assert not any(line.startswith("likely") for line in lines)
    assert "collapsed: bow 1" in lines


def test_what_is_tried_already_is_not_suggested():
    trials = [running("vanilla", figures=COLLAPSED), done("bn"), done("free_bits+linear_anneal")]
    assert "try `vae compare --methods vanilla,mi_constraint`" in shown(trials)
    assert not any("try `" in line for line in shown(grid()))  # every method is in it


def test_a_code_that_is_ignored_is_told_apart():
    idle = {**FIGURES, "mi": 0.1}
    lines = shown([running("bn", epoch=4, figures=idle)])
    assert "code ignored: bn 1" in lines
    assert "try `vae compare --methods bn,free_bits,mi_constraint`" in lines


def test_means_are_over_the_seeds_that_are_done_and_ceilings_are_marked():
    trials = [done(seed=0), done(seed=1, figures={**FIGURES, "rec": 24.24, "mi": 7.6}), watched(seed=2)]
    row = shown(trials, 120)[-1]
    assert row.split()[:7] == ["bn", "2/3", "23.24", "3.05", "25.29", "≥4.93", "16.0"]
    assert row.endswith("informative 1, saturated 1")


def test_lost_and_stopped_trials_say_why():
    lost = watched("bn", 0, "running", loss="process 4711 on gpu3 is gone")
    text = "\n".join(shown([lost, watched("bn", 1, "stopped", message="saved")]))
    assert "bn seed 0               lost: process 4711 on gpu3 is gone" in text
    assert totals([lost, watched("bn", 1, "stopped")]) == "2 trials: 0 done, 0 running, 0 waiting, 1 stopped, 1 lost"


def test_messages_can_not_steer_the_terminal():
    text = "\n".join(shown([watched(told="failed", message="a\x1b[2Jb\nc [red]d")]))
    assert "\x1b" not in text
    assert r"failed: a\x1b[2Jb c [red]d" in text


def test_the_end_has_no_time_left():
    assert shown([done()])[1].endswith("100 %  1h02m so far")
    assert totals([done()]) == "1 trial: 1 done, 0 running, 0 waiting"


# the time that is left


def test_a_trial_that_runs_takes_its_own_pace_and_the_evaluation_of_those_that_are_done():
    trial = running(epoch=3, step=0)
    assert forecast([trial]).seconds == pytest.approx(6 * 8.0)
    assert "about 48s of training left" in shown([trial])[1]
    assert forecast([trial, done("vanilla")]).seconds == pytest.approx(6 * 8.0 + 16.0)


def test_of_an_evaluation_what_has_passed_is_not_left():
    trial = running(stand=Stand("measuring on test", 8, 8, 640, 640, 0.0, 64.0), written=1000.0)
    trials = [trial, done("vanilla")]
    assert forecast(trials, now=1006.0).seconds == pytest.approx(10.0)
    assert forecast(trials, now=2000.0).seconds == 0.0
    assert shown([trial])[1].endswith("measuring")  # none has been measured


def test_a_trial_that_was_lost_in_its_evaluation_is_measured_anew():
    """How long ago its process died says nothing of how long another one will take."""
    stand = Stand("measuring on test", EPOCHS, EPOCHS, 640, 640, 0.0, 64.0)
    lost = running(seed=1, stand=stand, rows=rows(EPOCHS, FIGURES), written=1000.0, loss="its process is gone")
    assert forecast([done(), lost], now=2000.0).seconds == pytest.approx(16.0)


def test_trials_that_wait_take_what_their_method_took():
    trials = [done(seed=0), watched(seed=1), watched(seed=2)]
    assert forecast(trials).seconds == pytest.approx(2 * 80.0)
    assert forecast(trials, slots=2).seconds == pytest.approx(80.0)


def test_a_process_takes_a_while_to_begin():
    trials = [done(seed=0, startup_seconds=5.0), watched(seed=1)]
    assert forecast(trials).seconds == pytest.approx(85.0)


def test_a_method_that_stops_early_is_expected_to():
    early = done(seed=0, rows=rows(4, FIGURES), seconds=40.0)
    assert forecast([early, watched(seed=1)]).seconds == pytest.approx(40.0)


def test_a_method_without_measurement_is_scaled_by_its_cost():
    trials = [done("vanilla"), watched("lagging", cost=3.0)]
    assert forecast(trials).seconds == pytest.approx(3 * 64.0 + 16.0)


def test_before_any_measurement_nothing_is_claimed():
    trials = [watched(), watched(seed=1, told="running")]
    assert forecast(trials).seconds is None
    assert "time left not known yet" in shown(trials)[1]


def test_what_was_stopped_counts_where_somebody_goes_on():
    trials = [done(), watched(seed=1, told="stopped", rows=rows(4, FIGURES))]
    assert forecast(trials).seconds == pytest.approx(4 * 8.0 + 16.0)
    assert forecast(trials, again=False).seconds == 0.0


@pytest.mark.parametrize(
    ("number", "method", "options", "known"),
    [
        (0, "vanilla", ("--set", "training.epochs=4"), ("vanilla", "bn")),
        (1, "linear_anneal", (), ("free_bits", "linear_anneal", "bn", "vanilla")),
    ],
)
def test_the_page_shows_what_is_said_to_try(number, method, options, known):
    """Of its two boards, the first one's line is cut at 80 columns."""
    page = (Path(__file__).parents[2] / "docs" / "watching.md").read_text(encoding="utf-8")
    line = f"try `{what_to_try(method, options, known)}`"
    assert re.findall(r"^try `.*$", page, re.M)[number] == (line if len(line) <= 80 else line[:79] + "…")
