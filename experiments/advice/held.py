"""Advice on short Yelp beside what its methods then did: ``python -m experiments.advice.held``.

`advice.json` is what ``vae advise --data DIR --top 40 --json`` printed before any method was trained on that text, and
`results.csv` what ``vae compare`` then gave for methods of it at the settings advised. experiments/README.md has both
commands.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from experiments.atlas.early import Rate

HERE = Path(__file__).parent
ADVICE, RESULTS = HERE / "advice.json", HERE / "results.csv"
BASELINE = "vanilla"


@dataclass(frozen=True)
class Held:
    """A method that was advised and then trained.

    Attributes:
        position: In the advice, from 1.
        method: Its name.
        chance: Of the verdict ``informative``, as told.
        interval: Ends of that of mi, as told, nats.
        verdict: As obtained.
        mi: As obtained, nats a sentence.
        price: neg_elbo above that of `BASELINE`, as obtained, nats a sentence.
    """

    position: int
    method: str
    chance: float
    interval: tuple[float, float]
    verdict: str
    mi: float
    price: float

    @property
    def informs(self) -> bool:
        """Whether its verdict is that of a code that informs."""
        return self.verdict == "informative"

    @property
    def inside(self) -> bool:
        """Whether mi lies in its interval, to the two digits that the page has."""
        return self.interval[0] - 0.005 <= self.mi <= self.interval[1] + 0.005


def held(advice: dict[str, Any], results: pd.DataFrame) -> list[Held]:
    """The methods that were advised and trained, in the order of the advice; without the baseline.

    Args:
        advice: As `ADVICE` has it.
        results: As `RESULTS` has them, a row a method.

    Raises:
        ValueError: A method has several rows, or the baseline has none.
    """
    rows = {str(row["method"]): row for row in results.to_dict("records")}
    if len(rows) < len(results) or BASELINE not in rows:
        raise ValueError(f"a row for each method is needed, and one of {BASELINE}; got {', '.join(results['method'])}")
    floor = float(rows[BASELINE]["neg_elbo"])
    return [
        Held(
            position,
            told["method"],
            told["informative"],
            (told["mi_low"], told["mi_high"]),
            str(rows[told["method"]]["verdict"]),
            float(rows[told["method"]]["mi"]),
            float(rows[told["method"]]["neg_elbo"]) - floor,
        )
        for position, told in enumerate(advice["rows"], 1)
        if told["method"] in rows and told["method"] != BASELINE
    ]


def rank(methods: list[Held], first: Held) -> int:
    """Which a method is among those that inform, by information per nat of price; 0 if it doesn't inform.

    One that informs at no price is before all that pay.
    """
    informing = sorted(
        (m for m in methods if m.informs), key=lambda m: m.mi / m.price if m.price > 0 else float("inf"), reverse=True
    )
    return informing.index(first) + 1 if first in informing else 0


def page_lines(advice: dict[str, Any], results: pd.DataFrame) -> str:
    """The table and what follows from it, in Markdown."""
    methods = held(advice, results)
    lines = [
        "| advised | method | chance | mi, as told | verdict, as obtained | mi | price |",
        "|---:|---|---:|---|---|---:|---:|",
        *(
            f"| {m.position} | `{m.method}` | {100 * m.chance:.0f} % | {m.interval[0]:z.2f} to {m.interval[1]:z.2f} "
            f"| {m.verdict} | {m.mi:z.2f} | {m.price:+z.2f} |"
            for m in methods
        ),
    ]
    first, informing = methods[0], [m for m in methods if m.informs]
    number = rank(methods, first)
    among = f"number {number} of them by information per nat of price" if number else "not among them"
    leading = next((n for n, m in enumerate(methods) if not m.informs), len(methods))
    return "\n".join(
        [
            f"{len(methods)} of {len(advice['rows'])} advised methods were trained, one seed each: "
            f"{len(informing)} inform, the first choice, `{first.method}`, is {among}.",
            f"Of the advice's order the first {leading} inform, and {len(informing) - leading} of those behind them. "
            f"The 80 % interval of mi holds {Rate(sum(m.inside for m in methods), len(methods))}.",
            "",
            *lines,
        ]
    )


def read() -> tuple[dict[str, Any], pd.DataFrame]:
    """The committed advice and results."""
    return json.loads(ADVICE.read_text(encoding="utf-8")), pd.read_csv(RESULTS, keep_default_na=False, na_values=[""])


if __name__ == "__main__":
    print(page_lines(*read()))
