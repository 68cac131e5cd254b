"""The atlas's design: a function of the trial's number, even along every axis."""

from collections import Counter

import numpy as np
import pytest

from experiments.atlas import design
from vaecli.metrics.schema import COLUMNS
from vaecli.remedies import REMEDIES, make_method, remedy_class
from vaecli.training.early_rule import SGD_FACTOR


def test_the_methods_are_those_with_a_kl_that_are_not_too_dear():
    fit = [m for m in REMEDIES if m not in ("lm", "ae") and make_method(m, {}).cost <= design.DEAREST]
    assert set(design.METHODS) == set(fit)
    assert len(design.METHODS) == len(set(design.METHODS)) <= design.SLOTS


def test_trials_never_move():
    """Pinned: a table's rows are of the design that these numbers are of."""
    assert design.trial(0) is None
    first = design.trial(1)
    assert (first.method, first.knob, first.value, first.level, first.seed) == ("vamp", "components", 95, 3, 0)
    assert first.settings == {
        "learning_rate": 0.0005209,
        "optimizer": "adam",
        "decoder_size": 32,
        "latent_size": 32,
        "epochs": 8,
        "corpus": "synthetic",
        "noise": 0.0,
    }
    late = design.trial(5000)
    assert (late.method, late.settings["learning_rate"], late.seed) == ("wae", 0.005826, 6)


def test_real_text_begins_where_it_does_and_moves_nothing(monkeypatch):
    """Before `REAL_FROM` the corpora are the embedded two; from it on all four, the other settings as they were."""
    before = {n: design.trial(n) for n in (*range(40), *range(256, 320))}
    monkeypatch.setattr(design, "REAL_FROM", 10_000)
    for number, trial in before.items():
        old = design.trial(number)
        if number < 256:
            assert trial == old
        elif trial is not None:
            assert {**old.settings, "corpus": trial.settings["corpus"]} == trial.settings
            half = design.CORPORA_2[:2] if old.settings["corpus"] == "synthetic" else design.CORPORA_2[2:]
            assert trial.settings["corpus"] in half  # the lower half of the axis is synthetic with two values
    counts = Counter(t.settings["corpus"] for n, t in before.items() if t is not None and n >= 256)
    assert set(counts) == set(design.CORPORA_2)
    assert min(counts.values()) >= 10  # 58 methods, four corpora
    assert design.trial(5000).settings["corpus"] in design.CORPORA


def test_noise_begins_where_it_does_and_moves_nothing(monkeypatch):
    """From `NOISE_FROM` on the trials of embedded corpora have noise, each of its values a third of them."""
    late = range(design.NOISE_FROM, design.NOISE_FROM + 8 * design.SLOTS)
    after = {n: design.trial(n) for n in late}
    assert all(design.trial(n).settings["noise"] == 0 for n in range(5_888, 5_952) if design.trial(n))
    monkeypatch.setattr(design, "NOISE_FROM", 100_000)
    counts = Counter()
    for number, trial in after.items():
        if trial is not None:
            assert {**trial.settings, "noise": 0.0} == design.trial(number).settings
            counts[trial.settings["corpus"] in design.CORPORA, trial.settings["noise"]] += 1
            assert trial.config().corpus.noise == trial.settings["noise"]
    assert set(counts) == {(False, 0.0), *((True, noise) for noise in design.NOISES)}
    assert min(counts.values()) >= 60  # of 464 trials half are on the embedded corpora


def test_trials_of_a_corpus_alone(tmp_path):
    todo = design.trials(corpora=("yelp_short",))
    first = [next(todo) for _ in range(3)]
    assert all(t.settings["corpus"] == "yelp_short" and t.number >= design.REAL_FROM for t in first)
    assert first[0].config(tmp_path).corpus.data == str(tmp_path / "yelp_short")
    assert design.trial(1).config(tmp_path).corpus.data == "synthetic"


def test_every_stretch_has_each_method_once_and_each_value_as_often():
    for stretch in (0, 1, 37):
        trials = [design.trial(n) for n in range(stretch * design.SLOTS, (stretch + 1) * design.SLOTS)]
        assert sorted(t.method for t in trials if t) == sorted(design.METHODS)
        points = np.array([design.point(stretch * design.SLOTS + n) for n in range(design.SLOTS)])
        for axis in points.T:
            assert set(Counter(int(x * 8) for x in axis).values()) <= {7, 8, 9}  # 8 each, but for the shift's border


def test_points_fill_pairs_of_axes():
    points = np.array([design.point(n) for n in range(256)])
    for i in range(len(design.AXES)):
        for j in range(i):
            cells = Counter((int(4 * a), int(4 * b)) for a, b in points[:, [i, j]])
            assert len(cells) == 16
            assert min(cells.values()) >= 8


@pytest.mark.parametrize(
    ("method", "values"),
    [
        ("beta", (0.05, 0.2875, 0.525, 0.7625, 1.0)),
        ("bow", (0.1, 0.2659, 0.7071, 1.88, 5.0)),  # equal ratios of 50^(1/4)
        ("cyclical", (2, 4, 6, 8, 10)),
        ("cnn", ("scnn", "mcnn", "lcnn", "vlcnn")),
        ("vanilla", ()),
    ],
)
def test_the_values_of_a_knob(method, values):
    assert design.values_of(method) == values


def test_every_value_of_every_knob_is_a_setting():
    for method in design.METHODS:
        knob = design.knob_of(method)
        assert not knob or knob in remedy_class(method).sensible
        for value in design.values_of(method):
            make_method(method, {method: {knob: value}})


def test_a_trial_is_a_configuration_within_the_ranges():
    for trial in filter(None, map(design.trial, range(128))):
        config = trial.config()
        rate = config.training.learning_rate / (SGD_FACTOR if config.training.optimizer == "sgd" else 1)
        assert design.RATES[0] * 0.999 <= rate <= design.RATES[1] * 1.001
        assert config.hyper == ({trial.method: {trial.knob: trial.value}} if trial.knob else {})
        assert config.training.seed == trial.number // design.SLOTS % design.SEEDS


def test_what_is_done_is_passed_over():
    todo = design.trials(frozenset({1, 3}))
    assert [next(todo).number for _ in range(2)] == [
        2,
        next(t.number for t in [design.trial(n) for n in range(4, 64)] if t),
    ]


def test_columns_of_the_design_are_no_results():
    assert not {"trial", "design", "knob", "knob_value", "knob_level", "optimizer"} & set(COLUMNS)


def test_repeats_differ_in_the_seed_alone_and_go_round_the_methods():
    repeats = list(design.repeats())
    assert len(repeats) == design.REPEATS * len(design.METHODS)
    assert [trial.method for trial in repeats[: len(design.METHODS)]] == list(design.METHODS)
    assert len({trial.number for trial in repeats}) == len(repeats)
    seeds = {design.trial(n).seed for n in range(64 * design.SEEDS) if design.trial(n)}
    for again in repeats:
        once = design.trial(again.number)
        assert (again.settings, again.value, again.method) == (once.settings, once.value, once.method)
        assert again.seed not in seeds
        assert (again.settings["noise"], again.settings["corpus"] in design.CORPORA) == (0.0, True)
    left = list(design.repeats(frozenset(trial.number for trial in repeats[:60])))
    assert left == repeats[60:]
