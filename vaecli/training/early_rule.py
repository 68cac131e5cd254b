"""Early warning: a rule on the first hundred updates of a run that says whether its code will collapse.

The rule, its error rates on families that it hadn't seen, and the settings of the runs that it was fitted on stand in
`early_rule.json`, which ``python -m experiments.docs`` writes from the table of the atlas. Of a run with other settings
nothing is said: see `EarlyRule.knows`. This module draws nothing and names no remedy.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from vaecli.config import RunConfig
    from vaecli.corpus.types import Corpus

Floats = NDArray[np.float64]

FILE = Path(__file__).parent / "early_rule.json"

FEATURES = ("mi", "kl", "share of the largest dimension", "growth of mi", "growth of kl", "fall of nll", "kl_weight")
"""What rules look at, in their order."""

FLOOR = 1e-3
"""Nats below which figures are alike."""

SEEN = ("mi_middle", "mi_last", "kl_middle", "kl_last", "top_last", "nll_first", "nll_last", "kl_weight_last")
"""Figures of `vaecli.training.early_watch` that features are made of."""

SLACK = 2.0
"""Factor beyond what was tried within which a setting still counts as tried."""

SGD_FACTOR = 100.0
"""A learning rate of SGD stands beside one of Adam that is so many times less: 0.5 and 1, which papers have, by 5e-3
and 1e-2."""


def _log(values: Floats) -> Floats:
    return np.log10(np.maximum(values, 0.0) + FLOOR)


def features_of(figures: Mapping[str, Any]) -> Floats:
    """What rules look at.

    Args:
        figures: Of `SEEN`, each a number or (N,).

    Returns:
        (N, 7), in the order of `FEATURES`: logarithms to base 10 of nats, differences of them between updates 46 to 55
        and 91 to 100, a share, the natural logarithm of a ratio, and a weight that counts as 1 above 1. Not finite
        where a figure is undefined.
    """
    early = {name: np.atleast_1d(np.asarray(figures[name], dtype=np.float64)) for name in SEEN}
    mi, kl = _log(early["mi_last"]), _log(early["kl_last"])
    share = (np.maximum(early["top_last"], 0) + FLOOR) / (np.maximum(early["kl_last"], 0) + FLOOR)
    with np.errstate(divide="ignore", invalid="ignore"):
        fall = np.log(early["nll_first"] / early["nll_last"])
    return np.column_stack(
        [
            mi,
            kl,
            np.minimum(share, 1.0),
            mi - _log(early["mi_middle"]),
            kl - _log(early["kl_middle"]),
            fall,
            np.clip(early["kl_weight_last"], 0.0, 1.0),
        ]
    )


@dataclass(frozen=True)
class EarlyRule:
    """A rule as it is shipped.

    Attributes:
        kind: ``threshold``: one feature below a value; ``logistic``: a probability of a half or more.
        parameters: Of a threshold ``column`` and ``value``; of a logistic regression ``centre``, ``deviations``
            and ``weights`` of the features, and ``bias``.
        missed: Collapses that it didn't foretell, and of how many, each of a family of methods that it hadn't seen.
        alarms: Runs that didn't collapse and that it warned of, and of how many, likewise.
        ranges: Least and largest value that was tried of each setting and feature of the corpus, by name.
        methods: Those whose runs it was fitted on.
    """

    kind: str
    parameters: Mapping[str, Any]
    missed: tuple[int, int]
    alarms: tuple[int, int]
    ranges: Mapping[str, tuple[float, float]]
    methods: Collection[str]

    def warns(self, figures: Mapping[str, float]) -> bool:
        """Whether the run will collapse by its first updates; no where a figure is undefined."""
        x = features_of(figures)[0]
        if not np.isfinite(x).all():
            return False
        parameters = self.parameters
        if self.kind == "threshold":
            return bool(x[parameters["column"]] < parameters["value"])
        z = (x - np.array(parameters["centre"])) / np.array(parameters["deviations"])
        return bool(z @ np.array(parameters["weights"]) + parameters["bias"] >= 0)

    def knows(self, settings: Mapping[str, float]) -> bool:
        """Whether every setting is within `SLACK` of what was tried; one that isn't named was not."""
        return all(
            name in settings and low / SLACK <= settings[name] <= high * SLACK
            for name, (low, high) in self.ranges.items()
        )

    def text(self, figures: Mapping[str, float], method: str) -> str:
        """The warning, with the rule's errors, and whether it has seen the method.

        Args:
            figures: Of the run's first updates.
            method: Its name; the errors are of families that the rule hadn't seen, so they hold for one, too.
        """
        unseen = "" if method in self.methods else f"; it knows no trial of {method}"
        missed, alarms = (f"{count} of {total}" for count, total in (self.missed, self.alarms))
        return (
            f"likely to collapse, by its first updates (mi {max(figures['mi_last'], 0.0):.3f}, kl "
            f"{figures['kl_last']:z.3f}); of families it hadn't seen the rule missed {missed} collapses and warned of "
            f"{alarms} other runs{unseen}"
        )


def settings_of(config: RunConfig, corpus: Corpus) -> dict[str, float]:
    """The settings of a run that `EarlyRule.knows` asks for."""
    from vaecli.corpus.batches import batches_per_epoch

    training, model = config.training, config.model
    rate = training.learning_rate / (SGD_FACTOR if training.optimizer == "sgd" else 1.0)
    return {
        "rate": rate,
        "decoder_size": float(model.decoder_size),
        "latent_size": float(model.latent_size),
        "batch_size": float(training.batch_size),
        "updates": float(training.epochs * batches_per_epoch(len(corpus.train), training.batch_size)),
        "mean_length": corpus.train.predicted_tokens / max(len(corpus.train), 1),
        "vocabulary": float(len(corpus.vocabulary)),
    }


@cache
def shipped_rule(path: Path = FILE) -> EarlyRule | None:
    """The rule that this package brings; None where there were too few trials for one."""
    values = json.loads(path.read_text(encoding="utf-8"))
    if not values:
        return None
    return EarlyRule(
        values["kind"],
        values["parameters"],
        tuple(values["missed"]),
        tuple(values["alarms"]),
        {name: tuple(ends) for name, ends in values["ranges"].items()},
        frozenset(values["methods"]),
    )
