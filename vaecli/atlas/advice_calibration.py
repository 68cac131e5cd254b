"""How the intervals and chances of advice fare on trials that were left out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vaecli.atlas.adviser import Adviser, Floats, TrialOutcome
from vaecli.atlas.smoother import Coverage, average, choose_kernel
from vaecli.core.errors import UsageError

FOLDS = 10
"""Parts of the groups, of which each is left out when a kernel is chosen for the scores of chances."""


@dataclass(frozen=True)
class Calibration:
    """How intervals and chances fare on trials that were left out with their whole group.

    Attributes:
        left_out: What was left out together, in words.
        mi: Intervals of log(1 + mi).
        price: Of arsinh of prices; None with too few idle trials.
        brier: Mean squared error of the chance of informative, by the same groups; see `left_out_chances`.
        constant: That of saying the share of informative trials among those that were not left out.
    """

    left_out: str
    mi: Coverage
    price: Coverage | None
    brier: float
    constant: float


def calibrations(frame: pd.DataFrame) -> list[Calibration]:
    """How intervals fare: each method's setting left out, and each corpus where there are enough; none with few trials.

    Corpora are too few for a mean over their trials to say anything of the next one, so each has an entry of its own.

    Args:
        frame: The trials.
    """
    try:
        adviser = Adviser(frame)
    except UsageError:
        return []
    results = []
    outcome, price = adviser.informative, adviser.price
    for by_corpus in (False, True):
        mi = adviser.mi.coverage(by_corpus)
        if mi is None:
            continue
        prices = price.coverage(by_corpus) if price else None
        groups = outcome.groups(by_corpus)
        errors = (left_out_chances(outcome, groups) - outcome.outcomes) ** 2
        constants = (left_out_shares(outcome.outcomes, groups) - outcome.outcomes) ** 2
        if not by_corpus:
            means = float(np.nanmean(errors)), float(np.nanmean(constants))
            results.append(Calibration("a method at a value of its knob", mi, prices, *means))
            continue
        for name in np.unique(outcome.corpora):
            own = outcome.corpora == name
            results.append(
                Calibration(
                    f"the corpus {name}",
                    mi.where(adviser.mi.corpora == name),
                    prices.where(price.corpora == name) if prices and price else None,
                    float(np.nanmean(errors[own])),
                    float(np.nanmean(constants[own])),
                )
            )
    return results


def left_out_shares(outcomes: Floats, groups: NDArray[np.str_]) -> Floats:
    """(N,) the mean outcome of the trials outside each one's group; NaN where there is only one group."""
    shares: Floats = np.full(len(groups), np.nan)
    for name in np.unique(groups):
        own = groups == name
        if not own.all():
            shares[own] = outcomes[~own].mean()
    return shares


def left_out_chances(outcome: TrialOutcome, groups: NDArray[np.str_]) -> Floats:
    """(N,) chances of each trial when its group is left out, by kernels that were chosen without the trial.

    The error that a kernel is chosen by is the least of many, so on the same trials it would flatter the chances.

    Args:
        outcome: Whether trials inform.
        groups: (N,) what is left out together.

    Returns:
        NaN where there is only one group.
    """
    names, own = np.unique(groups, return_inverse=True)
    chances: Floats = np.full(len(groups), np.nan)
    for fold in range(min(FOLDS, len(names)) if len(names) > 1 else 0):
        held = own % FOLDS == fold
        kernel = choose_kernel(outcome.points.where(~held), outcome.outcomes[~held], outcome.settings[~held])
        left_out = groups[held][:, None] == groups[None, :]
        weights = kernel.weights(outcome.points.where(held), outcome.points, left_out)
        chances[held] = average(weights, outcome.outcomes)
    return chances
