"""The table of predictions and outcomes, with its calibration and the largest misses below."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from statistics import median
from typing import Any

from vaecli.reporting.formats import to_csv, to_markdown
from vaecli.reporting.predictions import Scored, Scores
from vaecli.reporting.terminal import Target, to_text
from vaecli.reporting.view import UNDEFINED, Cell, Head, Record, View, gap_text, number

SHOWN = 5
"""Misses of each kind that are listed."""


def predictions_text(scores: Scores, format: str, target: Target) -> str:
    """Predictions beside outcomes as a table, CSV, Markdown or JSON; a CSV holds the lines alone."""
    views = prediction_views(scores)
    if format == "csv":
        return to_csv(views[:1])
    if format == "json":
        return json.dumps(record_of(scores), indent=2, ensure_ascii=target.ascii_only, allow_nan=False) + "\n"
    if format == "markdown":
        return "\n".join(to_markdown(view, target.ascii_only) for view in views)
    return "\n".join(to_text(view, target) for view in views)


def prediction_views(scores: Scores) -> list[View]:
    """The lines, the calibration, the misses."""
    return [_lines(scores), _calibration(scores), *([_misses(scores)] if scores.wrong or scores.columns else [])]


def _lines(scores: Scores) -> View:
    columns = scores.columns
    heads = [Head("method", numeric=False), Head("predicted", numeric=False), Head("confidence")]
    heads += [Head("obtained", numeric=False), Head("hit", numeric=False)]
    heads += [Head(f"{name}{part}") for name in columns for part in (" predicted", " obtained")]
    rows = []
    for line in scores.lines:
        guess, outcome = line.prediction, line.outcome
        cells = [outcome.row, guess.verdict, f"{guess.confidence:.0%}", outcome.verdict, "yes" if line.hit else "no"]
        for name in columns:
            cells += [_figure(guess.figures.get(name)), _figure(outcome.figures.get(name))]
        rows.append(tuple(map(Cell, cells)))
    notes = [
        f"{scores.hits} of {len(scores.lines)} verdicts are as predicted",
        f"Brier score {scores.brier:.3f}; {scores.constant_brier:.3f} by saying the share of hits of every method",
    ]
    for name in columns:
        gaps = scores.errors(name)
        far = sum(abs(gap) > 1 for gap in gaps)
        notes.append(
            f"{name}: {len(gaps)} predicted, off by {number(median(map(abs, gaps)), 2)} in the median; "
            f"more than 1 off in {far}, too high in {sum(gap < 0 for gap in gaps)}"
        )
    notes += [f"predicted, no verdict here: {', '.join(scores.open)}"] if scores.open else []
    notes += [f"not predicted: {', '.join(scores.unpredicted)}"] if scores.unpredicted else []
    return View("Predicted and obtained", tuple(heads), tuple(rows), tuple(map(record, scores.lines)), tuple(notes))


def _calibration(scores: Scores) -> View:
    heads = (Head("confidence", numeric=False), Head("predictions"), Head("mean"), Head("hits"))
    rows = tuple(
        tuple(map(Cell, (f"{b.low:.0%} to {b.high:.0%}", str(b.count), f"{b.confidence:.0%}", f"{b.hits:.0%}")))
        for b in scores.bins
    )
    return View("Calibration", heads, rows)


def _misses(scores: Scores) -> View:
    words = ("miss", "method", "predicted", "obtained")
    heads = (*(Head(word, numeric=False) for word in words), Head("by"))
    rows = [
        ("verdict", x.outcome.row, x.prediction.verdict, x.outcome.verdict, f"{x.prediction.confidence:.0%}")
        for x in scores.wrong[:SHOWN]
    ]
    for name in scores.columns:
        for x in scores.furthest(name)[:SHOWN]:
            told = _figure(x.prediction.figures[name]), _figure(x.outcome.figures[name])
            rows.append((name, x.outcome.row, *told, gap_text(x.gaps[name])))
    return View("Largest misses", heads, tuple(tuple(map(Cell, row)) for row in rows))


def _figure(value: float | None) -> str:
    return UNDEFINED if value is None else number(value, 2)


def record(line: Scored) -> Record:
    """A line for machines."""
    guess, outcome = line.prediction, line.outcome
    row: Record = {
        "row": outcome.row,
        "predicted": guess.verdict,
        "confidence": guess.confidence,
        "obtained": outcome.verdict,
        "hit": int(line.hit),
    }
    for name, value in guess.figures.items():
        row |= {f"{name}_predicted": value, f"{name}_obtained": _finite(outcome.figures.get(name))}
    return row


def record_of(scores: Scores) -> dict[str, Any]:
    """Everything for machines."""
    bins: Sequence[dict[str, float]] = [
        {"low": b.low, "high": b.high, "predictions": b.count, "confidence": b.confidence, "hits": b.hits}
        for b in scores.bins
    ]
    return {
        "predictions": [record(line) for line in scores.lines],
        "hits": scores.hits,
        "decided": len(scores.lines),
        "brier": scores.brier,
        "brier_constant": scores.constant_brier,
        "calibration": bins,
        "open": list(scores.open),
        "unpredicted": list(scores.unpredicted),
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
