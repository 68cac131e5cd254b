import json
import math
from dataclasses import dataclass
from statistics import NormalDist, fmean, stdev, variance

import pytest
import torch
from metrics.toys import CPU, linear_gaussian, true_nll
from support import split_of, tiny_model, tiny_shape, tiny_split

from vaecli.config import EvaluationConfig
from vaecli.core.errors import DivergedError
from vaecli.metrics.columns.mi import batch_order
from vaecli.metrics.measure import evaluate, unknown_share, validation_mutual_information
from vaecli.metrics.noise import sentence_noise
from vaecli.metrics.schema import COLUMNS
from vaecli.model.posterior import DiagonalGaussian
from vaecli.model.vae import VAE, vanilla_parts

LATENT = ("kl", "mi", "mi_se", "mi_ceiling", "mi_batch", "marginal_kl", "au")


@dataclass
class KnownEntropy:
    entropy: float
    entropy_se: float = 0.0

    def nll(self, split):
        return None


def run(model, split, *, iw_samples=5, seed=0, **options):
    return evaluate(model, split, EvaluationConfig(iw_samples=iw_samples), seed=seed, device=CPU, **options)


def test_every_figure_against_brute_force():
    """All columns of a model of 40 sentences, each from its definition in plain Python."""
    numbers = [0.1 * n - 2 for n in range(40)]
    slope, scale, n = 0.8, 0.6, 40
    model, split = linear_gaussian(numbers, slope, scale)
    figures = run(model, split, iw_samples=6, seed=3, truth=KnownEntropy(2.0, 0.05)).values

    q = [NormalDist(slope * x, scale) for x in numbers]
    prior = NormalDist()
    noise = sentence_noise(3, "rec", torch.arange(n), 1, 1).flatten().tolist()
    z = [slope * x + scale * e for x, e in zip(numbers, noise, strict=True)]
    rec = [-math.log(NormalDist(v).pdf(x)) for x, v in zip(numbers, z, strict=True)]
    kl = [0.5 * ((slope * x) ** 2 + scale**2 - 2 * math.log(scale) - 1) for x in numbers]
    neg_elbo = [r + k for r, k in zip(rec, kl, strict=True)]
    draws = sentence_noise(3, "iw", torch.arange(n), 6, 1)[:, :, 0].tolist()
    iw = []
    for i, x in enumerate(numbers):
        codes = [slope * x + scale * row[i] for row in draws]
        iw.append(-math.log(fmean(NormalDist(c).pdf(x) * prior.pdf(c) / q[i].pdf(c) for c in codes)))
    aggregate = [fmean(other.pdf(v) for other in q) for v in z]
    mi = [math.log(q[i].pdf(z[i]) / aggregate[i]) for i in range(n)]
    order = batch_order(n, 3).tolist()
    batch = {i: [q[j] for j in (order[:32] if rank < 32 else order[32:])] for rank, i in enumerate(order)}
    mi_batch = [math.log(q[i].pdf(z[i]) / fmean(other.pdf(z[i]) for other in batch[i])) for i in range(n)]
    error = {name: stdev(v) / math.sqrt(n) for name, v in (("rec", rec), ("elbo", neg_elbo), ("iw", iw), ("mi", mi))}

    expected = {
        "sentences": n,
        "tokens": 2 * n,  # a word and </s>
        "vocabulary": 12,  # of the tiny shape
        "unknown": 0.0,
        "rec": fmean(rec),
        "kl": fmean(kl),
        "neg_elbo": fmean(neg_elbo),
        "iw_nll": fmean(iw),
        "iw_samples": 6,
        "ppl_elbo": math.exp(sum(neg_elbo) / (2 * n)),
        "ppl_iw": math.exp(sum(iw) / (2 * n)),
        "ppl_word": math.exp(sum(iw) / (2 * n)),  # a token is a word
        "mi": fmean(mi),
        "mi_se": error["mi"],
        "mi_ceiling": math.log(n),
        "mi_batch": fmean(mi_batch),
        "marginal_kl": fmean(math.log(a / prior.pdf(v)) for a, v in zip(aggregate, z, strict=True)),
        "au": int(variance([slope * x for x in numbers]) > 0.01),
        "excess_nll": fmean(iw) - 2.0,
        "excess_nll_se": math.sqrt(error["iw"] ** 2 + 0.05**2),
        "rec_se": error["rec"],
        "kl_se": stdev(kl) / math.sqrt(n),
        "neg_elbo_se": error["elbo"],
        "iw_nll_se": error["iw"],
    }
    assert set(figures) == set(expected)
    for name, value in expected.items():
        assert figures[name] == pytest.approx(value, abs=1e-9), name


