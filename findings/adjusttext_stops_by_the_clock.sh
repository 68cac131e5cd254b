#!/usr/bin/env bash
# adjustText 1.4.0: `adjust_text` on the same texts twice leaves them at different positions: without a limit it moves them for a second by
# the clock, so that a faster or idler machine draws another picture. numpy's seed has no part in it: its random shifts have a fixed one.
# With `iter_lim` the positions are the same.
# Guess before: it draws from numpy's global generator, so that `numpy.random.seed` before each call gives the same picture.
# Seen: two calls after the same seed, under a clock of 0.3 s a step and one of 0.01 s, as of a slow and a fast machine: different positions; numpy's state
#       untouched; with iter_lim=50: the same positions under both
# What follows for a user: a figure of a paper can't be made again, and comparing pictures byte by byte fails now and then.
# Here the limit is in steps (vaecli/reporting/pictures/label_layout.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check adjustText==1.4.0 matplotlib==3.11.2 numpy==2.4.6 scipy==1.17.1
"$folder/venv/bin/python" - <<'PY'
import itertools
from importlib.metadata import version
from unittest.mock import patch

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from adjustText import adjust_text


def placed(step, **limit):
    """Positions of eight names at one point after the same seed, where each look at the clock finds it later by a step of so many seconds."""
    np.random.seed(0)
    before = np.random.get_state()[2]
    figure, axes = plt.subplots()
    texts = [axes.text(0, 0, f"name {number}") for number in range(8)]
    ticks = itertools.count()
    with patch("adjustText.timer", lambda: step * next(ticks)):
        adjust_text(texts, ax=axes, **limit)
    found = [text.get_position() for text in texts]
    plt.close(figure)
    return found, np.random.get_state()[2] != before


(first, moved), (second, _) = placed(0.3), placed(0.01)
same_by_steps = placed(0.3, iter_lim=50)[0] == placed(0.01, iter_lim=50)[0]
print("version", version("adjustText"), "same positions:", first == second, "with iter_lim:", same_by_steps, "numpy's state moved:", moved)
assert first != second, "the clock has no part in it from now"
assert same_by_steps
assert not moved, "numpy's generator is drawn from"
PY
