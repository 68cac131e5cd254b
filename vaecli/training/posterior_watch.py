"""Looks at the posteriors while a model trains: the mean of q(z|x) beside that of the exact p(z|x), at latent size 1.

The picture of He et al. (2019, figures 2 and 3) is made of such looks: where the encoder lags, its means stay at zero
while those of the model's own posterior spread. A look moves nothing: what training draws, its population statistics
and the mode of every module are as before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from vaecli.core.seeds import stable_seed
from vaecli.corpus.types import Split, collate
from vaecli.metrics.exact_posterior import exact_posterior
from vaecli.metrics.extras.text.reconstruction import posterior_means
from vaecli.metrics.extras.text.samples import as_split
from vaecli.metrics.scoring import Scoring
from vaecli.model.calibration import calibrate, needs_calibration
from vaecli.training.progress import Progress
from vaecli.training.session import TrainingSession

SENTENCES = 500
"""Sentences that are looked at unless asked otherwise, as in the paper."""


@dataclass(frozen=True)
class PosteriorLook:
    """The posteriors of S sentences at one moment.

    Attributes:
        updates: Before it.
        sentences: (S,) their indices in train.
        classes: S classes by the first label field; empty without labels.
        encoder: (S,) mean of q(z|x).
        exact: (S,) mean of p(z|x).
    """

    updates: int
    sentences: Tensor
    classes: tuple[str, ...]
    encoder: Tensor
    exact: Tensor


class PosteriorWatch:
    """Looks at the same sentences of train at the start and after every so many updates.

    They are the same in every run on a corpus, whatever its method and seed.

    Args:
        session: Whose model is looked at.
        tell: Hears every look.
    """

    def __init__(self, session: TrainingSession, tell: Callable[[PosteriorLook], None]) -> None:
        config, train = session.config.evaluation, session.corpus.train
        self.session, self.tell = session, tell
        self.every = config.posteriors_every if session.model.has_latent else 0
        generator = torch.Generator().manual_seed(stable_seed("posteriors", len(train)))
        chosen = torch.randperm(len(train), generator=generator)[: config.sentences or SENTENCES]
        self.sentences = chosen.sort().values
        self.classes = _classes(train, self.sentences)
        split = as_split([train.sentence(n) for n in self.sentences.tolist()], train.name)
        self.scoring = Scoring.exact(split, config, session.config.training.seed, session.device)

    def begin(self, progress: Progress) -> None:
        """Before the first update of a run, or of one that goes on."""
        if self.every and progress.total_steps == 0:
            self.look(0)

    def step(self, progress: Progress) -> None:
        """After an update."""
        if self.every and progress.total_steps % self.every == 0:
            self.look(progress.total_steps)

    def look(self, updates: int) -> None:
        """Looks now."""
        model = self.session.model
        with self._calibrated():
            encoder = posterior_means(model, self.scoring)[:, 0].cpu()
            exact = exact_posterior(model, self.scoring)
        self.tell(PosteriorLook(updates, self.sentences, self.classes, encoder, exact.mean))

    @contextmanager
    def _calibrated(self) -> Iterator[None]:
        """Population statistics as a validation at this moment would have them; those before come back after."""
        session = self.session
        if not needs_calibration(session.model):
            yield
            return
        kept = {name: buffer.clone() for name, buffer in session.model.named_buffers()}
        train = session.corpus.train
        try:
            calibrate(session.model, (collate(train, i).to(session.device) for i in session.batches.epoch(0)))
            yield
        finally:
            for name, buffer in session.model.named_buffers():
                buffer.copy_(kept[name])


def _classes(train: Split, sentences: Tensor) -> tuple[str, ...]:
    field = next(iter(train.labels), None)
    if field is None:
        return ()
    return tuple(train.label_names[field][n] for n in train.labels[field][sentences].tolist())
