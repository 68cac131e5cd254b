"""The table of paired differences."""

from __future__ import annotations

import json

import pytest
from reporting.frames import table, three_methods, trial

from vaecli.core.errors import UsageError
from vaecli.reporting.paired import p_text, paired_views, signed
from vaecli.reporting.render import render
from vaecli.reporting.terminal import Target, to_text


def seeds(n):
    """bn is below vanilla by 1, 2, ..., n nats of rec."""
    return table(
        *(trial("vanilla", s, rec=20.0, kl=0.0) for s in range(n)),
        *(trial("bn", s, rec=20.0 - (s + 1), kl=3.0) for s in range(n)),
    )


def heads(view):
    return [head.name for head in view.heads]


def test_few_seeds_show_the_differences_and_no_p_value():
    (view,) = paired_views(seeds(3), "vanilla", "rec")
    assert heads(view) == ["column", "method", "pairs", "difference", "by seed"]
    # mean -2, sd 1, half = 4.302653 / sqrt(3) = 2.484: one decimal
    assert [cell.text for cell in view.rows[0]] == ["rec (lower is better)", "bn", "3", "-2.0", "-1.0, -2.0, -3.0"]
    assert view.rows[0][3].spread == "2.5"
    assert any("no p-value" in note for note in view.notes)


def test_five_seeds_show_a_p_value():
    (view,) = paired_views(seeds(5), "vanilla", "rec")
    assert heads(view) == ["column", "method", "pairs", "difference", "p"]
    # t = -3 / (sqrt(2.5) / sqrt(5)) = -4.2426 with 4 df: p = 0.013236; one method, so Holm changes nothing
    assert [cell.text for cell in view.rows[0]] == ["rec (lower is better)", "bn", "5", "-3.0", "0.013"]
    assert not any("no p-value" in note for note in view.notes)


def test_records_are_numbers():
    (row,) = json.loads(render(seeds(5), "json", "rec", baseline="vanilla"))
    assert (row["method"], row["column"], row["pairs"], row["difference"]) == ("bn", "rec", 5, -3.0)
    assert row["p_holm"] == pytest.approx(0.013236, abs=1e-6)
    assert row["differences"] == [-1.0, -2.0, -3.0, -4.0, -5.0]


def test_the_order_of_methods_is_that_of_sort():
    rows = table(trial("vanilla", rec=20.0), trial("a", rec=19.0), trial("b", rec=18.0), trial("c", rec=21.0))
    (view,) = paired_views(rows, "vanilla", "rec", "rec:desc")
    assert [row[1].text for row in view.rows] == ["c", "a", "b"]


def test_an_alias_names_the_baseline():
    (view,) = paired_views(seeds(2), "vae", "rec")
    assert view.title.endswith("differences to vanilla")


def test_an_alias_of_several_among_others_names_the_baseline():
    # bowman is sigmoid_anneal+word_dropout, whose names are before and after slvae
    name = "sigmoid_anneal+slvae+word_dropout"
    rows = table(*(trial(method, s, rec=20.0) for method in (name, "bn") for s in range(2)))
    (view,) = paired_views(rows, "bowman+slvae", "rec")
    assert view.title.endswith(f"differences to {name}")


@pytest.mark.parametrize(
    ("baseline", "columns", "message"),
    [
        ("vanila", None, r"unknown method 'vanila' \(--baseline\): did you mean 'vanilla'\?"),
        ("vanilla", "method,status", "names no figure"),
        ("vanilla", "recc", "unknown column 'recc'"),
    ],
)
def test_what_cannot_be_compared(baseline, columns, message):
    with pytest.raises(UsageError, match=message):
        paired_views(three_methods(), baseline, columns)


def test_a_baseline_of_several_versions_must_be_named():
    rows = table(
        trial("vanilla", 0, rec=1.0, versions="vanilla 1"),
        trial("vanilla", 1, rec=2.0, versions="vanilla 2"),
        trial("bn", 1, rec=5.0, versions="bn 1"),
    )
    with pytest.raises(UsageError, match=r"choose from 'vanilla \(vanilla 1\)', 'vanilla \(vanilla 2\)'"):
        paired_views(rows, "vanilla", "rec")
    (view,) = paired_views(rows, "vanilla (vanilla 2)", "rec")
    assert [(row[1].text, row[3].text) for row in view.rows] == [("bn", "+3.00")]


def test_no_common_seed_is_said():
    (view,) = paired_views(table(trial("vanilla", 0, rec=1.0), trial("bn", 1, rec=2.0)), "vanilla", "rec")
    assert view.rows == ()
    assert any("no method has a finished trial" in note for note in view.notes)
    assert render(table(trial("vanilla", rec=1.0)), "table", baseline="vanilla").endswith("\n")


def test_an_experiment_without_the_baseline_is_said():
    rows = table(trial("vanilla", rec=1.0), trial("bn", rec=2.0), trial("bn", rec=2.0, experiment="other"))
    first, second = paired_views(rows, "vanilla", "rec")
    assert len(first.rows) == 1
    assert second.notes == ("vanilla is not in this experiment, so nothing can be compared with it",)


def test_differences_to_a_ceiling_are_said_to_be_no_measurement():
    rows = table(trial("vanilla", mi=0.1, kl=0.2), trial("ae", mi=7.6), trial("bn", kl=3.0, mi=2.0))
    (view,) = paired_views(rows, "vanilla", "rec,mi")
    assert "mi is at its ceiling for ae: a difference is no measurement" in view.notes
    (view,) = paired_views(rows, "ae", "mi")
    assert "mi is at its ceiling for ae: a difference is no measurement" in view.notes
    (view,) = paired_views(rows[::2], "vanilla", "mi")
    assert not any("ceiling" in note for note in view.notes)


def test_other_settings_are_never_paired():
    rows = table(
        *(trial("vanilla", s, rec=20.0, protocol="111") for s in range(2)),
        *(trial("bn", s, rec=18.0, protocol="222") for s in range(2)),
    )
    first, second = paired_views(rows, "vanilla", "rec")
    assert (first.rows, second.rows) == ((), ())
    assert "protocol 111" in first.title


def test_signs_and_p_values():
    assert [signed(value, 1) for value in (1.26, -1.26, 0.0, 0.04)] == ["+1.3", "-1.3", "0.0", "0.0"]
    assert [p_text(p) for p in (0.0004, 0.0132, 0.5, 1.0)] == ["<0.001", "0.013", "0.5", "1"]


def test_without_seeds_nothing_is_paired_and_that_is_said():
    (view,) = paired_views(seeds(1).drop(columns=["seed", "experiment", "corpus", "split"], errors="ignore"), "vanilla")
    assert view.notes[0] == "these results have no column 'seed', by which trials are paired"
    assert not view.title.startswith(",")


def test_a_narrow_terminal_repeats_column_and_method():
    text = to_text(paired_views(seeds(2), "vanilla", "rec")[0], Target(62))
    parts = [part.splitlines() for part in text.split("\n\n")]
    assert [part[-3 if n == 0 else 0].split()[:2] for n, part in enumerate(parts[:2])] == [["column", "method"]] * 2
    assert "by seed" in parts[1][0]
    assert "bn" in parts[1][2]
