"""Statistics over seeds: intervals, paired differences, ranks. Undefined figures are left out, never taken for 0.

Which trials these are of is a matter of `vaecli.runs.groups`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from vaecli.runs.groups import Group

LEVEL = 0.95
MIN_SEEDS_FOR_TEST = 5
"""With fewer pairs a p-value says little; the single differences are shown instead."""

ROUNDING = 1e-12
"""Relative spread below which differences vary by the rounding of their subtraction only."""


SQUARABLE = 1e150
"""Size of values, such as perplexities, above which their squares are larger than any float."""


@dataclass(frozen=True)
class Interval:
    """A mean and its two-sided 95 % t interval.

    Attributes:
        n: Defined values.
        mean: Their mean.
        sd: Sample standard deviation (n - 1); None for one value.
        low: Lower end; None for one value.
        high: Upper end; None for one value.
    """

    n: int
    mean: float
    sd: float | None = None
    low: float | None = None
    high: float | None = None

    def times(self, factor: float) -> Interval:
        """The interval of all values times a factor above 0; an end that no float holds is infinite."""
        ends = [None if value is None else value * factor for value in (self.sd, self.low, self.high)]
        return Interval(self.n, self.mean * factor, *ends)

    @property
    def half(self) -> float | None:
        """Half the width of the interval."""
        return None if self.high is None else self.high - self.mean


def defined(values: Iterable[Any]) -> list[float]:
    """The values that are numbers: None, NaN and empty cells left out."""
    numbers = []
    for value in values:
        try:
            number = float(value)
        except (TypeError, ValueError):
            continue
        if not math.isnan(number):
            numbers.append(number)
    return numbers


def interval(values: Iterable[Any], level: float = LEVEL) -> Interval | None:
    """Mean, standard deviation and t interval: ``mean +- t(n - 1) sd / sqrt(n)`` (Student 1908).

    Args:
        values: Numbers; undefined ones are left out.
        level: Coverage of the interval.

    Returns:
        None without a defined value; without spread for one value or where a value is infinite.
    """
    numbers = defined(values)
    n = len(numbers)
    if n == 0:
        return None
    if n == 1 or not all(map(math.isfinite, numbers)):
        return Interval(n, sum(numbers) / n)
    largest = max(map(abs, numbers))
    if largest > SQUARABLE:
        unit = interval([x / largest for x in numbers], level)
        return unit and unit.times(largest)
    from scipy.special import stdtrit  # a tenth of the import time of scipy.stats

    # of equal values the mean is that value, not its sum divided, so that their spread is exactly 0
    mean = numbers[0] if min(numbers) == max(numbers) else math.fsum(numbers) / n
    sd = math.sqrt(math.fsum((x - mean) ** 2 for x in numbers) / (n - 1))
    half = float(stdtrit(n - 1, (1 + level) / 2)) * sd / math.sqrt(n)
    return Interval(n, mean, sd, mean - half, mean + half)


def t_test(differences: Sequence[float]) -> float | None:
    """Two-sided p-value of a paired t-test on differences; None where they don't vary or are fewer than two."""
    estimate = interval(differences)
    if estimate is None or estimate.sd is None or estimate.sd <= ROUNDING * max(map(abs, differences)):
        return None
    from scipy.special import stdtr

    t = abs(estimate.mean) / (estimate.sd / math.sqrt(estimate.n))
    return float(2 * stdtr(estimate.n - 1, -t))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values in the order given: the i-th smallest of m times (m - i + 1), made monotone (Holm 1979)."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, p_values[index] * (len(p_values) - rank)))
        adjusted[index] = largest
    return adjusted


def ranks(values: Sequence[Any], direction: Literal["lower", "higher"]) -> list[float | None]:
    """Ranks from 1 for the best; ties share the mean of their ranks, undefined values have none."""
    sign = 1.0 if direction == "lower" else -1.0
    scores = [sign * finite[0] if (finite := defined([value])) else None for value in values]
    known = [score for score in scores if score is not None]
    result: list[float | None] = []
    for score in scores:
        if score is None:
            result.append(None)
            continue
        better = sum(other < score for other in known)
        result.append(better + (sum(other == score for other in known) + 1) / 2)
    return result


@dataclass(frozen=True)
class Paired:
    """Differences of a method to a baseline in one column, paired by seed.

    Attributes:
        method: Label of the method.
        column: The column compared.
        seeds: Seeds that both have.
        differences: Method minus baseline, in the order of the seeds.
        interval: Their mean and 95 % interval.
        p_value: Of a paired t-test, Holm-corrected over the methods; None with fewer than five seeds.
    """

    method: str
    column: str
    seeds: tuple[int, ...]
    differences: tuple[float, ...]
    interval: Interval
    p_value: float | None = None


def paired(groups: Sequence[Group], baseline: Group, columns: Sequence[str]) -> list[Paired]:
    """Paired differences of every group to the baseline, by column and then by group.

    Pairs in which either figure is undefined are left out, and so are groups without any pair.
    """
    comparisons = []
    for column in columns:
        reference = baseline.by_seed(column)
        rows = []
        for group in groups:
            own = group.by_seed(column)
            seeds = tuple(sorted(set(own) & set(reference)))
            differences = tuple(own[seed] - reference[seed] for seed in seeds)
            spread = interval(differences)
            if group is not baseline and spread is not None:
                rows.append(Paired(group.label, column, seeds, differences, spread))
        comparisons += _tested(rows)
    return comparisons


def _tested(rows: list[Paired]) -> list[Paired]:
    """The rows of one column with p-values where there are seeds enough."""
    p_values = [t_test(row.differences) if len(row.seeds) >= MIN_SEEDS_FOR_TEST else None for row in rows]
    adjusted = iter(holm([p for p in p_values if p is not None]))
    return [row if p is None else replace(row, p_value=next(adjusted)) for row, p in zip(rows, p_values, strict=True)]
