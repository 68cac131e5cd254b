"""Guesses made before an experiment was run, scored by what it gave: hits, calibration, largest misses.

A file of predictions is a CSV with the columns `method`, `verdict` and `confidence`, and figures by the names of the
results (`kl`, `mi`, ...) as far as they are guessed. Lines that begin with # say who guessed when and from what.

A prediction hits if its verdict is the one of most of the method's seeds; a tie is nobody's. The Brier score is the
mean of (confidence - hit)^2 (Brier 1950, for one event a forecast): 0 is perfect, and always saying the share of hits
scores share (1 - share).
"""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from vaecli.core.errors import UsageError, listed, unknown
from vaecli.metrics.schema import COLUMNS
from vaecli.metrics.verdict import NO_VERDICT, verdict
from vaecli.reporting.conclusions import SENTENCES, judged
from vaecli.runs.groups import grouped, rows_of, table_words

if TYPE_CHECKING:
    import pandas as pd

REQUIRED = ("method", "verdict", "confidence")
EDGES = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Ends of the bins of confidence; each holds its lower one, the last both."""

MIXED = "mixed"
"""The outcome of seeds of which no verdict has most."""

SEPARATORS = ((";", "semicolons"), ("\t", "tabs"))
"""Marks that other programs write instead of commas."""

FIGURES = frozenset(column.name for column in COLUMNS.values() if column.kind != "text" and column.name != "seed")


@dataclass(frozen=True)
class Prediction:
    """What is guessed of a method.

    Attributes:
        method: Its name, or the label of a row that has settings of its own: ``bn (bn.gamma=0.3)``, with its table
            where that is needed: ``bn, experiment second``.
        verdict: Guessed word.
        confidence: Probability that the word is right, by the guesser.
        figures: Guessed values by column, in the column's unit.
    """

    method: str
    verdict: str
    confidence: float
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Obtained:
    """What a method gave.

    Attributes:
        label: Of its row in the table.
        method: Its name.
        verdict: Of most seeds; `MIXED` if none has most, empty if none has any.
        figures: Means over the finished seeds, by column.
        table: What tells its table from others that have a row of this label; empty where none has.
    """

    label: str
    method: str
    verdict: str
    figures: Mapping[str, float] = field(default_factory=dict)
    table: str = ""

    @property
    def row(self) -> str:
        """Its label, with its table where that is needed: ``vanilla, experiment second``."""
        return f"{self.label}, {self.table}" if self.table else self.label

    @property
    def names(self) -> list[str]:
        """What a prediction may call it, the most exact first: its row, less of what tells the table, label, method."""
        words = self.table.split(", ") if self.table else []
        tables = [", ".join([self.label, *words[:count]]) for count in range(len(words), -1, -1)]
        return [*tables, self.method]


@dataclass(frozen=True)
class Scored:
    """A prediction beside its outcome."""

    prediction: Prediction
    outcome: Obtained

    @property
    def hit(self) -> bool:
        """Whether the verdict is the guessed one."""
        return self.prediction.verdict == self.outcome.verdict

    @property
    def gaps(self) -> dict[str, float]:
        """Obtained less guessed, of the figures that have both."""
        guessed, obtained = self.prediction.figures, self.outcome.figures
        return {name: obtained[name] - value for name, value in guessed.items() if name in obtained}


@dataclass(frozen=True)
class Bin:
    """Predictions of about one confidence.

    Attributes:
        low: Lower end of the confidences.
        high: Upper end.
        count: Predictions.
        confidence: Their mean.
        hits: Share of them that hit.
    """

    low: float
    high: float
    count: int
    confidence: float
    hits: float


@dataclass(frozen=True)
class Scores:
    """All predictions of a file that an experiment decides.

    Attributes:
        lines: In the file's order.
        open: Methods that are predicted and have no verdict here.
        unpredicted: Rows with a verdict that nothing is predicted of.
    """

    lines: tuple[Scored, ...]
    open: tuple[str, ...] = ()
    unpredicted: tuple[str, ...] = ()

    @property
    def hits(self) -> int:
        """How many verdicts are right."""
        return sum(line.hit for line in self.lines)

    @property
    def brier(self) -> float:
        """See the module."""
        return math.fsum((line.prediction.confidence - line.hit) ** 2 for line in self.lines) / len(self.lines)

    @property
    def constant_brier(self) -> float:
        """Of a guesser who knows the share of hits beforehand and says it of every method."""
        share = self.hits / len(self.lines)
        return share * (1 - share)

    @property
    def bins(self) -> tuple[Bin, ...]:
        """Calibration; bins without predictions are left out."""
        bins = []
        for low, high in pairwise(EDGES):
            last = high == EDGES[-1]
            own = [x for x in self.lines if low <= x.prediction.confidence and (x.prediction.confidence < high or last)]
            if own:
                mean = math.fsum(line.prediction.confidence for line in own) / len(own)
                bins.append(Bin(low, high, len(own), mean, sum(line.hit for line in own) / len(own)))
        return tuple(bins)

    def errors(self, column: str) -> list[float]:
        """Obtained less guessed of one figure, over the lines that have both."""
        return [line.gaps[column] for line in self.lines if column in line.gaps]

    @property
    def wrong(self) -> tuple[Scored, ...]:
        """Predictions whose verdict is wrong, the most confident one first."""
        return tuple(sorted((x for x in self.lines if not x.hit), key=lambda x: -x.prediction.confidence))

    def furthest(self, column: str) -> tuple[Scored, ...]:
        """The lines that have a gap in a figure, the largest first."""
        return tuple(sorted((x for x in self.lines if column in x.gaps), key=lambda x: -abs(x.gaps[column])))

    @property
    def columns(self) -> tuple[str, ...]:
        """The figures of which something is guessed and obtained."""
        return tuple(dict.fromkeys(name for line in self.lines for name in line.gaps))


def read_predictions(path: Path) -> list[Prediction]:
    """The predictions of a file.

    Raises:
        UsageError: It can't be read or is no such file, by line.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--predictions {path}: can't be read: {error}") from None
    numbered = [(n, line) for n, line in enumerate(text.splitlines(), start=1) if line.strip() and line[0] != "#"]
    if not numbered:
        raise UsageError(f"--predictions {path}: there is no prediction; it has the columns {', '.join(REQUIRED)}")
    names = [name.strip() for name in next(csv.reader([numbered[0][1]]))]
    if missing := [name for name in REQUIRED if name not in names]:
        hint = next(
            (f"; fields are separated by {word}, save it with commas" for c, word in SEPARATORS if c in names[0]), ""
        )
        raise UsageError(f"{path}:{numbered[0][0]}: no column {', '.join(missing)}{hint}")
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"{path}:{numbered[0][0]}: column {name!r} is there {names.count(name)} times; keep one")
        if name not in REQUIRED and name not in FIGURES:
            raise unknown("figure", name, FIGURES, f"{path}:{numbered[0][0]}")
    if len(numbered) == 1:
        raise UsageError(f"--predictions {path}: there is no prediction below the names of the columns")
    by_method: dict[str, Prediction] = {}
    for number, line in numbered[1:]:
        prediction = _prediction(f"{path}:{number}", names, line)
        if prediction.method in by_method:
            raise UsageError(f"{path}:{number}: {prediction.method!r} is predicted twice")
        by_method[prediction.method] = prediction
    return list(by_method.values())


