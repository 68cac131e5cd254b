"""Where a method flips: cuts, chances and their table, by hand."""

import pandas as pd
import pytest

from experiments.atlas import flips
from experiments.atlas.flips import cuts, flips_table, told
from vaecli.remedies import REMEDIES


def trials(method, *runs, knob="", **settings):
    """Trials of a method: learning rate under Adam, value of the knob, whether it informs, how often."""
    lines = [
        {
            "method": method,
            "optimizer": "adam",
            "learning_rate": rate,
            "knob": knob,
            "knob_value": str(value),
            "decoder_size": 16,
            "latent_size": 2,
            "epochs": 2,
            "corpus": "synthetic",
            "noise": 0.0,
            "verdict": "informative" if informs else "collapsed",
        }
        | settings
        for rate, value, informs, count in runs
        for _ in range(count)
    ]
    return pd.DataFrame(lines)


def test_a_flip_along_the_learning_rate_by_hand():
    """8 of 8 inform below 0.001 and 0 of 8 from 0.008: of the 12,870 ways to choose 8 of 16, two are as far apart."""
    frame = trials("bow", (6e-4, "", True, 8), (9e-3, "", False, 8))
    assert [cut.chance for cut in cuts(frame)] == pytest.approx([2 / 12_870] * 4)  # nothing lies between the four cuts
    (cut,) = flips.flips(cuts(frame))
    assert told(cut) == "learning rate below 0.001: 8 of 8; from 0.001: 0 of 8"


def test_sgd_is_cut_at_a_hundred_times_the_rate():
    frame = trials("bow", (0.06, "", True, 8), (0.9, "", False, 8), optimizer="sgd")
    assert told(flips.flips(cuts(frame))[0]).startswith("learning rate below 0.001: 8 of 8")


def test_noise_is_cut_among_the_corpora_that_may_have_it():
    """Eight trials of real text, which have none, are no side of their own."""
    real = trials("bow", (6e-4, "", True, 8), corpus="ptb")
    noisy = trials("bow", (6e-4, "", False, 8), noise=0.2)
    assert [cut.axis for cut in cuts(pd.concat([real, noisy]))] == ["corpus"]
    clean = trials("bow", (6e-4, "", True, 8))
    noise_cuts = [cut for cut in cuts(pd.concat([real, noisy, clean])) if cut.axis == "noise"]
    assert [told(cut) for cut in noise_cuts] == ["noise up to 0: 8 of 8; from 0.2: 0 of 8"]
    assert "flip along an axis (noise 1)." in flips.flips_table(pd.concat([noisy, clean]))  # and no method's knob


def test_a_side_with_few_trials_is_no_cut():
    assert cuts(trials("bow", (6e-4, "", True, 7), (9e-3, "", False, 20))) == []


def test_both_sides_need_a_majority_of_their_own():
    """8 of 8 against 20 of 30 is a difference, and no flip."""
    frame = trials("bow", (6e-4, "", True, 20), (9e-3, "", True, 11), (9e-3, "", False, 9))
    assert min(cut.chance for cut in cuts(frame)) < 0.01
    assert flips.flips(cuts(frame)) == []


def test_numbers_of_a_knob_are_cut_between_values_and_words_one_against_the_rest():
    frame = trials("bn", (1e-3, 0.3, False, 8), (1e-3, 0.6, True, 8), (1e-3, 1.0, True, 8), knob="gamma")
    assert [(cut.axis, cut.here) for cut in cuts(frame)] == [("gamma", "from 0.6"), ("gamma", "from 1")]
    assert told(flips.flips(cuts(frame))[0]) == "gamma from 0.6: 16 of 16; up to 0.3: 0 of 8"
    words = trials("cnn", (1e-3, "scnn", True, 9), (1e-3, "mcnn", False, 9), (1e-3, "lcnn", False, 9), knob="size")
    assert told(flips.flips(cuts(words))[0]) == "size scnn: 9 of 9; lcnn or mcnn: 0 of 18"


