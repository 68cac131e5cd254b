"""What a trial pays: its neg_elbo above that of a run at the same settings whose code is idle.

No trial has a twin without its remedy, so the other side is estimated: a ridge regression, over trials whose KL is nil
and whose remedy leaves the decoder alone, of nats a token on settings and corpus. Such a run is a language model, as
vanilla mostly is, whatever its remedy was to do. Of trials that the regression was fitted on, the fit leaves each out.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vaecli.atlas.distance import AXES, OPTIMIZER_GAP, coordinates
from vaecli.metrics.verdict import COLLAPSED
from vaecli.remedies import REMEDIES, remedy_class
from vaecli.remedies.core.parts import Part

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

PENALTY = 1.0
"""On squared weights of standardised terms, beside squared errors in units of their variance."""

LEAST = 40
"""Idle trials below which nothing is said of prices."""

OTHER_DECODERS = frozenset({Part.DECODER, Part.DECODER_INPUT, Part.PHASES})
"""Parts of which a remedy that changes one is another language model, or one that is trained for longer."""


def is_idle(frame: pd.DataFrame) -> Bools:
    """(N,) whether a trial is a language model like vanilla's."""
    plain = {
        name: not OTHER_DECODERS & remedy_class(name).owns for name in frame["method"].unique() if name in REMEDIES
    }
    own = np.array([plain.get(name, False) for name in frame["method"]], dtype=bool)
    idle: Bools = own & (frame["verdict"] == "collapsed").to_numpy() & (frame["kl"] < COLLAPSED).to_numpy()
    return idle & frame["neg_elbo"].notna().to_numpy()


def terms(frame: pd.DataFrame) -> Floats:
    """(N, K) what the regression is on: settings in units, squares of the rate, and its products; corpora as such."""
    points = coordinates(frame)
    column = {axis.name: n for n, axis in enumerate(AXES)}
    rate, updates = points[:, column["rate"]], points[:, column["updates"]]
    sgd = points[:, -1] / OPTIMIZER_GAP
    rate, updates = rate - rate.mean(), updates - updates.mean()
    settings = [points[:, column[name]] for name in ("decoder_size", "latent_size")]
    products = [rate, rate**2, updates, sgd, sgd * rate, sgd * rate**2, sgd * updates, rate * updates]
    corpora = [(frame["corpus"] == name).to_numpy(dtype=np.float64) for name in sorted(frame["corpus"].unique())]
    return np.column_stack([*settings, *products, *corpora])


def ridge(x: Floats, y: Floats, fitted: Bools, penalty: float = PENALTY) -> Floats:
    """(N,) what a ridge regression says of each row, itself left out where it is among those that are fitted.

    Args:
        x: (N, K) terms.
        y: (N,), looked at of fitted rows alone.
        fitted: (N,).
        penalty: See `PENALTY`.
    """
    centre, scale = x[fitted].mean(0), x[fitted].std(0)
    z = (x - centre) / np.where(scale > 1e-9, scale, 1.0)
    own, mean = z[fitted], float(y[fitted].mean())
    inverse = np.linalg.inv(own.T @ own + penalty * np.eye(x.shape[1]))
    predicted: Floats = mean + z @ (inverse @ (own.T @ (y[fitted] - mean)))
    leverage = np.einsum("nk,kl,nl->n", own, inverse, own) + 1 / fitted.sum()
    predicted[fitted] = y[fitted] - (y[fitted] - predicted[fitted]) / (1 - leverage)
    return predicted


def prices(frame: pd.DataFrame) -> Floats | None:
    """(N,) nats a sentence above an idle run's, NaN of trials without neg_elbo; None with too few idle ones.

    Args:
        frame: The trials.
    """
    idle = is_idle(frame)
    if idle.sum() < LEAST:
        return None
    length = (frame["tokens"] / frame["sentences"]).to_numpy(dtype=np.float64)
    per_token = frame["neg_elbo"].to_numpy(dtype=np.float64) / length
    base = ridge(terms(frame), np.where(idle, per_token, 0.0), idle)
    nats: Floats = (per_token - base) * length
    return nats


def idle_error(frame: pd.DataFrame) -> float | None:
    """Root mean squared price of idle trials, which is nil by definition; None with too few of them."""
    nats = prices(frame)
    return None if nats is None else float(np.sqrt((nats[is_idle(frame)] ** 2).mean()))
