"""Shares of variance: by hand, against closed forms, and where nothing is said."""

import numpy as np
import pandas as pd
import pytest
from atlas_law import law_table

from vaecli.atlas.sensitivity import LEAST, LEAST_PAIRS, Sensitivity, equal_bins, first_order, seed_share, sensitivity
from vaecli.catalogue.sensitivity_table import sensitivity_view
from vaecli.reporting.terminal import Target, to_text


def test_a_share_by_hand():
    """Bins {0, 2}, {4, 6}: total 20, within 4, so (20 - 4 - 1 * 4 / 2) / 20 = 0.7."""
    assert first_order(np.array([0.0, 2.0, 4.0, 6.0]), [0, 0, 1, 1]) == pytest.approx(0.7)
    assert (
        first_order(np.array([0.0, 4.0, 0.0, 4.0]), [0, 0, 1, 1]) == 0.0
    )  # nothing between, less than nothing corrected
    assert first_order(np.ones(4), [0, 0, 1, 1]) is None
    assert first_order(np.arange(3.0), [0, 1, 2]) is None  # nothing within to correct by


def test_shares_of_an_additive_law_are_its_variances():
    """y = a + b + e with a of 4 equal levels 0 to 3 (variance 1.25), b of 2 levels 0 and 1 (0.25), e of 0.5."""
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 4, 20_000), rng.integers(0, 2, 20_000)
    y = a + b + rng.normal(scale=0.5**0.5, size=20_000)
    assert first_order(y, a) == pytest.approx(0.625, abs=0.02)
    assert first_order(y, b) == pytest.approx(0.125, abs=0.02)


def test_the_correction_takes_away_what_noise_has_between_bins():
    """Of pure noise the plain ratio is (K - 1) / (N - 1) in the mean; the corrected one nil but for the cut at 0."""
    rng = np.random.default_rng(1)
    bins = np.arange(30) % 5
    plain, shares = [], []
    for _ in range(150):
        y = rng.normal(size=30)
        means = np.array([y[bins == n].mean() for n in range(5)])
        plain.append(6 * ((means - y.mean()) ** 2).sum() / ((y - y.mean()) ** 2).sum())
        shares.append(first_order(y, bins))
    assert np.mean(plain) == pytest.approx(4 / 29, abs=0.03)
    assert np.mean(shares) < 0.06
    assert np.mean(np.array(shares) == 0) > 0.4


def test_bins_are_equally_full():
    assert list(np.bincount(equal_bins(np.arange(12.0)))) == [3, 3, 3, 3]
    assert len(set(equal_bins(np.ones(5)))) == 1


def test_a_method_of_a_known_law():
    """mi of bn grows with the rate alone; what is left is noise. vanilla has too few trials to tell."""
    frame = law_table(400, seed=2)
    shares = sensitivity(frame, "bn")
    assert shares.rate > 0.5
    assert shares.optimizer == pytest.approx(0.0, abs=1e-9)
    assert shares.knob < 0.1
    assert shares.rest == pytest.approx(1 - shares.rate - shares.knob)
    own = frame[frame["method"] == "vanilla"]
    assert sensitivity(own.iloc[: LEAST - 1], "vanilla") == Sensitivity("vanilla", LEAST - 1)
    assert sensitivity(frame, "vq").rest is None


def test_an_infinite_mi_is_of_a_run_that_diverged():
    frame = law_table(400, seed=2)
    odd = frame.assign(mi=frame["mi"].where(frame.index != frame.index[frame["method"] == "bn"][0], np.inf))
    shares = sensitivity(odd, "bn")
    assert shares.trials == sensitivity(frame, "bn").trials - 1
    assert shares.rate == pytest.approx(sensitivity(frame, "bn").rate, abs=0.05)


def test_the_mi_of_a_trial_worse_than_uniform_counts_for_nothing():
    """A flow out of all bounds has an mi of millions, whose square would be all of the variance."""
    frame = law_table(400, seed=2)
    astray = frame["method"].eq("bn") & (frame.groupby("method").cumcount() < 3)
    odd = frame.assign(mi=frame["mi"].mask(astray, -5e8), verdict=frame["verdict"].mask(astray, "worse than uniform"))
    assert sensitivity(odd, "bn") == sensitivity(frame[~astray], "bn")


