"""What `vae compare` shows while it runs: plain lines, and a board on a terminal that leaves it as it was."""

import io
import re
import sys
import time

import pytest
from rich.console import Console

from tests.runs.grids import finish, prepared
from vaecli.cli.grid import Aside, LiveGrid, PlainGrid, make_grid
from vaecli.cli.lookout import Lookout
from vaecli.engines.engine import Event
from vaecli.runs.folder import RunFolder
from vaecli.runs.watched import ExperimentWatch

COLLAPSED = {"kl": 0.0, "mi": 0.0, "au": 0, "neg_elbo": 24.0, "kl_weight": 1.0}


@pytest.fixture
def trials(tmp_path):
    return prepared(tmp_path, ["bn"], "0-1")


def lookout(trials, **arguments):
    watch = ExperimentWatch(trials[0].path.parent.parent, [trial.path for trial in trials])
    return Lookout(watch, period=0.0, own=True, **arguments)


def test_lines_name_the_row_of_a_table_that_a_trial_is_of(tmp_path, capsys):
    rows = [prepared(tmp_path, ["bn"], "0", name=name)[0] for name in ("one", "two")]
    plain = PlainGrid(Lookout(ExperimentWatch(tmp_path, [trial.path for trial in rows]), period=0.0, own=True), 1000)
    for trial in rows:
        plain.event(Event("started", trial, "running"))
    assert capsys.readouterr().err == "[0/2] one: bn seed 0: started\n[0/2] two: bn seed 0: started\n"


def validate(trial, *rows):
    """Gives a trial validations."""
    for epoch, row in enumerate(rows, 1):
        RunFolder(trial.path).append_history({"epoch": epoch, **row})


def test_plain_lines_count_what_ended_and_spare_what_runs(trials, capsys):
    first, second = trials
    plain = PlainGrid(lookout(trials), seconds=1000)
    plain.event(Event("started", first, "running"))
    plain.event(Event("progress", first, "running", {"epoch": 1, "kl": 0.5}))
    plain.event(Event("silent", first, "running", message="it lives, but has written nothing for 15 minutes"))
    plain.event(Event("retried", second, "pending", message="killed"))
    plain.event(Event("stopping", first, "running"))
    finish(first, {})
    plain.event(Event("finished", first, "done"))
    finish(second, {}, status="failed", message="why")
    plain.event(Event("finished", second, "failed", message="why"))
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == [
        "[0/2] bn seed 0: started",
        "[0/2] bn seed 0: it lives, but has written nothing for 15 minutes",
        "[0/2] bn seed 1: killed; trying again",
        "[0/2] bn seed 0: is asked to save and stop",
        "[1/2] bn seed 0: done",
        "[2/2] bn seed 1: failed: why",
    ]
    plain = PlainGrid(lookout(trials), seconds=0)
    plain.event(Event("progress", first, "running", {"epoch": 1, "kl": 0.5}))
    assert re.fullmatch(r"\[\d/2\] bn seed 0: epoch 1  kl 0\.50\n", capsys.readouterr().err)


def test_a_collapse_is_a_plain_line_once_a_trial_with_what_to_try_once(trials, capsys):
    plain = PlainGrid(lookout(trials), seconds=1000)
    for trial in trials:
        validate(trial, COLLAPSED, COLLAPSED)
        finish(trial, {}, status="running")
        for _ in range(2):
            plain.event(Event("progress", trial, "running", {"epoch": 2, **COLLAPSED}))
    told = "collapsed at epoch 2: kl 0.00, mi 0.00; the decoder does without z"
    # a trial of the file that says it runs and has no process would be lost; that its engine says otherwise counts
    assert capsys.readouterr().err.splitlines() == [
        f"[0/2] bn seed 0: {told}; try `vae compare --methods bn,free_bits,mi_constraint`",
        f"[0/2] bn seed 1: {told}",
    ]


def test_an_early_warning_is_a_plain_line_once_a_trial(trials, capsys):
    first, second = trials
    plain = PlainGrid(lookout(trials), seconds=1000)
    finish(first, {}, status="running")
    finish(second, {}, status="running")
    RunFolder(first.path).update(early_warning="likely to collapse")
    RunFolder(second.path).update(early_warning="")
    for trial in (first, second, first):
        plain.event(Event("progress", trial, "running", {"epoch": 1, **COLLAPSED}))
    assert capsys.readouterr().err.splitlines() == ["[0/2] bn seed 0: likely to collapse"]


def test_the_whole_is_told_now_and_then(trials, capsys):
    plain = PlainGrid(lookout(trials))
    plain.lines.total()
    assert capsys.readouterr().err == ""
    plain.lines.total(every=0.0)
    assert re.fullmatch(
        r"2 trials: 0 done, 0 running, 2 waiting; 0s so far, time left not known yet\n", capsys.readouterr().err
    )


def test_the_board_shows_what_the_files_and_the_engine_say(trials):
    first, second = trials
    live = LiveGrid(lookout(trials))
    live.event(Event("started", first, "running"))
    live.event(Event("stopping", first, "running"))
    finish(second, {}, status="failed", message="[red]x")
    console = Console(width=80, height=24, file=io.StringIO())
    console.print(live)
    lines = console.file.getvalue().splitlines()
    assert lines[0].split()[1:] == ["2", "trials:", "0", "done,", "1", "running,", "0", "waiting,", "1", "failed"]
    assert lines[1].rstrip().endswith("0s so far, stopping; what runs is saved first")
    assert lines[4].split() == ["bn", "seed", "0", "starting"]
    assert lines[6].split() == ["bn", "seed", "1", "failed:", "[red]x"]


def test_the_terminal_is_left_as_it_was_and_then_told_what_matters(trials, capsys):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    screen = Terminal()
    with LiveGrid(lookout(trials), screen) as live:
        print("a warning of a library", file=sys.stderr)
        live.event(Event("retried", trials[0], "pending", message="killed by SIGKILL"))
        finish(trials[1], {}, status="running")
        validate(trials[1], COLLAPSED, COLLAPSED)
        time.sleep(0.05)
    drawn = screen.getvalue()
    assert drawn.startswith("\x1b[?1049h")
    assert "\x1b[?1049l" in drawn
    assert "a warning" not in drawn
    assert capsys.readouterr().err.splitlines() == [
        "a warning of a library",
        "bn seed 0: killed by SIGKILL",
        "collapsed: bn 1",
        "try `vae compare --methods bn,free_bits,mi_constraint`",
    ]


def test_lines_put_aside_are_whole():
    lines = []
    aside = Aside(lines, io.StringIO())
    aside.write("one\ntw")
    aside.write("o\n\nthree")
    assert lines == ["one", "two"]


def test_the_display_fits_where_stderr_goes(trials, monkeypatch):
    look = lookout(trials)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert isinstance(make_grid(look, quiet=False), LiveGrid)
    assert type(make_grid(look, quiet=True)).__name__ == "SilentGrid"
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(make_grid(look, quiet=False), PlainGrid)
    monkeypatch.setattr("sys.stderr.isatty", lambda: False, raising=False)
    assert isinstance(make_grid(look, quiet=False), PlainGrid)
