"""The training loop: phases, epochs, updates, validation, decay and stopping. It names no remedy.

for each phase of the method:
    for each epoch:
        for each batch: session.step(batch); checkpoint every few minutes
        checkpoint; calibrate; validate at KL weight 1; keep the best; decay or stop; checkpoint
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vaecli.core.errors import DivergedError, InterruptedRunError
from vaecli.core.messages import counted
from vaecli.corpus.batches import prefetched
from vaecli.corpus.types import collate
from vaecli.metrics.measure import evaluate
from vaecli.model.calibration import calibrate, needs_calibration
from vaecli.model.vae import stable_seed
from vaecli.objective import Terms
from vaecli.remedies.core.phase_epochs import phase_epochs
from vaecli.training.checkpoint import BEST, LAST, load_checkpoint, load_latest, save_checkpoint
from vaecli.training.interrupt import Interrupt, StopNowError
from vaecli.training.optimizer import set_learning_rate
from vaecli.training.progress import Observer, Progress, Row, selection
from vaecli.training.session import TrainingSession
from vaecli.training.state import WINDOW, load_model, model_tensors, of_this_model, restore_state, save_state

SUMS = ("loss", "nll", "kl", "extra")
"""Training terms whose sentence means are in the history."""

SYNC_STEPS = 50
"""Updates between two looks at the losses on a GPU, where a look stalls the device."""


class Loop:
    """Trains a session's model to the end, from the last checkpoint if there is one.

    Args:
        session: What is trained.
        folder: The run's ``checkpoint/``.
        observer: Told of every update and validation.
        forget: Called with the number of epochs of the checkpoint that a resumed run goes on from.
        interrupt: Of the trial that this is a part of; one of its own without.
        spent: Gives the seconds that the run has taken so far, which checkpoints keep.
    """

    def __init__(
        self,
        session: TrainingSession,
        folder: Path,
        observer: Observer,
        forget: Callable[[int], None] = lambda epochs: None,
        interrupt: Interrupt | None = None,
        spent: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self.session, self.folder, self.observer, self.spent = session, folder, observer, spent
        self.settings = session.config.training
        self.phases = session.method.phases()
        self.epochs = phase_epochs(self.phases, self.settings.epochs)
        self.progress = Progress(learning_rate=self.settings.learning_rate, planned=self.epochs)
        self.interrupt = interrupt or Interrupt()
        self.saved: int | None = None  # updates in the newest checkpoint
        self.saved_at = time.monotonic()
        self.window: Tensor | None = None
        self.kl_weight: float | Tensor = 1.0
        self._resume(forget)

    def run(self) -> Progress:
        """Trains; gives where it ended, with the best weights on disk.

        Raises:
            DivergedError: A loss, gradient or validation figure is not finite.
            InterruptedRunError: A signal came; the message says what is saved.
        """
        self.session.on_pause = self._pause
        with self.interrupt:
            try:
                with self.interrupt.deferred():
                    while True:
                        if not self.progress.stopped:
                            self._run_phase()
                        if self.progress.phase + 1 == len(self.phases):
                            return self.progress
                        self._next_phase()
            except StopNowError as stop:
                raise self._interrupted(stop.signal_number) from None

    def _run_phase(self) -> None:
        p = self.progress
        while not p.stopped:
            if p.step_in_epoch < self.session.batches.steps_per_epoch:
                self._epoch()
                self._save()
            self._read_window()
            with self.interrupt.deferred(False):  # what is on disk is complete
                row = self._validate()
            self._after_validation(row)
            self.observer.evaluated(row)
            self._save()
            self.interrupt.check()

    def _epoch(self) -> None:
        p, session = self.progress, self.session
        indices = session.batches.epoch(p.total_epochs)[p.step_in_epoch :]
        start = time.perf_counter()
        for batch in prefetched(session.corpus.train, indices, session.device):
            session.model.train()
            terms = session.step(batch)
            self._account(terms, batch.size)
            session.clock = session.clock.advance()
            p.step_in_epoch += 1
            p.total_steps += 1
            p.tokens += batch.predicted
            p.train_seconds += time.perf_counter() - start
            self.observer.step(p, terms)
            self._pause()
            start = time.perf_counter()

    def _pause(self) -> None:
        """Between two updates, those of inner loops included: saves when it is time, stops after a signal."""
        asked = self.interrupt.received is not None
        if asked or (self.settings.save_every and time.monotonic() - self.saved_at >= 60 * self.settings.save_every):
            self._save()
        if asked:
            self.interrupt.check()

    def _account(self, terms: Terms, size: int) -> None:
        """Adds the update's terms to the window, which a GPU keeps on the device for a while."""
        values = (terms.loss, terms.nll.mean(), terms.kl.sum(-1).mean(), terms.extra.mean())
        added = torch.stack([v.detach().float() for v in values]) * size
        self.window = added if self.window is None else self.window + added
        self.progress.sums["sentences"] = self.progress.sums.get("sentences", 0.0) + size
        self.kl_weight = terms.kl_weight
        if self.session.device.type == "cpu" or self.progress.total_steps % SYNC_STEPS == 0:
            self._read_window()

    def _read_window(self) -> None:
        """Adds the window to the epoch's sums.

        Raises:
            DivergedError: One of them is not finite.
        """
        if self.window is None:
            return
        self.progress.kl_weight = float(self.kl_weight)
        for name, value in zip(SUMS, self.window.tolist(), strict=True):
            if not math.isfinite(value):
                raise DivergedError(f"step {self.progress.total_steps}: the training {name} is {value}")
            self.progress.sums[name] = self.progress.sums.get(name, 0.0) + value
        self.window = None

    def _validate(self) -> Row:
        session, p = self.session, self.progress
        if needs_calibration(session.model):
            train = session.corpus.train
            calibrate(session.model, (collate(train, i).to(session.device) for i in session.batches.epoch(0)))
        metrics = evaluate(
            session.model,
            session.corpus.valid,
            session.config.evaluation,
            seed=self.settings.seed,
            device=session.device,
            full=False,
        )
        count = p.sums.get("sentences", 0.0) or 1.0
        row: Row = {
            "epoch": p.total_epochs + 1,
            "phase": self.phases[p.phase].name,
            "steps": p.total_steps,
            "learning_rate": p.learning_rate,
            "kl_weight": p.kl_weight,
            **{f"train_{n}": p.sums.get(n, 0.0) / count for n in SUMS},
        }
        row.update({n: metrics.values.get(n) for n in ("rec", "kl", "neg_elbo", "mi", "marginal_kl", "au")})
        row["train_seconds"] = round(p.train_seconds, 3)
        return row

    def _after_validation(self, row: Row) -> None:
        """Counts the epoch, keeps the best weights, decays the learning rate or ends the phase."""
        p, settings = self.progress, self.settings
        p.epoch, p.total_epochs, p.step_in_epoch, p.sums = p.epoch + 1, p.total_epochs + 1, 0, {}
        figure = self._figure(row)
        if p.best is None or figure < p.best:
            p.best, p.best_epoch, p.best_kl_weight, p.stalls = figure, p.total_epochs, p.kl_weight, 0
            save_checkpoint(
                self.folder, BEST, model_tensors(self.session.model), {"epoch": p.total_epochs, "figure": figure}
            )
        else:
            p.stalls += 1
        row["best"] = int(p.stalls == 0)
        if self._out_of_patience():
            if p.decays == settings.max_decays:
                p.stopped = True
            else:
                self._decay()
        p.stopped = p.stopped or p.epoch >= self.epochs[p.phase]

    def _figure(self, row: Row) -> float:
        """The figure of the phase by which epochs are compared; a loss with the KL in it is that at KL weight 1.

        As it is trained on, it would be lowest where a schedule has the KL weight lowest.
        """
        phase, values = self.phases[self.progress.phase], {k: v for k, v in row.items() if not isinstance(v, str)}
        if phase.figure == "train_loss" and "kl" not in phase.without:
            values["train_loss"] = sum(values[f"train_{name}"] or 0.0 for name in ("nll", "kl", "extra"))
        return selection(values, phase.figure)

    def _out_of_patience(self) -> bool:
        """Whether the last validation is one after which the learning rate decays or the phase ends."""
        return self.progress.stalls >= self.settings.patience and self.progress.epoch >= self.settings.decay_start

    def _decay(self) -> None:
        p = self.progress
        p.learning_rate *= self.settings.decay
        p.decays, p.stalls = p.decays + 1, 0
        set_learning_rate(self.session.optimizers, p.learning_rate)
        if self.settings.reload_best:
            tensors, _ = load_checkpoint(self.folder / BEST)
            load_model(self.session.model, tensors, self.folder / BEST)

    def _next_phase(self) -> None:
        p = self.progress
        self.progress = replace(
            p,
            phase=p.phase + 1,
            epoch=0,
            learning_rate=self.settings.learning_rate,
            stalls=0,
            decays=0,
            best=None,
            stopped=False,
        )
        self._begin_phase()
        self._save()

    def _begin_phase(self) -> None:
        number = self.progress.phase
        start = self.phases[number].start
        if start is not None:
            start(self.session.model, stable_seed(self.settings.seed, "phase", number))
        self.session.begin(self.phases[number], self.epochs[number])

    def _save(self) -> None:
        """Writes a checkpoint; sums on a GPU go into it as they are, so that its moment leaves no trace in them."""
        if self.window is not None and not bool(self.window.isfinite().all()):
            self._read_window()
        self.progress.kl_weight, self.progress.seconds = float(self.kl_weight), self.spent()
        save_state(self.folder, self.session, self.progress, self.window)
        self.saved, self.saved_at = self.progress.total_steps, time.monotonic()

    def _resume(self, forget: Callable[[int], None]) -> None:
        latest = load_latest(self.folder)
        if latest is None:
            self._begin_phase()
        else:
            with of_this_model(self.folder / LAST):
                self._restore(*latest)
        forget(self.progress.total_epochs)

    def _restore(self, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
        """Takes over a checkpoint."""
        self.progress = Progress(**state["progress"])
        self.kl_weight, self.saved = self.progress.kl_weight, self.progress.total_steps
        window = tensors.get(WINDOW)
        self.window = None if window is None else window.to(self.session.device)
        p = self.progress
        # a run whose number of epochs was raised goes on where it had stopped: the phases that are over stay as long as
        # they were, and those to come have the rest
        self.epochs = p.planned = phase_epochs(self.phases, self.settings.epochs, p.planned[: p.phase])
        restore_state(tensors, state, self.session, self.folder / LAST, self.phases[p.phase], self.epochs[p.phase])
        p.stopped = p.stopped and (p.epoch >= self.epochs[p.phase] or self._out_of_patience())

    def _interrupted(self, number: int) -> InterruptedRunError:
        p = self.progress
        if self.saved is None:
            told = "nothing is saved yet; --resume, or `vae compare` again, begins it anew"
        elif self.saved == p.total_steps:
            told = "the checkpoint is saved; --resume, or `vae compare` again, goes on from there"
        else:
            told = f"stopped before it was saved; --resume, or `vae compare` again, goes on from update {self.saved}"
        done = f"interrupted after {counted(p.total_steps, 'update')} (epoch {p.total_epochs + 1})"
        return InterruptedRunError(f"{done}; {told}", number)
