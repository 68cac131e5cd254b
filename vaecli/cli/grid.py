"""Live rows of an experiment's trials on a terminal, plain lines elsewhere; always on stderr."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from vaecli.cli.live import PLAIN_SECONDS, describe
from vaecli.core.messages import tell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.live import Live
    from rich.table import Table

    from vaecli.engines.engine import Event
    from vaecli.runs.experiment import Trial
    from vaecli.runs.history import Row

FIGURES = ("epoch", "neg_elbo", "kl", "mi")
COLOURS = {"done": "green", "failed": "red", "diverged": "red", "running": "cyan", "interrupted": "yellow"}
MOST_ROWS = 40
"""A terminal shows no more; what runs and what failed goes first."""


class SilentGrid:
    """Shows nothing."""

    def __enter__(self) -> SilentGrid:
        return self

    def __exit__(self, *error: Any) -> None:
        return None

    def event(self, event: Event) -> None:
        """Something happened to a trial."""


class PlainGrid(SilentGrid):
    """A line for each start and end, and for what runs every few seconds.

    Args:
        trials: How many there are.
        seconds: Between two lines on what runs.
    """

    def __init__(self, trials: int, seconds: float = PLAIN_SECONDS) -> None:
        self.trials, self.seconds = trials, seconds
        self.finished = 0
        self.shown = time.monotonic()

    def event(self, event: Event) -> None:
        """Prints what is worth a line."""
        head = f"[{self.finished}/{self.trials}] {event.trial.name}"
        if event.kind == "finished":
            self.finished += event.status not in ("interrupted", "pending")
            head = f"[{self.finished}/{self.trials}] {event.trial.name}"
            self._print(f"{head}: {event.status}" + (f": {event.message}" if event.message else ""))
        elif event.kind == "retried":
            self._print(f"{head}: {event.message}; trying again")
        elif event.kind == "silent":
            self._print(f"{head}: {event.message}")
        elif event.kind == "started":
            self._print(f"{head}: started")
        elif event.row is not None and time.monotonic() - self.shown >= self.seconds:
            self._print(f"{head}: {describe(event.row)}")

    def _print(self, text: str) -> None:
        self.shown = time.monotonic()
        tell(text)


class LiveGrid(SilentGrid):
    """A table with a row a trial, redrawn as they go; failures are printed above it and stay.

    Args:
        trials: All that are to be run.
    """

    def __init__(self, trials: Sequence[Trial]) -> None:
        self.rows: dict[str, tuple[Trial, str, Row]] = {trial.name: (trial, "pending", {}) for trial in trials}
        self.live: Live | None = None

    def __enter__(self) -> LiveGrid:
        from rich.console import Console
        from rich.live import Live

        self.live = Live(self.table(), console=Console(stderr=True), refresh_per_second=4, transient=True)
        self.live.start()
        return self

    def __exit__(self, *error: Any) -> None:
        if self.live is not None:
            self.live.stop()

    def event(self, event: Event) -> None:
        """Redraws the trial's row."""
        from rich.text import Text

        trial, _, row = self.rows[event.trial.name]
        self.rows[event.trial.name] = trial, event.status, event.row or row
        if self.live is not None:
            if event.message:
                self.live.console.print(Text(f"{trial.name}: {event.status}: {event.message}"))
            self.live.update(self.table())

    def table(self) -> Table:
        """The table as it stands."""
        from rich.table import Table
        from rich.text import Text

        done = sum(status in ("done", "failed", "diverged") for _, status, _ in self.rows.values())
        table = Table(box=None, caption=f"{done} of {len(self.rows)} trials", caption_justify="left")
        for name in ("method", "seed", "status", *FIGURES):
            table.add_column(name, justify="left" if name in ("method", "status") else "right")
        order = ("running", "failed", "diverged", "interrupted", "pending", "done")
        rows = list(self.rows.values())
        if len(rows) > MOST_ROWS:
            rows = sorted(rows, key=lambda item: order.index(item[1]))[:MOST_ROWS]
        for trial, status, row in rows:
            figures = [figure_text(name, row.get(name)) for name in FIGURES]
            if isinstance(row.get("epoch"), int):
                figures[0] = f"{row['epoch']}/{trial.config.training.epochs}"
            colour = COLOURS.get(status, "")
            table.add_row(Text(trial.label), str(trial.seed), Text(status, style=colour), *figures)
        return table


def figure_text(name: str, value: object) -> str:
    """A figure of the history for the table; empty where it has none."""
    if not isinstance(value, int | float):
        return ""
    return str(int(value)) if name == "epoch" else f"{value:.2f}"


def make_grid(trials: Sequence[Trial], quiet: bool) -> SilentGrid:
    """The display that fits where stderr goes."""
    if quiet:
        return SilentGrid()
    return LiveGrid(trials) if sys.stderr.isatty() else PlainGrid(len(trials))
