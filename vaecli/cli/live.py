"""What one run is doing: a bar on a terminal, plain lines elsewhere; always on stderr, from its first moment on."""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING

from vaecli.core.durations import duration
from vaecli.core.messages import tell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console
    from rich.progress import Progress as Bar
    from rich.progress import TaskID
    from rich.status import Status
    from typer import Context

    from vaecli.objective import Terms
    from vaecli.training.progress import Progress, Row

PLAIN_SECONDS = 10.0
"""Between two plain lines, where stderr is not a terminal."""

STILL_SECONDS = 30.0
"""Without a line, after which a plain one says what still goes on."""

SHOWN = ("rec", "kl", "neg_elbo", "mi", "au")


def describe(row: Row) -> str:
    """A validation as one line: ``epoch 3  neg_elbo 21.05  rec 18.10  kl 2.95  mi 2.41  au 16``."""
    parts = [f"epoch {row['epoch']}"]
    for name in SHOWN:
        value = row.get(name)
        if isinstance(value, int | float):
            parts.append(f"{name} {value:z.2f}" if name != "au" else f"{name} {value:.0f}")
    if row.get("best"):
        parts.append("best")
    return "  ".join(parts)


class Silent:
    """Shows nothing; the base of what shows something.

    Attributes:
        method: That is trained.
        steps_per_epoch: Updates of an epoch.
        epochs: Planned.
        sentences: Of the validation split.
        hint: A command to try where the code says nothing, if there is one.
    """

    method, steps_per_epoch, epochs, sentences, hint = "", 1, 1, 0, ""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def plan(
        self,
        method: str,
        steps_per_epoch: int,
        epochs: int,
        sentences: int,
        hint: str,
        rows: Sequence[Row] = (),
    ) -> None:
        """What is to be trained, once it is known; see the attributes. `rows` are those of a run that goes on."""
        self.method, self.steps_per_epoch, self.epochs = method, steps_per_epoch, epochs
        self.sentences, self.hint, self.rows = sentences, hint, list(rows)

    def doing(self, what: str) -> None:
        """Before something that takes a while."""

    def step(self, progress: Progress, terms: Terms) -> None:
        """After an update."""

    def evaluated(self, row: Row) -> None:
        """After a validation."""

    def warned(self, warning: str) -> None:
        """The first updates say that the run is likely to collapse."""

    def close(self) -> None:
        """Leaves the terminal as it was; may be called twice."""

    def alarms(self, row: Row) -> list[str]:
        """What the validations up to this one say of the code for the first time, a line each."""
        from vaecli.metrics.ceilings import figure
        from vaecli.metrics.validation_alarm import alarms
        from vaecli.reporting.advice import alarm_text

        epoch = figure(row, "epoch") or 0.0  # of a run that goes on from an earlier checkpoint, later ones come again
        before = [known for known in self.rows if (figure(known, "epoch") or 0.0) < epoch]
        told = len(alarms(before, self.sentences, self.epochs))
        self.rows = [*before, row]
        lines = []
        for alarm in alarms(self.rows, self.sentences, self.epochs)[told:]:
            hint = f"; try `{self.hint}`" if self.hint and alarm.state != "informative" else ""
            lines.append(f"{self.method}: {alarm_text(alarm)}{hint}")
        return lines


