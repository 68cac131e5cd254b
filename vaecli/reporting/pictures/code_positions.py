"""Posterior means in two dimensions: what the codes of each method look like, with the labels of their sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vaecli.core.errors import UsageError, VaeError, unknown
from vaecli.core.plugins import at_fault
from vaecli.remedies import GROUP
from vaecli.reporting.pictures.run_paths import MethodRuns

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from vaecli.corpus.types import Corpus, Split
    from vaecli.runs.loaded_run import LoadedRun

    Floats = NDArray[np.float64]

MOST = 1_000
"""Sentences whose codes are drawn; more would only cover each other."""

LABELS = 9
"""Classes that have a colour of their own, the most frequent ones; the rest share one."""

OTHER = "other"


@dataclass(frozen=True)
class CodePositions:
    """The codes of one run.

    Attributes:
        label: Of the method.
        seed: Of the run.
        positions: (N, 2), its posterior means on their first two principal components; empty without a model.
        explained: Share of the variance of the means that lies in them.
        labels: N classes; empty where the corpus has none.
        missing: Why there are no positions; empty where there are.
    """

    label: str
    seed: int
    positions: Sequence[tuple[float, float]]
    explained: float
    labels: Sequence[str]
    missing: str = ""


def code_positions(
    runs: Sequence[MethodRuns], field: str | None = None, most: int = MOST
) -> tuple[str, list[CodePositions]]:
    """The codes of the first finished seed of each method that has a code, from its best checkpoint.

    Args:
        runs: Of the rows of a table.
        field: Label field of the corpus; None for its first, where it has labels.
        most: Sentences, evenly spaced over the split that the figures are of.

    Returns:
        The field, empty without labels, and the codes; a method whose model is gone says so.

    Raises:
        UsageError: No model is there, or the corpus has no such field.
        DataError: The corpus can't be read.
    """
    drawn: list[CodePositions] = []
    corpora: dict[str, Corpus] = {}
    chosen = ""
    for method in runs:
        seed = next((seed for seed in method.paths if seed in method.done), None)
        if seed is None:
            continue
        try:
            loaded = _load(method.paths[seed])
        except VaeError as error:
            drawn.append(CodePositions(method.label, seed, (), 0.0, (), str(error).split("\n")[0]))
            continue
        except Exception as error:  # a remedy of another package may fail in any way
            if not (plugin := at_fault(error, GROUP)):
                raise
            drawn.append(CodePositions(method.label, seed, (), 0.0, (), plugin.failure(error)))
            continue
        if loaded.model.has_latent:
            known = loaded.folder.fingerprint
            if known not in corpora:
                corpora[known] = loaded.corpus
            split = corpora[known].split(loaded.config.evaluation.split)
            chosen = label_field(split, field)
            drawn.append(_positions(method.label, seed, loaded, split, chosen, most))
    if not any(len(codes.positions) for codes in drawn):
        reason = f": {drawn[0].missing}" if drawn else ""
        raise UsageError(f"--kind codes: no finished run here has a model with a code that could be loaded{reason}")
    return chosen, drawn


def _load(path: Path) -> LoadedRun:
    from vaecli.runs.loaded_run import load_run  # imports torch

    return load_run(path, "cpu")


def label_field(split: Split, asked: str | None) -> str:
    """The label field to colour by; empty where the corpus has none and none was asked for.

    Raises:
        UsageError: There is none of that name.
    """
    if asked is None:
        return next(iter(split.labels), "")
    if asked not in split.labels:
        if not split.labels:
            raise UsageError(f"--label {asked}: this corpus has no labels")
        raise unknown("label", asked, split.labels, "--label")
    return asked


def _positions(label: str, seed: int, run: LoadedRun, split: Split, field: str, most: int) -> CodePositions:
    """The codes of a loaded run."""
    from vaecli.metrics.extras.text.reconstruction import posterior_means
    from vaecli.metrics.extras.text.samples import as_split
    from vaecli.metrics.scoring import Scoring

    step = max(1, -(-len(split) // most))
    chosen = range(0, len(split), step)
    part = as_split([split.sentence(n) for n in chosen], split.name)
    scoring = Scoring.exact(part, run.config.evaluation, run.config.training.seed, run.device)
    means: Floats = posterior_means(run.model, scoring).cpu().double().numpy()
    places, shares, _ = principal_plane(means)
    labels = [split.label_names[field][int(split.labels[field][n])] for n in chosen] if field else []
    return CodePositions(label, seed, [(float(x), float(y)) for x, y in places], sum(shares), shared_labels(labels))


def principal_plane(codes: Floats) -> tuple[Floats, tuple[float, float], float]:
    """The codes on their first two principal components.

    Args:
        codes: (N, Z).

    Returns:
        (N, 2), each axis turned so that its largest entry in absolute value is above 0; the two shares of the variance,
        0 for codes that are all equal; and the square root of the variance.
    """
    import numpy as np

    centred = codes - codes.mean(0)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    places = np.zeros((len(codes), 2))
    places[:, : min(2, len(sizes))] = (left * sizes)[:, :2]
    places *= np.where(places[np.abs(places).argmax(0), [0, 1]] < 0, -1.0, 1.0)
    total = float((sizes**2).sum())
    shares = [float(size) ** 2 / total if total > 0 else 0.0 for size in sizes[:2]] + [0.0, 0.0]
    return places, (shares[0], shares[1]), (total / max(1, len(codes) - 1)) ** 0.5


def shared_labels(labels: Sequence[str], most: int = LABELS) -> list[str]:
    """Labels of which the rarest are one where there are more than colours."""
    from collections import Counter

    counts = Counter(labels)
    if len(counts) <= most:
        return list(labels)
    kept = {name for name, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[: most - 1]}
    return [name if name in kept else OTHER for name in labels]
