"""What the atlas's table says, in Markdown: outcomes by axis and by method, early warning, predictions."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from experiments.atlas.design import CORPORA, METHODS, RATES
from experiments.atlas.early import RULES, Rate, Threshold, early_warning, features, usable
from experiments.atlas.families import can_be_left_out, families_of_trials
from experiments.atlas.flips import flips_table
from experiments.atlas.pictures import LEAST as LEAST_SHOWN
from experiments.atlas.pictures import PICTURE, VERDICTS, shown_methods
from experiments.atlas.ship import trials_text
from experiments.atlas.table import judged, sound, without_noise
from vaecli.atlas.advice_calibration import calibrations
from vaecli.atlas.adviser import LEAST
from vaecli.atlas.price import idle_error
from vaecli.atlas.trials_table import adam_rate, read_trials
from vaecli.reporting.predictions import Obtained, most, read_predictions, score
from vaecli.reporting.predictions_table import prediction_views
from vaecli.reporting.terminal import Target, to_text
from vaecli.training.early_rule import FEATURES
from vaecli.training.early_rule import FLOOR as NATS_FLOOR

IMAGE = "atlas_phases.png"
"""Under which the site has the phase diagrams."""

PREDICTIONS = Path(__file__).parents[1] / "predictions" / "atlas.csv"


def thirds(frame: pd.DataFrame) -> pd.Series[str]:
    """Which third of the learning rates each trial is in, in equal ratios."""
    low, high = RATES
    ends = [low * (high / low) ** (part / 3) for part in (1, 2)]
    names = [f"{low:.2g} to {ends[0]:.2g}", f"{ends[0]:.2g} to {ends[1]:.2g}", f"{ends[1]:.2g} to {high:.2g}"]
    return adam_rate(frame).map(lambda rate: names[sum(rate >= end for end in ends)])


def axes_table(frame: pd.DataFrame) -> str:
    """Shares of collapsed runs along each axis, all methods together; intervals are Wilson's."""
    lines = ["| axis | value | collapsed |", "|---|---|---|"]
    parts: list[tuple[str, pd.Series[str]]] = [("optimizer", frame["optimizer"])]
    for name in ("adam", "sgd"):
        own = frame[frame["optimizer"] == name]
        parts.append((f"learning rate, {name}" + (" (a hundredth)" if name == "sgd" else ""), thirds(own)))
    parts += [(name, frame[name]) for name in ("decoder_size", "latent_size", "epochs", "corpus")]
    embedded = frame[frame["corpus"].isin(CORPORA)]  # those of which some have noise
    parts.append(("noise, embedded corpora", embedded["noise"]))
    for name, values in parts:
        for value in sorted(set(values)):
            verdicts = frame.loc[values.index[values == value], "verdict"]
            lines.append(f"| {name} | {value} | {collapses(verdicts)} |")
    return "\n".join(lines)


def collapses(verdicts: Iterable[str]) -> Rate:
    """How many of some runs collapsed."""
    words = list(verdicts)
    return Rate(sum(word == "collapsed" for word in words), len(words))


def methods_table(frame: pd.DataFrame) -> str:
    """Outcomes by method, in the order of the design; the most mi is of the sound ones."""
    shown = [word for word in VERDICTS if (frame["verdict"] == word).any()]
    lines = ["| method | trials | " + " | ".join(shown) + " | most mi |", "|---|---:|" + "---:|" * (len(shown) + 1)]
    for method in METHODS:
        own = frame[frame["method"] == method]
        if len(own):
            counts = [str(int((own["verdict"] == word).sum()) or "") for word in shown]
            most_mi = sound(own)["mi"].max()
            told = "" if pd.isna(most_mi) else f"{most_mi:z.2f}"
            lines.append(f"| `{method}` | {len(own)} | " + " | ".join(counts) + f" | {told} |")
    return "\n".join(lines)


def outcomes(frame: pd.DataFrame) -> list[Obtained]:
    """The verdict of most trials of each method, and the means over the sound ones."""
    rows = []
    for method in METHODS:
        own = frame[frame["method"] == method]
        done = sound(own)
        means = {name: float(done[name].mean()) for name in ("kl", "mi") if len(done) and done[name].notna().any()}
        rows.append(Obtained(method, method, most(own["verdict"]), means))
    return rows