def test_values_are_columns_and_survive_json():
    for method in ("vanilla", "lm", "ae"):
        metrics = run(tiny_model(method), tiny_split(8), truth=KnownEntropy(1.0))
        assert set(metrics.values) <= set(COLUMNS)
        assert json.loads(json.dumps(metrics.values)) == metrics.values
        assert json.loads(json.dumps(metrics.per_dimension)) == metrics.per_dimension
        for name, value in metrics.values.items():
            kinds = (int,) if COLUMNS[name].kind == "int" else (int, float)
            assert value is None or isinstance(value, kinds), name


def test_language_model_has_no_latent_figures_and_an_exact_nll():
    values = run(tiny_model("lm"), tiny_split(8), truth=KnownEntropy(1.0)).values
    assert {name: values[name] for name in LATENT} == dict.fromkeys(LATENT)
    assert values["rec"] == values["neg_elbo"] == values["iw_nll"]
    assert values["ppl_iw"] == values["ppl_elbo"]
    assert values["iw_samples"] is None
    assert values["excess_nll"] == values["rec"] - 1.0


def test_deterministic_code_has_no_figure_that_needs_a_density():
    metrics = run(tiny_model("ae", init_range=1.0), tiny_split(8), truth=KnownEntropy(1.0))
    none = [name for name, value in metrics.values.items() if value is None]
    assert none == [
        "kl",
        "kl_se",
        "neg_elbo",
        "neg_elbo_se",
        "ppl_elbo",
        "iw_nll",
        "iw_nll_se",
        "iw_samples",
        "ppl_iw",
        "ppl_word",
        "excess_nll",
        "excess_nll_se",
        "marginal_kl",
    ]
    assert metrics.values["mi"] > 0
    assert metrics.per_dimension["kl"] is None


def test_per_dimension_sums_to_the_totals():
    metrics = run(tiny_model(init_range=1.0), tiny_split(20))
    assert sum(metrics.per_dimension["kl"]) == pytest.approx(metrics.values["kl"])
    assert sum(v > 0.01 for v in metrics.per_dimension["mean_variance"]) == metrics.values["au"]
    assert len(metrics.per_dimension["kl"]) == 4


@pytest.mark.parametrize("options", [{"full": False}, {"iw_samples": 0}])
def test_importance_weighting_can_be_left_out(options):
    figures = run(tiny_model(), tiny_split(8), truth=KnownEntropy(1.0), **options).values
    whole = run(tiny_model(), tiny_split(8), truth=KnownEntropy(1.0)).values
    left_out = {"iw_nll", "iw_nll_se", "iw_samples", "ppl_iw", "ppl_word", "excess_nll", "excess_nll_se"}
    assert {name for name in figures if figures[name] is None} == left_out
    assert all(figures[name] == whole[name] for name in set(figures) - left_out)


def test_no_truth_no_excess():
    assert run(tiny_model(), tiny_split(4)).values["excess_nll"] is None


def test_figures_do_not_depend_on_the_batch_size():
    model, split = tiny_model(init_range=1.0), tiny_split(40)
    evaluations = [
        evaluate(model, split, EvaluationConfig(iw_samples=8, batch_size=b), seed=0, device=CPU) for b in (1, 7)
    ]
    known = [{name: value for name, value in f.values.items() if value is not None} for f in evaluations]
    assert len(known[0]) == len(evaluations[0].values) - 2  # all but the excess, without a truth
    assert known[0] == pytest.approx(known[1], rel=1e-5, abs=1e-5)


def test_modes_and_generators_are_left_as_they_are():
    model = tiny_model().train()
    model.decoder.eval()
    before = torch.get_rng_state()
    run(model, tiny_split(4))
    assert torch.equal(torch.get_rng_state(), before)
    assert model.training
    assert model.encoder.training
    assert not model.decoder.training
    assert all(p.grad is None for p in model.parameters())


def test_modes_come_back_after_a_failure():
    model = tiny_model().train()
    model.decoder.token_nll = lambda *_: 1 / 0
    with pytest.raises(ZeroDivisionError):
        run(model, tiny_split(4))
    assert model.training
    assert torch.is_grad_enabled()


def test_divergence_names_the_figure_and_the_first_sentence():
    numbers = [0.0, 1.0, math.nan, 2.0, math.nan]
    model, split = linear_gaussian(numbers)
    with pytest.raises(DivergedError, match=r"^rec is nan on test, first at sentence 3: .*learning rate") as caught:
        run(model, split)
    assert caught.value.exit_code == 4
    with pytest.raises(DivergedError, match=r"^mi is nan on test, first at sentence 1"):  # the mixture holds all
        validation_mutual_information(model, split, EvaluationConfig(), seed=0, device=CPU)
    model, split = linear_gaussian([0.0, 1.0])
    model.decoder.token_nll = lambda z, inputs, batch: torch.zeros(batch.size, 1)
    model.head.scale = 1e200  # its square overflows; the decoder doesn't look at the code
    with pytest.raises(DivergedError, match=r"^kl is inf on test, first at sentence 1"):
        run(model, split)


