"""A run that is asked to stop by a file saves, ends as interrupted, and goes on when asked."""

import pytest
from support import TINY, write_corpus

from vaecli.core.errors import InterruptedRunError
from vaecli.runs import stop_request
from vaecli.runs.start import prepare_run
from vaecli.runs.stop_request import STOP, StopRequests, request_stop
from vaecli.runs.trial import run_trial
from vaecli.settings.resolve import load_settings


class Asks:
    """Asks the run to stop after some updates."""

    def __init__(self, folder, steps):
        self.folder, self.left = folder, steps

    def step(self, progress, terms):
        self.left -= 1
        if self.left == 0:
            request_stop(self.folder.path)

    def evaluated(self, row):
        pass


def test_a_run_stops_after_the_update_and_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(stop_request, "SECONDS", 0.0)
    values = {**TINY, "corpus.data": str(write_corpus(tmp_path / "c"))}
    settings = load_settings(values=values, methods=["bn"], experiment="x")
    folder, corpus = prepare_run(settings, tmp_path)
    with folder.lock(), pytest.raises(InterruptedRunError, match="after 3 updates"):
        run_trial(folder, Asks(folder, 3), corpus)
    assert folder.status == "interrupted"
    assert (folder.path / STOP).exists(), "who asked sees that it was followed"
    with folder.lock():
        run_trial(folder, Asks(folder, 0), corpus)
    assert folder.status == "done"
    assert not (folder.path / STOP).exists()


def test_a_request_is_looked_for_now_and_then(tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(stop_request.time, "monotonic", lambda: now[0])
    requests = StopRequests(tmp_path)
    request_stop(tmp_path)
    now[0] = 0.5
    assert not requests.asked(), "the last look was half a second ago"
    now[0] = 1.5
    assert requests.asked()
