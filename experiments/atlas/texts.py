"""The real text of the atlas: slices of corpora that are not part of the repository, as large as the embedded ones.

A slice has so many lines of each split, drawn without replacement by a seed that is the design's, in the order of the
file. Its folder bears the corpus's name, and the column `fingerprint` of the table says which text it was.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from experiments.atlas.design import CORPORA, CORPORA_2, HELD_OUT, SENTENCES, VERSION
from vaecli.core.errors import DataError, UsageError
from vaecli.core.files import write_atomic

REAL = tuple(name for name in CORPORA_2 if name not in CORPORA)
SPLITS = ("train", "valid", "test")


def absent(root: Path | None) -> tuple[str, ...]:
    """The corpora of real text that a folder of corpora doesn't hold; all of them without a folder."""
    return tuple(
        name for name in REAL if root is None or not all((root / name / f"{part}.txt").is_file() for part in SPLITS)
    )


def chosen(names: str, root: Path | None) -> tuple[str, ...]:
    """The corpora whose trials are to be run.

    Args:
        names: With commas between; empty for all whose text is there.
        root: The folder that holds those of real text.

    Raises:
        UsageError: One is no corpus of the design.
        DataError: The text of one that is asked for isn't there.
    """
    lacking = absent(root)
    asked = tuple(dict.fromkeys(filter(None, (name.strip() for name in names.split(",")))))
    for name in asked:
        if name not in CORPORA_2:
            raise UsageError(f"--corpus: no corpus {name!r} in the design; it has {', '.join(CORPORA_2)}")
        if name in lacking:
            holder = "no --data-root names the folder that holds it" if root is None else f"{root} holds no {name}"
            raise DataError(f"--corpus {name}: {holder}, as {name}/train.txt, valid.txt and test.txt")
    return asked or tuple(name for name in CORPORA_2 if name not in lacking)


def write_slices(root: Path, names: tuple[str, ...], folder: Path) -> None:
    """Writes the slices of corpora of real text; other names are passed over.

    Args:
        root: Holds a folder of each.
        names: Corpora.
        folder: Gets a folder of each.

    Raises:
        DataError: A split has too few lines.
    """
    for name in names:
        if name in REAL:
            (folder / name).mkdir(parents=True, exist_ok=True)
            for part, size in zip(SPLITS, (SENTENCES, HELD_OUT, HELD_OUT), strict=True):
                lines = draw_lines(root / name / f"{part}.txt", size)
                write_atomic(folder / name / f"{part}.txt", "".join(f"{line}\n" for line in lines))


def draw_lines(path: Path, size: int) -> list[str]:
    """So many lines of a file that aren't blank, in their order.

    Raises:
        DataError: There are fewer.
    """
    lines = [line for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]
    if len(lines) < size:
        raise DataError(f"{path}: {len(lines)} sentences, and the design takes {size}")
    order = np.random.Generator(np.random.PCG64([VERSION, len(lines)])).permutation(len(lines))
    return [lines[n] for n in np.sort(order[:size])]
