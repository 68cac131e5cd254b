"""What `vae compare` and `vae watch` show of an experiment: a board on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import io
import sys
import threading
import time
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Any

from vaecli.cli.live import PLAIN_SECONDS, describe
from vaecli.core.messages import tell
from vaecli.reporting.advice import alarm_text, silent_code_lines, what_to_try
from vaecli.reporting.board import Scene, board, times, totals

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.live import Live

    from vaecli.cli.lookout import Lookout
    from vaecli.engines.engine import Event
    from vaecli.runs.history import Row
    from vaecli.runs.watched import WatchedTrial

TOTAL_SECONDS = 60.0
"""Between two plain lines on the whole."""

FRAMES = 2.0
"""Of a terminal, a second."""


class SilentGrid:
    """Shows nothing."""

    def __enter__(self) -> SilentGrid:
        return self

    def __exit__(self, *error: Any) -> None:
        return None

    def event(self, event: Event) -> None:
        """Something happened to a trial."""


class PlainLines:
    """Lines on trials, each as it happens, and on the whole now and then.

    Args:
        lookout: Sees them.
        seconds: Between two lines on what runs.
        say: Prints a line.
    """

    def __init__(self, lookout: Lookout, seconds: float = PLAIN_SECONDS, say: Callable[[str], None] = tell) -> None:
        self.lookout, self.seconds, self.say = lookout, seconds, say
        self.announced: dict[Path, int] = {}
        self.warned: set[Path] = set()
        self.shown = self.told = time.monotonic()
        self.hinted = False

    def line(self, name: str, text: str) -> None:
        """``[61/138] bn seed 0: started``."""
        trials = self.lookout.scene().trials
        ended = sum(trial.state in ("done", "failed") for trial in trials)
        self.shown = time.monotonic()
        self.say(f"[{ended}/{len(trials)}] {name}: {text}")

    def row(self, name: str, row: Row) -> None:
        """A validation, if the last line is some seconds old."""
        if time.monotonic() - self.shown >= self.seconds:
            self.line(name, describe(row))

    def alarms(self, trial: WatchedTrial) -> None:
        """What its validations say of its code since they were last looked at, and once what to try."""
        self.warning(trial)
        new = trial.alarms[self.announced.get(trial.path, 0) :]
        self.announced[trial.path] = len(trial.alarms)
        for alarm in new:
            wanted = not self.hinted and alarm.state != "informative"
            known = {other.method for other in self.lookout.scene().trials}
            hint = what_to_try(trial.method, trial.options, known) if wanted else ""
            self.hinted = self.hinted or bool(hint)
            self.line(trial.name, alarm_text(alarm) + (f"; try `{hint}`" if hint else ""))

    def warning(self, trial: WatchedTrial) -> None:
        """What its first updates said of its end, once."""
        if trial.warning and trial.path not in self.warned:
            self.warned.add(trial.path)
            self.line(trial.name, trial.warning)

    def total(self, every: float = TOTAL_SECONDS) -> None:
        """The totals, if the last ones are some time old."""
        if time.monotonic() - self.told >= every:
            self.told = time.monotonic()
            scene = self.lookout.scene()
            self.say("; ".join(filter(None, (totals(scene.trials), times(scene)))))


class PlainGrid(SilentGrid):
    """A line for each start and end, for what runs every few seconds, and for the whole every minute.

    Args:
        lookout: Sees the trials.
        seconds: Between two lines on what runs.
    """

    def __init__(self, lookout: Lookout, seconds: float = PLAIN_SECONDS) -> None:
        self.lookout, self.lines = lookout, PlainLines(lookout, seconds)
        self.lock, self.ended = threading.Lock(), threading.Event()

    def __enter__(self) -> PlainGrid:
        threading.Thread(target=self._tick, daemon=True).start()
        return self

    def __exit__(self, *error: Any) -> None:
        self.ended.set()

    def event(self, event: Event) -> None:
        """Prints what is worth a line."""
        with self.lock:
            self.lookout.hear(event)
            name = self.lookout.name(event.trial)
            trial = self.lookout.trial(event.trial.path)
            if event.kind == "finished":
                self.lines.line(name, event.status + (f": {event.message}" if event.message else ""))
            elif event.kind == "retried":
                self.lines.line(name, f"{event.message}; trying again")
            elif event.kind == "silent":
                self.lines.line(name, event.message)
            elif event.kind == "started":
                self.lines.line(name, "started")
            elif event.kind == "stopping":
                self.lines.line(name, "is asked to save and stop")
            elif event.row is not None:
                self.lines.row(name, event.row)
            if trial is not None and event.kind in ("progress", "finished"):
                self.lines.alarms(trial)

    def _tick(self) -> None:
        while not self.ended.wait(1.0):
            with self.lock:
                self.lines.total()
                for trial in self.lookout.scene().trials:
                    self.lines.warning(trial)


class LiveGrid(SilentGrid):
    """The board on the whole of a terminal, which is as it was when the board ends; what is to be known is then said.

    Args:
        lookout: Sees the trials.
        file: The terminal.
    """

    def __init__(self, lookout: Lookout, file: IO[str] | None = None) -> None:
        self.lookout = lookout
        self.file = file or sys.stderr
        self.live: Live | None = None
        self.aside = contextlib.ExitStack()

    def __enter__(self) -> LiveGrid:
        from rich.console import Console
        from rich.live import Live

        self.lookout.scene()
        console = Console(file=self.file)
        self.live = Live(
            self,
            console=console,
            refresh_per_second=FRAMES,
            screen=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self.aside.enter_context(contextlib.redirect_stderr(Aside(self.lookout.notes, self.file)))
        try:
            self.live.start(refresh=True)
        except BaseException:  # a Ctrl-C while it draws for the first time
            self.__exit__()
            raise
        return self

    def __exit__(self, *error: Any) -> None:
        if self.live is not None:
            self.live.stop()
        self.aside.close()
        for note in dict.fromkeys(self.lookout.notes):
            tell(note)
        for line in silent_code_lines(self.lookout.scene().trials) if self.lookout.own else ():
            tell(line)

    def event(self, event: Event) -> None:
        """Tells who looks at the files; the board shows the rest."""
        self.lookout.hear(event)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The board, as large as the terminal is now."""
        from rich.text import Text

        lines = board(self.lookout.scene(), options.max_width, options.height or console.height)
        yield Text("\n", no_wrap=True, end="").join(lines)