def test_the_table_fits_eighty_columns_and_has_no_empty_ones():
    """With figures all columns, however long the names; the methods are those with the longest."""
    frame = law_table(400, seed=2).replace({"method": {"bn": "power_spherical", "beta": "semi_amortized"}})
    frame["knob"] = frame["knob"].replace("weight", "reconstruction")
    names = list(dict.fromkeys(frame["method"]))
    repeats = frame.groupby("method").head(4)[["trial", "method", "mi"]].assign(again=0.0)
    view = sensitivity_view(names, frame, repeats)
    assert [head.name for head in view.heads] == [
        "method",
        "trials",
        "rate",
        "optim",
        "knob",
        "of knob",
        "seed",
        "rest",
    ]
    text = to_text(view, Target(width=80))
    assert max(map(len, text.splitlines())) <= 80
    assert text.count("power_spherical") == 1  # else it is continued below
    assert "shares of the variance of mi" in text


def test_a_table_without_a_share_says_so_in_a_line():
    frame = law_table(400, seed=2)
    few = frame[frame["method"].isin(["bn", "vanilla"])].groupby("method").head(LEAST - 2)
    view = sensitivity_view(["bn", "vanilla"], few)
    assert [head.name for head in view.heads] == ["method", "trials", "knob"]
    assert view.notes == ("no shares: they need 24 trials of a method, and the atlas has 22 of one at most",)
    assert sensitivity_view(["bn"], few).notes[0].endswith("has 22 of bn")
    assert [head.name for head in sensitivity_view(["bn"], few.assign(knob="")).heads] == ["method", "trials"]
    assert view.records[0]["rest"] is None  # machines have every key


def test_a_share_of_the_seed_by_hand():
    """Differences 1, 0 and 1: half their mean square is 1/3; the variance of 0, 2, 4 is 4."""
    pairs = np.array([[0.0, 1.0], [2.0, 2.0], [4.0, 3.0]])
    assert seed_share(np.array([0.0, 2.0, 4.0]), pairs) == pytest.approx(1 / 12)
    assert seed_share(np.array([0.0, 2.0, 4.0]), pairs[: LEAST_PAIRS - 1]) is None
    assert seed_share(np.ones(3), pairs) is None


def test_the_share_of_the_seed_is_the_variance_that_settings_leave():
    """y = a + e: of variances 3 and 1 the seed has a quarter, however e depends on a."""
    rng = np.random.default_rng(0)
    a = rng.normal(scale=3**0.5, size=20_000)
    scale = np.where(a > 0, 1.2, (2 - 1.44) ** 0.5)
    once, again = (a + scale * rng.normal(size=len(a)) for _ in range(2))
    assert seed_share(once, np.column_stack([once, again])) == pytest.approx(0.25, abs=0.01)


def test_the_table_has_the_share_of_the_seed_where_there_are_repeats():
    frame = law_table(400, seed=2)
    own = frame[frame["method"] == "bn"].head(4)
    repeats = pd.DataFrame({"trial": own["trial"], "method": "bn", "mi": own["mi"], "again": own["mi"] + 0.2})
    on = frame[(frame["method"] == "bn") & frame["corpus"].isin(set(own["corpus"]))]
    shares = sensitivity(frame, "bn", repeats)
    assert (shares.seed, shares.pairs) == (pytest.approx(0.02 / on["mi"].var()), 4)
    assert shares.rest == sensitivity(frame, "bn").rest, "it is a part of the rest"
    view = sensitivity_view(["bn", "beta"], frame, repeats)
    assert [head.name for head in view.heads][-2:] == ["seed", "rest"]
    assert view.records[0]["seed"] == shares.seed
    assert view.records[1]["seed"] is None
    assert "seed: of runs that differ in it alone, a rough figure: 4 pairs a method at most" in view.notes