def test_perplexity_may_overflow_where_the_nll_is_finite():
    model, split = linear_gaussian([1000.0], slope=0.0, scale=1.0)
    assert run(model, split).values["ppl_elbo"] == math.inf


def gradient_step(posterior, bound):
    """A refinement that needs gradients inside the evaluation, and torch's global generator."""
    mean, logvar = (t.detach().requires_grad_() for t in (posterior.mean, posterior.logvar))
    (slope,) = torch.autograd.grad(bound(DiagonalGaussian(mean, logvar)).sum(), [mean])
    return DiagonalGaussian(posterior.mean - 0.5 * slope, posterior.logvar)


def test_refined_posteriors_are_measured():
    plain, split = tiny_model(init_range=1.0), tiny_split(60)
    refined = VAE(vanilla_parts(tiny_shape()), gradient_step)
    refined.load_state_dict(plain.state_dict())
    before = torch.get_rng_state()
    after = run(refined, split).values
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(3)
    assert after == run(refined, split).values  # its noise is seeded, whatever the global state
    assert after["neg_elbo"] < run(plain, split).values["neg_elbo"]
    assert all(p.grad is None for p in refined.parameters())


class NoClosedForm(DiagonalGaussian):
    """A posterior whose KL has to be sampled."""

    def kl(self, prior):
        return None


def test_sampled_kl_is_exactly_mutual_information_plus_marginal_kl():
    model, split = tiny_model(init_range=1.0), tiny_split(50)
    exact = run(model, split).values
    head = model.head.forward
    model.head.forward = lambda encoding: NoClosedForm(**vars(head(encoding)))
    metrics = run(model, split)
    sampled = metrics.values
    assert sampled["kl"] == pytest.approx(sampled["mi"] + sampled["marginal_kl"], abs=1e-10)
    assert abs(sampled["kl"] - exact["kl"]) < 4 * math.hypot(sampled["kl_se"], exact["kl_se"])
    assert sampled["kl"] != exact["kl"]
    assert metrics.per_dimension["kl"] is None  # one figure a sentence, not one a dimension


def test_a_sampled_kl_may_be_negative_and_is_right_on_average():
    """Two sentences whose posteriors are next to the prior: the exact KL is nearly 0, and its noise is not."""
    model, split = tiny_model(init_range=0.2), tiny_split(2)
    exact = run(model, split).values["kl"]
    head = model.head.forward
    model.head.forward = lambda encoding: NoClosedForm(**vars(head(encoding)))
    sampled = [run(model, split, iw_samples=0, seed=seed).values["kl"] for seed in range(60)]
    assert min(sampled) < 0 < exact
    assert abs(fmean(sampled) - exact) < 4 * stdev(sampled) / math.sqrt(60)


def test_same_seed_same_figures_and_other_seed_other_noise():
    model, split = tiny_model(), tiny_split(8)
    first, other = run(model, split, seed=1).values, run(model, split, seed=2).values
    assert first == run(model, split, seed=1).values
    assert first["kl"] == other["kl"]  # closed form
    assert first["rec"] != other["rec"]


def test_validation_mutual_information_is_the_mi_column():
    model, split, config = tiny_model(init_range=1.0), tiny_split(30), EvaluationConfig()
    information = validation_mutual_information(model, split, config, seed=0, device=CPU)
    assert information == run(model, split).values["mi"]
    assert validation_mutual_information(tiny_model("lm"), split, config, seed=0, device=CPU) == 0.0


def test_unknown_words_are_a_share_of_the_words():
    # 2 of 5 words; </s> is none
    assert unknown_share(split_of([3, 4], [5, 3, 6])) == pytest.approx(0.4)
    assert unknown_share(split_of([4], [5])) == 0.0
    assert unknown_share(split_of([], [])) is None
    assert run(tiny_model("lm"), split_of([3, 4], [5, 3, 6])).values["unknown"] == pytest.approx(0.4)


def test_single_sentence_has_figures_but_no_standard_errors():
    model, split = linear_gaussian([1.0])
    values = run(model, split).values
    assert values["iw_nll"] == pytest.approx(true_nll(1.0))
    assert [values[name] for name in ("rec_se", "kl_se", "neg_elbo_se", "iw_nll_se", "mi_se")] == [None] * 5
    # what compares sentences would be 0 for any model, so it is undefined
    assert [values[name] for name in ("mi", "mi_batch", "marginal_kl", "au")] == [None] * 4
    assert values["mi_ceiling"] == 0.0
