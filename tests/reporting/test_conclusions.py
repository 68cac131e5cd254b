"""The verdict's rule at its borders, and the rate-distortion frontier."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reporting.frames import table, trial

from vaecli.reporting.conclusions import frontier, joint_verdict, verdict_sentence, verdict_word
from vaecli.runs.groups import grouped


def test_seeds_that_disagree_are_counted():
    rows = table(trial("bn", 0, kl=2.0, mi=2.0), trial("bn", 1, kl=0.0, mi=0.0), trial("bn", 2, kl=0.0, mi=0.0))
    assert joint_verdict(rows) == "collapsed 2/3, informative 1/3"
    assert joint_verdict(rows[1:]) == "collapsed"
    assert joint_verdict(rows[:0]) == "-"


def test_a_cell_has_one_word():
    words = {
        "collapsed": "collapsed",
        "-": "-",
        "collapsed 2/3, informative 1/3": "collapsed 2/3",
        "informative 1/2, collapsed 1/2": "mixed",
        "fake-rate 2/5, unused 2/5, collapsed 1/5": "mixed",
        "worse than uniform 2/3, diverged 1/3": "worse than uniform 2/3",
    }
    assert {joint: verdict_word(joint) for joint in words} == words


def test_frontier_by_hand():
    points = table(
        trial("vanilla", rec=20.0, kl=0.0),
        trial("beta", rec=19.0, kl=1.0),
        trial("bad", rec=19.5, kl=1.5),  # beta has less of both
        trial("bn", rec=17.0, kl=3.0),
        trial("worse", rec=17.0, kl=3.5),  # bn has as little rec at less kl
        trial("lm", rec=15.0),  # no rate, so it is not in the plane
        trial("broken", rec=1.0, kl=0.0, status="diverged"),
    )
    assert frontier(points) == ["vanilla", "beta", "bn"]


def test_an_infinite_rate_is_on_no_frontier():
    points = table(trial("bn", rec=5.0, kl=1.0), trial("iaf", rec=4.0, kl=math.inf))
    assert frontier(points) == ["bn"]


def test_frontier_takes_means_over_seeds():
    # b's mean is rec 18, kl 2; a's single point is rec 18.5, kl 2.5, beaten by b though not by both its seeds
    points = table(trial("a", rec=18.5, kl=2.5), trial("b", 0, rec=17.0, kl=3.0), trial("b", 1, rec=19.0, kl=1.0))
    assert frontier(points) == ["b"]


@given(st.lists(st.tuples(st.floats(0, 50), st.floats(0, 50)), min_size=1, max_size=8))
def test_frontier_is_never_empty_and_falls(points):
    rows = table(*(trial(f"m{i}", rec=rec, kl=kl) for i, (rec, kl) in enumerate(points)))
    front = [points[int(name[1:])] for name in frontier(rows)]
    assert front
    assert [kl for _, kl in front] == sorted(kl for _, kl in front)
    assert [rec for rec, _ in front] == sorted((rec for rec, _ in front), reverse=True)


@pytest.mark.parametrize(
    ("figures", "sentence"),
    [
        ({"kl": 0.02, "mi": 0.01}, "collapsed (kl 0.02, mi 0.01 of at most 7.60)"),
        (
            {"kl": 3.0, "mi": 2.0, "z_gain_shuffled": 0.01},
            "did not collapse, but the decoder makes no use of the code (kl 3.00, mi 2.00 of at most 7.60, "
            "z_gain_shuffled 0.01)",
        ),
        (
            {"kl": 4.0, "mi": 0.5},
            "did not collapse, but most of its rate says nothing of the sentence (kl 4.00, mi 0.5 of at most 7.60)",
        ),
        (
            {"kl": 9.0, "mi": 7.5},
            "did not collapse; mi is at its ceiling and may be anything larger (kl 9.00, mi 7.50 of at most 7.60)",
        ),
        ({"kl": 3.0, "mi": 2.0, "au": 16}, "did not collapse (kl 3.00, mi 2.00 of at most 7.60, au 16)"),
        (
            {"kl": 0.0, "mi": 0.0, "probe_accuracy": 0.65, "probe_sampled": 0.6, "probe_majority": 0.6},
            "collapsed (kl 0, mi 0 of at most 7.60); labels read: 0.65 off the means, 0.60 off draws of z, "
            "0.60 off the most frequent class",
        ),
        (
            {"kl": 3.0, "mi": 2.0, "probe_accuracy": 0.65, "probe_majority": 0.6},  # of a table older than the draws
            "did not collapse (kl 3.00, mi 2.00 of at most 7.60)",
        ),
        ({}, "none, kl or mi is undefined"),
        ({"sentences": 1, "kl": 3.0}, "none, one sentence can't tell"),
        (
            {"rec": 4078.0, "kl": 3.0, "mi": 2.0, "tokens": 20_503, "vocabulary": 919},
            "none; with its code it predicts worse than a guess among all words (rec 4078 against 69.95)",
        ),
    ],
)
def test_sentence_of_each_verdict(figures, sentence):
    (group,) = grouped(table(trial("m", **{"rec": 20.0} | figures)))
    assert verdict_sentence(group) == f"verdict of m: {sentence}"


def test_sentence_of_seeds_that_disagree_and_of_none():
    (group,) = grouped(table(trial("bn", 0, kl=2.0, mi=2.0), trial("bn", 1, kl=0.0, mi=0.0)))
    assert verdict_sentence(group) == (
        "verdict of bn: depends on the seed, informative 1/2, collapsed 1/2 (kl 1.00, mi 1.00 of at most 7.60)"
    )
    (group,) = grouped(table(trial("bn", 0, status="failed")))
    assert verdict_sentence(group) == "verdict of bn: none, no trial is finished"
