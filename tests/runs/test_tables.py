"""results.csv and summary.csv."""

import csv
import io
import math
import shutil

import pandas as pd
import pytest

from tests.runs.grids import experiment, finish, forget_method, prepared
from vaecli.core.errors import UsageError
from vaecli.metrics.schema import RESULT_COLUMNS
from vaecli.runs.folder import RunFolder
from vaecli.runs.groups import APART, complete
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
    told = {(row.get("versions", ""), row["fingerprint"]) for row in cells(summary) if row["rec_mean"]}
    assert len(told) == 2


def test_bounds_of_other_numbers_of_samples_are_never_averaged(tmp_path):
    first, second, lm = prepared(tmp_path, ["vanilla", "lm"], "0-1")[:3]
    finish(first, {"iw_nll": 20.0, "iw_samples": 50})
    finish(second, {"iw_nll": 30.0, "iw_samples": 500})
    finish(lm, {"iw_nll": 25.0, "iw_samples": None})
    table = results_table(tmp_path / "exp")
    assert "iw_samples 500" in table["versions"].iloc[1]
    apart = complete(table)
    assert sorted(apart[apart["status"] == "done"][APART]) == ["", "iw_samples 50", "iw_samples 500"]
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


def test_a_row_tells_its_versions_whatever_the_others_have_and_a_summary_only_where_they_differ(tmp_path):
    first, second = prepared(tmp_path, ["vanilla", "bn"])
    finish(first, {"rec": 20.0})
    finish(second, {"rec": 20.0})
    assert list(results_table(tmp_path / "exp")["versions"]) == ["vanilla 1, mi 1", "bn 1, mi 1"]
    assert "versions" not in summary_table(results_table(tmp_path / "exp")).columns


def test_the_verdict_is_a_column_made_from_the_figures(tmp_path):
    trials = prepared(tmp_path, ["vanilla", "bn", "lm", "beta"])
    sizes = {"sentences": 2000, "tokens": 20_000, "vocabulary": 919, "mi_ceiling": 7.6}
    finish(trials[0], {"rec": 24.0, "kl": 0.01, "mi": 0.0, **sizes})
    finish(trials[1], {"rec": 22.0, "kl": 3.0, "mi": 2.0, "au": 0, "verdict": "collapsed", **sizes})
    finish(trials[2], {"rec": 24.0, **sizes})
    finish(trials[3], {}, status="diverged")
    results, _ = write_tables(tmp_path / "exp")
    assert [row["verdict"] for row in cells(results)] == ["collapsed", "informative", "", "diverged"]


def test_runs_that_are_older_than_a_column_leave_it_empty(tmp_path):
    """Their vocabulary is known from run.json, so that their verdict is as good as that of new ones."""
    first, second = prepared(tmp_path, ["vanilla"], "0-1")
    corpus = {"name": "synthetic", "fingerprint": "f" * 64, "vocabulary": 919}
    old = {"rec": 1e4, "kl": 3.0, "mi": 2.0, "sentences": 2000, "tokens": 20_000}
    finish(first, old, corpus=corpus)
    finish(second, old)
    rows = cells(write_tables(tmp_path / "exp")[0])
    assert [(row["vocabulary"], row["unknown"], row["verdict"]) for row in rows] == [
        ("919", "", "worse than uniform"),
        ("", "", "informative"),
    ]


def test_settings_tell_rows_apart(tmp_path):
    """Hyper-parameters and overrides are a method's own; all else is the protocol, whatever the seed or the machine."""
    grid = tmp_path / "grid.toml"
    grid.write_text("[method.bn]\ngamma = 0.7\n[override.beta.training]\nlearning_rate = 0.001\n")
    trials = prepared(tmp_path, ["vanilla", "bn", "beta"], "0-1", file=grid)
    for trial in trials:
        finish(trial, {"rec": 20.0})
    rows = cells(write_tables(tmp_path / "exp")[0])
    assert [row["variant"] for row in rows[::2]] == ["", "bn.gamma=0.7", "training.learning_rate=0.001"]
    assert len({row["protocol"] for row in rows}) == 1
    assert len(summary_table(results_table(tmp_path / "exp"))) == 3
    other = prepared(tmp_path, ["bn"], name="other", sets=["training.epochs=7"])[0]
    finish(other, {"rec": 20.0})
    (row,) = cells(write_tables(tmp_path / "other")[0])
    assert row["protocol"] != rows[0]["protocol"]


