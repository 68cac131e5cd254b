"""The rows of `vae advise`, for people and for machines."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence

import pandas as pd

from vaecli.atlas.adviser import LEAST, Estimate, Row
from vaecli.atlas.distance import Nearness
from vaecli.remedies import remedy_class
from vaecli.reporting.view import UNDEFINED, Cell, Head, Record, View

HEADS = (
    Head("method", numeric=False),
    Head("setting", numeric=False),
    Head("informative"),
    Head("mi"),
    Head("price"),
    Head("time"),
    Head("epochs"),
    Head("trials"),
    Head("nearest", numeric=False),
)
NOTES = (
    "informative: chance of that verdict; its 95 % interval counts the method's own trials only",
    "mi, price: medians of nearby trials, nats per sentence, with intervals meant to hold 80 % of runs",
    "price: neg_elbo above that of a run whose code is idle",
    "time: of an update, in multiples of vanilla's",
    "trials: the method's trials that count / all of them, and their effective number",
    "nearest: the method's nearest trials, by number; the first of each row:",
)


REASONS = {
    "too_few_trials": f"fewer than {LEAST} trials in the atlas",
    "no_trial": "no trial",
    "no_kl": "no kl, hence no verdict",
    "over_budget": "no epoch fits the budget",
    "far": "far from all trials in the epochs that fit",
}
"""Why a method has no row, by the name that `--json` has for it."""


def advice_view(rows: Sequence[Row], frame: pd.DataFrame, epochs: Mapping[str, int]) -> View:
    """The table.

    Args:
        rows: In their order.
        frame: The trials.
        epochs: Of each method's run.
    """
    cells = tuple(tuple(map(Cell, _cells(row, epochs[row.method]))) for row in rows)
    numbers = dict.fromkeys(number for row in rows for number in row.nearest[:1])
    nearest = [trial_line(frame, number) for number in numbers]
    return View("", HEADS, cells, tuple(record(row, epochs[row.method]) for row in rows), (*NOTES, *nearest))


def _cells(row: Row, epochs: int) -> list[str]:
    return [
        row.method,
        f"{row.knob}={row.value}" if row.knob else UNDEFINED,
        f"{row.chance:.0%} ({row.low:.0%} to {row.high:.0%})",
        _interval(row.mi),
        UNDEFINED if row.price is None else _interval(row.price),
        f"{remedy_class(row.method).cost:g}",
        str(epochs),
        f"{row.near}/{row.own}, {row.worth:.0f}",
        " ".join(f"#{number}" for number in row.nearest),
    ]


def _interval(figure: Estimate) -> str:
    if not math.isfinite(figure.high):
        return f"{figure.value:z.2f} (too few trials)"
    return f"{figure.value:z.2f} ({figure.low:z.2f} to {figure.high:z.2f})"


def trial_line(frame: pd.DataFrame, number: int) -> str:
    """``#12 bn gamma=0.6 on yelp_short: adam 0.002, decoder 64, latent 16, 500 updates: informative, mi 2.31``."""
    trial = frame[frame["trial"] == number].iloc[0]
    knob = f" {trial['knob']}={trial['knob_value']}" if trial["knob"] else ""
    mi = "" if pd.isna(trial["mi"]) else f", mi {trial['mi']:z.2f}"
    settings = f"{trial['optimizer']} {trial['learning_rate']:g}, decoder {trial['decoder_size']}"
    settings += f", latent {trial['latent_size']}, {trial['updates']} updates"
    return f"#{number} {trial['method']}{knob} on {trial['corpus']}: {settings}: {trial['verdict']}{mi}"


def record(row: Row, epochs: int) -> Record:
    """A row for machines; ends of intervals that are infinite are left out."""
    values: Record = {
        "method": row.method,
        "knob": row.knob or None,
        "value": row.value or None,
        "informative": row.chance,
        "informative_low": row.low,
        "informative_high": row.high,
    }
    for name, figure in (("mi", row.mi), ("price", row.price)):
        ends = (None, None, None) if figure is None else (figure.value, _finite(figure.low), _finite(figure.high))
        values |= {name: ends[0], f"{name}_low": ends[1], f"{name}_high": ends[2]}
    return values | {
        "time": remedy_class(row.method).cost,
        "epochs": epochs,
        "trials_near": row.near,
        "trials": row.own,
        "worth": row.worth,
        "nearest": " ".join(map(str, row.nearest)),
        "distance": row.distance,
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def rowless_line(without: Mapping[str, Sequence[str]]) -> str:
    """``no row: fewer than 3 trials in the atlas: bn, vq; no trial: lagging``; empty where every method has one.

    Args:
        without: Methods by the reason, a key of `REASONS`.
    """
    told = [f"{REASONS[why]}: {', '.join(names)}" for why, names in without.items() if names]
    return "no row: " + "; ".join(told) if told else ""


def advice_json(view: View, near: Nearness, count: int, without: Mapping[str, Sequence[str]]) -> str:
    """Everything for machines.

    Args:
        view: The table.
        near: How near the nearest of the runs is, which may differ in their epochs.
        count: Trials.
        without: See `rowless_line`.
    """
    values = {
        "trials": count,
        "distance": near.distance,
        "reach": near.reach,
        "nearest": near.trial,
        "gaps": {title: gap for title, (gap, _) in near.gaps.items()},
        "rows": list(view.records),
        **{why: list(without.get(why, ())) for why in REASONS},
    }
    return json.dumps(values, indent=2, allow_nan=False) + "\n"
