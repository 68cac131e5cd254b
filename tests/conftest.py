"""Tests run one thread each: pytest-xdist already uses the cores, and sums come out the same on every machine."""

import os
import signal

os.environ.setdefault("OMP_NUM_THREADS", "1")

import hypothesis
import pytest
import torch

# a time limit on each example would fail on a machine that is busy
hypothesis.settings.register_profile("vae", deadline=None)
hypothesis.settings.load_profile("vae")
torch.set_num_threads(1)
for size in ("COLUMNS", "LINES"):  # of the terminal that the tests were started in; a test says its own
    os.environ.pop(size, None)


@pytest.fixture(autouse=True, scope="session")
def _signals_that_nohup_ignores():
    """What starts the tests may ignore SIGHUP, and then their programs would too."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory, monkeypatch):
    """No test reads or fills the user's cache."""
    monkeypatch.setenv("VAE_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
