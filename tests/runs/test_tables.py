"""results.csv and summary.csv."""

import csv
import io
import math

import pandas as pd
import pytest

from tests.runs.grids import finish, prepared
from vaecli.errors import UsageError
from vaecli.metrics.schema import RESULT_COLUMNS
from vaecli.runs.folder import RunFolder
from vaecli.runs.tables import csv_cell, csv_text, neutral, results_table, summary_table, write_tables


def cells(path):
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))


def test_the_columns_are_the_schemas_in_order_and_optional_ones_follow(tmp_path):
    first, second = prepared(tmp_path, ["vanilla", "lm"])
    finish(first, {"rec": 20.0, "kl": 1.0, "unheard_of": 3.0})
    finish(second, {"rec": 22.0, "excess_nll": 0.5})
    table = results_table(tmp_path / "exp")
    assert list(table.columns) == [c.name for c in RESULT_COLUMNS] + ["excess_nll"]
    assert list(table["method"]) == ["vanilla", "lm"]


def test_an_undefined_figure_is_an_empty_cell_and_counts_stay_whole(tmp_path):
    first, second = prepared(tmp_path, ["vanilla", "lm"])
    finish(first, {"rec": 20.25, "kl": 0.0, "au": 3, "ppl_elbo": math.inf})
    finish(second, {"rec": -1.5, "kl": None, "au": None, "ppl_elbo": 9.0})
    results, _ = write_tables(tmp_path / "exp")
    vanilla, lm = cells(results)
    assert (vanilla["kl"], vanilla["au"], vanilla["ppl_elbo"], vanilla["mi"]) == ("0.0", "3", "inf", "")
    assert (lm["kl"], lm["au"], lm["rec"]) == ("", "", "-1.5")


def test_trials_that_are_not_done_have_a_status_and_no_figures(tmp_path):
    done, bad = prepared(tmp_path, ["vanilla"], "0-1")
    finish(done, {"rec": 20.0})
    finish(bad, {"rec": 99.0}, status="diverged")
    table = results_table(tmp_path / "exp")
    assert list(table["status"]) == ["done", "diverged"]
    assert table["rec"].iloc[0] == 20.0
    assert pd.isna(table["rec"].iloc[1])


def test_the_summary_by_hand(tmp_path):
    trials = prepared(tmp_path, ["vanilla", "lm"], "0-4")
    for trial, rec in zip(trials[:3], (19.0, 20.0, 24.0), strict=True):
        finish(trial, {"rec": rec, "kl": 1.0})
    finish(trials[3], {}, status="failed")
    finish(trials[5], {"rec": 30.0})
    table = summary_table(results_table(tmp_path / "exp")).set_index("method")
    vanilla, lm = table.loc["vanilla"], table.loc["lm"]
    counts = ["trials", "failed", "diverged", "unfinished"]
    assert list(vanilla[counts]) == [3, 1, 0, 1]
    assert list(lm[counts]) == [1, 0, 0, 4]
    # mean (19 + 20 + 24) / 3 = 21; squares 4 + 1 + 9 = 14, sd sqrt(14 / 2) = 2.6458;
    # half width t(2, 0.975) sd / sqrt(3) = 4.3027 * 2.6458 / 1.7321 = 6.5725
    assert vanilla["rec_mean"] == 21.0
    assert vanilla["rec_sd"] == pytest.approx(7**0.5)
    assert (vanilla["rec_low"], vanilla["rec_high"]) == (
        pytest.approx(14.4275, abs=1e-3),
        pytest.approx(27.5725, abs=1e-3),
    )
    assert lm["rec_mean"] == 30.0
    assert all(pd.isna(lm[f"rec_{part}"]) for part in ("sd", "low", "high"))
    assert pd.isna(lm["kl_mean"])


@pytest.mark.parametrize(
    "change",
    [
        {"remedies": {"vanilla": 2}},
        {"estimators": {"mi": 2}},
        {"corpus": {"name": "synthetic", "fingerprint": "0" * 64}},
    ],
)
def test_trials_of_other_versions_or_another_text_are_never_averaged(tmp_path, change):
    first, second, never = prepared(tmp_path, ["vanilla"], "0-2")
    finish(first, {"rec": 20.0})
    finish(second, {"rec": 30.0}, **change)
    assert RunFolder(never.path).status == "pending"
    _, summary = write_tables(tmp_path / "exp")
    assert {row["rec_mean"] for row in cells(summary) if row["rec_mean"]} == {"20.0", "30.0"}
    assert len({row["versions"] for row in cells(summary)} - {""}) == 2


