"""An experiment at work as lines of a terminal, as many as there is room for: totals, what runs, failures, results.

Pure: the trials as they are seen, a width and a height in, lines out. What matters most stands first, and what has no
room is counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import TYPE_CHECKING, Any

from vaecli.core.durations import duration
from vaecli.core.messages import printable
from vaecli.metrics.ceilings import at_ceiling, figure
from vaecli.metrics.verdict import verdict
from vaecli.reporting.advice import silent_code_lines, silent_codes, warned_of
from vaecli.reporting.forecast import Forecast, by_label
from vaecli.reporting.view import AT_LEAST
from vaecli.runs.watched import WatchedTrial

if TYPE_CHECKING:
    from rich.text import Text

SIDE_BY_SIDE = 150
"""Columns from which results stand beside what runs."""

ENDED = ("done", "failed")
PROBLEMS: Mapping[str, str] = {"failed": "red", "lost": "red", "stopped": "yellow"}
BAR, REST = "━", "─"


@dataclass(frozen=True)
class Scene:
    """What is seen of an experiment at one moment.

    Attributes:
        title: Its folder.
        trials: All of them.
        elapsed: Seconds since whoever runs it has begun; None where nobody does.
        forecast: What is still to come.
        note: Said beside the totals.
        notes: What has happened besides, the newest last.
    """

    title: str
    trials: Sequence[WatchedTrial]
    elapsed: float | None = None
    forecast: Forecast = field(default_factory=lambda: Forecast(None))
    note: str = ""
    notes: Sequence[str] = ()

    @property
    def over(self) -> bool:
        """Whether every trial has ended."""
        return all(trial.state in ENDED for trial in self.trials)


def board(scene: Scene, width: int, height: int | None = None) -> list[Text]:
    """The lines of a display.

    Args:
        scene: What there is to show.
        width: Columns; no line has more.
        height: Lines at most; None for all of them.
    """
    head = _head(scene, width)
    room = None if height is None else max(0, height - len(head) - 1)
    if width >= SIDE_BY_SIDE:
        half = (width - 3) // 2
        lines = _beside(_left(scene, half, room), _results(scene, half, room), half)
    else:
        left = _left(scene, width, None if room is None else max(room - 5, room * 2 // 3))
        rest = None if room is None else room - len(left) - 1
        results = _results(scene, width, rest)
        lines = [*left, *([_text("")] if left and results else []), *results]
    shown = [*head, _text(""), *lines] if lines else head
    return [_cut(line, width) for line in shown[:height]]


def totals(trials: Sequence[WatchedTrial]) -> str:
    """``138 trials: 61 done, 2 running, 74 waiting, 1 failed``."""
    counts: Counter[str] = Counter(trial.state for trial in trials)
    always = ("done", "running", "waiting")
    parts = [
        f"{counts[state]} {state}"
        for state in (*always, "failed", "stopped", "lost")
        if state in always or counts[state]
    ]
    return f"{len(trials)} trial{'s' if len(trials) != 1 else ''}: {', '.join(parts)}"


def times(scene: Scene) -> str:
    """``1h02m so far, about 1h10m left``; of what is over, the time of all its trials."""
    if scene.over and scene.elapsed is None:
        return f"{duration(sum(trial.seconds for trial in scene.trials))} in all trials"
    parts = [] if scene.elapsed is None else [f"{duration(scene.elapsed)} so far"]
    if scene.note:
        parts.append(scene.note)
    elif not scene.over:
        parts.append(_left_text(scene.forecast))
    return ", ".join(parts)


def _left_text(ahead: Forecast) -> str:
    """``about 1h10m left``; before an evaluation was measured, that of the training only."""
    if ahead.seconds is None:
        return "time left not known yet"
    if ahead.evaluated:
        return f"about {duration(ahead.seconds)} left"
    return f"about {duration(ahead.seconds)} of training left" if ahead.seconds >= 0.5 else "measuring"


def _head(scene: Scene, width: int) -> list[Text]:
    """The totals and the times, with a bar over all epochs of all trials."""
    from rich.cells import cell_len

    told = totals(scene.trials)
    room = width - cell_len(told) - 2
    title = scene.title if cell_len(scene.title) <= room else "…" + scene.title[-max(room - 1, 0) :] if room > 8 else ""
    first = _text(f"{title}  " if title else "", "bold").append(told)
    share = fmean(map(_share, scene.trials)) if scene.trials else 0.0
    tail = f" {100 * share:3.0f} %  {times(scene)}"
    second = _bar(share, max(4, min(60, width - cell_len(tail)))).append(tail)
    return [first, second]


def _share(trial: WatchedTrial) -> float:
    """Of a trial that is done."""
    if trial.state in ENDED:
        return 1.0
    return min(1.0, trial.epochs_done / trial.epochs) if trial.epochs else 0.0


def _left(scene: Scene, width: int, room: int | None) -> list[Text]:
    """What runs, what went wrong, and codes that say nothing."""
    running = [trial for trial in scene.trials if trial.state == "running"]
    problems = [trial for trial in scene.trials if trial.state in PROBLEMS]
    problems.sort(key=lambda trial: list(PROBLEMS).index(trial.state))
    codes = [_text(line, "yellow") for line in silent_code_lines(scene.trials)]
    if room is not None:
        codes = codes[: max(1, room // 5)]
    codes += [_text(" ".join(note.split()), "yellow") for note in scene.notes[-2:]]
    silent = {trial.path for own in silent_codes(running).values() for trial in own}
    silent |= {trial.path for trial in warned_of(running)}
    most = None if room is None else room - (len(codes) + 1 if codes else 0)
    few = None if most is None else max(2, most // 4)
    wrong = _fit([_problem(trial, width) for trial in problems], few)
    rest = None if most is None else most - (len(wrong) + 1 if wrong else 0) - 1
    rows = _fit([_running(trial, scene, width, trial.path in silent) for trial in running], rest)
    parts = [[_running_head(width), *rows] if rows else [], wrong, codes]
    lines: list[Text] = []
    for part in parts:
        lines += [*([_text("")] if lines and part else []), *part]
    return lines if room is None else lines[:room]


def _fit(lines: list[Text], room: int | None) -> list[Text]:
    """The lines that there is room for; the last one counts what has none."""
    if room is None or len(lines) <= room:
        return lines
    kept = max(0, room - 1)
    return [*lines[:kept], _text(f"and {len(lines) - kept} more", "dim")]


RUNNING_FIGURES = ("neg_elbo", "kl", "mi")
WIDE_FIGURES = ("rec", "kl", "neg_elbo", "mi", "au")


def _figures(width: int) -> tuple[str, ...]:
    return WIDE_FIGURES if width >= 92 else RUNNING_FIGURES


def _name_width(width: int) -> int:
    return max(12, min(40, width // 3 - 4))


def _running_head(width: int) -> Text:
    name = _name_width(width)
    heads = "".join(f" {head:>{_column(head)}}" for head in (*_figures(width), "left"))
    line = _text(_padded("running", name), "bold")
    return line.append(_padded("  epoch", width - name - len(heads)), "dim").append(heads, "dim")


def _running(trial: WatchedTrial, scene: Scene, width: int, silent: bool) -> Text:
    """A trial at work: its name, where it is in its epoch, its last validation, and about the time it has left."""
    row: Mapping[str, Any] = trial.rows[-1] if trial.rows else {}
    left = scene.forecast.trials.get(trial.name)
    if not scene.forecast.evaluated and not left:  # the final evaluation, of which none has been measured
        left = None
    cells = [*(_figure(row, column) for column in _figures(width)), "" if left is None else duration(left)]
    tail = "".join(f" {cell:>{_column(head)}}" for head, cell in zip((*_figures(width), "left"), cells, strict=True))
    name = _name_width(width)
    line = _text(_padded(("! " if silent else "") + trial.name, name), "yellow" if silent else "cyan")
    return line.append_text(_inside(trial, width - name - len(tail))).append(tail)


def _inside(trial: WatchedTrial, width: int) -> Text:
    """``3/8 ━━━━───`` while it trains, else what it does."""
    stand = trial.stand
    if stand is None or not stand.steps:
        return _text(_padded(f"  {(stand.doing if stand else '') or 'starting'}", width))
    behind = stand.doing in ("training", "validating") and trial.epochs_done >= stand.epoch > 0 and stand.share < 1
    epoch = min(int(trial.epochs_done) + 1, trial.epochs) if behind else max(stand.epoch, 1)
    count = f"  {epoch}/{trial.epochs} "
    if stand.doing != "training" and not behind:
        return _text(_padded(count + stand.doing, width))
    share = 0.0 if behind else stand.share
    return _text(count).append_text(_bar(share, max(1, width - len(count) - 1))).append(" ")


def _problem(trial: WatchedTrial, width: int) -> Text:
    """A trial that failed, was stopped, or whose process is gone."""
    line = _text(_padded(trial.name, _name_width(width)), PROBLEMS[trial.state])
    why = printable(" ".join((trial.loss or trial.message).split()))
    return line.append(f"  {trial.state}" + (f": {why}" if why else ""))


def _results(scene: Scene, width: int, room: int | None) -> list[Text]:
    """A row for each method of which a trial is done, the newest first: means over the trials that are done."""
    if room is not None and room < 2:
        return []
    methods = by_label(scene.trials)
    done = {label: [t for t in own if t.state == "done"] for label, own in methods.items()}
    order = sorted((label for label in done if done[label]), key=lambda label: -max(t.ended for t in done[label]))
    if not order:
        return []
    name = _name_width(width)
    columns = _figures(width)
    heads = f" {'seeds':>6}" + "".join(f" {head:>{_column(head)}}" for head in columns) + "  verdict"
    rows = [_result(label, done[label], len(methods[label]), columns, name) for label in order]
    head = _text(_padded("results", name), "bold").append(heads, "dim")
    return [head, *_fit(rows, None if room is None else room - 1)]


def _result(label: str, done: Sequence[WatchedTrial], seeds: int, columns: Sequence[str], name: int) -> Text:
    line = _text(_padded(label, name)).append(f" {f'{len(done)}/{seeds}':>6}")
    for column in columns:
        known = [(t.values, value) for t in done if (value := figure(t.values, column)) is not None]
        at_least = AT_LEAST if any(at_ceiling(values, column) for values, _ in known) else ""
        mean = fmean(value for _, value in known) + 0.0 if known else None
        text = "-" if mean is None else f"{at_least}{mean:.1f}" if column == "au" else f"{at_least}{mean:.2f}"
        line.append(f" {text.replace('-0.00', '0.00'):>{_column(column)}}")
    words = Counter(verdict({**trial.values, "status": "done"}) for trial in done)
    told = ", ".join(word if len(words) == 1 else f"{word} {n}" for word, n in words.most_common())
    return line.append(f"  {told}", "yellow" if set(words) & {"collapsed", "fake-rate", "unused"} else "")


def _column(head: str) -> int:
    return {"neg_elbo": 8, "rec": 7, "left": 6, "au": 5}.get(head, 6)


def _figure(row: Mapping[str, Any], name: str) -> str:
    value = figure(row, name)
    if value is None:
        return ""
    return f"{value:.0f}" if name == "au" else f"{value:.2f}".replace("-0.00", "0.00")


def _bar(share: float, width: int) -> Text:
    full = round(min(max(share, 0.0), 1.0) * width)
    return _text(BAR * full, "green").append(REST * (width - full), "dim")


def _beside(left: list[Text], right: list[Text], width: int) -> list[Text]:
    """Two columns of a width, with a gap between."""
    lines = []
    for n in range(max(len(left), len(right))):
        line = _cut(left[n], width) if n < len(left) else _text("")
        line.pad_right(width + 3 - line.cell_len)
        lines.append(line.append_text(right[n]) if n < len(right) else line)
    return lines


def _padded(text: str, width: int) -> str:
    """A text of exactly so many columns."""
    from rich.cells import cell_len, set_cell_size

    shown = printable(text)
    return (
        set_cell_size(shown[:0] if width <= 0 else shown, width)
        if cell_len(shown) <= width
        else (set_cell_size(shown, max(width - 1, 0)) + "…")
    )


def _cut(line: Text, width: int) -> Text:
    line.truncate(width, overflow="ellipsis")
    return line


def _text(text: str, style: str = "") -> Text:
    """A text of one line, whose control characters can't steer the terminal."""
    from rich.text import Text

    return Text(printable(text), style=style, no_wrap=True, end="")