@pytest.mark.parametrize(
    ("setting", "same"),
    [
        ("training.threads=1", True),
        ("training.device=cpu", True),
        ("evaluation.iw_samples=7", True),  # the versions hold it
        ("evaluation.batch_size=3", True),
        ("corpus.data=synthetic", True),
        ("training.clip=1", False),
        ("training.precision=fp32", False),
        ("model.latent_size=3", False),
        ("evaluation.rec_samples=2", False),
    ],
)
def test_what_a_protocol_is(tmp_path, setting, same):
    protocols = []
    for name, sets in (("one", []), ("two", [setting])):
        finish(prepared(tmp_path, name=name, sets=sets)[0], {"rec": 20.0})
        protocols.append(results_table(tmp_path / name)["protocol"].iloc[0])
    assert (protocols[0] == protocols[1]) is same
    assert all(len(text) == 12 for text in protocols)


def test_trials_of_other_settings_are_never_averaged(tmp_path):
    """Two seeds of one method in one folder, trained for 6 and for 12 epochs, and two gammas."""
    runs = {}
    for seed, sets in enumerate(
        [["training.epochs=6"], ["training.epochs=12"], ["bn.gamma=0.5", "training.epochs=12"]]
    ):
        (trial,) = experiment(tmp_path, ["bn"], str(seed), sets=sets).trials()
        RunFolder(trial.path).create(trial.config)
        runs[seed] = finish(trial, {"rec": 20.0 + seed})
    summary = summary_table(results_table(tmp_path / "exp"))
    assert list(summary["rec_mean"]) == [20.0, 21.0, 22.0]
    assert summary["protocol"].nunique() == 2


def test_the_results_of_a_method_that_is_no_longer_installed(tmp_path):
    trials = prepared(tmp_path, ["vanilla", "bn", "beta"], "1-2")
    for trial in trials:
        finish(trial, {"rec": 20.0})
    forget_method(tmp_path / "exp", "bn", "gone_plugin")
    table = results_table(tmp_path / "exp")
    assert list(table["method"][::2]) == ["vanilla", "gone_plugin", "beta"]
    assert list(table["variant"]) == [None] * 6


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
    assert float(next(csv.DictReader(io.StringIO(results.read_text())))["rec"]) == 0.1 + 0.2
    assert csv_text(results_table(tmp_path / "exp")).encode() == before[0]


def test_a_folder_without_runs(tmp_path):
    with pytest.raises(UsageError, match="no run of vae"):
        results_table(tmp_path)


def test_a_run_of_a_newer_program_is_named(tmp_path):
    folder = finish(prepared(tmp_path)[0], {})
    folder.update(format=99)
    with pytest.raises(UsageError, match="newer"):
        results_table(tmp_path / "exp")


def test_a_copy_of_a_trial_is_not_counted(tmp_path):
    first = prepared(tmp_path)[0]
    finish(first, {"rec": 20.0})
    shutil.copytree(first.path, first.path.with_name("seed-0-copy"))
    with pytest.raises(UsageError, match=r"seed-0-copy both hold vanilla seed 0, which would count twice; move one"):
        results_table(tmp_path / "exp")


def test_perplexities_too_large_to_square_are_averaged(tmp_path):
    for trial in prepared(tmp_path, ["vanilla"], "0-1"):
        finish(trial, {"rec": 20.0, "ppl_elbo": 1e200 * (1 + trial.seed)})
    (row,) = cells(write_tables(tmp_path / "exp")[1])
    assert float(row["ppl_elbo_mean"]) == pytest.approx(1.5e200)
    assert float(row["ppl_elbo_sd"]) == pytest.approx(math.sqrt(0.5) * 1e200)
