"""What makes two trials comparable and what makes them one row."""

from __future__ import annotations

from io import StringIO

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaecli.config import build_config
from vaecli.runs.grid_file import read_grid
from vaecli.runs.groups import APART, complete, grouped
from vaecli.runs.identity import (
    disagreements,
    fingerprint,
    parse_versions,
    protocol,
    shortened,
    variant,
    versions_text,
)
from vaecli.settings.presets import load_preset

NAMES = st.sampled_from(["bn", "mi", "kl", "gaps.sentences", "iw_samples"])
VERSIONS = st.dictionaries(NAMES, st.integers(1, 3), max_size=4)


def frame(*rows, **shared):
    return pd.DataFrame([{"experiment": "e", "status": "done", "method": "bn", **shared, **row} for row in rows])


def text(versions):
    return ", ".join(f"{name} {n}" for name, n in sorted(versions.items()))


def test_versions_of_remedies_come_before_those_of_estimators():
    run = {"remedies": {"linear_anneal": 1, "bn": 2}, "estimators": {"mi": 1, "gaps.sentences": 200}}
    assert versions_text(run, 50) == "bn 2, linear_anneal 1, gaps.sentences 200, iw_samples 50, mi 1"
    assert versions_text({}) is None


@given(VERSIONS)
def test_versions_are_read_back(versions):
    assert parse_versions(text(versions)) == {name: str(n) for name, n in versions.items()}


@pytest.mark.parametrize("nothing", [None, float("nan"), pd.NA, "", " , "])
def test_no_versions_are_none(nothing):
    assert parse_versions(nothing) == {}


def test_only_what_differs_is_left():
    texts = ["bn 1, kl 1, mi 1", "bn 1, kl 1, mi 2", "lm 1, kl 1"]
    assert disagreements(texts, ["bn", "bn", "lm"], [True] * 3) == ["mi 1", "mi 2", ""]


def test_an_evaluation_that_a_trial_lacks_keeps_it_apart_from_none():
    texts = ["bn 1, gaps 1, gaps.sentences 200", "bn 1", "beta 1, gaps 1, gaps.sentences 100"]
    assert disagreements(texts, ["bn", "bn", "beta"], [True] * 3) == [
        "gaps.sentences 200",
        "gaps.sentences 200",
        "gaps.sentences 100",
    ]


def test_a_trial_that_is_done_and_has_no_versions_is_of_unknown_ones():
    labels = disagreements(["bn 1", "", ""], ["bn"] * 3, [True, True, False])
    assert labels == ["versions known", "versions unknown", "versions known"]  # the last one hasn't begun
    assert disagreements(["", ""], ["bn"] * 2, [True, True]) == ["", ""]  # an older table


@given(st.lists(st.tuples(VERSIONS, st.sampled_from(["done", "pending"])), min_size=1, max_size=6))
def test_what_is_completed_is_complete(trials):
    rows = [{"seed": n, "versions": text(versions), "status": status} for n, (versions, status) in enumerate(trials)]
    once = complete(frame(*rows))
    assert list(complete(once)[APART]) == list(once[APART])
    assert [len(g.trials) for g in grouped(once)] == [len(g.trials) for g in grouped(frame(*rows))]


@given(st.lists(VERSIONS, min_size=2, max_size=5))
def test_trials_that_disagree_are_never_in_one_group(trials):
    table = frame(*({"seed": n, "versions": text(versions)} for n, versions in enumerate(trials)))
    for group in grouped(table):
        members = [trials[n] for n in group.trials["seed"]]
        for name in {name for versions in members for name in versions}:
            assert len({versions[name] for versions in members if name in versions}) == 1


@pytest.mark.parametrize("key", ["experiment", "corpus", "fingerprint", "protocol", "split", "variant"])
def test_each_key_alone_keeps_trials_apart(key):
    table = frame({"seed": 0, "rec": 1.0, key: "a"}, {"seed": 1, "rec": 3.0, key: "b"})
    assert [group.summary("rec").mean for group in grouped(table)] == [1.0, 3.0]


@pytest.mark.parametrize("key", ["fingerprint", "protocol", "variant"])
def test_a_done_trial_of_which_a_key_is_unknown_stays_apart(key):
    table = frame({"seed": 0, "rec": 1.0, key: "a"}, {"seed": 1, "rec": 3.0, key: None})
    assert len(grouped(table)) == 2


def test_a_trial_that_never_began_is_of_the_text_of_the_others():
    table = frame(
        {"seed": 0, "corpus": "c", "fingerprint": "f"},
        {"seed": 1, "corpus": "c", "fingerprint": None, "status": "pending"},
    )
    (group,) = grouped(table)
    assert len(group.trials) == 2