class Aside(io.TextIOBase):
    """A stream whose lines are kept until the terminal shows text again.

    Args:
        lines: Where.
        file: The terminal, to which what goes around Python still goes, as a report of the interpreter's own end.
    """

    def __init__(self, lines: list[str], file: IO[str]) -> None:
        self.lines, self.file, self.rest = lines, file, ""

    def fileno(self) -> int:
        """Of the terminal."""
        return self.file.fileno()

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, text: str) -> int:
        """Keeps the lines that are whole."""
        *whole, self.rest = (self.rest + text).split("\n")
        self.lines += [line for line in whole if line.strip()]
        return len(text)


def make_grid(lookout: Lookout, quiet: bool) -> SilentGrid:
    """The display that fits where stderr goes."""
    if quiet:
        return SilentGrid()
    return LiveGrid(lookout) if is_screen(sys.stderr) else PlainGrid(lookout)


def is_screen(file: IO[str]) -> bool:
    """Whether a stream is a terminal that can be drawn on, and has the characters for it."""
    from rich.console import Console

    encoding = (getattr(file, "encoding", None) or "utf-8").lower()
    return file.isatty() and encoding.startswith("utf") and not Console(file=file).is_dumb_terminal


def follow(lookout: Lookout, say: Callable[[str], None]) -> Iterator[Scene]:
    """Says in plain lines what changes from one look to the next.

    Yields:
        What was seen, at each look; whoever goes through them waits in between.
    """
    lines = PlainLines(lookout, say=say)
    before: dict[Path, WatchedTrial] = {}
    lines.total(every=0.0)
    while True:
        scene = lookout.scene()
        for trial in scene.trials:
            was = before.get(trial.path)
            before[trial.path] = trial
            if was is None:
                lines.announced[trial.path] = len(trial.alarms)
                lines.warned |= {trial.path} if trial.warning else set()
                continue
            if was.state != trial.state:
                lines.line(trial.name, state_text(trial))
            elif len(trial.rows) > len(was.rows):
                lines.row(trial.name, trial.rows[-1])
            lines.alarms(trial)
        lines.total()
        yield scene


def state_text(trial: WatchedTrial) -> str:
    """``started``, or ``failed: DataError: ...``."""
    why = trial.loss or trial.message
    return ("started" if trial.state == "running" else trial.state) + (f": {why}" if why else "")