def test_chance_among_many_cuts_is_no_flip():
    """One of 20 methods has 9 of 12 against 3 of 12, p = 0.04; among all cuts that is nothing."""
    names = [name for name in REMEDIES if name in flips.METHODS][:20]
    runs = [(6e-4, "", True, 6), (6e-4, "", False, 6), (9e-3, "", True, 6), (9e-3, "", False, 6)]
    odd = [(6e-4, "", True, 9), (6e-4, "", False, 3), (9e-3, "", True, 3), (9e-3, "", False, 9)]
    frame = pd.concat([trials(name, *(odd if name == "bn" else runs)) for name in names])
    alone = [cut.chance for cut in cuts(frame[frame["method"] == "bn"])]
    assert alone == pytest.approx([0.0391] * 4, abs=1e-3)
    assert flips.flips(cuts(frame)) == []


def test_sure_differences_that_are_no_flip_do_not_vouch_for_one():
    """20 of 20 against 12 of 20 in ten methods, p = 0.003; that 9 of 12 against 3 of 12 flips is one chance in 25."""
    names = [name for name in flips.METHODS if name != "bn"][:10]
    sure = [(6e-4, "", True, 20), (9e-3, "", True, 12), (9e-3, "", False, 8)]
    odd = [(6e-4, "", True, 9), (6e-4, "", False, 3), (9e-3, "", True, 3), (9e-3, "", False, 9)]
    frame = pd.concat([*(trials(name, *sure) for name in names), trials("bn", *odd)])
    assert max(cut.chance for cut in cuts(frame)) < 0.05
    assert flips.flips(cuts(frame)) == []


def test_the_surest_axis_comes_first_whatever_its_other_cuts():
    """Along the rate 12 of 12 against 0 of 12, and less sure at a second cut; along the corpus and the width less."""
    runs = [(6e-4, "", True, 12), (1.5e-3, "", False, 2), (9e-3, "", False, 10)]
    frame = trials("bow", *runs).assign(
        corpus=["mixture"] * 11 + ["synthetic"] * 13,
        decoder_size=[16] * 10 + [64] * 14,
    )
    surest_cuts = flips.flips(cuts(frame))
    assert [cut.axis for cut in surest_cuts] == ["learning rate", "corpus", "decoder_size"]
    assert [cut.chance for cut in surest_cuts] == sorted(cut.chance for cut in surest_cuts)
    assert told(surest_cuts[0]) == "learning rate below 0.001: 12 of 12; from 0.001: 0 of 12"


def test_methods_with_few_trials_are_none_that_do_not_flip(tmp_path):
    printed = tmp_path / "print.csv"
    printed.write_text("method,verdict,confidence\nbow,informative,0.8\n")
    text = flips_table(trials("bow", (6e-4, "", True, 7), (9e-3, "", False, 7)), printed)
    assert text.startswith("0 of 0 methods with 8 trials on either side of a cut flip along an axis. ")


def test_the_table_says_what_print_has_one_expect(tmp_path):
    printed = tmp_path / "print.csv"
    printed.write_text(
        "method,verdict,confidence\nbow,informative,0.8\nvanilla,collapsed,0.9\nlagging,informative,0.9\n"
    )
    flipping = trials("bow", (6e-4, "", True, 8), (9e-3, "", False, 9))
    frame = pd.concat([flipping, trials("vanilla", (1e-3, "", False, 3))])
    lines = flips_table(frame, printed).splitlines()
    assert lines[0] == (
        "1 of 1 methods with 8 trials on either side of a cut flip along an axis (learning rate 1). Of 2 methods whose "
        "verdict print has one expect, 1 have it in most of their trials: `vanilla`."
    )
    assert lines[4].startswith("| `vanilla` | collapsed | 0 of 3 (")
    assert lines[5].startswith("| `bow` | informative | 8 of 17 (")
    assert lines[5].endswith("| learning rate below 0.001: 8 of 8; from 0.001: 0 of 9 |")
    assert len(lines) == 6


def test_nothing_tried_nothing_flips():
    assert flips.flips(cuts(trials("bow", (1e-3, "", True, 3)))) == []
