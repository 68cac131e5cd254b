#!/usr/bin/env bash
# optax 0.2.8: `contrib.reduce_on_plateau` never lowers the learning rate of a loss below zero that doesn't improve, and takes one that rises by less than 0.01
# % a step for a better one each time: what it has to beat is the best times 1 - rtol, which lies above the best where that is negative.
# Guess before: with a patience of 3, lowered at the third step without improvement, whatever the sign.
# Seen: a constant 10 is lowered to a tenth at the fourth value; a constant -10 isn't after 100; -10, -9.9995, ... is -9.5 after 1,000 steps, never lowered and
#       with -9.5 as its best. With rtol=0 and atol=0.001 a constant -10 is lowered as 10 is
# What follows for a user: a log likelihood that is maximised, or the NLL of a density above one, keeps its first learning rate for ever, and the best value is
# lost on the way: with 0.01 % a step a loss drifts up as far as it likes. With `rtol=0` and an `atol` the sign plays no part.
# Here a validation stalls that isn't below the best, whatever the sign (vaecli/training/loop.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check optax==0.2.8 jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6
JAX_PLATFORMS=cpu "$folder/venv/bin/python" - <<'PY'
import jax
import jax.numpy as jnp
import optax
from optax.contrib import reduce_on_plateau


def after(losses, **settings):
    """The factor of the learning rate, and the best loss, after losses."""
    rule = reduce_on_plateau(factor=0.1, patience=3, **settings)
    state = rule.init(jnp.zeros(()))
    step = jax.jit(lambda state, loss: rule.update(jnp.ones(()), state, value=loss)[1])
    for loss in losses:
        state = step(state, jnp.float32(loss))
    return float(state.scale), float(state.best_value)


positive, negative = after([10.0] * 5), after([-10.0] * 100)
rising = after([-10.0 + 5e-4 * step for step in range(1000)])
absolute = after([-10.0] * 5, rtol=0.0, atol=1e-3)
print("version", optax.__version__, "10 for 5 steps", positive, "-10 for 100 steps", negative, "from -10 to -9.5", rising, "-10 with atol", absolute)
assert abs(positive[0] - 0.1) < 1e-6 and abs(absolute[0] - 0.1) < 1e-6
assert negative == (1.0, -10.0), "it sees that nothing improves from now"
assert rising[0] == 1.0 and rising[1] > -9.6, "it keeps the best from now"
PY
