"""What one update acts on: the model, the composed method, the optimisers, the clock and the data."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from vaecli.config import RunConfig
from vaecli.core.errors import DivergedError, UsageError
from vaecli.corpus.batches import TrainBatches
from vaecli.corpus.types import Batch, Corpus, collate
from vaecli.kernels.arithmetic import arithmetic, autocast_is_open, exact_products
from vaecli.metrics.measure import validation_mutual_information
from vaecli.model.parameter_groups import PARAMETER_GROUPS, ParameterGroup, group_parameters
from vaecli.model.vae import VAE, stable_seed
from vaecli.objective import Clock, Terms, raw_terms
from vaecli.remedies.core.compose import Method
from vaecli.remedies.core.remedy import Phase
from vaecli.training.device import training_precision
from vaecli.training.optimizer import clip_gradients, make_optimizers

OWN = "own."
"""What an optimiser of a remedy's own begins with among all."""


class TrainingSession:
    """Implements `vaecli.remedies.core.remedy.Session`.

    Args:
        model: On its device.
        method: The composed remedies.
        corpus: Whose train split is learnt and whose validation split is watched.
        config: The run's settings.
        device: Where batches go.
    """

    def __init__(self, model: VAE, method: Method, corpus: Corpus, config: RunConfig, device: torch.device) -> None:
        self.model, self.method, self.corpus = model, method, corpus
        self.config, self.device = config, device
        self.precision = training_precision(config, len(corpus.vocabulary), device)
        self.batches = TrainBatches(corpus.train, config.training.batch_size, config.training.seed)
        self.random_draws = 0
        self.on_pause: Callable[[], None] = lambda: None
        self.begin(Phase(), config.training.epochs)

    def begin(self, phase: Phase, epochs: int) -> None:
        """Starts a phase: fresh clock and optimisers, those of the parameters that require a gradient by now."""
        self.phase = phase
        self.still = tuple(name for name, p in self.model.named_parameters() if not p.requires_grad)
        self.own_optimizers: dict[str, torch.optim.Optimizer] = {}
        self.last: dict[str, Tensor] = {}  # the terms of the last loss
        self.clock = Clock(0, self.batches.steps_per_epoch, epochs, phase.without)
        self.optimizers = make_optimizers(self.model, self.config.training)
        self.step = self.method.wrap_step(self._plain_step, self)

    def _plain_step(self, batch: Batch) -> Terms:
        terms = self.loss(batch)
        self.update(terms.loss)
        return terms

    def loss(self, batch: Batch) -> Terms:
        """The composed objective of a batch, at the session's clock."""
        self._clear_gradients()  # before and not after: the forward pass forms the output layer's anew
        with arithmetic(self.precision, self.device):
            terms = self.method.objective(raw_terms(self.model, batch), self.clock)
        terms = self.method.staged(terms, self.phase)
        parts = {"nll": terms.nll, "kl": terms.kl, "kl_weight": torch.as_tensor(terms.kl_weight), "extra": terms.extra}
        self.last = {name: value.detach() for name, value in parts.items()}
        return terms

    def _clear_gradients(self) -> None:
        for parameter in self.model.parameters():
            parameter.grad = None

    def update(self, loss: Tensor, groups: Iterable[ParameterGroup] = PARAMETER_GROUPS) -> None:
        """Backward, clip over all parameters together, and a step of these groups' optimisers.

        Raises:
            DivergedError: A gradient is not finite (looked at on a CPU; on a GPU looking would stall the device, and
                the loop finds out from the losses).
            UsageError: A context of autocast is open, whose copies of the weights the next pass would see.
        """
        if autocast_is_open():
            raise UsageError(
                "a torch.autocast context is open around an update, and keeps the weights as they were before it; open"
                " and close it within one forward pass (a remedy: within one hook), or choose --precision bf16"
            )
        self._clear_gradients()
        with exact_products():
            loss.backward()  # type: ignore[no-untyped-call]
        parameters = [p for group in PARAMETER_GROUPS for p in group_parameters(self.model, group)]
        norm = clip_gradients(parameters, self.config.training.clip)
        if self.device.type == "cpu" and not bool(torch.isfinite(norm)):
            raise DivergedError(f"step {self.clock.step}{self._of_stage}: {self._what_is_not_finite(float(norm))}")
        for group in groups:
            if group in self.optimizers:
                self.optimizers[group].step()

    @property
    def _of_stage(self) -> str:
        """In which stage of several the clock has been started anew; empty where there is one."""
        return "" if self.phase.name == Phase().name else f" of stage {self.phase.name!r}"

    def _what_is_not_finite(self, norm: float) -> str:
        """The first term of the loss that isn't finite, or the gradient where all of them are."""
        for name, values in self.last.items():
            if not bool(values.isfinite().all()):
                return f"the training {name} is {float(values.sum())}"
        return f"the gradient is not finite (norm {norm})"

    def pause(self) -> None:
        """A moment between two updates of an inner loop from which a checkpoint can go on."""
        self.on_pause()

    def own_optimizer(self, name: str, optimizer: torch.optim.Optimizer) -> None:
        """Registers an optimiser of a remedy's own modules, so that checkpoints carry its state.

        Raises:
            UsageError: There is one of this name already.
        """
        if name in self.own_optimizers:
            raise UsageError(f"two optimisers are registered as {name!r}; call each by the name of its remedy")
        self.own_optimizers[name] = optimizer

    @property
    def adam_rate(self) -> float | None:
        """The learning rate of the next update, decays included; None where the optimiser isn't Adam."""
        if self.config.training.optimizer != "adam":
            return None
        rates = [group["lr"] for optimizer in self.optimizers.values() for group in optimizer.param_groups]
        return float(rates[0])

    @property
    def all_optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """Every optimiser whose state a checkpoint carries."""
        return {**self.optimizers, **{OWN + n: o for n, o in self.own_optimizers.items()}}

    def random_batch(self) -> Batch:
        """A training batch drawn uniformly, from a stream that depends on the seed and the number of draws only."""
        self.random_draws += 1
        seed = stable_seed(self.config.training.seed, "random_batch", self.random_draws)
        generator = torch.Generator().manual_seed(seed)
        epoch = self.batches.epoch(int(self.clock.epoch))
        number = int(torch.randint(len(epoch), (1,), generator=generator))
        return collate(self.corpus.train, epoch[number]).to(self.device)

    def validation_mutual_information(self) -> float:
        """I_q(x; z) on the validation split, in nats."""
        return validation_mutual_information(
            self.model,
            self.corpus.valid,
            self.config.evaluation,
            seed=self.config.training.seed,
            device=self.device,
        )
