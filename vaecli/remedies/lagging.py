"""Several encoder updates per decoder update, until the encoder has caught up.

Equation:
    While the encoder lags behind, an update is an inner loop of encoder updates, the first on the batch itself, the
    others on training batches drawn uniformly, until their mean loss per word rises; then one decoder update on the
    batch. At the start of each epoch the mutual information on validation is measured; once it falls below that of the
    epoch before, training is plain for good, exactly as without this remedy.

Differs from the paper:
    Mutual information is measured against the whole validation split, where the published estimate within batches of 32
    can't exceed log 32 = 3.47 nats and saturates. The authors' optimiser is SGD without momentum; with adam, encoder
    and decoder keep statistics of their own.

Caveat:
    A KL weight that follows the clock advances once per decoder update, one that follows the measured KL at every
    update. Every update is clipped by the norm of the gradient over encoder and decoder together, as published,
    whichever it moves. Without `joint_clip` each is clipped by the norm of what it moves, and encoder updates form no
    weight gradients of the decoder. What the encoder lags behind is the model's posterior, which the bound trains it
    towards: a first stage that doesn't train the bound (``ae_pretrain+lagging``) has plain updates, and nothing is
    measured there.

References:
    He et al. (2019).
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from vaecli.corpus.types import Batch
from vaecli.model.frozen import frozen
from vaecli.model.parameter_groups import PARAMETER_GROUPS, ParameterGroup, group_modules
from vaecli.model.vae import VAE, Parts
from vaecli.objective import Clock, Terms
from vaecli.remedies.core.recipe import Recipe
from vaecli.remedies.core.remedy import Need, Paper, Part, Remedy, Session, Step, put_aux
from vaecli.remedies.core.sensible import Sensible, Span
from vaecli.remedies.shared.recipes import ANNEALED, HE, WARM_UP_FROM_A_TENTH

UNREACHED = 1e4
"""The loss per word that the first check compares with, as published: it always passes."""


class Lag(nn.Module):
    """Whether the encoder still lags, and where an inner loop stands, in buffers, so that a checkpoint carries it.

    It never goes back: weights of an earlier epoch, loaded when the learning rate decays, leave it as it is.
    """

    lagging: Tensor
    mutual_information: Tensor
    epochs: Tensor
    inner: Tensor  # of the loop that is going on: updates, words since the last check, mean loss per word at it
    inner_loss: Tensor  # its sum since the last check

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("lagging", torch.tensor(True))
        self.register_buffer("mutual_information", torch.zeros((), dtype=torch.float64))
        self.register_buffer("epochs", torch.zeros((), dtype=torch.int64))
        self.register_buffer("inner", torch.tensor([0.0, 0.0, UNREACHED], dtype=torch.float64))
        self.register_buffer("inner_loss", torch.zeros((), dtype=torch.float64))

    def end_loop(self) -> None:
        """The next inner loop begins anew."""
        self.inner.copy_(torch.tensor([0.0, 0.0, UNREACHED], dtype=torch.float64))
        self.inner_loss.zero_()

    def observe(self, mutual_information: float) -> None:
        """Takes in the validation mutual information of one more epoch, in nats."""
        self.lagging &= bool(mutual_information >= float(self.mutual_information))
        self.mutual_information.fill_(mutual_information)
        self.epochs += 1

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        """Loads unless what is loaded is older than what is here."""
        epochs = state_dict.get(f"{prefix}epochs")
        for name in ("inner", "inner_loss"):  # checkpoints of before held no inner loops, being made after updates
            state_dict.setdefault(prefix + name, getattr(self, name))
        if epochs is None or int(epochs) >= int(self.epochs):
            super()._load_from_state_dict(state_dict, prefix, *rest)


def at_epoch_end(clock: Clock) -> bool:
    """Whether the updates done so far are whole epochs, one or more."""
    return clock.step > 0 and clock.step % clock.steps_per_epoch == 0


class Lagging(Remedy):
    """Aggressive training of the encoder."""

    name: ClassVar[str] = "lagging"
    title: ClassVar[str] = "lagging inference"
    paper: ClassVar[Paper] = Paper(
        "He et al.",
        2019,
        "Lagging Inference Networks and Posterior Collapse in Variational Autoencoders",
        "1901.05534",
    )
    equation: ClassVar[str] = "encoder updates until their loss rises, then one decoder update"
    recipe: ClassVar[Recipe | None] = replace(
        HE,
        companions=ANNEALED,
        hyper={
            "lagging": {"inner_updates": 99, "check_every": 15, "joint_clip": True},
            **WARM_UP_FROM_A_TENTH,
        },
    )
    version: ClassVar[int] = 3
    owns: ClassVar[frozenset[Part]] = frozenset({Part.STEP})
    needs: ClassVar[frozenset[Need]] = frozenset({Need.LATENT})
    deviations: ClassVar[tuple[str, ...]] = (
        "the mutual information that ends the inner loops is that of the whole validation split (published: within "
        "batches of at most 32 sentences of one length, at most log 32 = 3.47 nats)",
        "with adam, encoder and decoder each keep moments of their own (published: SGD, which keeps none)",
    )
    # on the embedded corpus: 50 while the encoder lags, with 44 inner updates on average, `inner_updates` at most and
    # as a rule twice `check_every` at least; 1 once it has caught up; over six epochs version 1 took 20 to 42
    cost: ClassVar[float] = 30.0
    sensible: ClassVar[Mapping[str, Sensible]] = {"inner_updates": Span(5, 100, log=True)}

    inner_updates: int = Field(99, ge=1, description="encoder updates per decoder update at most")
    check_every: int = Field(15, ge=1, description="encoder updates between two looks at their mean loss per word")
    joint_clip: bool = Field(
        True, description="clip by the gradient's norm over encoder and decoder, as published, and not by group"
    )

    def build(self, parts: Parts) -> Parts:
        """The state of the loop among the parts."""
        return replace(parts, aux=put_aux(parts, self.name, Lag()))

    def wrap_step(self, step: Step, session: Session) -> Step:
        """The inner loop and the decoder update while the encoder lags, then the plain update."""
        if session.clock.without:  # of the phase, for which the step is wrapped anew
            return step
        lag = self._lag(session)
        caught_up = False  # looking at a buffer would stall a GPU at every later update

        def aggressive(batch: Batch) -> Terms:
            nonlocal caught_up
            resumed = not caught_up and bool(lag.inner[0] > 0)  # this step had begun before the run was stopped
            if not (caught_up or resumed) and bool(lag.lagging) and at_epoch_end(session.clock):
                lag.observe(session.validation_mutual_information())
            caught_up = caught_up or not bool(lag.lagging)
            if caught_up:
                return step(batch)
            self.update_encoder(batch, session)
            with self._only("decoder", session.model):
                terms = session.loss(batch)
                session.update(terms.loss, groups=("decoder",))
            return terms

        return aggressive

    def update_encoder(self, batch: Batch, session: Session) -> int:
        """The inner loop, or what is left of it in a run that was stopped inside; gives the number of its updates."""
        lag = self._lag(session)
        done, words, before = (float(value) for value in lag.inner)
        update = int(done)
        with self._only("encoder", session.model):
            while update < self.inner_updates:
                update += 1
                batch = batch if update == 1 else session.random_batch()
                terms = session.loss(batch)
                session.update(terms.loss, groups=("encoder",))
                lag.inner_loss += terms.loss.detach().double() * batch.size  # read at checks only: it stalls a GPU
                words += batch.predicted
                if update % self.check_every == 0:
                    mean = float(lag.inner_loss) / words
                    if mean > before:
                        break
                    before, words = mean, 0
                    lag.inner_loss.zero_()
                lag.inner.copy_(torch.tensor([update, words, before], dtype=torch.float64))
                session.pause()
        lag.end_loop()
        return update

    def _lag(self, session: Session) -> Lag:
        lag = session.model.aux[self.name]
        assert isinstance(lag, Lag)
        return lag

    def _only(self, group: ParameterGroup, model: VAE) -> AbstractContextManager[None]:
        """Leaves gradients, and with them the norm that clips, to one group."""
        if self.joint_clip:
            return nullcontext()
        return frozen(
            *(module for other in PARAMETER_GROUPS if other != group for module in group_modules(model, other))
        )
