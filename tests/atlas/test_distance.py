"""Distances by hand, and what is far."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from atlas_law import law_table

from vaecli.atlas import distance
from vaecli.atlas.adviser import refuse_far
from vaecli.atlas.distance import AXES, CORPUS_AXES, coordinates, is_new, nearest_others, nearness, reach_of, squared
from vaecli.core.errors import UsageError

ROW = law_table(1).iloc[:1]


def changed(**values):
    return ROW.assign(**values)


def test_units_are_those_that_are_said():
    """Four times the rate is two units, ten times the sentences one, four times the types one, 0.5 nats one."""
    base = coordinates(ROW)
    for values, units in (
        ({"rate": 4 * ROW["rate"]}, 2.0),
        ({"updates": ROW["updates"] // 2}, 1.0),
        ({"train_sentences": 32_000.0}, 1.0),
        ({"vocabulary": 4 * ROW["vocabulary"]}, 1.0),
        ({"entropy": ROW["entropy"] + 0.5}, 1.0),
        ({"optimizer": "sgd"}, 3.0),
        ({"rate": 4 * ROW["rate"], "entropy": ROW["entropy"] - 0.75}, 2.5),
    ):
        assert np.sqrt(squared(base, coordinates(changed(**values)))).item() == pytest.approx(units)


def test_distances_of_thousands_of_trials_take_the_memory_of_one_axis():
    """4 MiB is (700, 700) once; all differences along ten axes would be 40 of them, and their squares as many."""
    points = np.random.default_rng(0).normal(size=(700, 10))
    tracemalloc.start()
    distances = squared(points, points)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 * 2**20
    assert distances[600] == pytest.approx(((points[600] - points) ** 2).sum(-1))
    assert squared(points[:0], points).shape == (0, 700)


def test_nearest_of_other_groups():
    points = np.array([[0.0], [1.0], [3.0], [7.0]])
    assert list(nearest_others(points, np.arange(4))) == [1, 1, 2, 4]
    assert list(nearest_others(points, np.array([0, 0, 1, 1]))) == [3, 2, 2, 6]


def test_a_new_text_is_measured_by_other_texts():
    frame = law_table(300)
    assert not is_new(frame, frame.iloc[:1])
    assert is_new(frame, frame.iloc[:1].assign(train_sentences=16_000.0))
    assert reach_of(frame, True) > reach_of(frame, False)


def test_corpora_count_alike_in_the_reach_of_a_new_text(monkeypatch):
    """Two corpora of 100 trials lie 1 apart, and a third of 5 lies 3 from them: of a third each, 95 % is its 3."""
    coordinate = {"a": 0.0, "b": 1.0, "c": 4.0}
    monkeypatch.setattr(distance, "coordinates", lambda frame: frame["corpus"].map(coordinate).to_numpy()[:, None])
    frame = pd.DataFrame({"corpus": ["a"] * 100 + ["b"] * 100 + ["c"] * 5})
    assert reach_of(frame, new_corpus=True) == 3.0
    assert reach_of(frame.iloc[:-1], new_corpus=True) == 1.0  # four are too few to count
    assert reach_of(frame.iloc[:101], new_corpus=True) == 1.0


def test_near_runs_are_not_refused_and_far_ones_say_which_axis_and_the_way_out():
    frame = law_table(300)
    reach = reach_of(frame, new_corpus=False)
    near = nearness(frame, frame.iloc[7:8].assign(rate=frame.loc[7, "rate"] * 1.01), reach)
    assert near.distance == pytest.approx(np.log2(1.01))
    refuse_far(near, 300)
    far = nearness(frame, frame.iloc[7:8].assign(updates=12_800), reach)
    assert far.distance == pytest.approx(4.0)  # 12,800 for 800 are four octaves
    title, (gap, told) = next(iter(far.gaps.items()))
    assert (title, gap, told) == ("updates", pytest.approx(4.0), "12,800 for 800")
    with pytest.raises(UsageError, match=r"units from the nearest of 300 trials(.|\n)*nearer: --epochs for 200 to 800"):
        refuse_far(far, 300)


def test_every_axis_is_a_column_and_has_a_way_out():
    assert all(axis.name in ROW.columns and axis.title for axis in AXES)
    assert {axis.name for axis in AXES if not axis.way} <= set(CORPUS_AXES)
    wide = nearness(pd.concat([ROW, ROW]), changed(optimizer="sgd", learning_rate=ROW["learning_rate"] * 100), 1.0)
    assert "optimiser" in wide.gaps
