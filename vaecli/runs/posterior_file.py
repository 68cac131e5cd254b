"""``posteriors.csv``: what the looks at the posteriors of a run saw, a row a look and sentence."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

from vaecli.core.errors import DataError
from vaecli.core.files import unwritable, write_atomic

if TYPE_CHECKING:
    import pandas as pd

    from vaecli.training.posterior_watch import PosteriorLook

POSTERIORS = "posteriors.csv"
COLUMNS = ("updates", "sentence", "class", "encoder_mean", "exact_mean")
DIGITS = 4
"""Of a mean behind the point: the exact one is known to about so many."""


class PosteriorFile:
    """The file of a run.

    Args:
        folder: Of the run.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / POSTERIORS

    def forget_after(self, updates: int) -> None:
        """Drops looks after the checkpoint that a run goes on from, and a torn line.

        Args:
            updates: Of the checkpoint; a number below 0 drops them all.

        Raises:
            DataError: A line doesn't begin with a number of updates.
        """
        if not self.path.exists():
            return
        kept = []
        for number, line in enumerate(self.path.read_text("utf-8", "replace").split("\n")[:-1], start=1):
            made = line.split(",", 1)[0]
            if number > 1 and not made.isdecimal():
                told = f"{made[:20]!r} is no number of updates; remove the file to go on without the looks before"
                raise DataError(f"{self.path}:{number}: {told}")
            if number > 1 and int(made) <= updates:
                kept.append(line)
        write_atomic(self.path, "".join(f"{line}\n" for line in [",".join(COLUMNS), *kept]))

    def append(self, look: PosteriorLook) -> None:
        """Adds a look; on disk when this returns.

        Raises:
            UnwritableError: The disk is full or the folder can't be written.
        """
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        if not self.path.exists():
            writer.writerow(COLUMNS)
        classes = look.classes or ("",) * len(look.sentences)
        means = zip(look.encoder.tolist(), look.exact.tolist(), strict=True)
        for sentence, name, (encoder, exact) in zip(look.sentences.tolist(), classes, means, strict=True):
            writer.writerow([look.updates, sentence, name, _rounded(encoder), _rounded(exact)])
        try:
            with open(self.path, "a", encoding="utf-8") as file:
                file.write(text.getvalue())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise unwritable(self.path, len(text.getvalue()), error) from None


def _rounded(value: float) -> str:
    return f"{round(value, DIGITS) + 0.0:g}"  # 0.0 makes a zero of a minus zero


def read_posteriors(folder: Path) -> pd.DataFrame | None:
    """The looks of a run; None where it recorded none.

    A torn last line, and the look that it is of, are left out.

    Raises:
        DataError: The file can't be read.
    """
    import pandas as pd

    path = folder / POSTERIORS
    if not path.is_file():
        return None
    text = path.read_text(encoding="utf-8", errors="replace")
    try:
        kinds = dict(zip(COLUMNS, ("int64", "int64", "str", "float64", "float64"), strict=True))
        frame = pd.read_csv(io.StringIO(text[: text.rfind("\n") + 1]), dtype=kinds, keep_default_na=False)
        frame = frame[list(COLUMNS)]
    except (ValueError, KeyError) as error:
        told = " ".join(str(error).split())[:200]
        raise DataError(f"{path}: can't be read ({told}); remove it to go without this picture") from None
    counts = frame.groupby("updates")["sentence"].transform("size")
    return frame[counts == counts.max()] if len(frame) else frame