def test_labels_name_the_settings_that_differ():
    table = frame(
        {"seed": 0, "variant": "bn.gamma=0.7, training.clip=1"},
        {"seed": 0, "variant": "training.clip=1"},
        {"seed": 0, "variant": "bn.gamma=0.5, training.clip=1"},
        {"seed": 0, "variant": "beta.beta=2.0", "method": "beta"},
    )
    assert [group.label for group in grouped(table)] == [
        "bn (bn.gamma=0.7)",
        "bn (defaults)",
        "bn (bn.gamma=0.5)",
        "beta",
    ]


def test_variants_are_readable_and_sorted():
    config = build_config({"method": "bn", "hyper": {"bn": {"gamma": 0.7}, "beta": {"beta": 2}}})
    assert variant(config.hyper, {"training": {"clip": 1.0}}) == "beta.beta=2, bn.gamma=0.7, training.clip=1.0"
    assert variant({}, {}) is None


def test_an_override_leaves_the_protocol_what_the_grid_says():
    shared = {"training": {"clip": 5.0, "epochs": 6}}
    trainings = shared["training"], {"clip": 1.0, "epochs": 6}
    plain, own = (build_config({"training": values}).model_dump(mode="json") for values in trainings)
    assert protocol(own, {"training": {"clip": 1.0}}, shared) == protocol(plain, {}, shared)
    assert protocol(own, {}, shared) != protocol(plain, {}, shared)
    assert protocol(own, {"training": {"clip": 1.0}}, {}) == protocol(plain, {}, shared)  # the default
    broken = {"training": {"clip": "wide"}}  # of a grid that was edited since, nothing is known
    assert protocol(own, {"training": {"clip": 1.0}}, broken) != protocol(plain, {}, shared)


def test_fingerprints_are_cut_and_may_be_missing():
    assert fingerprint({"corpus": {"fingerprint": "0123456789abcdef"}}) == "0123456789ab"
    assert fingerprint({"corpus": {"fingerprint": "short"}}) == "short"
    assert fingerprint({}) is None


@given(st.text("0123456789e", min_size=20, max_size=64))
def test_no_column_of_digits_is_a_number_to_readers(digits):
    """A protocol is the same in all rows, so that one of decimal digits, or of such around an e, was infinite."""
    column = pd.read_csv(StringIO(f"protocol\n{shortened(digits + 'ab')}\n"), keep_default_na=False)["protocol"]
    assert list(column) == [shortened(digits + "ab")]


def test_digits_that_are_no_number_are_the_first():
    assert shortened("61346e42249e0123") == "61346e42249e"
    assert shortened("1234567e8901f000") == "234567e8901f"


@pytest.mark.parametrize(
    "text", ["", "methods = 3\nseeds = 'x'\npreset = 'gone'\noverride = 1\nmodel = 2\n", "[override.bn]\nodd = 1\n"]
)
def test_a_grid_that_was_edited_says_what_it_can(tmp_path, text):
    (tmp_path / "experiment.toml").write_text(text)
    grid = read_grid(tmp_path)
    assert (grid.methods, grid.seeds) == ((), ())
    assert all(not groups for groups in grid.overrides.values())


def test_a_grid_is_read_whatever_is_installed(tmp_path):
    (tmp_path / "experiment.toml").write_text(
        'preset = "ptb"\nmethods = ["word_dropout+gone", "vae"]\nseeds = "0-2"\n[model]\ninit_range = "none"\n'
        "[override.gone.training]\nclip = 1.0\nodd = 2\n"
    )
    grid = read_grid(tmp_path)
    assert grid.methods == ("gone+word_dropout", "vanilla")
    assert grid.seeds == (0, 1, 2)
    assert grid.overrides == {"gone": {"training": {"clip": 1.0}}}
    assert grid.groups["model"]["init_range"] is None
    assert grid.groups["model"]["latent_size"] == load_preset("ptb")["model"]["latent_size"]
    assert read_grid(tmp_path / "none").methods == ()


def test_a_setting_that_came_later_leaves_the_digits_of_before():
    now = build_config(load_preset("quick")).model_dump(mode="json")
    before = {**now, "model": {key: value for key, value in now["model"].items() if key != "decoder"}}
    other = {**now, "model": {**now["model"], "decoder": "lstm_output"}}
    assert protocol(now, {}, {}) == protocol(before, {}, {}) != protocol(other, {}, {})