class PlainProgress(Silent):
    """A line for all that takes a while, every few seconds of training, and after every validation."""

    def __init__(self) -> None:
        super().__init__()
        self.shown = self.since = time.monotonic()
        self.what = ""
        self.ended = threading.Event()
        threading.Thread(target=self._still, daemon=True).start()

    def doing(self, what: str) -> None:
        """Says it."""
        self._now(what)
        self._say(what)

    def step(self, progress: Progress, terms: Terms) -> None:
        """A line if the last one is some seconds old."""
        ended = progress.step_in_epoch >= self.steps_per_epoch
        if self.what != (what := "validating" if ended else "training"):
            self._now(what)
        if time.monotonic() - self.shown >= PLAIN_SECONDS:
            rate = progress.tokens / progress.train_seconds if progress.train_seconds else 0.0
            self._say(
                f"epoch {progress.total_epochs + 1}/{self.epochs}  "
                f"step {progress.step_in_epoch}/{self.steps_per_epoch}  "
                f"loss {float(terms.loss.detach()):.2f}  {rate:,.0f} tokens/s"
            )

    def evaluated(self, row: Row) -> None:
        """The validation's figures."""
        self._say(describe(row))
        for line in self.alarms(row):
            self._say(line)

    def warned(self, warning: str) -> None:
        """A line."""
        self._say(f"{self.method}: {warning}")

    def close(self) -> None:
        """Says no more."""
        self.ended.set()

    def _now(self, what: str) -> None:
        self.what, self.since = what, time.monotonic()

    def _say(self, line: str) -> None:
        self.shown = time.monotonic()
        tell(line)

    def _still(self) -> None:
        """Where nothing else can speak, since one update, validation or measurement takes long."""
        while not self.ended.wait(1.0):
            if self.what and time.monotonic() - self.shown >= STILL_SECONDS:
                self._say(f"still {self.what}, for {duration(time.monotonic() - self.since)}")


class LiveProgress(Silent):
    """What is being done, and over the training a bar with the validations above it."""

    def __init__(self) -> None:
        from rich.console import Console

        super().__init__()
        self.console: Console = Console(file=sys.stderr)
        self.status: Status | None = None
        self.bar: Bar | None = None
        self.task: TaskID | None = None

    def doing(self, what: str) -> None:
        """Beside the bar, or on a line that goes again."""
        from rich.markup import escape

        from vaecli.core.messages import printable

        shown = escape(printable(what))
        if self.bar is not None and self.task is not None:
            self.bar.update(self.task, doing=shown, figures="")
            return
        if self.status is None:
            self.status = self.console.status("")
            self.status.start()
        self.status.update(shown, spinner="dots")  # which draws it now: an import may keep all threads waiting

    def step(self, progress: Progress, terms: Terms) -> None:
        """Moves the bar; every 20 updates it also reads the loss."""
        if self.bar is None or self.task is None:
            self.bar, self.task = self._start()
        ended = progress.step_in_epoch >= self.steps_per_epoch
        doing = "validating" if ended else f"epoch {progress.total_epochs + 1}/{self.epochs}"
        if progress.total_steps % 20 == 0:
            rate = progress.tokens / progress.train_seconds if progress.train_seconds else 0.0
            figures = f"loss {float(terms.loss.detach()):.2f}  {rate:,.0f} tokens/s"
            self.bar.update(self.task, completed=progress.total_steps, doing=doing, figures=figures)
        else:
            self.bar.update(self.task, completed=progress.total_steps, doing=doing)

    def evaluated(self, row: Row) -> None:
        """The validation's figures, above the bar."""
        self.console.print(describe(row), highlight=False)
        for line in self.alarms(row):
            self.console.print(line, style="yellow", markup=False, highlight=False)

    def warned(self, warning: str) -> None:
        """A line above the bar."""
        self.console.print(f"{self.method}: {warning}", style="yellow", markup=False, highlight=False)

    def close(self) -> None:
        """The bar stays, as far as it came; what was being done goes."""
        if self.status is not None:
            self.status.stop()
        if self.bar is not None and self.task is not None:
            self.bar.update(self.task, doing="", figures="")
            self.bar.stop()

    def _start(self) -> tuple[Bar, TaskID]:
        from rich.markup import escape
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        if self.status is not None:
            self.status.stop()
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[doing]}  {task.fields[figures]}"),
        )
        bar = Progress(*columns, console=self.console)
        total = self.steps_per_epoch * self.epochs
        task = bar.add_task(escape(self.method), total=total, figures="", doing="")
        bar.start()
        return bar, task


def open_progress(context: Context, quiet: bool) -> Silent:
    """The display that fits where stderr goes; it is closed when the command of a context ends, however it does."""
    if quiet:
        return Silent()
    display: Silent = LiveProgress() if sys.stderr.isatty() else PlainProgress()
    context.call_on_close(display.close)
    return display
