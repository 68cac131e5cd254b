"""Collapse by axis: pairs that differ in the axis alone, and what they say by methods. All by hand."""

import pandas as pd
import pytest

from experiments.synthetic import axes


def trials(fates):
    """A trial for each method, corpus, decoder and fate."""
    columns = ("method", "corpus", "decoder_size", "verdict")
    frame = pd.DataFrame([dict(zip(columns, fate, strict=True)) for fate in fates], columns=columns)
    return frame.assign(latent_size=2, training_protocol="shared", seed=0)


def of_method(name, *pairs, corpora=("synthetic", "mixture", "oracle")):
    """Trials under 16 and 64 units on a corpus for each pair of fates."""
    words = {True: "collapsed", False: "informative"}
    both = list(zip(corpora, pairs, strict=False))
    return [(name, corpus, size, words[x]) for corpus, pair in both for size, x in zip((16, 64), pair, strict=True)]


def of_decoder(frame):
    return next(row for row in axes.pairs(frame) if row.axis == "decoder_size")


def test_a_trial_without_a_like_one_at_the_other_value_counts_nowhere():
    """By shares of all trials 2 of 3 would have collapsed under 16 units and none of 1 under 64."""
    alone = [("bn", "mixture", 16, "collapsed"), ("skip", "oracle", 16, "collapsed")]
    pairs = of_decoder(trials([*of_method("bn", (False, False)), *alone]))
    assert (len(pairs.first), pairs.difference, pairs.p_value) == (1, 0.0, None)


def test_the_interval_is_by_methods():
    """Of four methods one falls on all three corpora: -3 of 12, and the sums less their due are -2.25, .75, .75, .75.

    4 / 3 times 6.75 is 9, its root by 12 is 0.25, and t of three degrees of freedom 3.1824. Of twelve independent
    pairs the error would be half as large.
    """
    still = [row for name in ("beta", "skip", "vmf") for row in of_method(name, *[(True, True)] * 3)]
    pairs = of_decoder(trials([*still, *of_method("bn", *[(True, False)] * 3)]))
    assert pairs.difference == pytest.approx(-0.25)
    assert pairs.half == pytest.approx(3.1824 * 0.25, abs=1e-4)
    assert (pairs.moved, pairs.p_value) == ((1, 0), 1.0), "one method that moves is no evidence, whatever its trials"


def test_the_table_counts_pairs_and_corrects_its_tests():
    """Six methods fall on one corpus: 2 / 2^6, by Holm over the two rows that can be tested twice that."""
    names = ("bn", "beta", "skip", "vmf", "mim", "du")
    frame = trials([row for name in names for row in of_method(name, (True, False), (True, True))])
    text = axes.axes_table(frame)
    assert "| decoder_size | 16, 64 | 12 | 6 | 6 | 6 | 0 | -50 | 6, 0 | 0.062 |" in text
    assert "| corpus | mixture, synthetic | 12 | 6 | 6 | 6 | 0 | -50 | 6, 0 | 0.062 |" in text
    assert axes.pairs(trials([])) == []
    assert [axes.shown_p(p) for p in (0.0004, 0.0442, 1.0)] == ["< 0.001", "0.044", "1"]


def test_protocols_are_compared_over_the_methods_that_have_both():
    frame = trials([*of_method("bn", (True, True)), *of_method("beta", (True, False))])
    published = frame[frame["method"] == "beta"].assign(training_protocol="published")
    row = next(p for p in axes.pairs(pd.concat([frame, published])) if p.axis == "training_protocol")
    assert (row.values, set(row.methods), len(row.first)) == (("published", "shared"), {"beta"}, 2)
