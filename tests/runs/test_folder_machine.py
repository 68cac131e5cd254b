"""A run folder under everything that may happen to it, in any order: no finished figure is ever lost.

Runs are made, trained, killed in the middle of a write, gone on with, measured further, reported, edited, moved and
linked. A kill is a power cut: from some fsync on, nothing more reaches the disk, and what was half written stays.
"""

import json
import os
import shutil

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from support import TINY, write_corpus

import vaecli
from vaecli.core import files
from vaecli.core.errors import VaeError
from vaecli.runs.folder import RunFolder
from vaecli.runs.tables import write_tables

SENTENCES = ["the cat sat on the mat", "a dog ran", "the dog sat", "a cat ran on"]
SETTINGS = {**TINY, "training.save_every": 1e-9}
DERIVED = ["results.csv", "summary.csv", ".owner.json"]
"""Files that anybody may edit: they are made anew."""


class PowerCut(BaseException):
    """From here on nothing is written."""


class Disk:
    """`os.fsync` of a disk whose power may be cut at a write."""

    def __init__(self):
        self.left = None

    def fsync(self, descriptor):
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise PowerCut


class Folders(RuleBasedStateMachine):
    @initialize()
    def start(self):
        self.base = FOLDER / str(next(COUNTER))
        write_corpus(self.base / "toy", SENTENCES)
        self.name, self.finished = "first", {}
        DISK.left = None

    @property
    def experiment(self):
        return self.base / "runs" / self.name

    def folder(self, method):
        return RunFolder(self.experiment / method / "seed-0")

    def powered(self, left, action):
        """Does something, perhaps under a power cut; whether it came to its end."""
        DISK.left = left
        try:
            action()
        except PowerCut:
            return False
        finally:
            DISK.left = None
        return True

    def note(self, method):
        """What is finished from now on."""
        self.finished.setdefault(method, {}).update(self.folder(method).metrics()["values"])

    @rule(method=st.sampled_from(["vanilla", "bn"]), left=st.none() | st.integers(0, 40), resume=st.booleans())
    def train(self, method, left, resume):
        def action():
            out = self.base / "runs"
            vaecli.train(method, self.base / "toy", settings=SETTINGS, out=out, name=self.name, resume=resume or known)

        known = self.folder(method).exists
        if self.powered(left, action):
            assert self.folder(method).status == "done"
            self.note(method)

    @precondition(lambda self: self.finished)
    @rule(left=st.none() | st.integers(0, 6), samples=st.integers(2, 4))
    def evaluate(self, left, samples):
        method = sorted(self.finished)[0]
        before = self.folder(method).metrics()["values"]

        def action():
            vaecli.evaluate(self.folder(method).path, "dimensions", iw_samples=samples)

        self.powered(left, action)
        after = self.folder(method).metrics()["values"]
        changed = {name for name in after if after[name] != before.get(name)}
        assert changed <= {"iw_nll", "iw_nll_se", "iw_samples", "ppl_iw", "ppl_word"} | (set(after) - set(before))
        self.note(method)

    @precondition(lambda self: self.finished)
    @rule(left=st.none() | st.integers(0, 3))
    def report(self, left):
        if self.powered(left, lambda: write_tables(self.experiment)):
            trials = vaecli.report(self.experiment).trials
            done = trials[trials["status"] == "done"].set_index("method")
            for method, values in self.finished.items():
                assert float(done.loc[method, "neg_elbo"]) == values["neg_elbo"]

    @precondition(lambda self: self.finished)
    @rule(
        name=st.sampled_from(["results.csv", "summary.csv", ".owner.json"]),
        content=st.sampled_from(["", "{", "a,b\n1"]),
    )
    def edit_what_is_derived(self, name, content):
        (self.experiment / name).write_text(content)

    @precondition(lambda self: self.finished)
    @rule()
    def move(self):
        name = f"moved-{next(COUNTER)}"
        self.experiment.rename(self.base / "runs" / name)
        self.name = name

    @precondition(lambda self: self.finished)
    @rule()
    def link(self):
        """Through a link nothing is written; what it leads to can be read."""
        link, method = self.base / "runs" / f"link-{next(COUNTER)}", sorted(self.finished)[0]
        link.symlink_to(self.experiment)
        with pytest.raises(VaeError, match="is a link"):
            vaecli.evaluate(link / method / "seed-0", "dimensions")
        assert vaecli.load(link / method / "seed-0").figures
        link.unlink()

    @precondition(lambda self: self.finished)
    @rule()
    def leave_what_killed_writers_leave(self):
        folder = self.folder(sorted(self.finished)[0])
        (folder.path / ".metrics.json.1.tmp").write_text("{")
        (folder.checkpoint_path / ".last.safetensors.1.tmp").write_text("x")
        folder.update(status="done")

    @invariant()
    def every_finished_figure_is_there(self):
        for method, values in getattr(self, "finished", {}).items():
            folder = self.folder(method)
            assert folder.status == "done"
            assert json.loads((folder.path / "metrics.json").read_text())["values"] == values

    def teardown(self):
        shutil.rmtree(self.base, ignore_errors=True)


DISK = Disk()
COUNTER = iter(range(10**9))
FOLDER = None


@pytest.fixture(autouse=True)
def surroundings(tmp_path, monkeypatch):
    global FOLDER
    FOLDER = tmp_path
    monkeypatch.setattr(files.os, "fsync", DISK.fsync)
    monkeypatch.setenv("VAE_CACHE", "off")


def run_machine(examples, steps):
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(
        Folders,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
            derandomize=True,
            phases=[Phase.generate],  # to make a failing history shorter takes longer than to read it
        ),
    )


def test_no_finished_figure_is_ever_lost():
    run_machine(examples=8, steps=10)


@pytest.mark.slow
def test_no_finished_figure_is_ever_lost_in_many_histories():
    run_machine(examples=150, steps=25)


def test_a_power_cut_stops_writes(tmp_path):
    """That the machine's kills are kills: the file is as before, and what was half written is left."""
    files.write_atomic(tmp_path / "file", "before")
    DISK.left = 0
    with pytest.raises(PowerCut):
        files.write_atomic(tmp_path / "file", "after")
    DISK.left = None
    assert (tmp_path / "file").read_text() == "before"
    assert len(os.listdir(tmp_path)) == 2
