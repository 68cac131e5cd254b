import subprocess
import sys

import pytest

from vaecli.errors import UsageError
from vaecli.metrics.schema import COLUMNS, ESTIMATOR_VERSIONS, OPTIONAL_COLUMNS, RESULT_COLUMNS, column


def test_order_is_the_contract():
    contract = """
        experiment, corpus, method, seed, status, split, sentences, tokens, rec, kl, neg_elbo, iw_nll, iw_samples,
        ppl_elbo, ppl_iw, mi, mi_se, mi_ceiling, mi_batch, marginal_kl, au, kl_weight, epochs, steps, parameters,
        seconds, tokens_per_second, peak_memory_mb
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
