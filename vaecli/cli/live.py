"""Live progress on a terminal, a plain line now and then elsewhere; always on stderr."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

    from vaecli.objective import Terms
    from vaecli.training.progress import Progress, Row

PLAIN_SECONDS = 10.0
"""Between two plain lines, where stderr is not a terminal."""

SHOWN = ("rec", "kl", "neg_elbo", "mi", "au")


def describe(row: Row) -> str:
    """A validation as one line: ``epoch 3  neg_elbo 21.05  rec 18.10  kl 2.95  mi 2.41  au 16``."""
    parts = [f"epoch {row['epoch']}"]
    for name in SHOWN:
        value = row.get(name)
        if isinstance(value, int | float):
            parts.append(f"{name} {value:.2f}" if name != "au" else f"{name} {value:.0f}")
    if row.get("best"):
        parts.append("best")
    return "  ".join(parts)


class Silent:
    """Shows nothing."""

    def __enter__(self) -> Silent:
        return self

    def __exit__(self, *error: Any) -> None:
        return None

    def step(self, progress: Progress, terms: Terms) -> None:
        """After an update."""

    def evaluated(self, row: Row) -> None:
        """After a validation."""


class PlainProgress(Silent):
    """A line every few seconds and after every validation.

    Args:
        steps_per_epoch: Updates of an epoch.
        epochs: Planned epochs.
    """

    def __init__(self, steps_per_epoch: int, epochs: int) -> None:
        self.steps_per_epoch, self.epochs = steps_per_epoch, epochs
        self.shown = time.monotonic()

    def step(self, progress: Progress, terms: Terms) -> None:
        """A line if the last one is some seconds old."""
        now = time.monotonic()
        if now - self.shown < PLAIN_SECONDS:
            return
        self.shown = now
        rate = progress.tokens / progress.train_seconds if progress.train_seconds else 0.0
        print(
            f"epoch {progress.total_epochs + 1}/{self.epochs}  step {progress.step_in_epoch}/{self.steps_per_epoch}  "
            f"loss {float(terms.loss.detach()):.2f}  {rate:,.0f} tokens/s",
            file=sys.stderr,
            flush=True,
        )

    def evaluated(self, row: Row) -> None:
        """The validation's figures."""
        self.shown = time.monotonic()
        print(describe(row), file=sys.stderr, flush=True)


class LiveProgress(Silent):
    """A bar over all updates, with the validations above it.

    Args:
        title: What is running.
        total: Planned updates.
    """

    def __init__(self, title: str, total: int) -> None:
        self.title, self.total = title, total
        self.bar: Bar | None = None
        self.task: TaskID | None = None

    def __enter__(self) -> LiveProgress:
        from rich.console import Console
        from rich.markup import escape
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[figures]}"),
        )
        self.bar = Progress(*columns, console=Console(stderr=True))
        self.task = self.bar.add_task(escape(self.title), total=self.total, figures="")
        self.bar.start()
        return self

    def __exit__(self, *error: Any) -> None:
        if self.bar is not None:
            self.bar.stop()

    def step(self, progress: Progress, terms: Terms) -> None:
        """Moves the bar; every 20 updates it also reads the loss."""
        assert self.bar is not None
        assert self.task is not None
        if progress.total_steps % 20 == 0:
            rate = progress.tokens / progress.train_seconds if progress.train_seconds else 0.0
            figures = f"loss {float(terms.loss.detach()):.2f}  {rate:,.0f} tokens/s"
            self.bar.update(self.task, completed=progress.total_steps, figures=figures)
        else:
            self.bar.update(self.task, completed=progress.total_steps)

    def evaluated(self, row: Row) -> None:
        """The validation's figures, above the bar."""
        assert self.bar is not None
        self.bar.console.print(describe(row), highlight=False)


def make_progress(title: str, steps_per_epoch: int, epochs: int, quiet: bool) -> Silent:
    """The display that fits where stderr goes."""
    if quiet:
        return Silent()
    if sys.stderr.isatty():
        return LiveProgress(title, steps_per_epoch * epochs)
    return PlainProgress(steps_per_epoch, epochs)
