"""What `vae train` says while it works, from its first moment on."""

import io
import os
import pty
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
import torch
from rich.console import Console
from support import SENTENCES, TINY, write_corpus

from vaecli.cli import live
from vaecli.cli.live import LiveProgress, PlainProgress, Silent, describe, open_progress
from vaecli.training.progress import Progress

COLLAPSED = {"kl": 0.0, "mi": 0.0, "au": 0, "rec": 24.0, "neg_elbo": 24.0, "kl_weight": 1.0}
SMALL = [word for key, value in TINY.items() for word in ("--set", f"{key}={value}")]
TERMS = SimpleNamespace(loss=torch.tensor(20.0))


class Closing:
    """Of a context of typer, what closes a display."""

    def __init__(self):
        self.closed = []

    def call_on_close(self, function):
        self.closed.append(function)


@pytest.fixture
def plain():
    display = PlainProgress()
    display.plan("vanilla", 2, 3, 2000, "vae compare --methods vanilla,bn,free_bits")
    yield display
    display.close()


def test_plain_lines_are_few(plain, capsys):
    plain.doing("importing torch")
    for step in (1, 2):
        plain.step(Progress(step_in_epoch=step), TERMS)
    plain.evaluated({"epoch": 1, **COLLAPSED})
    plain.doing("measuring on test")
    assert capsys.readouterr().err.splitlines() == [
        "importing torch",
        "epoch 1  rec 24.00  kl 0.00  neg_elbo 24.00  mi 0.00  au 0",
        "measuring on test",
    ]


def test_a_line_of_training_comes_after_some_seconds(plain, capsys):
    plain.shown -= live.PLAIN_SECONDS
    progress = Progress(step_in_epoch=1, tokens=100, train_seconds=2.0)
    plain.step(progress, TERMS)
    plain.step(progress, TERMS)
    assert capsys.readouterr().err == "epoch 1/3  step 1/2  loss 20.00  50 tokens/s\n"


def test_a_collapse_and_its_end_are_told(plain, capsys):
    for epoch in (1, 2, 3):
        plain.evaluated({"epoch": epoch, **COLLAPSED})
    assert capsys.readouterr().err.splitlines()[2] == (
        "vanilla: collapsed at epoch 2: kl 0.00, mi 0.00; the decoder does without z; "
        "try `vae compare --methods vanilla,bn,free_bits`"
    )
    for epoch in (4, 5):
        plain.evaluated({"epoch": epoch, **COLLAPSED, "kl": 0.5, "mi": 0.4})
    said = capsys.readouterr().err
    assert "vanilla: informative again at epoch 4: kl 0.50, mi 0.40\n" in said  # past the planned epochs, one is enough


def test_a_run_that_goes_on_says_nothing_of_its_code_twice(plain, capsys):
    """Nor does it wait for two more validations that show it; the third, after the checkpoint, is made again."""
    rows = [{"epoch": epoch, **COLLAPSED} for epoch in (1, 2, 3, 4, 5)]
    plain.plan("vanilla", 2, 9, 2000, "", rows[:3])
    for row in rows[2:]:
        plain.evaluated(row)
    assert "collapsed" not in capsys.readouterr().err
    plain.plan("vanilla", 2, 9, 2000, "", rows[:1])
    plain.evaluated(rows[1])
    assert "vanilla: collapsed at epoch 2" in capsys.readouterr().err


def test_what_takes_long_says_that_it_still_goes_on(monkeypatch, capsys):
    monkeypatch.setattr(live, "STILL_SECONDS", 0.1)
    display = PlainProgress()
    display.doing("measuring on test")
    deadline = time.monotonic() + 5
    said = ""
    while "still" not in said and time.monotonic() < deadline:
        time.sleep(0.05)
        said += capsys.readouterr().err
    display.close()
    assert "still measuring on test, for " in said


def test_a_terminal_shows_what_is_done_and_then_a_bar(monkeypatch):
    screen = io.StringIO()
    display = LiveProgress()
    display.console = Console(file=screen, force_terminal=True, width=100)
    display.plan("vanilla", 2, 3, 2000, "vae compare")
    display.doing("importing torch")
    display.doing("reading [b]x")
    display.step(Progress(step_in_epoch=1, total_steps=1), TERMS)
    display.bar.refresh()
    for epoch in (1, 2):
        display.evaluated({"epoch": epoch, **COLLAPSED})
    display.doing("measuring on test")
    display.bar.refresh()
    display.close()
    display.close()
    drawn = screen.getvalue()
    for text in ("importing torch", "epoch 1/3", "vanilla: collapsed at epoch 2", "measuring on test"):
        assert text in drawn


def test_the_display_is_closed_with_the_command(monkeypatch):
    context = Closing()
    assert type(open_progress(context, quiet=True)) is Silent
    assert not context.closed
    display = open_progress(context, quiet=False)
    assert isinstance(display, PlainProgress)
    context.closed[0]()
    assert display.ended.is_set()
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    assert isinstance(open_progress(context, quiet=False), LiveProgress)


def test_train_speaks_before_torch_is_imported(tmp_path):
    """The first line comes while torch isn't loaded yet, and the others name what follows."""
    code = (
        "import sys, vaecli.cli.live as live; from vaecli.core import messages;"
        "said = []; live.tell = lambda line: said.append((line, 'torch' in sys.modules));"
        "from vaecli.cli.app import app; sys.argv[0] = 'vae'\n"
        "try: app(sys.argv[1:])\n"
        "except BaseException: pass\n"
        "print(said[0])"
    )
    data = write_corpus(tmp_path / "toy", SENTENCES)
    command = [sys.executable, "-c", code, "train", "--data", str(data), "--method", "bnn"]
    process = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert process.stdout == "('importing torch', False)\n"


@pytest.mark.slow
def test_train_on_a_terminal(tmp_path):
    """Status, bar and figures through a pseudo-terminal; the status leaves no trace."""
    data = write_corpus(tmp_path / "toy", SENTENCES)
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "vaecli", "train", "--data", str(data), *SMALL, "--json"]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=follower, stdout=subprocess.DEVNULL)
    os.close(follower)
    drawn = b""
    while True:
        try:
            part = os.read(leader, 65536)
        except OSError:
            break
        drawn += part
    assert process.wait() == 0
    text = drawn.decode()
    assert text.index("importing torch") < text.index("reading ") < text.index("building ") < text.index("epoch 1  rec")
    assert "measuring on test" in text


def test_no_figure_of_a_validation_is_minus_zero():
    row = {"epoch": 1, "rec": 20.0, "kl": -0.0, "neg_elbo": 20.0, "mi": -0.001, "au": 0}
    assert describe(row) == "epoch 1  rec 20.00  kl 0.00  neg_elbo 20.00  mi 0.00  au 0"
