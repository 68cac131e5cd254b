#!/usr/bin/env bash
# tbparse 0.0.9: in a table with `pivot=True`, the values of a step that was logged twice, before an interruption and after, are a list in any order; where one
# of them is NaN, the other stands alone as if there were one.
# Guess before: a list in the order of writing ("merged into a list"), NaN among it.
# Seen: steps 1 to 100 in one file, 51 to 150 in a second: 22 of the 50 lists have the later value first; with `dir_name` among `extra_columns`, by which
#       the rows are sorted too, none. [NaN, 2.0] is 2.0 and [1.0, NaN] 1.0. The long table, without `pivot`, has all values in order
# What follows for a user: neither the first nor the last of a list is the run's last word, so that a curve by `x[-1]` jumps between two runs; and a run that
# diverged after it was gone on with looks finite. TensorBoard shows the later ones where the writer was given `purge_step`; tbparse has both all the same.
# Here a tracker is told no step twice, whatever ends in between (tests/runs/test_tracking.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check tbparse==0.0.9 tensorboardX==2.6.5 tensorboard==2.21.0 numpy==2.4.6 pandas==3.1.1
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import math
from importlib.metadata import version

from tbparse import SummaryReader
from tensorboardX import SummaryWriter


def write(folder, *parts):
    """One event file a part, a dict of values by step."""
    for number, part in enumerate(parts):
        with SummaryWriter(folder, filename_suffix=f".{number}") as writer:
            for step, value in part.items():
                writer.add_scalar("kl", value, step)
                writer.add_scalar("nll", 100.0 - step, step)


def twice(folder, **options):
    """The values at steps with two of them, by step."""
    table = SummaryReader(folder, pivot=True, **options).scalars
    return {step: value for step, value in zip(table.step, table.kl) if isinstance(value, list)}


write("run", {step: step for step in range(1, 101)}, {step: 1000 + step for step in range(51, 151)})
lists, sorted_by_folder = twice("run"), twice("run", extra_columns={"dir_name"})
swapped = sum(first > last for first, last in lists.values())
long = SummaryReader("run").scalars.query("tag == 'kl'").groupby("step").value.agg(list)
write("diverged", {1: 1.0, 2: 1.0}, {2: math.nan, 3: math.nan})
diverged = SummaryReader("diverged", pivot=True).scalars.set_index("step").kl.to_dict()
print("version", version("tbparse"), "lists", len(lists), "later value first", swapped, "sorted by folder", sum(a > b for a, b in sorted_by_folder.values()))
print("diverged", diverged)
assert len(lists) == len(sorted_by_folder) == 50
assert 5 < swapped < 45, "lists are in the order of writing from now"
assert all(first < last for first, last in sorted_by_folder.values())
assert all(values == sorted(values) for values in long)
assert diverged[2] == 1.0, "NaN is kept from now"
assert math.isnan(diverged[3])
PY
