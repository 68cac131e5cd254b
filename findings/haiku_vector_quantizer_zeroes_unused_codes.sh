#!/usr/bin/env bash
# dm-haiku 0.0.17: after its first update `hk.nets.VectorQuantizerEMA` has the zero vector for every code that the first batch didn't use: its moving average
# of nothing, divided by its moving count of nothing. Codes that are equal are told apart by their order alone.
# Guess before: such codes stay at their initial vectors until they are used; of 64 codes and 64 clusters more than 30 in use after 50 updates
# (its source had been read by then, and says otherwise).
# Seen: 64 clusters in 8 dimensions, 64 codes, batches of 16: 52 codes are zero after one update and 40 after 200, none at first. 24 codes are in use by
#       2,048 vectors then, 42 before the first update, and 37 where the same averages leave unused codes alone; the perplexity of a batch is 10.4
# What follows for a user: the codebook has collapsed before the encoder has learned anything, by the size of the first batch: sentences have one code each, so
# that a batch of 16 leaves at most 16 of them. The perplexity that the module returns is of a batch, and doesn't show it. Look at how many columns of
# `embeddings` are zero, and let the first batch be a large one, or set the codes to some of its vectors.
# Here codes start with a count of one (vaecli/model/codebook.py) and stay; for ever, as the caveat of `vq` said, they don't: without a vector they are smoothed
# to zero too, by half in 1,150 updates (tests/remedies/test_vq.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check dm-haiku==0.0.17 jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6
JAX_PLATFORMS=cpu "$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version

import haiku as hk
import jax
import jax.numpy as jnp
import numpy as np

CODES, SIZE, BATCH = 64, 8, 16
random = np.random.default_rng(0)
centres = random.normal(size=(CODES, SIZE))


def vectors(count):
    return (centres[random.integers(CODES, size=count)] + 0.05 * random.normal(size=(count, SIZE))).astype(np.float32)


def quantized(batch):
    module = hk.nets.VectorQuantizerEMA(SIZE, CODES, commitment_cost=0.25, decay=0.99)
    return module(batch, is_training=True)["perplexity"]


def nearest(batch, codes):
    return ((batch[:, None] - codes) ** 2).sum(-1).argmin(1)


def kept(codes, batches, decay=0.99):
    """The same moving averages, but a code that has had no vector yet is left where it is."""
    codes, sums, counts = codes.copy(), np.zeros_like(codes), np.zeros(CODES)
    for batch in batches:
        one_hot = np.eye(CODES)[nearest(batch, codes)]
        sums, counts = decay * sums + (1 - decay) * one_hot.T @ batch, decay * counts + (1 - decay) * one_hot.sum(0)
        codes[counts > 0] = sums[counts > 0] / counts[counts > 0, None]
    return codes


module = hk.transform_with_state(quantized)
batches, many = [vectors(BATCH) for _ in range(200)], vectors(2048)
_, state = module.init(jax.random.PRNGKey(0), batches[0])
name = next(key for key in state if "embeddings" in state[key])
first = np.asarray(state[name]["embeddings"]).T
apply = jax.jit(module.apply)
zeros = []
for batch in batches:
    perplexity, state = apply({}, state, None, batch)
    codes = np.asarray(state[name]["embeddings"]).T
    zeros.append(int((codes == 0).all(1).sum()))
used, ours = len(set(nearest(many, codes))), len(set(nearest(many, kept(first, batches))))
print("version", version("dm-haiku"), "codes that are 0 at first", int((first == 0).all(1).sum()), "after 1, 50, 200 updates", zeros[0], zeros[49], zeros[199])
print("in use by 2,048 vectors of 64 clusters: at first", len(set(nearest(many, first))), "after 200 updates", used, "where unused codes stay", ours)
print("perplexity of the last batch of 16", float(perplexity))
assert not (first == 0).all(1).any()
assert zeros[0] >= 40 and zeros[199] >= 30, "unused codes stay where they were from now"
assert used + 10 <= ours
PY
