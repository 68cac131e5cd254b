"""A table of trials that follow a known law, with the columns that are shipped."""

import numpy as np
import pandas as pd

from vaecli.atlas.trials_table import adam_rate

CORPORA = {
    "short": (3200.0, 10.0, 900.0, 5.1),
    "medium": (3200.0, 11.0, 1800.0, 5.4),
    "long": (3200.0, 14.0, 3000.0, 5.6),
}


def law_table(count, methods=("bn", "beta", "vanilla"), seed=0, noise=0.4):
    """mi grows by half a nat an octave of the learning rate, `bn` has 2 nats more; below 0.3 only noise is left."""
    rng = np.random.default_rng(seed)
    names = rng.choice(methods, count)
    corpora = rng.choice(list(CORPORA), count)
    levels = rng.integers(0, 3, count).astype(float)
    rates = 5e-4 * 2 ** rng.uniform(0, 5, count)
    updates = 100 * rng.choice([2, 3, 5, 8], count)
    raw = (
        0.5 * np.log2(rates / 2e-3)
        + 2.0 * (names == "bn")
        - 2.0 * (names == "vanilla")
        + noise * rng.normal(size=count)
    )
    mi = np.where(raw > 0.3, raw, 0.01 * np.abs(rng.normal(size=count)))
    features = np.array([CORPORA[name] for name in corpora])
    tokens = features[:, 1] * 500
    idle = features[:, 1] * (5.0 - 0.1 * np.log2(updates))
    frame = pd.DataFrame(
        {
            "trial": np.arange(count),
            "method": names,
            "knob": "weight",
            "knob_value": [f"{level:g}" for level in levels],
            "knob_level": levels,
            "learning_rate": rates,
            "optimizer": "adam",
            "decoder_size": rng.choice([16, 32, 64], count),
            "latent_size": rng.choice([8, 16], count),
            "epochs": updates // 100,
            "updates": updates,
            "batch_size": 32,
            "corpus": corpora,
            "seed": 0,
            "verdict": np.where(mi > 0.3, "informative", "collapsed"),
            "kl": mi,
            "mi": mi,
            "neg_elbo": idle + 0.5 * mi + 0.05 * rng.normal(size=count),
            "sentences": 500,
            "tokens": tokens,
            "train_sentences": features[:, 0],
            "mean_length": features[:, 1],
            "vocabulary": features[:, 2],
            "entropy": features[:, 3],
        }
    )
    return frame.assign(rate=adam_rate(frame))
