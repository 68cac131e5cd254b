"""What information costs each method: figures of docs/anticollapse.md, from the tables of `experiments/anticollapse`.

The price that a run pays is its neg_elbo less that of vanilla of the same seed. A method's curve over its knob is drawn
through nothing for nothing, (0, 0), and the settings that were run, in the order of their prices, with straight lines
between them. Two methods are compared at one price: what one informs by, over what the other's curve has there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from vaecli.reporting.formats import markdown_table

FOLDER = Path(__file__).parent
ALL = FOLDER.parent / "all" / "results.csv"
"""Every method with three seeds and the same settings."""
SECOND = FOLDER / "second.csv"
"""Trials of other settings on the embedded corpus."""
PTB = FOLDER / "ptb" / "results.csv"
"""Penn Treebank."""
PILOTS = FOLDER / "pilots.csv"
"""Forms of `anticollapse` that were tried on Penn Treebank before its grid, on a seed that is not in it."""
NO_PRICE = "-"
"""For information per nat, where the price is at most its standard error over seeds: a ratio to noise says nothing."""
OURS = ("anticollapse", "info_price")
RIVALS = ("soft_free_bits", "du", "bow", "critic")


@dataclass(frozen=True)
class Point:
    """A setting of a method on one seed, or its mean over seeds.

    Attributes:
        price: Nats of neg_elbo above vanilla.
        information: `mi` above vanilla's, in nats.
    """

    price: float
    information: float


def read_rows(
    path: Path = FOLDER / "results.csv", second: Path | None = SECOND, others: Path | None = ALL
) -> pd.DataFrame:
    """The finished trials with the columns `setting`, `price` and `information` added; none without its vanilla.

    Args:
        path: Of the table.
        second: A table of other settings on the same corpus.
        others: A table whose trials of vanilla and the rivals stand in for those that the first lacks: the same
            methods with the same settings.
    """
    files = [path, second] if second else [path]
    rows = pd.concat(pd.read_csv(file, keep_default_na=False, na_values=[""], dtype={"variant": str}) for file in files)
    if others is not None:
        more = pd.read_csv(others, keep_default_na=False, na_values=[""])
        own = rows[rows["variant"].isna()]
        known = set(zip(own["method"], own["seed"], strict=True))
        lacking = [pair not in known for pair in zip(more["method"], more["seed"], strict=True)]
        rows = pd.concat([rows, more[lacking][lambda frame: frame["method"].isin(("vanilla", *RIVALS))]])
    rows = rows[rows["status"] == "done"].copy()
    rows["setting"] = rows["method"] + rows["variant"].fillna("").map(lambda text: f" ({text})" if text else "")
    vanilla = rows[rows["method"] == "vanilla"].set_index("seed")
    rows["price"] = rows["neg_elbo"] - rows["seed"].map(vanilla["neg_elbo"])
    rows["information"] = rows["mi"] - rows["seed"].map(vanilla["mi"])
    return rows.dropna(subset=["price"])


def curve(rows: pd.DataFrame, method: str, seed: int | None = None) -> list[Point]:
    """The settings of a method and (0, 0), in the order of their prices.

    Args:
        rows: Of `read_rows`.
        method: Its name.
        seed: The one to take; None for means over all.
    """
    own = rows[(rows["method"] == method) & ((rows["seed"] == seed) if seed is not None else True)]
    means = own.groupby("setting")[["price", "information"]].mean()
    points = [Point(float(price), float(information)) for price, information in means.to_numpy()]
    return sorted([Point(0.0, 0.0), *points], key=lambda point: point.price)


def information_at(points: Sequence[Point], price: float) -> float | None:
    """What a curve informs by at a price; None beyond its dearest setting."""
    if price > points[-1].price:
        return None
    return float(np.interp(price, [p.price for p in points], [p.information for p in points]))


def settings_table(rows: pd.DataFrame) -> str:
    """A row a setting: means over seeds, and information per nat of neg_elbo as the ratio of the two means."""
    lines = []
    for method in ("vanilla", *RIVALS, *OURS):
        for setting, own in rows[rows["method"] == method].groupby("setting"):
            mean = own[["kl", "mi", "marginal_kl", "au", "price", "information"]].mean()
            noise = own["price"].sem() if len(own) > 1 else 0.0
            per_nat = f"{mean['information'] / mean['price']:z.2f}" if mean["price"] > noise else NO_PRICE
            figures = [f"{mean[name]:z.2f}" for name in ("kl", "mi", "marginal_kl", "price")]
            lines.append([f"`{setting}`", str(len(own)), *figures, per_nat, f"{mean['au']:.1f}"])
    heads = ["setting", "seeds", "kl", "mi", "marginal_kl", "neg_elbo above vanilla", "mi per nat of it", "au"]
    return markdown_table(heads, lines, [False, *[True] * 7])


def duel_table(rows: pd.DataFrame) -> str:
    """For each of our settings and each rival: what the rival informs by at the same price, and on how many seeds less.

    On a seed, both our price and the rival's curve are of that seed.
    """
    lines, rivals = [], [rival for rival in RIVALS if rival in set(rows["method"])]
    for method in OURS:
        for setting, own in rows[rows["method"] == method].groupby("setting"):
            price, information = own["price"].mean(), own["information"].mean()
            cells = []
            for rival in rivals:
                there = information_at(curve(rows, rival), price)
                mine = zip(own["seed"].astype(int), own["price"], own["information"], strict=True)
                pairs = [(knows, information_at(curve(rows, rival, seed), pays)) for seed, pays, knows in mine]
                known = [(a, b) for a, b in pairs if b is not None]
                won = sum(a > b for a, b in known)
                cells.append("beyond" if there is None else f"{there:z.2f}, less on {won} of {len(known)}")
            lines.append([f"`{setting}`", f"{price:z.2f}", f"{information:z.2f}", *cells])
    heads = ["ours", "price", "mi", *(f"`{rival}` there" for rival in rivals)]
    return markdown_table(heads, lines, [False, True, True, *[False] * len(rivals)])


def corpus_lines(rows: pd.DataFrame) -> str:
    """Both tables of a corpus."""
    head = f"{len(rows)} trials; nats per sentence, means over seeds."
    return "\n".join([head, "", settings_table(rows), "", "At the same price:", "", duel_table(rows)])


def pilots_table(path: Path = PILOTS) -> str:
    """A row a pilot."""
    rows = pd.read_csv(path, keep_default_na=False)
    lines = []
    for _, row in rows.iterrows():
        lines.append(
            [f"`{row['method']}`", str(row["form"]), *(f"{row[name]:z.2f}" for name in ("kl", "mi", "neg_elbo"))]
        )
    return markdown_table(["pilot", "form", "kl", "mi", "neg_elbo"], lines, [False, False, True, True, True])


def page_lines() -> str:
    """What stands between the markers of docs/anticollapse.md."""
    return (
        f"\n### The embedded corpus\n\n{corpus_lines(read_rows())}\n"
        f"\n### Penn Treebank\n\n{corpus_lines(read_rows(PTB, None, None))}\n"
        f"\n### Pilots on Penn Treebank, seed 10\n\n{pilots_table()}\n"
    )
