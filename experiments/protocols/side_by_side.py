"""What the grid of protocols says, in Markdown: each method under both, and whose verdict turns.

Every figure is looked up in `results.csv` of this folder; a method that was not run has no row, and a table that isn't
there leaves a line with the command that makes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from vaecli.metrics.verdict import NO_VERDICT, verdict
from vaecli.remedies import REMEDIES
from vaecli.reporting.by_protocol import side_by_side_rows
from vaecli.reporting.conclusions import joint_verdict, verdict_word
from vaecli.reporting.read_results import load_results
from vaecli.reporting.table import ceilings
from vaecli.reporting.view import AT_LEAST
from vaecli.runs.groups import Group, finished, grouped, rows_of
from vaecli.settings.protocols import PUBLISHED, SHARED, published

HERE = Path(__file__).parent
RESULTS = HERE / "results.csv"
GRID = "experiments/protocols/protocols.toml"
COMMAND = f"vae compare {GRID}"
NOT_RUN = f"Not run yet: `{COMMAND}` makes the table."
FIGURES = ("kl", "mi", "neg_elbo")
EPOCHS = 12
"""Of the grid, to which recipes are scaled; of what they say here, only warm-ups depend on it."""

DEAR = ("lagging", "semi_amortized", "iwae", "dreg", "ciwae", "flow_prior")
"""Methods whose update takes more than four times that of vanilla, which come last."""

FIRST = ("vanilla", "lm", "mim", "info_js", "mdr", "wae_s", "bn", "free_bits", "du", "cyclical", "hr", "twr")
"""Which come first: the two baselines, then those of which docs/findings.md says that the protocol decides the row."""


@dataclass(frozen=True)
class Pair:
    """A method under the two protocols.

    Attributes:
        method: Under the shared one; the published one may add remedies to it.
        shared: Its trials there; None where there are none.
        published: Its trials as its paper has it; None where there are none.
    """

    method: str
    shared: Group | None
    published: Group | None

    @property
    def turns(self) -> str:
        """``turns``, or ``turns 1/3`` where the verdict differs on some seeds of those in both; empty where on none."""
        if self.shared is None or self.published is None:
            return ""
        one, other = verdicts(self.shared), verdicts(self.published)
        both = [seed for seed in one if seed in other]
        count = sum(one[seed] != other[seed] for seed in both)
        return "" if not count else "turns" if count == len(both) else f"turns {count}/{len(both)}"


def verdicts(group: Group) -> dict[int, str]:
    """The verdict of each seed of which there is one."""
    by_seed = {int(row["seed"]): verdict(row) for row in rows_of(group.trials)}
    return {seed: word for seed, word in by_seed.items() if word != NO_VERDICT}


def read_grid(path: Path = RESULTS) -> pd.DataFrame | None:
    """The grid's trials; None before it was run."""
    return load_results(path).frame if path.exists() else None


def pairs(frame: pd.DataFrame) -> list[Pair]:
    """The methods of which a trial is done, in the order of the table of methods, compositions at the end."""
    groups = [group for group in grouped(frame) if len(finished(group.trials))]
    rows = [Pair(base, row.get(SHARED), row.get(PUBLISHED)) for base, row in side_by_side_rows(groups)]
    order = {name: number for number, name in enumerate(REMEDIES)}
    return sorted(rows, key=lambda pair: (order.get(pair.method, len(order)), pair.method))


def has_recipe(method: str) -> bool:
    """Whether the method's paper has a training that is known here."""
    return published(method, EPOCHS).is_known


def recipe_text(method: str) -> str:
    """Optimiser, rate and batch size of a method's paper, ``sgd 1, batches of 32``; what it doesn't say is left out."""
    values = published(method, EPOCHS).values
    rate = values.get("training.learning_rate")
    first = " ".join(
        part for part in (str(values.get("training.optimizer", "")), f"{rate:g}" if rate is not None else "") if part
    )
    batch = values.get("training.batch_size")
    return (
        ", ".join(part for part in (first, f"batches of {batch}" if batch is not None else "") if part)
        or "the shared training"
    )


def figure(group: Group | None, name: str) -> str:
    """A mean over seeds with two decimals, marked where it is a ceiling; empty where there is none."""
    summary = group.summary(name) if group is not None else None
    if group is None or summary is None:
        return ""
    return (AT_LEAST if ceilings([group], name)[0] else "") + f"{summary.mean:z.2f}"


def word(group: Group | None) -> str:
    """The verdict of most seeds; empty where there is none."""
    told = verdict_word(joint_verdict(group.trials)) if group is not None else NO_VERDICT
    return "" if told == NO_VERDICT else told


def table(rows: Sequence[Pair]) -> str:
    """A row a method, verdict and figures under each protocol."""
    sides = [f"{name}, {protocol}" for protocol in (SHARED, PUBLISHED) for name in ("verdict", *FIGURES)]
    lines = ["| method | " + " | ".join(sides) + " | its paper's training | |"]
    lines.append("|---|" + ("---|" + "---:|" * len(FIGURES)) * 2 + "---|---|")
    for pair in rows:
        cells = [cell for group in (pair.shared, pair.published) for cell in side(group)]
        told = recipe_text(pair.method) if pair.published is not None else ""
        lines.append(f"| `{pair.method}` | " + " | ".join(cells) + f" | {told} | {pair.turns} |")
    return "\n".join(lines)


def side(group: Group | None) -> list[str]:
    """Verdict and figures under one protocol."""
    return [word(group), *(figure(group, name) for name in FIGURES)]


def evidence(group: Group) -> str:
    """``collapsed (kl 0.00, mi 0.00, neg_elbo 24.13)``."""
    known = [f"{name} {told}" for name in FIGURES if (told := figure(group, name))]
    return f"{joint_verdict(group.trials)} ({', '.join(known)})"


