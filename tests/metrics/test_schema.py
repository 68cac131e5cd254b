import subprocess
import sys
from pathlib import Path

import pytest

from vaecli.core.errors import UsageError
from vaecli.metrics.schema import COLUMNS, ESTIMATOR_VERSIONS, OPTIONAL_COLUMNS, RESULT_COLUMNS, column

ROOT = Path(__file__).parents[2]


def test_order_is_the_contract():
    contract = """
        experiment, corpus, method, seed, status, split, sentences, tokens, rec, kl, neg_elbo, iw_nll, iw_samples,
        ppl_elbo, ppl_iw, mi, mi_se, mi_ceiling, mi_batch, marginal_kl, au, kl_weight, epochs, steps, parameters,
        seconds, tokens_per_second, peak_memory_mb, vocabulary, unknown, verdict, fingerprint, protocol,
        training_protocol, variant, versions
    """
    assert ", ".join(c.name for c in RESULT_COLUMNS) == " ".join(contract.split())
    assert not any(c.optional for c in RESULT_COLUMNS)
    assert all(c.optional for c in OPTIONAL_COLUMNS)
    assert len(COLUMNS) == len(RESULT_COLUMNS) + len(OPTIONAL_COLUMNS)  # no name twice


def test_every_figure_has_a_unit_and_a_meaning():
    for c in COLUMNS.values():
        assert c.meaning
        if c.kind == "text":
            assert (c.unit, c.direction) == ("", None)
        elif c.name not in ("seed", "kl_weight"):
            assert c.unit, c.name


def test_unknown_column_names_the_nearest():
    assert column("mi").name == "mi"
    with pytest.raises(UsageError, match=r"unknown column 'neg_elb' \(--columns\): did you mean 'neg_elbo'\?"):
        column("neg_elb", "--columns")


def test_every_estimated_figure_has_a_versioned_estimator():
    estimators = set(ESTIMATOR_VERSIONS) - {"noise", "ppl"}
    assert estimators <= set(COLUMNS)
    assert {"rec", "kl", "neg_elbo", "iw_nll", "mi", "mi_batch", "marginal_kl", "au"} <= estimators
    assert all(version >= 1 for version in ESTIMATOR_VERSIONS.values())


def test_schema_imports_nothing_heavy():
    code = "import sys, vaecli.metrics.schema; print(sorted({'torch', 'numpy', 'pandas'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_columns_of_older_tables_come_first_and_in_their_order():
    """Tables of 2026-11 end with peak_memory_mb, and their optional columns are among the optional ones of today."""
    for name in ("all", "ptb"):
        header = (ROOT / "experiments" / name / "results.csv").read_text(encoding="utf-8").split("\n")[0].split(",")
        names = [c.name for c in RESULT_COLUMNS]
        end = header.index("peak_memory_mb") + 1
        assert header[:end] == names[:end]
        assert set(header[end:]) <= {c.name for c in (*RESULT_COLUMNS, *OPTIONAL_COLUMNS)}


def test_what_a_verdict_needs_stands_in_the_table():
    read = ["status", "sentences", "tokens", "vocabulary", "parameters", "rec", "kl", "neg_elbo", "iw_nll", "mi"]
    assert {*read, "mi_ceiling", "au", "z_gain_shuffled"} <= set(COLUMNS)


def test_sampled_figures_say_that_noise_may_take_them_below_zero():
    assert "noise may take it below 0" in column("kl").meaning
    assert column("kl_weight").meaning.endswith("before the best validation")
    assert "one length" in column("mi_batch").meaning
