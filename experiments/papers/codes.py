"""What codes remember, by encoder: ``python -m experiments.papers.codes [RUNS/bosc2020-quick]``.

With the folder of a reproduction it writes `bosc2020-quick/decoder_use.csv`: what z is worth to the decoder by
position, class of word and word, which stands in the runs' metrics.json and in no column of results.csv. From the two
tables come the page and its picture (the questions of Bosc & Vincent 2020).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from vaecli.core.files import write_atomic
from vaecli.reporting.pictures.picture_curves import legend_lines, line_style
from vaecli.reporting.pictures.picture_style import WIDTH, new_figure, save
from vaecli.runs.folder import RunFolder
from vaecli.runs.statistics import LEVEL

HERE = Path(__file__).parent / "bosc2020-quick"
RESULTS, USE, PICTURE = HERE / "results.csv", HERE / "decoder_use.csv", HERE / "positions.png"
NOT_RUN = "Not run yet: `vae reproduce bosc2020-quick` makes the table."

POSITION, CLASS, WORD = "position", "class", "word"
COLUMNS = ("experiment", "seed", "kind", "part", "tokens", "gain")
WORDS = 8
"""Of most gain that are kept of a trial."""

SETTINGS = ((4, 2), (4, 8), (16, 2), (16, 8))
"""Z and free bits of the rows, of which a name is made."""
ENCODERS = {
    "last": "last state",
    "max": "max pooling",
    "mean": "mean pooling",
    "ae-last": "autoencoder first, last state",
    "ae-max": "autoencoder first, max pooling",
    "lm-last": "language model first, last state",
    "uni-last": "unigrams first, last state",
}
CONTRASTS = (
    *(("max", "last"), ("mean", "last"), ("ae-last", "last"), ("ae-max", "max")),
    *(("lm-last", "last"), ("uni-last", "last"), ("ae-max", "ae-last")),
)
"""Two encoders that differ in one thing."""
FIRST, LATER = "gain, first word", "gain, others"
FIGURES = ("mi", FIRST, LATER, "probe_50_each", "probe_sampled")
"""Of an encoder; the gains, in nats a sentence, are those of `z_gain_shuffled`, at the first word and at all others."""


def collected(runs: Path) -> pd.DataFrame:
    """Gains of the trials of a reproduction, in nats a sentence, by position, class of word, and word.

    Args:
        runs: What ``vae reproduce bosc2020-quick`` left; trials without a code have none.
    """
    rows = [row for path in sorted(runs.glob("*/*/seed-*")) for row in _of_trial(path)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _of_trial(path: Path) -> Iterator[tuple[Any, ...]]:
    name, seed = path.parent.parent.name, int(path.name.removeprefix("seed-"))
    block = RunFolder(path).metrics().get("decoder_use", {})
    if "words" not in block:
        return
    losses, counts = block["position_nll"], block["position_counts"]
    pairs = zip(losses["shuffled"], losses["posterior"], counts, strict=True)
    for number, (other, own, count) in enumerate(pairs, 1):
        yield name, seed, POSITION, number, count, (other - own) * count / counts[0]
    for kind, key, shown in ((CLASS, "classes", None), (WORD, "types", WORDS)):
        for row in block["words"][key][:shown]:
            yield name, seed, kind, row[{CLASS: "class", WORD: "word"}[kind]], row["tokens"], row["gain"]


def trials(results: pd.DataFrame, use: pd.DataFrame) -> pd.DataFrame:
    """A row a trial with a code, by name and seed, with its `FIGURES`.

    Args:
        results: Of the reproduction.
        use: See `collected`.
    """
    at = use[use["kind"] == POSITION]
    keys = ["experiment", "seed"]
    first = at[at["part"].astype(int) == 1].set_index(keys)["gain"]
    gains = pd.DataFrame({FIRST: first, LATER: at.groupby(keys)["gain"].sum() - first})
    names = [name_of(*setting, kind) for setting in SETTINGS for kind in ENCODERS]
    done = results[(results["status"] == "done") & results["experiment"].isin(names)]
    return done.set_index(keys).join(gains)


def name_of(latent_size: int, free_bits: int, encoder: str) -> str:
    """Of a row of the table."""
    return f"z{latent_size}-{free_bits}-{encoder}"


def precise(name: str, value: float) -> str:
    """Shares with three decimals, nats with two."""
    return f"{value:z.{3 if name.startswith('probe') else 2}f}"


def rows_table(frame: pd.DataFrame) -> str:
    """Each row's figures, means over its seeds with their standard deviation.

    Args:
        frame: See `trials`.
    """
    lines = ["| Z | free bits | encoder | row | " + " | ".join(FIGURES) + " |", "|---:|---:|---|---|" + "---:|" * 5]
    for size, bits in SETTINGS:
        for kind, label in ENCODERS.items():
            name = name_of(size, bits, kind)
            if name in frame.index.get_level_values(0):
                cells = [_cell(frame.xs(name)[figure], figure) for figure in FIGURES]
                lines.append(f"| {size} | {bits} | {label} | `{name}` | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(seeds: pd.Series[float], name: str) -> str:
    spread = f" ±{precise(name, seeds.std())}" if len(seeds) > 1 else ""
    return precise(name, seeds.mean()) + spread


def differences(frame: pd.DataFrame, one: str, other: str, name: str) -> pd.DataFrame:
    """(seeds, settings) of a figure under one encoder less that under another, where both have all settings.

    Args:
        frame: See `trials`.
        one: An encoder.
        other: The one that it is compared with.
        name: Of `FIGURES`.
    """
    values = frame[name].unstack(0)
    pairs = {
        setting: values[first] - values[second]
        for setting in SETTINGS
        if {first := name_of(*setting, one), second := name_of(*setting, other)} <= set(values.columns)
    }
    return pd.DataFrame(pairs, index=values.index).dropna()


def interval(values: Sequence[float]) -> tuple[float, float | None]:
    """The mean, and half of its 95 % t interval; None of one value."""
    count = len(values)
    mean = float(np.mean(values))
    if count < 2:
        return mean, None
    return mean, float(stdtrit(count - 1, (1 + LEVEL) / 2) * np.std(values, ddof=1) / np.sqrt(count))


def contrasts_table(frame: pd.DataFrame) -> str:
    """Encoders less others: the mean over settings, by seed, its interval over seeds, and in how many pairs it is up.

    Args:
        frame: See `trials`.
    """
    lines = ["| encoder | less | " + " | ".join(f"{name} | up" for name in FIGURES) + " |"]
    lines.append("|---|---|" + "---:|---:|" * len(FIGURES))
    for one, other in CONTRASTS:
        cells = []
        for name in FIGURES:
            table = differences(frame, one, other, name)
            if table.empty:
                break
            mean, half = interval(table.mean(axis=1).tolist())
            sign = "+" if mean > 0 else ""
            cells.append(sign + precise(name, mean) + ("" if half is None else f" ±{precise(name, half)}"))
            cells.append(f"{int((table > 0).to_numpy().sum())} of {table.size}")
        else:
            lines.append(f"| {ENCODERS[one]} | {ENCODERS[other]} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def classes_table(use: pd.DataFrame) -> str:
    """Nats a token by class of word, a mean over settings and seeds, a row an encoder.

    Args:
        use: See `collected`.
    """
    rows = use[use["kind"] == CLASS].copy()
    rows["encoder"] = rows["experiment"].str.split("-", n=2).str[2]
    rows["per token"] = rows["gain"] * sentences(use) / rows["tokens"]
    wide = rows.pivot_table(index="encoder", columns="part", values="per token", aggfunc="mean", sort=False)
    lines = ["| encoder | " + " | ".join(wide.columns) + " |", "|---|" + "---:|" * len(wide.columns)]
    for kind, label in ENCODERS.items():
        if kind in wide.index:
            lines.append(f"| {label} | " + " | ".join(f"{value:z.2f}" for value in wide.loc[kind]) + " |")
    return "\n".join(lines)


def sentences(use: pd.DataFrame) -> int:
    """Of the split: as many as have a first token."""
    return int(use[(use["kind"] == POSITION) & (use["part"].astype(str) == "1")]["tokens"].iloc[0])


def words_table(use: pd.DataFrame, setting: tuple[int, int] = (16, 8)) -> str:
    """The words of most gain under each encoder, as seed 0 has them, with their nats a token.

    Args:
        use: See `collected`.
        setting: Z and free bits.
    """
    lines = [f"| encoder, Z {setting[0]}, {setting[1]} free bits, seed 0 | words |", "|---|---|"]
    rows = use[(use["kind"] == WORD) & (use["seed"] == 0)]
    for kind, label in ENCODERS.items():
        own = rows[rows["experiment"] == name_of(*setting, kind)]
        cells = [
            f"`{word}` {gain * sentences(use) / tokens:z.1f}"
            for word, gain, tokens in own[["part", "gain", "tokens"]].itertuples(index=False)
        ]
        if cells:
            lines.append(f"| {label} | " + ", ".join(cells) + " |")
    return "\n".join(lines)


def draw(use: pd.DataFrame, path: Path) -> None:
    """What z is worth by position: a panel for each Z and free bits, a line an encoder, a mean over seeds.

    Args:
        use: See `collected`.
        path: Of the picture.
    """
    at = use[use["kind"] == POSITION].assign(part=lambda rows: rows["part"].astype(int))
    at = at.assign(gain=at["gain"] * sentences(use) / at["tokens"])
    at = at[at["tokens"] >= 0.05 * sentences(use)]
    figure = new_figure(WIDTH, 6.2)
    panels = figure.subplots(2, 2, sharex=True)
    for axes in panels[1]:
        axes.set_xlabel("position in the sentence", fontsize=8)
    for axes, setting in zip(panels.flat, SETTINGS, strict=True):
        for number, kind in enumerate(ENCODERS):
            own = at[at["experiment"] == name_of(*setting, kind)].groupby("part")["gain"].mean()
            colour, dashes = line_style(number)
            axes.plot(own.index, own.to_numpy(), color=colour, linestyle=dashes, linewidth=1.4)
        axes.axhline(0, color="#999999", linewidth=0.6)
        axes.set_yscale("asinh", linear_width=0.2)  # the first word may be worth ten times what the others are
        axes.set_ylim(bottom=-0.08)
        ticks = [tick for tick in (0, 0.1, 0.2, 0.5, 1, 2, 5, 10) if tick <= axes.get_ylim()[1]]
        axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.set_yticks([], minor=True)
        axes.set_title(f"Z {setting[0]}, {setting[1]} free bits", fontsize=9)
        axes.tick_params(labelsize=7)
        axes.grid(alpha=0.25, linewidth=0.5)
    figure.suptitle(
        "what z is worth to the decoder beside another sentence's, nats a token, mean over seeds", fontsize=10
    )
    figure.legend(
        handles=legend_lines(list(ENCODERS.values())), loc="outside lower center", ncols=4, fontsize=8, frameon=False
    )
    save(figure, path)


def page_lines(results: pd.DataFrame | None, use: pd.DataFrame | None) -> str:
    """What the tables say, for the page.

    Args:
        results: Of the reproduction; None before it was run.
        use: See `collected`.
    """
    if results is None or use is None:
        return NOT_RUN
    frame = trials(results, use)
    seeds = sorted(set(frame.index.get_level_values(1)))
    rows = len(set(frame.index.get_level_values(0)))
    return "\n\n".join(
        [
            f"{len(frame)} trials of {rows} rows, seeds {', '.join(map(str, seeds))}.",
            "### Encoders, side by side",
            contrasts_table(frame),
            "### By row",
            rows_table(frame),
            "### By class of word, nats a token",
            classes_table(use),
            "### The words of most gain",
            words_table(use),
        ]
    )


def read() -> tuple[pd.DataFrame | None, pd.DataFrame | None]:
    """The committed tables; None before they are there."""
    if not (RESULTS.is_file() and USE.is_file()):
        return None, None
    return pd.read_csv(RESULTS), pd.read_csv(USE, dtype={"part": str}, keep_default_na=False)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("runs", nargs="?", type=Path, help="what `vae reproduce bosc2020-quick` left")
    options = parser.parse_args(arguments)
    if options.runs:
        use = collected(options.runs)
        if use.empty:
            sys.exit(f"{options.runs}: no trial here has its decoder_use; `vae reproduce bosc2020-quick` measures it")
        write_atomic(USE, use.to_csv(index=False, float_format="%.6g", lineterminator="\n"))
        draw(use, PICTURE)
    print(page_lines(*read()))


if __name__ == "__main__":
    main()