def test_bounds_of_other_numbers_of_samples_are_never_averaged(tmp_path):
    first, second, lm = prepared(tmp_path, ["vanilla", "lm"], "0-1")[:3]
    finish(first, {"iw_nll": 20.0, "iw_samples": 50})
    finish(second, {"iw_nll": 30.0, "iw_samples": 500})
    finish(lm, {"iw_nll": 25.0, "iw_samples": None})
    table = results_table(tmp_path / "exp")
    assert sorted(table[table["status"] == "done"]["versions"]) == ["", "iw_samples 50", "iw_samples 500"]
    assert not {25.0} & set(summary_table(table).query("method == 'vanilla'")["iw_nll_mean"])


def test_a_trial_without_an_evaluation_of_another_stays_with_it(tmp_path):
    """Seeds 0 and 1 of vanilla differ from bn in a setting, and seed 1 lacks the evaluation: one row of two trials."""
    first, second, bn, _ = prepared(tmp_path, ["vanilla", "bn"], "0-1")
    finish(first, {"rec": 20.0, "iw_samples": 50}, estimators={"gaps": 1, "gaps.sentences": 100})
    finish(second, {"rec": 22.0, "iw_samples": 50}, estimators={})
    finish(bn, {"rec": 18.0, "iw_samples": 500}, estimators={"gaps": 1, "gaps.sentences": 200})
    summary = summary_table(results_table(tmp_path / "exp")).set_index("method")
    assert summary.loc["vanilla", "rec_mean"] == 21.0
    assert summary.loc["vanilla", "versions"] == "gaps.sentences 100, iw_samples 50"


def test_equal_versions_need_no_column(tmp_path):
    first, second = prepared(tmp_path, ["vanilla", "bn"])
    finish(first, {"rec": 20.0})
    finish(second, {"rec": 20.0})
    assert "versions" not in results_table(tmp_path / "exp").columns
    assert "versions" not in summary_table(results_table(tmp_path / "exp")).columns


def test_text_that_a_spreadsheet_would_run_is_neutralised_and_numbers_never_are(tmp_path):
    first = prepared(tmp_path)[0]
    finish(first, {"rec": -1.2}, corpus={"name": '=cmd("x"),\n', "fingerprint": "f"})
    results, _ = write_tables(tmp_path / "exp")
    assert cells(results)[0]["corpus"] == '\'=cmd("x"),\n'
    assert cells(results)[0]["rec"] == "-1.2"
    assert results_table(tmp_path / "exp")["corpus"].iloc[0].startswith("=cmd"), "in memory it is what it is"
    for text in ("=1", "+1", "-1", "@a", "\ta", "\ra"):
        assert neutral(text) == "'" + text
    assert neutral("a=1") == "a=1"
    assert [csv_cell(v) for v in (-3, -0.5, None, float("nan"), pd.NA, float("-inf"))] == [
        "-3",
        "-0.5",
        "",
        "",
        "",
        "-inf",
    ]


def test_tables_are_rebuilt_at_will_and_read_back_exactly(tmp_path):
    first = prepared(tmp_path)[0]
    finish(first, {"rec": 0.1 + 0.2, "au": 4})
    results, summary = write_tables(tmp_path / "exp")
    before = results.read_bytes(), summary.read_bytes()
    results.unlink()
    write_tables(tmp_path / "exp")
    assert (results.read_bytes(), summary.read_bytes()) == before
    assert pd.read_csv(results)["rec"].iloc[0] == 0.1 + 0.2
    assert csv_text(results_table(tmp_path / "exp")).encode() == before[0]


def test_a_folder_without_runs(tmp_path):
    with pytest.raises(UsageError, match="no run of vae"):
        results_table(tmp_path)


def test_a_run_of_a_newer_program_is_named(tmp_path):
    folder = finish(prepared(tmp_path)[0], {})
    folder.update(format=99)
    with pytest.raises(UsageError, match="newer"):
        results_table(tmp_path / "exp")
