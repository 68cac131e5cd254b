"""What all engines share, over a launcher that starts nothing."""

import shutil
from collections import deque

from tests.runs.grids import prepared
from vaecli.core.errors import VaeError
from vaecli.engines.engine import Policy
from vaecli.engines.supervisor import Attempt, End, Launcher, Supervisor
from vaecli.runs.folder import RunFolder


class Played(Attempt):
    """An attempt that ends as it is told after some looks."""

    def __init__(self, start, status, end, looks):
        self.start, self.status, self.end, self.looks = start, status, end, looks

    def poll(self):
        self.looks -= 1
        if self.looks > 0:
            return None
        RunFolder(self.start.trial.path).update(status=self.status)
        return self.end

    def news(self):
        return None

    def trouble(self):
        return ""

    def last_words(self):
        return ""


class Script(Launcher):
    """Starts what a script says, with room for as many as another one says."""

    poll_seconds = 0.0

    def __init__(self, script, rooms):
        self.script, self.rooms, self.batches = deque(script), deque(rooms), []

    def capacity(self):
        return self.rooms.popleft() if len(self.rooms) > 1 else self.rooms[0]

    def launch(self, starts):
        self.batches.append([(start.trial.seed, start.number, start.slot) for start in starts])
        attempts = [self.script.popleft() for _ in starts]
        return [a if isinstance(a, VaeError) else Played(s, *a) for s, a in zip(starts, attempts, strict=True)]


DONE = ("done", End(0), 3)


def run(trials, script, rooms, **policy):
    launcher, events = Script(script, rooms), []
    outcome = Supervisor(trials, launcher, events.append, Policy(**policy)).run()
    return list(outcome.statuses.values()), launcher.batches, events


def test_room_that_shrinks_below_what_runs_is_no_error(tmp_path):
    """As when a machine of a cluster is lost."""
    trials = prepared(tmp_path, seeds="0-3")
    statuses, batches, _ = run(trials, [DONE] * 4, [3, 3, 1, 1, 1])
    assert statuses == ["done"] * 4
    assert batches == [[(0, 1, 0), (1, 1, 1), (2, 1, 2)], [(3, 1, 0)]]


def test_a_cluster_without_room_is_waited_for(tmp_path):
    statuses, batches, _ = run(prepared(tmp_path), [DONE], [0, 0, 0, 1])
    assert (statuses, batches) == (["done"], [[(0, 1, 0)]])


def test_what_was_lost_is_repeated_even_where_it_had_saved(tmp_path):
    """A machine that is taken away may let a trial save first; its interruption was nobody's wish."""
    lost = ("interrupted", End(killed="lost with its machine"), 1)
    statuses, batches, events = run(prepared(tmp_path), [lost, DONE], [1])
    assert (statuses, batches) == (["done"], [[(0, 1, 0)], [(0, 2, 0)]])
    assert [e.message for e in events if e.kind == "retried"] == ["lost with its machine in attempt 1"]


def test_what_waits_to_be_repeated_when_all_is_stopped_is_pending(tmp_path):
    lost, failed = ("running", End(killed="killed by SIGKILL"), 1), ("failed", End(1), 1)
    statuses, _, _ = run(prepared(tmp_path, seeds="0-1"), [lost, failed], [2], fail_fast=True)
    assert statuses == ["pending", "failed"]


def test_what_cannot_be_started_fails_alone(tmp_path):
    statuses, _, events = run(prepared(tmp_path, seeds="0-1"), [VaeError("refused"), DONE], [2])
    assert statuses == ["failed", "done"]
    assert [e.message for e in events if e.status == "failed"] == ["refused"]


def test_what_starts_beside_a_failure_is_asked_to_stop(tmp_path):
    statuses, _, events = run(prepared(tmp_path, seeds="0-1"), [VaeError("refused"), DONE], [2], fail_fast=True)
    assert statuses == ["failed", "done"]
    assert [e.trial.seed for e in events if e.kind == "stopping"] == [1]


def test_nothing_starts_beside_a_trial_whose_folder_is_gone(tmp_path):
    trials = prepared(tmp_path, seeds="0-1")
    shutil.rmtree(trials[1].path)
    statuses, batches, _ = run(trials, [DONE], [2], fail_fast=True)
    assert (statuses, batches) == (["pending", "failed"], [])
    shutil.rmtree(trials[1].path)
    statuses, batches, _ = run(trials, [DONE], [2])
    assert (statuses, batches) == (["done", "failed"], [[(0, 1, 0)]])


def test_an_end_without_a_word(tmp_path):
    statuses, _, events = run(prepared(tmp_path), [("running", End(), 1)], [1])
    assert (statuses, events[-1].message) == (["failed"], "it ended without a word")
