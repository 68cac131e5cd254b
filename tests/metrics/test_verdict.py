"""The rule of the verdict at its borders, and what it says of the best codes and the worst models there are."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from metrics.toys import CPU, linear_gaussian
from support import tiny_model, tiny_split

from vaecli.config import EvaluationConfig
from vaecli.metrics.ceilings import figure
from vaecli.metrics.columns.au import active_units
from vaecli.metrics.columns.mi import mutual_information
from vaecli.metrics.measure import evaluate
from vaecli.metrics.verdict import DECIDING, RULE, uniform_nats, verdict
from vaecli.model.posterior import DiagonalGaussian
from vaecli.model.prior import StandardNormal
from vaecli.model.von_mises_fisher import Concentration, VonMisesFisher, angle_table, mean_cosine, vmf_kl
from vaecli.reporting.conclusions import joint_verdict
from vaecli.reporting.read_results import read_csv

ROOT = Path(__file__).parents[2]
FIGURES = st.one_of(st.none(), st.floats(0, 100), st.just(float("nan")))

VERDICTS = ("diverged", "worse than uniform", "collapsed", "unused", "saturated", "fake-rate", "informative")
"""All words, in the order in which the rule tries them."""


@pytest.mark.parametrize(
    ("kl", "mi", "expected"),
    [
        (0.099, 3.0, "collapsed"),
        (3.0, 0.099, "collapsed"),
        (-0.77, -0.01, "collapsed"),  # sampled on few sentences
        (0.1, 0.1, "informative"),
        (1.0, 0.249, "fake-rate"),  # below 0.25 * 1
        (1.0, 0.25, "informative"),
        (0.99, 0.11, "informative"),  # too little rate to call it fake
        (9.0, 7.2201, "saturated"),  # above 0.95 * 7.6 = 7.22
        (9.0, 7.22, "informative"),
        (72.0, 7.6, "saturated"),  # how much of the rate it is, a figure at its ceiling can't tell
        (72.0, 7.0, "fake-rate"),
        (None, None, "-"),
        (None, 2.0, "-"),
        (0.05, None, "collapsed"),
        (2.0, None, "-"),
        (float("nan"), pd.NA, "-"),
        ("", "", "-"),
    ],
)
def test_verdict(kl, mi, expected):
    assert verdict({"kl": kl, "mi": mi, "mi_ceiling": 7.6}) == expected


@pytest.mark.parametrize(
    ("mi", "active", "expected"),
    [(2.0, 0, "informative"), (2.0, 5, "informative"), (0.05, 16, "collapsed"), (None, 0, "collapsed"), (None, 1, "-")],
)
def test_active_units_decide_only_where_mi_is_undefined(mi, active, expected):
    assert verdict({"kl": 3.0, "mi": mi, "mi_ceiling": 7.6, "au": active}) == expected


@pytest.mark.parametrize(("gain", "expected"), [(0.099, "unused"), (0.1, "informative"), (None, "informative")])
def test_a_code_that_the_decoder_does_not_look_at_is_unused(gain, expected):
    assert verdict({"kl": 3.0, "mi": 2.0, "mi_ceiling": 7.6, "au": 5, "z_gain_shuffled": gain}) == expected


def test_without_a_ceiling_nothing_is_saturated():
    assert verdict({"kl": 9.0, "mi": 7.6}) == "informative"
    assert verdict({"kl": 9.0, "mi": 7.6, "sentences": 2000}) == "saturated"  # log 2000 = 7.60


def test_spread_directions_on_a_sphere_are_no_collapse():
    """At kappa 13 in 32 dimensions evenly spread directions are the best code there is, and no unit is active.

    The rate is a constant, KL to the uniform distribution: 2.17. The means have length E[w] = 0.38, so that each of 32
    dimensions has variance E[w]^2 / 32 = 0.0046, half the threshold.
    """
    generator = torch.Generator().manual_seed(0)
    directions = torch.randn(2000, 32, generator=generator, dtype=torch.float64)
    directions = torch.nn.functional.normalize(directions, dim=1)
    shared = Concentration(13.0, 32, angle_table(13.0, 32))
    posterior = VonMisesFisher(directions * mean_cosine(13.0, 32), shared)
    z = posterior.sample(torch.randn(1, 2000, 33, generator=generator, dtype=torch.float64))[0]
    information = mutual_information(posterior, z)
    row = {
        "kl": vmf_kl(13.0, 32),
        "mi": information.value,
        "mi_ceiling": information.ceiling,
        "au": active_units(posterior.mean),
    }
    assert row["kl"] == pytest.approx(2.173, abs=1e-3)
    assert row["mi"] == pytest.approx(2.16, abs=0.05)
    assert row["au"] == 0
    assert verdict(row) == "informative"


def test_needles_that_tell_every_sentence_apart_are_no_collapse():
    """Log variance -10 and means with a deviation of 0.02: variance 0.0004, and mi at its ceiling."""
    generator = torch.Generator().manual_seed(0)
    mean, noise = torch.randn(2, 2000, 16, generator=generator, dtype=torch.float64)
    posterior = DiagonalGaussian(0.02 * mean, torch.full_like(mean, -10.0))
    information = mutual_information(posterior, posterior.sample(noise.unsqueeze(0))[0])
    kl = float(posterior.kl(StandardNormal(16)).sum(1).mean())
    row = {"kl": kl, "mi": information.value, "mi_ceiling": information.ceiling, "au": active_units(posterior.mean)}
    assert row["mi"] == pytest.approx(7.60, abs=0.01)
    assert row["au"] == 0
    assert verdict(row) == "saturated"


@pytest.mark.parametrize("figures", [{"sentences": 1}, {"mi_ceiling": 0.0}])
@pytest.mark.parametrize("kl", [0.0, 5.0])
def test_one_sentence_has_no_verdict(figures, kl):
    assert verdict({"kl": kl, "mi": 0.0, "au": 0, "rec": 1e9, "tokens": 9, "vocabulary": 100, **figures}) == "-"


def test_a_model_of_one_sentence_has_none():
    model, split = linear_gaussian([1.0])
    values = evaluate(model, split, EvaluationConfig(iw_samples=2), seed=0, device=CPU).values
    assert verdict(values) == "-"


# 2,000 sentences, 20,503 tokens, 919 types: 10.2515 * log 919 = 10.2515 * 6.82329 = 69.949
SIZES = {"sentences": 2000, "tokens": 20_503, "vocabulary": 919}


@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        ({"rec": 69.94, "kl": 3.0, "mi": 2.0}, "informative"),
        ({"rec": 69.96, "kl": 3.0, "mi": 2.0}, "worse than uniform"),
        ({"rec": 69.96, "kl": 0.0, "mi": 0.0}, "worse than uniform"),
        ({"rec": 69.96}, "worse than uniform"),  # a language model
        ({"rec": 24.1, "kl": 72.0, "mi": 0.0, "neg_elbo": 96.1}, "collapsed"),  # the decoder is a good one
        # perplexity 6e172 is 10.2515 * 397.8 nats a sentence
        ({"rec": 4078.0, "kl": 9.0, "mi": 3.0, "mi_ceiling": 7.6, "ppl_iw": 6e172}, "worse than uniform"),
    ],
)
def test_a_decoder_worse_than_a_uniform_guess_says_nothing_of_z(figures, expected):
    assert uniform_nats(SIZES) == pytest.approx(69.949, abs=1e-3)
    assert verdict(SIZES | figures) == expected


def test_older_tables_without_a_vocabulary_are_judged_by_a_larger_one():
    older = {"sentences": 2000, "tokens": 20_503, "parameters": 150_000, "kl": 9.0, "mi": 3.0}
    # 10.2515 * log 150000 = 122.2
    assert verdict(older | {"rec": 122.0}) == "informative"
    assert verdict(older | {"rec": 122.4}) == "worse than uniform"
    assert verdict({"kl": 9.0, "mi": 3.0, "rec": 1e9}) == "informative"  # no size, no guess


def test_a_uniform_guess_is_not_worse_than_itself():
    model, split = tiny_model(), tiny_split(12)
    with torch.no_grad():
        model.decoder.output.weight.zero_()
    values = evaluate(model, split, EvaluationConfig(iw_samples=0), seed=0, device=CPU).values
    assert values["rec"] == pytest.approx(uniform_nats(values), rel=1e-5)


@pytest.mark.parametrize("name", ["rec", "kl", "neg_elbo", "iw_nll", "mi"])
def test_infinite_figures_are_divergence(name):
    fine = {"rec": 20.0, "kl": 3.0, "neg_elbo": 23.0, "iw_nll": 22.0, "mi": 2.0, "mi_ceiling": 7.6}
    assert verdict(fine) == "informative"
    assert verdict(fine | {name: math.inf}) == "diverged"


@pytest.mark.parametrize(
    ("status", "expected"), [("diverged", "diverged"), ("failed", "-"), ("pending", "-"), ("running", "-")]
)
def test_trials_without_figures(status, expected):
    assert verdict({"status": status, "kl": None, "mi": None}) == expected


def rule_of_the_first_tables(row):
    """The rule as it was when the committed tables were made, with au = 0 as a reason of its own."""
    kl, mi, most, active = (figure(row, name) for name in ("kl", "mi", "mi_ceiling", "au"))
    if kl is None:
        return "-"
    if kl < 0.1 or (mi is not None and mi < 0.1) or active == 0:
        return "collapsed"
    if mi is None:
        return "-"
    if kl >= 1 and mi < 0.25 * kl:
        return "fake-rate"
    return "saturated" if mi > 0.95 * most else "informative"


@pytest.mark.parametrize("name", ["all", "ptb"])
def test_no_verdict_of_a_committed_table_is_another_than_it_was(name):
    table = read_csv(ROOT / "experiments" / name / "results.csv")
    rows = table[~table["method"].isin(["di", "vq"])].to_dict("records")  # whose codes have no units of variance 1
    assert len(rows) >= 4
    assert [verdict(row) for row in rows] == [rule_of_the_first_tables(row) for row in rows]


def test_mim_with_a_rate_of_72_nats_is_collapsed():
    rows = read_csv(ROOT / "experiments" / "all" / "results.csv").query("method == 'mim'")
    assert rows["kl"].min() > 70
    assert joint_verdict(rows) == "collapsed"


def test_the_rule_as_printed_names_every_word_in_its_order():
    places = [RULE.index(f"{word} = ") for word in VERDICTS]
    assert places == sorted(places)
    assert "\n" not in RULE


@given(st.fixed_dictionaries({name: FIGURES for name in ("rec", "kl", "mi", "mi_ceiling", "au", "z_gain_shuffled")}))
def test_there_is_one_word_for_any_figures(figures):
    assert verdict(figures) in (*VERDICTS, "-")
    assert verdict(figures | {"sentences": 1}) == "-"
    if figures["kl"] is None or math.isnan(figures["kl"]):
        assert verdict(figures) == "-"


def test_it_imports_nothing_heavy():
    code = "import sys, vaecli.metrics.verdict; print(sorted({'torch', 'numpy', 'pandas'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_columns_that_decide_are_all_that_are_looked_at():
    class Seen(dict):
        names: ClassVar[set[str]] = set()

        def get(self, name, default=None):
            self.names.add(name)
            return super().get(name, default)

        def __getitem__(self, name):
            self.names.add(name)
            return super().__getitem__(name)

    informative = {"rec": 40.0, "kl": 3.0, "mi": 2.5, "z_gain_shuffled": 1.0, "sentences": 100, "tokens": 900}
    for row in ({}, informative, {**informative, "mi": 0.1}, {"kl": 3.0, "au": 2}, {**informative, "mi_ceiling": 2.5}):
        narrow = {name: value for name, value in row.items() if name in DECIDING}
        assert verdict(Seen(row)) == verdict(narrow)
    assert Seen.names <= set(DECIDING)
    assert len(Seen.names) > 10
