"""Tells after the first hundred updates of a run that its code is likely to collapse, by a rule; changes nothing.

Looks are at thirty updates, those of the three windows that the rule is about. Each reads a handful of sums, and the
information within the batch in twenty: see `vaecli.training.early_watch`.
"""

from __future__ import annotations

from collections.abc import Callable

from vaecli.objective import Terms
from vaecli.training.early_rule import EarlyRule, settings_of, shipped_rule
from vaecli.training.early_watch import EarlyWatch
from vaecli.training.progress import Progress
from vaecli.training.session import TrainingSession

Heard = Callable[[str], None]


class EarlyWarning:
    """Looks at the first updates of a run and judges it once.

    Args:
        rule: What it judges by.
        method: The run's, by name.
        judged: Hears the warning; an empty text where there is none.
    """

    def __init__(self, rule: EarlyRule, method: str, judged: Heard) -> None:
        self.rule, self.method, self.judged = rule, method, judged
        self.watch: EarlyWatch | None = EarlyWatch(whole=False)

    def step(self, progress: Progress, terms: Terms) -> None:
        """After an update; nothing is done once the run is judged."""
        if self.watch is None:
            return
        self.watch.step(progress, terms)
        if self.watch.complete:
            figures, self.watch = self.watch.figures(), None
            self.judged(self.rule.text(figures, self.method) if self.rule.warns(figures) else "")


def early_warning(session: TrainingSession, judged: Heard) -> EarlyWarning | None:
    """What warns of a run's collapse; None where nothing can be said.

    That is where the settings turn it off, where the method has no KL, and where the run's settings are far from those
    of the runs that the rule was fitted on.

    Args:
        session: Of the run.
        judged: See `EarlyWarning`.
    """
    config, rule = session.config, shipped_rule()
    has_kl = session.model.has_latent and "kl" not in session.method.undefined
    if not config.training.early_warning or not has_kl or rule is None:
        return None
    return EarlyWarning(rule, session.method.name, judged) if rule.knows(settings_of(config, session.corpus)) else None
