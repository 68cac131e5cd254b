"""`docs/metrics.md` has an entry for every column, and each names a test that is there."""

import re
from collections import Counter
from pathlib import Path

import pytest
from metrics.test_brute_force import OF_THE_RUN

from vaecli.metrics.extras.registry import BLOCKS
from vaecli.metrics.schema import COLUMNS
from vaecli.reporting.table_file import read_csv

ROOT = Path(__file__).parents[2]
ENTRIES = re.split(r"^### ", (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]


def heading(entry):
    return re.findall(r"`([^`]+)`", entry.split("\n")[0])


FIGURES = [entry for entry in ENTRIES if not set(heading(entry)) & OF_THE_RUN]


def test_every_column_has_one_entry_and_every_entry_columns():
    named = Counter(name for entry in ENTRIES for name in heading(entry))
    assert set(named) == set(COLUMNS)
    assert set(named.values()) == {1}


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: heading(entry)[0])
def test_every_entry_names_a_test_that_is_there(entry):
    named = re.findall(r"`(tests/[a-z_/]+\.py)(?:::(test_\w+))?`", entry)
    assert named, "no test is named"
    for file, function in named:
        assert (ROOT / file).is_file(), file
        if function:
            assert f"def {function}(" in (ROOT / file).read_text(encoding="utf-8"), f"{file} has no {function}"


@pytest.mark.parametrize("entry", FIGURES, ids=lambda entry: heading(entry)[0])
def test_every_entry_of_a_figure_says_its_bias_its_ceiling_and_its_check(entry):
    for word in ("Bias", "Ceiling", "Check"):
        assert entry.count(f"*{word}:*") == 1, word
    check = entry.split("*Check:*")[1]
    assert "`tests/" in check


def test_kl_is_mi_plus_marginal_kl_but_for_the_noise_that_is_told():
    text = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    mean, most = map(
        float, re.search(r"by (\S+) nats on average and by (\S+) at most", text.replace("\n", " ")).groups()
    )
    rows = read_csv(ROOT / "experiments" / "all" / "results.csv").dropna(subset=["marginal_kl"])
    noise = (rows["kl"] - rows["mi"] - rows["marginal_kl"]).abs()
    assert noise[rows["method"].isin(["iaf", "mog", "vamp"])].max() < 1e-9  # sampled as the two are
    assert (round(noise.mean(), 2), round(noise.max(), 2)) == (mean, most)


def test_every_evaluation_of_the_registry_is_named():
    text = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    for name in BLOCKS:
        assert f"valuation `{name}`" in text, name


def test_every_test_that_is_named_anywhere_is_there():
    named = re.findall(
        r"`(tests/[a-z_/]+\.py)::(test_\w+)`", (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    )
    assert len(named) > 30
    for file, function in named:
        assert f"def {function}(" in (ROOT / file).read_text(encoding="utf-8"), f"{file} has no {function}"
