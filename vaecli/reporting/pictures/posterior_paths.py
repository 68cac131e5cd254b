"""What runs have recorded of their posteriors while they trained: means of q(z|x) and of the exact p(z|x)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vaecli.core.errors import UsageError
from vaecli.reporting.pictures.run_paths import MethodRuns
from vaecli.runs.posterior_file import POSTERIORS, read_posteriors

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

MOMENTS = 5
"""Moments beside each other in a picture that doesn't move."""

FRAMES = 60
"""Moments of one that does, at most."""


@dataclass(frozen=True)
class PosteriorPath:
    """The looks at the posteriors of one run.

    Attributes:
        label: Of the method.
        seed: Of the run.
        looks: By the updates before it, in ascending order, (S, 2): mean of p(z|x) and of q(z|x) of each sentence.
        classes: S classes; empty where the corpus has no labels.
    """

    label: str
    seed: int
    looks: Mapping[int, Floats]
    classes: tuple[str, ...]

    def at(self, updates: int) -> Floats:
        """The last look that isn't after a moment; the first where there is none."""
        return self.looks[max((n for n in self.looks if n <= updates), default=min(self.looks))]


@dataclass(frozen=True)
class Spread:
    """How far the means of the sentences of one look lie apart.

    Attributes:
        exact: Standard deviation of the means of p(z|x): 0 where the decoder ignores z.
        encoder: Standard deviation of those of q(z|x): 0 where the encoder tells nothing.
        distance: Root mean square of their differences, by which the encoder lags.
    """

    exact: float
    encoder: float
    distance: float


def spread(look: Floats) -> Spread:
    """The figures of (S, 2) means."""
    exact, encoder = look.std(0)
    return Spread(float(exact), float(encoder), float((((look[:, 0] - look[:, 1]) ** 2).mean()) ** 0.5))


def posterior_paths(runs: Sequence[MethodRuns]) -> list[PosteriorPath]:
    """The looks of the first seed of each method that has any, runs that are at work included.

    Args:
        runs: Of the rows of a table.

    Raises:
        UsageError: No run has recorded any.
        DataError: A file can't be read.
    """
    first = (next(seed_paths(method), None) for method in runs)
    paths = [path for path in first if path is not None]
    if not paths:
        raise UsageError(
            f"--kind posteriors draws {POSTERIORS} in the folders of runs, and none is here; record it with "
            "--set evaluation.posteriors_every=200 --set model.latent_size=1"
        )
    return paths


def seed_paths(method: MethodRuns) -> Iterator[PosteriorPath]:
    """The looks of every seed of a method that has any, read one after the other.

    Raises:
        DataError: A file can't be read.
    """
    for seed, path in method.paths.items():
        frame = read_posteriors(path)
        if frame is None or not len(frame):
            continue
        looks = {
            int(str(updates)): look[["exact_mean", "encoder_mean"]].to_numpy(dtype="float64")
            for updates, look in frame.groupby("updates", sort=True)
        }
        first = frame[frame["updates"] == next(iter(looks))]
        classes = tuple(map(str, first["class"])) if first["class"].astype(bool).all() else ()
        yield PosteriorPath(method.label, seed, looks, classes)


def moments(paths: Sequence[PosteriorPath], most: int = MOMENTS) -> list[int]:
    """The moments that are drawn beside each other: the first, the last, and between them growing steps."""
    every = all_moments(paths)
    if len(every) <= most:
        return every
    later = [n for n in every if n > 0][-len(every) + 1 :]
    ratio = later[-1] / later[0]
    wanted = [later[0] * ratio ** (k / (most - 2)) for k in range(most - 1)]
    return sorted({every[0], *(min(later, key=lambda n: abs(math.log(n / w))) for w in wanted)})


def frames(paths: Sequence[PosteriorPath], most: int = FRAMES) -> list[int]:
    """The moments of a picture that moves, in even steps."""
    every = all_moments(paths)
    step = max(1, math.ceil((len(every) - 1) / (most - 1)))
    return [*every[:-1:step], every[-1]]


def all_moments(paths: Iterable[PosteriorPath]) -> list[int]:
    """The updates after which any run was looked at."""
    return sorted({n for path in paths for n in path.looks})
