"""How the planned epochs are shared among the stages of a method's training."""

from __future__ import annotations

from collections.abc import Sequence

from vaecli.remedies.core.remedy import Phase


def phase_epochs(phases: tuple[Phase, ...], epochs: int, over: Sequence[int] = ()) -> list[int]:
    """Epochs of each phase from its share of the planned ones; each gets at least one, the last the rest.

    They sum to `epochs` unless those are fewer than the phases: then each phase has one.

    Args:
        phases: Of the method.
        epochs: Planned, all phases together.
        over: What the first phases were planned with, where they are over: whatever `epochs` is by now, it stays.
    """
    counts = list(over)
    for phase in phases[len(over) : -1]:
        later = len(phases) - len(counts) - 1  # phases that need an epoch each
        counts.append(max(1, min(round(phase.share * epochs), epochs - sum(counts) - later)))
    return [*counts, max(1, epochs - sum(counts))]


def whole_epochs(phases: tuple[Phase, ...], epochs: int) -> int:
    """Epochs of all phases together, which are more than the planned ones where those are fewer than the phases."""
    return sum(phase_epochs(phases, epochs))
