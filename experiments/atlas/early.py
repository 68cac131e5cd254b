"""Early warning: what the first hundred updates of a run say of its end.

Two rules, both fitted on trials of the atlas: a threshold on the information within batches (one number to read off a
screen), and a logistic regression on a handful of figures. Both are judged on families of methods that they haven't
seen: each trial is predicted by rules that were fitted on those without a remedy of any of its families.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, log_expit

from experiments.atlas.families import can_be_left_out, families_of, families_of_trials
from vaecli.atlas.smoother import wilson
from vaecli.training.early_rule import SEEN, features_of

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

PENALTY = 1.0
"""On half the squared weights of standardised features, beside the log-likelihood: a unit Gaussian prior on them."""


def features(frame: pd.DataFrame) -> Floats:
    """(N, 7) what the rules look at, of trials whose early figures are complete; see `features_of`.

    Args:
        frame: Rows of the atlas.
    """
    return features_of({name: frame[f"early_{name}"].to_numpy(dtype=np.float64) for name in SEEN})


def usable(frame: pd.DataFrame) -> pd.DataFrame:
    """The trials that have a verdict and finite early figures; one that diverged within them has none."""
    judged = frame.loc[(frame["verdict"] != "") & frame["early_mi_last"].notna() & (frame["early_nll_last"] > 0)]
    return judged.iloc[np.flatnonzero(np.isfinite(features(judged)).all(axis=1))].reset_index(drop=True)


class Rule(Protocol):
    """Whether runs will collapse."""

    def warns(self, x: Floats) -> Bools:
        """(N,) of (N, F) features."""


@dataclass(frozen=True)
class Threshold:
    """Predicts collapse where one feature lies below a value.

    Attributes:
        value: In the feature's unit.
        column: Which feature.
    """

    value: float
    column: int = 0

    def warns(self, x: Floats) -> Bools:
        """See `Rule`."""
        return x[:, self.column] < self.value


@dataclass(frozen=True)
class Logistic:
    """Predicts collapse where its probability is a half or more.

    Attributes:
        centre: (F,) means of the features that it was fitted on.
        scale: (F,) their standard deviations, 1 for a constant.
        weights: (F,) of standardised features.
        bias: Log odds where all features are at their means.
    """

    centre: Floats
    scale: Floats
    weights: Floats
    bias: float

    def probability(self, x: Floats) -> Floats:
        """(N,) of collapse."""
        share: Floats = expit((x - self.centre) / self.scale @ self.weights + self.bias)
        return share

    def warns(self, x: Floats) -> Bools:
        """See `Rule`."""
        return self.probability(x) >= 0.5


def fit_threshold(x: Floats, collapsed: Bools, column: int = 0) -> Threshold:
    """The threshold between two values at which the mean of both error rates is least; of equal ones the lowest.

    Args:
        x: (N, F) features.
        collapsed: (N,) what became of the runs.
        column: The feature.
    """
    values = np.unique(x[:, column])
    cuts: Floats = np.concatenate([values[:1], (values[1:] + values[:-1]) / 2, values[-1:] + 1.0])
    return Threshold(float(cuts[int(np.argmin(balanced(x[:, column], collapsed, cuts)))]), column)


def fit_logistic(x: Floats, collapsed: Bools, penalty: float = PENALTY) -> Logistic:
    """The logistic regression of most posterior density; see `PENALTY`. The bias isn't penalised.

    Args:
        x: (N, F) features.
        collapsed: (N,) what became of the runs.
        penalty: On the squared weights.
    """
    centre, scale = x.mean(0), x.std(0)
    scale = np.where(scale > 1e-12, scale, 1.0)
    design = np.column_stack([(x - centre) / scale, np.ones(len(x))])
    signs = np.where(collapsed, 1.0, -1.0)
    ridge = np.append(np.full(x.shape[1], penalty), 0.0)

    def value(w: Floats) -> tuple[float, Floats]:
        margin = signs * (design @ w)
        gradient = -design.T @ (signs * expit(-margin)) + ridge * w
        return float(-log_expit(margin).sum() + 0.5 * ridge @ w**2), gradient

    optimum = minimize(value, np.zeros(design.shape[1]), jac=True, method="L-BFGS-B", tol=1e-12).x
    return Logistic(centre, scale, optimum[:-1], float(optimum[-1]))


def balanced(values: Floats, collapsed: Bools, cuts: Floats) -> Floats:
    """(C,) means of the rates of missed collapses and false alarms; of one kind of run alone, its rate.

    Args:
        values: (N,) of the feature, one at least.
        collapsed: (N,) what became of the runs.
        cuts: (C,) below which each of them warns.
    """
    rates = []
    for kind in (True, False):
        own = np.sort(values[collapsed == kind])
        warned = np.searchsorted(own, cuts, side="left")
        if len(own):
            rates.append((len(own) - warned if kind else warned) / len(own))
    return np.asarray(sum(rates) / len(rates), dtype=np.float64)


Fit = Callable[[Floats, Bools], Rule]
RULES: dict[str, Fit] = {"threshold": fit_threshold, "logistic": fit_logistic}


def held_out(x: Floats, collapsed: Bools, kinds: Sequence[frozenset[str]], fit: Fit) -> Bools:
    """What a rule says of each run when all runs that share a family with it are left out of its fit.

    Args:
        x: (N, F) features.
        collapsed: (N,) what became of the runs.
        kinds: (N,) the families of each; see `can_be_left_out`.
        fit: Makes a rule of features and outcomes.

    Returns:
        (N,) warnings.
    """
    warned = np.zeros(len(x), dtype=bool)
    for kind in dict.fromkeys(kinds):
        own, seen = (np.array([test(other) for other in kinds]) for test in (kind.__eq__, kind.isdisjoint))
        warned[own] = fit(x[seen], collapsed[seen]).warns(x[own])
    return warned


def worth(hits: Bools, groups: Sequence[str]) -> float:
    """How many independent trials give a share as surely as these do, which resemble each other within groups.

    The variance of a share by groups, G / (G - 1) sum_g (sum_g (hit - share))^2 / N^2 (Cochran 1977, of proportions in
    clusters), stands in place of that of a binomial: Kish's (1965) effective size. Where none or all hit, nothing tells
    how alike a group's trials are, and a group counts as one.

    Args:
        hits: (N,).
        groups: (N,) names.
    """
    share = float(hits.mean()) if len(hits) else 0.0
    sums = pd.Series(hits.astype(np.float64) - share).groupby(np.asarray(groups)).sum()
    count = len(sums)
    if count < 2 or share in (0.0, 1.0):
        return float(count)
    variance = count / (count - 1) * float((sums**2).sum()) / len(hits) ** 2
    return float(np.clip(share * (1 - share) / max(variance, 1e-300), 1.0, len(hits)))


@dataclass(frozen=True)
class Rate:
    """So many of so many, with Wilson's 95 % interval (1927).

    Attributes:
        count: So many.
        total: Of so many.
        worth: Independent trials that the total is worth, see `worth`; None where they are independent.
    """

    count: int
    total: int
    worth: float | None = None

    @classmethod
    def by_method(cls, hits: Bools, methods: Sequence[str]) -> Rate:
        """Of trials that resemble each other within a method: the interval is one for the trials of further methods.

        Args:
            hits: (N,).
            methods: (N,) of each trial.
        """
        return cls(int(hits.sum()), len(hits), worth(hits, methods))

    @property
    def share(self) -> float:
        """Of the total; NaN of none."""
        return self.count / self.total if self.total else float("nan")

    def __str__(self) -> str:
        """``12 of 80 (15 %, 9 to 24 %)``."""
        if not self.total:
            return "0 of 0"
        low, high = wilson(self.share, self.total if self.worth is None else self.worth)
        return f"{self.count} of {self.total} ({100 * self.share:.0f} %, {100 * low:.0f} to {100 * high:.0f} %)"


@dataclass(frozen=True)
class Errors:
    """How a rule errs.

    Attributes:
        missed: Collapses that it didn't predict.
        alarms: Runs that didn't collapse though it predicted so.
    """

    missed: Rate
    alarms: Rate

    @classmethod
    def of(cls, collapsed: Bools, warned: Bools, methods: Sequence[str]) -> Errors:
        """Of (N,) outcomes and (N,) warnings, with intervals for further methods.

        Args:
            collapsed: What became of the runs.
            warned: What was said of them.
            methods: Of each.
        """
        names = np.asarray(methods)
        return cls(
            Rate.by_method(~warned[collapsed], list(names[collapsed])),
            Rate.by_method(warned[~collapsed], list(names[~collapsed])),
        )


def early_warning(frame: pd.DataFrame) -> dict[str, Errors]:
    """The errors of each rule on families of methods that it hasn't seen, with intervals for further families.

    Args:
        frame: Rows of the atlas, of both outcomes and of families that `can_be_left_out`.
    """
    trials = usable(frame)
    x, collapsed = features(trials), (trials["verdict"] == "collapsed").to_numpy(dtype=bool)
    kinds, names = families_of_trials(trials), [min(families_of(method)) for method in trials["method"]]
    return {name: Errors.of(collapsed, held_out(x, collapsed, kinds, fit), names) for name, fit in RULES.items()}


LEAST = 5
"""Runs of either outcome without which no rule is shipped."""

DIGITS, OPTIMUM_DIGITS = 6, 3
"""Significant digits of shipped parameters."""

SHIPPED = {"scale": "deviations"}
"""Names of parameters in the package, where they are others: none there is a remedy's."""

