"""The scores of the committed predictions, for docs/surprises.md."""

from __future__ import annotations

from pathlib import Path

from experiments.atlas.summary import outcomes as atlas_outcomes
from experiments.atlas.table import TABLE, judged, read_table, without_noise
from vaecli.reporting.formats import to_markdown
from vaecli.reporting.predictions import Obtained, Scores, outcomes, read_predictions, score
from vaecli.reporting.predictions_table import prediction_views
from vaecli.reporting.read_results import load_results

EXPERIMENTS = Path(__file__).parents[1]
FOLDER = Path(__file__).parent

SCORED = {
    "literature": ("all", "methods on the embedded corpus, by the figures that papers print"),
    "ptb": ("ptb", "four methods on Penn Treebank, by the figures that papers print"),
    "anticollapse_ptb": (
        "anticollapse/ptb",
        "what information costs on Penn Treebank, by a guess before that grid was run",
    ),
    "ptb_lstm": (
        "papers/ptb-lstm",
        "methods on Penn Treebank at the literature's sizes and epochs, by guesses before a row was run",
    ),
    "atlas": ("atlas", "methods in the atlas, by guesses before its first trial"),
}
"""By the name of the file of predictions: the experiment that decides them, and what they are."""


def obtained(experiment: str) -> list[Obtained]:
    """What a committed experiment gave of each method."""
    if experiment == "atlas":
        return atlas_outcomes(without_noise(judged(read_table())))
    return outcomes(load_results(EXPERIMENTS / experiment / "results.csv").frame, ("kl", "mi"))


def command(name: str) -> str:
    """What prints the score of a file of predictions."""
    experiment, _ = SCORED[name]
    if experiment == "atlas":
        return "python -m experiments.atlas --report"
    return f"vae report experiments/{experiment} --predictions experiments/predictions/{name}.csv"


def scores_of(name: str) -> Scores:
    """Of a file of predictions."""
    return score(read_predictions(FOLDER / f"{name}.csv"), obtained(SCORED[name][0]))


def section(name: str) -> str:
    """The score, the calibration and the largest misses of a file of predictions, in Markdown."""
    scores = scores_of(name)
    lines, *others = prediction_views(scores)
    title = SCORED[name][1]
    parts = [f"### {title[0].upper()}{title[1:]}", f"`{command(name)}`", "\n".join(f"- {n}" for n in lines.notes[:4])]
    tables = [to_markdown(view).replace("**", "").strip() for view in others]
    return "\n\n".join([*parts, *tables])


def sections() -> str:
    """The scores of all files, those of the atlas once it has trials."""
    names = [name for name, (experiment, _) in SCORED.items() if experiment != "atlas" or TABLE.exists()]
    return "\n\n".join(map(section, names))
