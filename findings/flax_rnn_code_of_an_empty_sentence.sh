#!/usr/bin/env bash
# flax 0.12.8: the last state that `nn.RNN` and `nnx.RNN` return for a sentence of length 0 is that of the last step of its padding, for the step before its
# first is looked up as number -1. `jax.nn.dot_product_attention` to a sentence of length 0 is the mean of its padding.
# Guess before: the initial state, zeros, as what was read until then; zeros or NaN for the attention. (The source of the state's look-up had been read and
# suggests the padding.)
# Seen: five steps of padding, the state after all five, in both; with other padding, or one step less of it, another state. A sentence of three words has the
#       same one each time, and `reverse` and `Bidirectional` are right. The attention is off from the mean of the padding by 3e-8
# What follows for a user: sentences that are empty after filtering or word dropout have codes that are told apart by the length of the longest
# sentence in their batch, and by what is put in for padding: their KL and mutual information aren't zero, and change with the order of the corpus.
# Here no sentence is empty: blank lines are skipped, and said to be (vaecli/corpus/encode.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check flax==0.12.8 jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6
JAX_PLATFORMS=cpu "$folder/venv/bin/python" - <<'PY'
import flax
import flax.linen as nn
import jax
import jax.numpy as jnp
from flax import nnx

words = jax.random.normal(jax.random.PRNGKey(0), (2, 5, 3))  # two sentences of up to five words
other = words.at[0, 3:].set(9.0).at[1].set(9.0)  # with other padding
lengths = jnp.array([3, 0])
linen = nn.RNN(nn.LSTMCell(4), return_carry=True)
weights = linen.init(jax.random.PRNGKey(1), words)
newer = nnx.RNN(nnx.LSTMCell(3, 4, rngs=nnx.Rngs(0)), return_carry=True)


def hidden(read, *batches):
    """The last hidden states, (batches, sentences, units)."""
    return jnp.stack([read(batch, seq_lengths=lengths)[0][1] for batch in batches])


for name, read in (("linen", lambda *args, **kwargs: linen.apply(weights, *args, **kwargs)), ("nnx", newer)):
    states = hidden(read, words, other, words[:, :4])
    whole = read(words[1:])[0][1][0]
    rounded = states[:, 1].round(3)
    print("version", flax.__version__, name, "empty sentence:", rounded[0], "other padding", rounded[1], "less padding", rounded[2])
    assert jnp.allclose(states[0, 0], states[1, 0]) and jnp.allclose(states[0, 0], states[2, 0]), "three words don't depend on it"
    assert jnp.allclose(states[0, 1], whole, atol=1e-6), "the state of five words of padding"
    assert jnp.abs(states[0, 1]).max() > 1e-2, "the initial state from now"
    assert jnp.abs(states[1, 1] - states[0, 1]).max() > 1e-2 and jnp.abs(states[2, 1] - states[0, 1]).max() > 1e-3
query, values = jnp.ones((1, 1, 2, 4)), jax.random.normal(jax.random.PRNGKey(2), (1, 3, 2, 4))
attended = jax.nn.dot_product_attention(query, values, values, key_value_seq_lengths=jnp.array([0]))
print("attention, off from the mean of the padding by", float(jnp.abs(attended[0, 0] - values[0].mean(0)).max()))
assert jnp.allclose(attended[0, 0], values[0].mean(0), atol=1e-6), "something else from now"
PY