RANGES = ("rate", "decoder_size", "latent_size", "batch_size", "updates", "mean_length", "vocabulary")
"""Settings and features of the corpus that a run must be near in to be warned of."""


def shipped_rule(frame: pd.DataFrame, settings: pd.DataFrame) -> dict[str, Any]:
    """The rule that errs least on families that it hasn't seen, fitted on all trials, as the package ships it.

    Args:
        frame: Rows of the atlas.
        settings: `RANGES` of its trials.

    Returns:
        Nothing with too few runs of either outcome.
    """
    trials = usable(frame)
    x, collapsed = features(trials), (trials["verdict"] == "collapsed").to_numpy(dtype=bool)
    if min(collapsed.sum(), (~collapsed).sum()) < LEAST or not can_be_left_out(families_of_trials(trials)):
        return {}
    errors = early_warning(frame)
    kind = min(errors, key=lambda name: errors[name].missed.share + errors[name].alarms.share)
    least = errors[kind]
    own = settings[settings["trial"].isin(trials["trial"])]
    return {
        "kind": kind,
        "parameters": rounded(RULES[kind](x, collapsed)),
        "missed": [least.missed.count, least.missed.total],
        "alarms": [least.alarms.count, least.alarms.total],
        "ranges": {name: [float(f"{end:.{DIGITS}g}") for end in (own[name].min(), own[name].max())] for name in RANGES},
        "methods": sorted(set(trials["method"])),
    }


def rounded(rule: Rule) -> dict[str, Any]:
    """The parameters of a rule, so that they come out the same wherever they are fitted.

    A threshold lies between two figures of the table, of which all digits are kept; where a logistic regression has its
    optimum depends on the machine in late ones.
    """
    digits = DIGITS if isinstance(rule, Threshold) else OPTIMUM_DIGITS

    def short(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            return [short(float(x)) for x in value]
        return value if isinstance(value, int) else float(f"{value:.{digits}g}")

    return {SHIPPED.get(name, name): short(value) for name, value in vars(rule).items()}
