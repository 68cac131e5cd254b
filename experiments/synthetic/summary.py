"""What the table of the embedded corpora says, in Markdown; each figure with the trials behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.stats import norm

from experiments.atlas.early import RULES, Errors, features, usable
from experiments.atlas.summary import warning_lines
from experiments.atlas.table import read_table as read_atlas
from experiments.atlas.table import sound
from experiments.synthetic.axes import axes_table
from experiments.synthetic.design import BASELINE, CORPORA
from experiments.synthetic.truth import most_information, read_truth
from vaecli.metrics.verdict import COLLAPSED
from vaecli.remedies import REMEDIES
from vaecli.runs.statistics import LEVEL, holm, interval
from vaecli.settings.protocols import PUBLISHED, SHARED

Truth = Mapping[tuple[str, str], tuple[float, float]]

BANDS = (("none", 0.0), ("up to a quarter", 0.25), ("up to a half", 0.5), ("up to all", 1.0), ("more", float("inf")))
"""Parts of I(x; factors) that mi may be; none is below the threshold of a collapse."""

NO_TRIALS = "Not run yet: `make reproduce-synthetic BUDGET=1h` begins the table."


def judged(frame: pd.DataFrame) -> pd.DataFrame:
    """The trials that are done and have a verdict, so that a language model and an autoencoder are left out."""
    return frame[(frame["status"] == "done") & (frame["verdict"] != "")].reset_index(drop=True)


def with_truth(frame: pd.DataFrame, truth: Truth) -> pd.DataFrame:
    """The trials with `share`, mi by I(x; factors), and `excess_nll`, iw_nll - H(x) where the run can't say it."""
    most = frame["corpus"].map({name: truth[most_information(name)][0] for name in CORPORA})
    entropy = frame["corpus"].map({name: truth[name, "H(x)"][0] for name in CORPORA})
    excess = frame["excess_nll"].where(frame["excess_nll"].notna(), frame["iw_nll"] - entropy)
    return frame.assign(share=frame["mi"] / most, excess_nll=excess.astype(float))


def truth_table(truth: Truth) -> str:
    """H(x) and I(x; factors) of each corpus, with standard errors."""
    lines = ["| corpus | quantity | nats | standard error |", "|---|---|---:|---:|"]
    lines += [
        f"| `{corpus}` | {name} | {value:.3f} | {error:.3f} |" for (corpus, name), (value, error) in truth.items()
    ]
    return "\n".join(lines)


def band(mi: float, share: float) -> str:
    """Which of `BANDS` a trial is in."""
    if mi < COLLAPSED:
        return BANDS[0][0]
    return next(name for name, most in BANDS[1:] if share <= most)


