"""Rows of advice under a known law: who is first, what is refused, how it is calibrated."""

import numpy as np
import pytest
from atlas_law import law_table

from vaecli.atlas import advice_calibration
from vaecli.atlas.advice_calibration import calibrations, left_out_chances
from vaecli.atlas.adviser import LEAST, Adviser, TrialOutcome, query_of
from vaecli.atlas.smoother import TrialKernel
from vaecli.core.errors import UsageError

FRAME = law_table(300)


def run(rate=4e-3, **values):
    row = FRAME.iloc[:1].assign(learning_rate=rate, rate=rate, updates=500, decoder_size=32, latent_size=8, method="")
    return row.assign(**values)


@pytest.fixture(scope="module")
def adviser():
    return Adviser(FRAME)


def test_the_method_that_informs_comes_first_with_intervals_that_hold_the_law(adviser):
    """At 4e-3 bn has 0.5 log2(2) + 2 = 2.5 nats, and pays half of that; vanilla has none."""
    first, *_, last = adviser.rows(dict.fromkeys(("vanilla", "beta", "bn"), run()))
    assert (first.method, last.method) == ("bn", "vanilla")
    assert first.chance > 0.95
    assert first.low > 0.6
    assert first.mi.low <= 2.5 <= first.mi.high
    assert first.price.low <= 1.25 <= first.price.high
    assert last.high < 0.5
    assert last.mi.value < 0.02
    own = FRAME[FRAME["method"] == "bn"]
    assert first.own == len(own)
    assert 0 < first.near <= first.own
    assert len(first.nearest) == 3
    assert set(first.nearest) <= set(own["trial"])


def test_a_row_takes_trials(adviser):
    assert adviser.few(["bn", "vq"]) == ["vq"]
    assert adviser.rows({"vq": run()}) == []
    with pytest.raises(UsageError, match=rf"has 4 trials of 2 methods, and none has the {LEAST}"):
        Adviser(FRAME.iloc[:4].assign(method=["bn", "beta", "bn", "beta"]))
    with pytest.raises(UsageError, match="has 0 trials"):
        Adviser(FRAME.iloc[:0])


def test_diverged_trials_count_against_a_chance_and_for_no_figure():
    frame = FRAME.copy()
    bn = frame["method"] == "bn"
    frame.loc[bn, ["verdict", "mi", "kl", "neg_elbo"]] = ["diverged", np.nan, np.nan, np.nan]
    rows = {row.method: row for row in Adviser(frame).rows(dict.fromkeys(("bn", "beta"), run()))}
    assert rows["bn"].chance < 0.1
    assert np.isfinite(rows["beta"].mi.value)


def test_a_new_text_has_wider_intervals_where_texts_differ():
    """On one corpus of three mi is 1.5 nats more, which no trial of the others tells."""
    frame = FRAME.copy()
    frame.loc[frame["corpus"] == "long", "mi"] += 1.5
    target = Adviser(frame).mi
    assert target.margin(new_corpus=True) > target.margin(new_corpus=False)
    one = Adviser(frame[frame["corpus"] == "long"])
    assert one.mi.margin(new_corpus=True) == one.mi.margin(new_corpus=False)  # nobody can say how texts differ


def test_calibration_of_left_out_settings_and_corpora():
    by_setting, *by_corpus = calibrations(FRAME)
    assert 0.74 <= by_setting.mi.held / by_setting.mi.total <= 0.86
    assert 0.74 <= by_setting.price.held / by_setting.price.total <= 0.86
    assert [part.left_out for part in by_corpus] == ["the corpus long", "the corpus medium", "the corpus short"]
    assert sum(part.mi.total for part in by_corpus) == by_setting.mi.total == len(FRAME)
    assert by_setting.brier < by_setting.constant / 2
    assert calibrations(FRAME.iloc[:2]) == []


def test_a_corpus_whose_intervals_hold_nothing_is_not_hidden_by_the_others():
    """On one of three mi is 3 nats more, which no trial of the others tells: over all trials the rest still hold."""
    frame = FRAME.copy()
    frame.loc[frame["corpus"] == "long", ["mi", "verdict"]] = [3.0, "informative"]
    _, long, *others = calibrations(frame)
    assert long.mi.held / long.mi.total < 0.6
    assert all(part.mi.held / part.mi.total > 0.9 for part in others)
    share = float((frame.loc[frame["corpus"] != "long", "verdict"] == "informative").mean())
    assert long.constant == pytest.approx((1 - share) ** 2)


def test_chances_are_scored_on_trials_that_their_kernel_was_not_chosen_on(monkeypatch):
    """Each trial is left out of one choice of settings and of one of corpora."""
    counts, choose = [], advice_calibration.choose_kernel

    def spy(points, outcomes, groups):
        counts.append(len(outcomes))
        return choose(points, outcomes, groups)

    monkeypatch.setattr(advice_calibration, "choose_kernel", spy)
    calibrations(FRAME)
    assert sum(len(FRAME) - count for count in counts) == 2 * len(FRAME)


def test_one_setting_has_no_score():
    own = FRAME[(FRAME["method"] == "bn") & (FRAME["knob_level"] == 1)]
    one = TrialOutcome.of(own, np.ones(len(own)), TrialKernel(1.0, 0.0))
    assert np.isnan(left_out_chances(one, one.settings)).all()


def test_what_is_shipped_is_what_the_table_says():
    from experiments.atlas import ship, table
    from vaecli.atlas.trials_table import CORPORA, read_corpora, shipped

    frame = table.read_table()
    for path, text in ship.generated(frame).items():
        assert path.read_text() == text, f"{path.name}: python -m experiments.docs writes it"
    known = table.without_noise(table.judged(frame))
    assert len(shipped()) == len(known)
    corpora = ship.pd.read_csv(CORPORA).set_index("corpus")["fingerprint"]
    assert (known["fingerprint"] == known["corpus"].map(corpora)).all()
    assert list(read_corpora()["corpus"]) == list(ship.design.CORPORA_2)


@pytest.mark.slow
def test_features_of_corpora_are_those_of_their_text():
    from experiments.atlas import ship

    ship.pd.testing.assert_frame_equal(
        ship.corpora_table(None), ship.pd.read_csv(ship.shipped.CORPORA), check_dtype=False
    )


def test_queries_have_the_columns_of_trials():
    settings = {n: FRAME[n].iloc[0] for n in ("learning_rate", "optimizer", "decoder_size", "latent_size", "updates")}
    features = {n: FRAME[n].iloc[0] for n in ("train_sentences", "mean_length", "vocabulary", "entropy")}
    query = query_of({**settings, "batch_size": 32}, features)
    assert Adviser(FRAME).nearness(query).distance == 0.0