def _prediction(where: str, names: Sequence[str], line: str) -> Prediction:
    cells = [cell.strip() for cell in next(csv.reader([line]))]
    if len(cells) != len(names):
        raise UsageError(f"{where}: {len(cells)} cells for {len(names)} columns")
    row = dict(zip(names, cells, strict=True))
    if not row["method"]:
        raise UsageError(f"{where}: no method is named")
    if row["verdict"] not in SENTENCES:
        raise unknown("verdict", row["verdict"], SENTENCES, where)
    confidence = _number(where, "confidence", row["confidence"])
    if not 0 <= confidence <= 1:
        raise UsageError(f"{where}: confidence is a probability, got {confidence:g}")
    figures = {n: _number(where, n, row[n]) for n in names if n not in REQUIRED and row[n]}
    return Prediction(row["method"], row["verdict"], confidence, figures)


def _number(where: str, name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UsageError(f"{where}: {name} must be a number, got {text!r}")
    return value


def most(words: Iterable[str]) -> str:
    """The word that occurs most; `MIXED` where two occur as often, empty where there is none."""
    counts = Counter(word for word in words if word != NO_VERDICT).most_common(2)
    if not counts:
        return ""
    return MIXED if len(counts) == 2 and counts[0][1] == counts[1][1] else counts[0][0]


def outcomes(frame: pd.DataFrame, columns: Iterable[str]) -> list[Obtained]:
    """What each row of a report gave.

    Args:
        frame: A row a trial.
        columns: The figures that are asked for.
    """
    wanted, obtained, groups = list(columns), [], grouped(frame)
    for group, table in zip(groups, table_words(groups), strict=True):
        means = {name: interval.mean for name in wanted if (interval := group.summary(name)) is not None}
        word = most(verdict(row) for row in rows_of(judged(group.trials)))
        obtained.append(Obtained(group.label, group.method, word, means, table))
    return obtained


def score(predictions: Sequence[Prediction], obtained: Sequence[Obtained]) -> Scores:
    """Predictions beside outcomes, each with the one that names it most exactly (`Obtained.names`).

    Raises:
        UsageError: Nothing that is predicted has a verdict.
    """
    by_name = {prediction.method: prediction for prediction in predictions}
    pairs = [(next((by_name[n] for n in x.names if n in by_name), None), x) for x in obtained if x.verdict]
    lines = [Scored(guess, outcome) for guess, outcome in pairs if guess is not None]
    if not lines:
        here = listed(dict.fromkeys(outcome.method for _, outcome in pairs)) or "none (a verdict needs kl and mi)"
        raise UsageError(
            f"--predictions: none of the methods that it names has a verdict here: {listed(by_name)}; those with one: "
            f"{here}"
        )
    order = {name: n for n, name in enumerate(by_name)}
    lines.sort(key=lambda line: order[line.prediction.method])
    decided = {line.prediction.method for line in lines}
    return Scores(
        tuple(lines),
        tuple(name for name in by_name if name not in decided),
        tuple(outcome.row for guess, outcome in pairs if guess is None),
    )
