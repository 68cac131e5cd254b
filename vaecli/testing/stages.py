"""Checks of the stages in which a remedy trains: what they are, and that a training goes on inside of each."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from vaecli.core.seeds import stable_seed
from vaecli.remedies.core.compose import stages_problem
from vaecli.remedies.core.remedy import Remedy
from vaecli.testing.changes import session_of
from vaecli.testing.owed import Subject, owed, remedy_of, require
from vaecli.testing.tiny import tiny_batch
from vaecli.training.checkpoint import LAST, load_checkpoint
from vaecli.training.progress import Progress
from vaecli.training.session import TrainingSession
from vaecli.training.state import restore_state, save_state

STEPS = 2
"""Updates that a check makes."""
EPOCHS = 4
"""Planned, of each stage."""


@owed
def check_stages(subject: Subject) -> None:
    """Its stages share out the planned epochs, each some of them."""
    problem = stages_problem(remedy_of(subject).phases())
    require(not problem, subject, problem)


@owed
def check_resumption(subject: Subject) -> None:
    """Training that goes on from a checkpoint is the one that was never interrupted, bit by bit, in each stage."""
    remedy = remedy_of(subject)
    for number, phase in enumerate(remedy.phases()):
        torch.manual_seed(3)
        whole = _going_on(_in_stage(remedy, number), 2 * STEPS)
        torch.manual_seed(3)
        begun = _going_on(_in_stage(remedy, number), STEPS)
        with TemporaryDirectory() as name:
            save_state(Path(name), begun, Progress())
            tensors, state = load_checkpoint(Path(name) / LAST)
            resumed = session_of(remedy)
            restore_state(tensors, state, resumed, Path(name) / LAST, phase, EPOCHS)
        _going_on(resumed, STEPS)
        one, other = whole.model.state_dict(), resumed.model.state_dict()
        apart = [key for key, value in one.items() if not torch.equal(value, other[key])]
        stage = f" in stage {phase.name!r}" if len(remedy.phases()) > 1 else ""
        told = f"a training that is resumed{stage} goes on otherwise, as {', '.join(apart[:1])} shows"
        require(not apart, subject, f"{told}; keep state in buffers of a module among the parts")


def _in_stage(remedy: Remedy, number: int) -> TrainingSession:
    """A session at the beginning of a stage of training, a few updates after that of the one before."""
    session = session_of(remedy)
    for n, phase in enumerate(remedy.phases()[: number + 1]):
        if phase.start is not None:
            phase.start(session.model, stable_seed(0, "phase", n))
        session.begin(phase, EPOCHS)
        if n < number:
            _going_on(session, STEPS)
    return session


def _going_on(session: TrainingSession, updates: int) -> TrainingSession:
    """The session after updates on one batch, its clock moving on as the training loop's does."""
    for _ in range(updates):
        session.model.train()
        session.step(tiny_batch(4))
        session.clock = session.clock.advance()
    return session