def warning_lines(frame: pd.DataFrame) -> list[str]:
    """The errors of the early warning, and the rules themselves, fitted on all trials."""
    trials = usable(frame)
    x, collapsed = features(trials), (trials["verdict"] == "collapsed").to_numpy(dtype=bool)
    if collapsed.all() or not collapsed.any() or not can_be_left_out(families_of_trials(trials)):
        return ["too few trials for an early warning"]
    head = f"{len(trials)} trials, of which {int(collapsed.sum())} collapsed"
    lines = [f"{head}; each is judged by rules fitted on those without a method of its families", ""]
    lines += ["| rule | collapses missed | false alarms |", "|---|---|---|"]
    lines += [f"| {name} | {errors.missed} | {errors.alarms} |" for name, errors in early_warning(frame).items()]
    threshold = RULES["threshold"](x, collapsed)
    assert isinstance(threshold, Threshold)
    nats = max(10**threshold.value - NATS_FLOOR, 0.0)
    return [
        *lines,
        "",
        f"threshold fitted on all trials: {FEATURES[threshold.column]} below {nats:.3g} nats over updates 91 to 100",
    ]


def phase_lines(frame: pd.DataFrame, picture: Path = PICTURE) -> list[str]:
    """The picture of verdicts by learning rate and knob, once it is drawn, and of which methods."""
    shown = shown_methods(frame)
    if not picture.exists() or not shown:
        return [f"No picture yet; it shows methods that have {LEAST_SHOWN} trials, so far {len(shown)}."]
    left = frame["method"].nunique() - len(shown)
    caption = f"Methods with {LEAST_SHOWN} trials or more that have a verdict: {len(shown)}; {left} have fewer such."
    return [f"![Verdicts over learning rate and main knob, a panel a method](images/{IMAGE})", "", caption]


def advice_lines(frame: pd.DataFrame) -> list[str]:
    """How `vae advise` fares on trials that were left out, and how well the price's other side is known.

    Args:
        frame: As it is shipped; see `vaecli.atlas.trials_table`.
    """
    parts = calibrations(frame)
    if not parts:
        return [f"too few trials: no method has {LEAST} yet"]
    lines = [
        "| left out | 80 % intervals that hold mi | that hold the price | Brier score of the chance | of a constant |"
    ]
    lines += ["|---|---|---|---:|---:|"]
    for part in parts:
        mi, price = (c and Rate.by_method(c.within, list(c.methods)) for c in (part.mi, part.price))
        lines.append(f"| {part.left_out} | {mi} | {price or '-'} | {part.brier:.3f} | {part.constant:.3f} |")
    error = idle_error(frame)
    if error is not None:
        lines += [
            "",
            f"neg_elbo of runs with an idle code is predicted with an error of {error:.2f} nats per sentence"
            " (root mean square)",
        ]
    return lines


def page_lines(frame: pd.DataFrame) -> str:
    """What the table says, for the page: its size, outcomes by axis and method, the early warning.

    Args:
        frame: The table.
    """
    known = judged(frame)
    failed = int((frame["status"] == "failed").sum())
    wordless = len(frame) - len(known) - failed
    others = f", {wordless} of methods that can have none" if wordless else ""
    head = f"{len(frame)} trials of {frame['method'].nunique()} methods: {len(known)} with a verdict{others}"
    head += f", {failed} that failed"
    parts = [head, "### By axis", axes_table(known), "### By method", methods_table(known)]
    parts += ["### Phase diagrams", "\n".join(phase_lines(frame))]
    parts += ["### Early warning", "\n".join(warning_lines(frame))]
    return "\n\n".join([*parts, "### Advice", "\n".join(advice_lines(read_trials(io.StringIO(trials_text(frame)))))])


def report_text(frame: pd.DataFrame, predictions: Path | None = PREDICTIONS) -> str:
    """The report for a terminal.

    Args:
        frame: The table.
        predictions: A file of guesses; None without.
    """
    text = page_lines(frame) + f"\n\n### Where outcomes flip\n\n{flips_table(judged(frame))}\n"
    if predictions is not None:
        scores = score(read_predictions(predictions), outcomes(without_noise(judged(frame))))
        text += "\n### Predictions\n\n" + "\n".join(to_text(view, Target()) for view in prediction_views(scores))
    return text
