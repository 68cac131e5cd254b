"""Which columns are shown and in which order."""

from __future__ import annotations

import pytest
from reporting.frames import table, three_methods, trial

from vaecli.core.errors import UsageError
from vaecli.reporting.selection import choose_columns, parse_sort
from vaecli.runs.groups import grouped


def test_default_columns_are_those_that_say_something():
    assert choose_columns(three_methods(), None) == (
        "method",
        "seeds",
        "rec",
        "kl",
        "neg_elbo",
        "mi",
        "au",
        "verdict",
    )


def test_status_is_shown_only_when_something_is_not_done():
    rows = table(trial("bn", rec=1.0), trial("lm", status="failed"))
    assert choose_columns(rows, None) == ("method", "status", "rec", "neg_elbo")
    assert "status" not in choose_columns(three_methods(), None)


def test_per_trial_shows_the_seed_instead_of_their_number():
    assert choose_columns(three_methods(), None, per_trial=True)[:2] == ("method", "seed")


def test_requested_columns_in_their_order_once_each():
    assert choose_columns(three_methods(), " kl, method,kl,verdict,") == ("kl", "method", "verdict")


def test_the_method_is_always_shown():
    assert choose_columns(three_methods(), "rec,kl") == ("method", "rec", "kl")
    assert choose_columns(three_methods(), "seed,rec", per_trial=True) == ("method", "seed", "rec")


@pytest.mark.parametrize(
    ("requested", "message"),
    [
        ("method,neg_elbow", r"unknown column 'neg_elbow' \(--columns\): did you mean 'neg_elbo'\?"),
        ("iw_nll", r"column 'iw_nll' \(--columns\) was not measured"),
        (",", "names no column"),
    ],
)
def test_columns_that_are_not_there(requested, message):
    with pytest.raises(UsageError, match=message):
        choose_columns(three_methods(), requested)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (None, ["lm", "vanilla", "bn"]),
        ("rec", ["bn", "lm", "vanilla"]),
        ("rec:desc", ["vanilla", "lm", "bn"]),
        ("kl", ["vanilla", "bn", "lm"]),  # undefined last in both directions
        ("kl:desc", ["bn", "vanilla", "lm"]),
        ("method:asc", ["bn", "lm", "vanilla"]),
        ("seeds:desc", ["bn", "lm", "vanilla"]),  # equal ones keep their order
        ("verdict", ["lm", "vanilla", "bn"]),  # -, collapsed, informative
    ],
)
def test_sort(written, expected):
    rows = three_methods()
    assert [group.method for group in parse_sort(rows, written).apply(grouped(rows), rows)] == expected


@pytest.mark.parametrize(
    ("written", "message"),
    [("rec:dsc", "unknown order 'dsc'.*'desc'"), ("rce", r"unknown column 'rce' \(--sort\): did you mean 'rec'\?")],
)
def test_sort_that_cannot_be(written, message):
    with pytest.raises(UsageError, match=message):
        parse_sort(three_methods(), written)
