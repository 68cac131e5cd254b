"""The time of an update of each method: measured in pairs, written as a table, and shown by `vae methods`."""

import csv
from io import StringIO
from pathlib import Path

import numpy as np
import pytest

from experiments.benchmarks.shapes import make_corpus, random_split
from experiments.benchmarks.updates import UpdateTime, measure, session_of, table_text
from vaecli.catalogue.update_times import _update_time, load_update_times, update_text
from vaecli.remedies import REMEDIES, make_method


@pytest.fixture(scope="module")
def corpus():
    split = random_split("train", np.full(70, 5), 30, 0)
    return make_corpus("tiny", split, split, split, 30)


def test_a_loop_of_updates_takes_longer_than_one(corpus):
    measurement = measure("iwae", corpus, updates=1, repeats=2)
    assert (measurement.method, measurement.updates, measurement.repeats) == ("iwae", 1, 2)
    assert 1.5 < measurement.low <= measurement.ratio <= measurement.high
    assert measurement.milliseconds > 0


def test_stages_of_training_are_measured_in_the_last(corpus):
    session = session_of("lm_pretrain", corpus)
    assert session.phase.name == make_method("lm_pretrain").phases()[-1].name
    assert session.clock.epochs == 6


def test_the_table_reads_as_it_was_written():
    rows = [UpdateTime("bn", 1.04, 1.01, 1.25, 23.5, 8, 3), UpdateTime("vanilla", 1.0, 0.98, 1.02, 22.1, 8, 3)]
    text = table_text(rows, "a processor")
    assert [_update_time(row) for row in csv.DictReader(StringIO(text))] == rows
    assert text.splitlines()[1] == "bn,1.04,1.01,1.25,23.5,8,3,a processor"


def test_every_method_has_a_time_and_those_of_others_what_they_say():
    measured = load_update_times()
    assert set(measured) == set(REMEDIES)
    assert measured["vanilla"].ratio == pytest.approx(1, abs=0.1)
    assert all(time.low <= time.ratio <= time.high for time in measured.values())
    assert update_text("theirs", 2.5) == "about 2.5 x vanilla's, not measured"
    assert update_text("vanilla", 1.0).endswith("), measured")


def test_what_remedies_say_of_their_cost_is_about_what_was_measured():
    far = {
        name: (make_method(name, {}).cost, time.ratio)
        for name, time in load_update_times().items()
        if not 1 / 1.5 < make_method(name, {}).cost / time.ratio < 1.5
    }
    assert not far
    page = (Path(__file__).parents[1] / "docs" / "advise.md").read_text(encoding="utf-8")
    assert "was measured, and is less than a factor of 1.5 away" in page