def turning(rows: Iterable[Pair]) -> list[str]:
    """A sentence for each method whose verdict turns on all seeds or some."""
    return [
        f"- `{pair.method}`: {evidence(pair.shared)} under the shared protocol, {evidence(pair.published)} under "
        f"its paper's, `{pair.published.method}` by {recipe_text(pair.method)}."
        for pair in rows
        if pair.turns and pair.shared is not None and pair.published is not None
    ]


def names(methods: Iterable[str]) -> str:
    """``` `a`, `b` ```; a dash for none."""
    return ", ".join(f"`{name}`" for name in methods) or "-"


def staying(rows: Sequence[Pair]) -> list[str]:
    """The methods whose verdict is the same under both, by the verdict."""
    by_verdict: dict[str, list[str]] = {}
    for pair in rows:
        if pair.shared is not None and pair.published is not None and not pair.turns and word(pair.shared):
            by_verdict.setdefault(word(pair.shared), []).append(pair.method)
    return [f"- {told} under both: {names(methods)}." for told, methods in by_verdict.items()]


def head(frame: pd.DataFrame, rows: Sequence[Pair]) -> str:
    """How much was run."""
    done = finished(frame)
    both = sum(pair.shared is not None and pair.published is not None for pair in rows)
    ended = f"{len(done)} trials of {len(rows)} methods" + ("" if len(done) == len(frame) else f", {len(frame)} begun")
    return f"{ended}, {seeds_told(rows)}; {both} methods under both protocols."


def seeds_told(rows: Sequence[Pair]) -> str:
    """``seeds 0, 1``, or ``seeds 0 (0, 1, 2 of `du`)`` where some methods have others than most."""
    methods: dict[str, list[str]] = {}
    for pair in rows:
        groups = [group for group in (pair.shared, pair.published) if group is not None]
        seeds = sorted({int(row["seed"]) for group in groups for row in rows_of(group.trials)})
        methods.setdefault(", ".join(map(str, seeds)), []).append(pair.method)
    most, *others = sorted(methods, key=lambda seeds: -len(methods[seeds]))
    told = "; ".join(f"{seeds} of {names(methods[seeds])}" for seeds in others)
    return f"seeds {most}" + (f" ({told})" if told else "")


def left(rows: Sequence[Pair]) -> list[str]:
    """What the table doesn't have, and why."""
    shown = {pair.method for pair in rows}
    twice = {pair.method for pair in rows if pair.published is not None}
    without = [name for name in REMEDIES if not has_recipe(name)]
    missing = [name for name in REMEDIES if name not in shown]
    unpublished = [name for name in REMEDIES if name in shown and name not in twice and name not in without]
    lines = [f"- No recipe, so under the published protocol they are as under the shared one: {names(without)}."]
    lines += [f"- Not run: {names(missing)}."] if missing else []
    return lines + ([f"- With a recipe, and not run by it yet: {names(unpublished)}."] if unpublished else [])


def page_lines(frame: pd.DataFrame | None) -> str:
    """What the grid says, for the page.

    Args:
        frame: Its trials; None before it was run.
    """
    if frame is None:
        return NOT_RUN
    rows = pairs(frame)
    parts = [
        head(frame, rows),
        "### Verdicts that turn with the protocol",
        "\n".join(turning(rows)) or "None.",
        "### Verdicts that don't",
        "\n".join(staying(rows)) or "None.",
        "### All figures",
        table(rows),
        "### What is missing",
        "\n".join(left(rows)),
    ]
    return "\n\n".join(parts)


def example_line(frame: pd.DataFrame | None, method: str = "mim") -> str:
    """The example of docs/protocols.md: a method under both protocols, with the grid's figures."""
    example = next((pair for pair in pairs(frame) if pair.method == method), None) if frame is not None else None
    if example is None or example.shared is None or example.published is None:
        return NOT_RUN
    most = example.shared.summary("mi_ceiling")
    bound = f" mi is at most {most.mean:.2f} nats." if most is not None else ""
    return (
        f"By `{COMMAND}`, `{method}` is {evidence(example.shared)} under the shared protocol and "
        f"{evidence(example.published)} as its paper trains it, by {recipe_text(method)}.{bound}"
    )


@dataclass(frozen=True)
class Stage:
    """A part of the grid.

    Attributes:
        told: What it is.
        methods: Names.
        protocols: Under which they are trained.
    """

    told: str
    methods: Sequence[str]
    protocols: Sequence[str]


def stages() -> list[Stage]:
    """The grid in an order in which every beginning of it is worth having; each trial is in one stage."""
    both = (SHARED, PUBLISHED)
    known = {name: has_recipe(name) for name in REMEDIES}
    cheap = [name for name in REMEDIES if name not in DEAR]
    return [
        Stage("baselines and rows that the protocol decides", [name for name in FIRST if known[name]], both),
        Stage("the others with a recipe", [name for name in cheap if known[name] and name not in FIRST], both),
        Stage("dear, with a recipe", [name for name in DEAR if known[name]], (SHARED,)),
        Stage("without a recipe", [name for name in cheap if not known[name]], (SHARED,)),
        Stage("dear, as their papers have them", [name for name in DEAR if known[name]], (PUBLISHED,)),
        Stage("dear, without a recipe", [name for name in DEAR if not known[name]], (SHARED,)),
    ]


def commands(options: str = "--seeds 0 --jobs 2 --set training.threads=1") -> list[str]:
    """The command lines of the stages, each going on with the one experiment."""
    lines = []
    for stage in stages():
        chosen = f"--methods {','.join(stage.methods)} --protocol {','.join(stage.protocols)}"
        lines += [f"# {stage.told}", f"{COMMAND} {chosen} {options}"]
    return lines
