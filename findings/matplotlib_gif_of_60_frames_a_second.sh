#!/usr/bin/env bash
# Matplotlib 3.11.2 with Pillow 13.0.0: `PillowWriter(fps=60)` writes frames of 10 ms, which is 100 a second; a GIF counts hundredths,
# and the 16.7 ms are cut, not rounded. 24 a second becomes 25, 15 becomes 16.7, and 200 gives frames of no time.
# Guess before: rounded, 20 ms, 50 a second.
# Seen: fps 60: 10 ms, 30: 30 ms, 24: 40 ms, 15: 60 ms, 200: 0 ms
# What follows for a user: an animation of a training of 60 frames a second is 1.7 times too fast.
# Here a frame is 500 ms and the last 2,500 ms, whole hundredths (vaecli/reporting/pictures/picture_posteriors.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check matplotlib==3.11.2 numpy==2.4.6 pillow==13.0.0
"$folder/venv/bin/python" - <<'PY'
import os
import tempfile

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.animation import PillowWriter
from PIL import Image


def frame_ms(fps):
    """Milliseconds a frame of an animation of different frames."""
    figure, axes = plt.subplots(figsize=(1, 1))
    path = os.path.join(folder, "a.gif")
    writer = PillowWriter(fps=fps)
    with writer.saving(figure, path, 50):
        for number in range(4):
            axes.cla()
            axes.bar([0, 1], [1, number + 1])
            writer.grab_frame()
    plt.close(figure)
    with Image.open(path) as picture:
        return picture.n_frames, picture.info.get("duration", 0)


print("version", matplotlib.__version__)
with tempfile.TemporaryDirectory() as folder:
    for fps in (200, 60, 50, 30, 24, 15):
        frames, duration = frame_ms(fps)
        print(fps, "a second:", frames, "frames of", duration, "ms")
        if fps in (60, 24):
            assert duration == {60: 10, 24: 40}[fps], "frames are rounded from now"
PY