def excess_table(frame: pd.DataFrame) -> str:
    """The excess by how much of the factors a code holds, the two protocols apart: median, and trials behind it."""
    heads = [f"{name}, {protocol}" for protocol in (SHARED, PUBLISHED) for name in ("trials", "median excess_nll")]
    lines = ["| corpus | mi of I(x; factors) | " + " | ".join(heads) + " |", "|---|---|" + "---:|" * len(heads)]
    known = frame[frame["excess_nll"].notna() & frame["mi"].notna()]
    bands = pd.Series(
        [band(m, s) for m, s in zip(known["mi"], known["share"], strict=True)], index=known.index, dtype=str
    )
    for corpus in CORPORA:
        for name, _ in BANDS:
            part = known[(known["corpus"] == corpus) & (bands == name)]
            if len(part):
                cells = [cell for p in (SHARED, PUBLISHED) for cell in _median(part[part["training_protocol"] == p])]
                lines.append(f"| `{corpus}` | {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _median(part: pd.DataFrame) -> tuple[str, str]:
    return (str(len(part)), f"{part['excess_nll'].median():z.2f}") if len(part) else ("", "")


def above_truth(frame: pd.DataFrame, truth: Truth) -> pd.Series[bool]:
    """Whether the mi of each trial is above I(x; factors), at a level of 5 % for all trials together.

    One-sided p-values of mi less the truth by their standard errors, with Holm's (1979) correction over all trials,
    which holds for any dependence: the trials of a corpus share the error of the truth and most test sentences.

    Args:
        frame: Trials with a mi.
        truth: What is known of the corpora.
    """
    of_corpus = {name: truth[most_information(name)] for name in CORPORA}
    p_values = []
    for corpus, mi, error in zip(frame["corpus"], frame["mi"], frame["mi_se"].fillna(0.0), strict=True):
        value, own = of_corpus[corpus]
        p_values.append(float(norm.sf((mi - value) / max(np.hypot(error, own), 1e-12))))
    return pd.Series([p <= 1 - LEVEL for p in holm(p_values)], index=frame.index, dtype=bool)


def information_table(frame: pd.DataFrame, truth: Truth) -> str:
    """What codes hold of the factors: the median mi of trials that didn't collapse, the most, and who has more."""
    measured = frame[frame["mi"].notna()]
    beyond = above_truth(measured, truth)
    lines = ["| corpus | I(x; factors) | trials | not collapsed | median mi of these | most mi | above the truth |"]
    lines.append("|---|---:|---:|---:|---:|---:|---:|")
    for corpus in CORPORA:
        own = measured[measured["corpus"] == corpus]
        if len(own):
            value = truth[most_information(corpus)][0]
            kept = own[own["verdict"] != "collapsed"]
            above = int(beyond[own.index].sum())
            figures = [f"{kept['mi'].median():z.2f}" if len(kept) else "", f"{own['mi'].max():z.2f}"]
            cells = [f"{value:.2f}", str(len(own)), str(len(kept)), *figures, str(above)]
            lines.append(f"| `{corpus}` | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def decoders_of(frame: pd.DataFrame) -> list[int]:
    """Units of the decoders, the weakest first."""
    return sorted(map(int, set(frame["decoder_size"])))


def by_method(frame: pd.DataFrame) -> list[tuple[tuple[str, str], pd.DataFrame]]:
    """The trials of each method and protocol, in the order of the table of methods, the shared one first."""
    order = {name: number for number, name in enumerate(REMEDIES)}
    parts = {(str(m), str(p)): own for (m, p), own in frame.groupby(["method", "training_protocol"])}
    return sorted(parts.items(), key=lambda item: (order[item[0][0]], item[0][1] != SHARED))


def survives(mi: Sequence[float]) -> bool | None:
    """Whether a remedy's information is there under the strongest decoder; None where the weakest has none to leave.

    Args:
        mi: In nats by decoder, the weakest first, of trials that differ in nothing else.

    Returns:
        True where the weakest and the strongest decoder leave 0.1 nats at least and the strongest half of what the
        weakest does, False where the weakest leaves 0.1 and the strongest doesn't leave that.
    """
    if len(mi) < 2 or mi[0] < COLLAPSED:
        return None
    return mi[-1] >= max(COLLAPSED, mi[0] / 2)


def fates(alike: pd.DataFrame, sizes: Sequence[int]) -> list[bool]:
    """What `survives` says in each corpus, latent size and seed of a method that say it.

    A mean over settings would be that of the one with most information, whatever became of the others.

    Args:
        alike: Trials of one method and protocol; see `under_each`.
        sizes: Units of the decoders.
    """
    told = [
        survives([float(part.loc[part["decoder_size"] == size, "mi"].mean()) for size in sizes])
        for _, part in alike.groupby(list(SETTING))
    ]
    return [fate for fate in told if fate is not None]


def under_each(own: pd.DataFrame, sizes: Sequence[int]) -> pd.DataFrame:
    """The trials with a mi whose corpus, latent size and seed have one under every decoder; none is like any other.

    Args:
        own: Of one method and protocol.
        sizes: Units of the decoders.
    """
    known = own[own["mi"].notna()]
    counts = known.groupby(list(SETTING))["decoder_size"].transform("nunique")
    return known[counts == len(sizes)]


def decoder_table(frame: pd.DataFrame) -> str:
    """Each method's mean mi under each decoder, with its trials, and what it costs over vanilla in the same cells.

    The means are of trials that differ in their decoder alone where a method has such ones. Elsewhere they are of all,
    and nothing is said of what survives.
    """
    sizes = decoders_of(frame)
    heads = [f"mi, {size} units" for size in sizes]
    lines = ["| method | protocol | " + " | ".join(heads) + " | survives | neg_elbo above vanilla |"]
    lines.append("|---|---|" + "---:|" * len(sizes) + "---|---:|")
    for (method, protocol), own in by_method(frame):
        alike = under_each(own, sizes)
        shown = own[own["mi"].notna()] if alike.empty else alike
        parts = [shown.loc[shown["decoder_size"] == size, "mi"] for size in sizes]
        cells = [f"{part.mean():z.2f} ({len(part)})" if len(part) else "" for part in parts]
        known = fates(alike, sizes)
        told = f"{sum(known)} of {len(known)}" if known else ""
        lines.append(f"| `{method}` | {protocol} | " + " | ".join(cells) + f" | {told} | {price(own, frame)} |")
    return "\n".join(lines)


SETTING = ("corpus", "latent_size", "training_protocol", "seed")
CELL = (*SETTING, "decoder_size")


def price(own: pd.DataFrame, frame: pd.DataFrame) -> str:
    """The mean of a method's neg_elbo less vanilla's of the same cell, protocol and seed, with the pairs behind it.

    After ``±`` is half the 95 % interval over the pairs, most of which is how cells differ.
    """
    if set(own["method"]) == {BASELINE}:
        return ""
    vanilla = frame[frame["method"] == BASELINE].set_index(list(CELL))["neg_elbo"]
    keys = pd.MultiIndex.from_frame(own[list(CELL)])
    gaps = own["neg_elbo"].to_numpy(dtype=float) - vanilla.reindex(keys).to_numpy(dtype=float)
    mean = interval(gaps[np.isfinite(gaps)])
    if mean is None:
        return ""
    return f"{mean.mean:+z.2f}" + (f" ±{mean.half:.2f}" if mean.half is not None else "") + f" ({mean.n})"


def survivors(frame: pd.DataFrame) -> list[str]:
    """Who survives the strongest decoder and who doesn't, in sentences, by how many settings say so."""
    sizes, told = decoders_of(frame), dict[str, list[str]]()
    for (method, protocol), own in by_method(frame):
        if known := fates(under_each(own, sizes), sizes):
            where = "some" if any(known) and not all(known) else "every" if len(known) > 1 else "one"
            name = f"`{method}`" + (" (published)" if protocol == PUBLISHED else "")
            told.setdefault(where if any(known) else f"not in {where}", []).append(name)
    across = f"from {sizes[0]} to {sizes[-1]} units" if sizes else ""
    sentences = {
        "every": f"Survive {across} in all settings, of two or more",
        "one": f"Survive {across} in the one setting that says so",
        "some": "In some settings and in others not",
        "not in every": "In none of two or more",
        "not in one": "Not in the one setting that says so",
    }
    lines = [f"- {text}: {', '.join(told[where])}." for where, text in sentences.items() if where in told]
    return lines or ["- No method has trials yet that say so."]


def rules_of_the_atlas(frame: pd.DataFrame) -> list[str]:
    """The errors here of the two rules that were fitted on the atlas's trials and saw none of these."""
    seen, trials = usable(read_atlas()), usable(frame)
    x, collapsed = features(seen), (seen["verdict"] == "collapsed").to_numpy(dtype=bool)
    if collapsed.all() or not collapsed.any() or trials.empty:
        return []
    new = trials[~trials["corpus"].isin(set(seen["corpus"]))]
    unseen = ", ".join(f"`{name}`" for name in sorted(set(new["corpus"])))
    lines = [
        f"Fitted on the {len(seen)} trials of [the atlas](atlas.md), which has other trials of these methods"
        f"{f', and none on {unseen}' if unseen else ''}:",
        "",
        "| rule of the atlas | collapses missed | false alarms |",
        "|---|---|---|",
    ]
    for part, where in ((trials, ""), (new, f", {unseen} alone")):
        if part.empty:
            continue
        ended = (part["verdict"] == "collapsed").to_numpy(dtype=bool)
        for name, fit in RULES.items():
            errors = Errors.of(ended, fit(x, collapsed).warns(features(part)), list(part["method"]))
            lines.append(f"| {name}{where} | {errors.missed} | {errors.alarms} |")
    return lines


def page_lines(frame: pd.DataFrame, truth: Truth | None = None) -> str:
    """What the table says, for the page.

    Args:
        frame: The table; it may have no rows.
        truth: What is known of the corpora; the committed one without.
    """
    known = read_truth() if truth is None else truth
    parts = ["### What is true", truth_table(known)]
    if frame.empty:
        return "\n\n".join([NO_TRIALS, *parts])
    trials = with_truth(judged(frame), known)
    measured = sound(trials)  # kl and mi of the others say nothing, and their verdicts do
    counts = frame["status"].value_counts()
    others = "".join(f", {counts[name]} {name}" for name in counts.index if name != "done")
    head = (
        f"{len(frame)} trials of {frame['method'].nunique()} methods, seeds "
        f"{', '.join(map(str, sorted(set(map(int, frame['seed'])))))}: {counts.get('done', 0)} done{others}; "
        f"{len(trials)} have a verdict."
    )
    sections = {
        "Likelihood and information": [excess_table(measured)],
        "Information and the truth": [information_table(measured, known)],
        "Collapse by axis": [axes_table(trials)],
        "Early warning": ["\n".join(warning_lines(trials)), "\n".join(rules_of_the_atlas(trials))],
        "Under a stronger decoder": ["\n".join(survivors(measured)), decoder_table(measured)],
    }
    for title, texts in sections.items():
        parts += [f"### {title}", *(text for text in texts if text)]
    return "\n\n".join([head, *parts])
