"""All figures of a model on a split."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from vaecli.config import EvaluationConfig
from vaecli.core.errors import DivergedError
from vaecli.corpus.types import UNK, Split, Truth
from vaecli.metrics.columns.au import active, mean_variance
from vaecli.metrics.columns.elbo import ElboTerms, elbo_terms
from vaecli.metrics.columns.iw import importance_weighted_nll
from vaecli.metrics.columns.mi import batch_mutual_information, mutual_information, standard_error
from vaecli.metrics.columns.ppl import perplexity
from vaecli.metrics.inference import wide_prior
from vaecli.metrics.keeper import FORGETFUL, Keeper
from vaecli.metrics.scoring import Scoring
from vaecli.model.vae import VAE

Value = float | int | None


@dataclass(frozen=True)
class Metrics:
    """Figures of one model on one split.

    Attributes:
        values: By column name; None where a figure isn't defined or wasn't asked for.
        per_dimension: ``kl`` (mean KL of each dimension) and ``mean_variance`` (Var_x(E_q[z|x])); None where there
            is no such thing.
    """

    values: dict[str, Value]
    per_dimension: dict[str, list[float] | None]


def evaluate(
    model: VAE,
    split: Split,
    config: EvaluationConfig,
    *,
    seed: int,
    device: torch.device,
    truth: Truth | None = None,
    full: bool = True,
    keeper: Keeper = FORGETFUL,
) -> Metrics:
    """Measures the raw model on a split at KL weight 1; its mode and torch's global generators stay as they are.

    Args:
        model: On the device.
        split: N sentences.
        config: Samples and batch size.
        seed: Seed of the noise; two models measured with one seed get the same noise.
        device: Where the model is.
        truth: Gives `excess_nll` where the corpus is drawn from a known distribution.
        full: False leaves out the importance-weighted figures, which cost the most.
        keeper: Keeps the results of what takes long, so that an evaluation that was cut off goes on.

    Raises:
        DivergedError: A figure is not finite.
    """
    scoring = Scoring.standard(model, split, config, seed, device, keeper)
    terms = elbo_terms(model, scoring, config.rec_samples)
    values = _text_values(model, split) | _bound_values(terms, split)
    samples = config.iw_samples if full else 0
    iw_nll = None
    if not model.has_latent:
        iw_nll, samples = terms.rec, 0
    elif samples and terms.posterior is not None and terms.posterior.has_density:
        iw_nll = importance_weighted_nll(model, scoring, terms.posterior, samples)
    values |= _iw_values(iw_nll, samples, split, truth)
    latent, per_dimension = _latent_values(model, terms, split, seed)
    return Metrics(values | latent, per_dimension)


def validation_mutual_information(
    model: VAE, split: Split, config: EvaluationConfig, *, seed: int, device: torch.device
) -> float:
    """`mi` alone, in nats, for remedies whose training looks at it; 0 where there is none, as for a language model.

    Raises:
        DivergedError: It is not finite.
    """
    terms = elbo_terms(model, Scoring.exact(split, config, seed, device))
    if terms.posterior is None or terms.z is None or not terms.posterior.is_comparable:
        return 0.0
    information = mutual_information(terms.posterior, terms.z, terms.start)
    _check("mi", information.terms, split)
    return information.value


def _text_values(model: VAE, split: Split) -> dict[str, Value]:
    """What the text is: no model changes these."""
    return {
        "sentences": len(split),
        "tokens": split.predicted_tokens,
        "vocabulary": model.shape.vocabulary_size,
        "unknown": unknown_share(split),
    }


def unknown_share(split: Split) -> float | None:
    """Share of the split's words, or pieces, that are ``<unk>``; ``</s>`` is none of them. None without any."""
    return float((split.tokens == UNK).double().mean()) if len(split.tokens) else None


def _bound_values(terms: ElboTerms, split: Split) -> dict[str, Value]:
    kl = None if terms.kl is None else terms.kl.sum(1)
    values = _mean("rec", terms.rec, split) | _mean("kl", kl, split) | _mean("neg_elbo", terms.neg_elbo, split)
    return values | {"ppl_elbo": _perplexity(terms.neg_elbo, split)}


def _iw_values(iw_nll: Tensor | None, samples: int, split: Split, truth: Truth | None) -> dict[str, Value]:
    values = _mean("iw_nll", iw_nll, split)
    values["iw_samples"] = samples if iw_nll is not None and samples else None
    values["ppl_iw"] = _perplexity(iw_nll, split)
    values["ppl_word"] = None
    if iw_nll is not None and split.raw_words is not None:
        values["ppl_word"] = perplexity(float(iw_nll.sum()), split.raw_words + len(split))
    values["excess_nll"] = values["excess_nll_se"] = None
    if truth is not None and iw_nll is not None:
        values |= _excess(iw_nll, split, truth)
    return values


def _excess(iw_nll: Tensor, split: Split, truth: Truth) -> dict[str, Value]:
    """How far above the truth (N,) figures are: sentence by sentence where that is known, or above the entropy."""
    true = truth.nll(split)
    if true is not None:
        return _mean("excess_nll", iw_nll.double().cpu() - torch.from_numpy(true), split)
    spread = standard_error(iw_nll)
    return {
        "excess_nll": float(iw_nll.mean()) - truth.entropy,
        "excess_nll_se": None if spread is None else math.hypot(spread, truth.entropy_se),
    }


def _latent_values(
    model: VAE, terms: ElboTerms, split: Split, seed: int
) -> tuple[dict[str, Value], dict[str, list[float] | None]]:
    """Figures of the codes. Those that compare sentences are undefined for one, and would be 0 for every model."""
    names = ("mi", "mi_se", "mi_ceiling", "mi_batch", "marginal_kl", "au")
    values: dict[str, Value] = dict.fromkeys(names)
    if terms.posterior is None or terms.z is None:
        return values, {"kl": None, "mean_variance": None}
    variance = mean_variance(terms.posterior.mean)
    if not terms.posterior.is_comparable:
        values["au"] = active(terms.posterior, wide_prior(model))
        return values, {"kl": None, "mean_variance": None if variance is None else variance.tolist()}
    information = mutual_information(terms.posterior, terms.z, terms.start)
    _check("mi", information.terms, split)
    values["mi_ceiling"] = information.ceiling
    if variance is not None:
        values["mi"], values["mi_se"] = information.value, information.standard_error
        values["mi_batch"] = batch_mutual_information(terms.posterior, terms.z, seed, start=terms.start)
        values["au"] = active(terms.posterior, wide_prior(model))
        if terms.posterior.has_density:
            marginal = information.marginal_kl_terms(wide_prior(model), terms.z, terms.start)
            _check("marginal_kl", marginal, split)
            values["marginal_kl"] = float(marginal.mean())
    factorises = terms.kl is not None and terms.kl.shape[1] == terms.z.shape[1]
    kl = terms.kl.mean(0).tolist() if terms.kl is not None and factorises else None
    return values, {"kl": kl, "mean_variance": None if variance is None else variance.tolist()}


def _mean(name: str, values: Tensor | None, split: Split) -> dict[str, Value]:
    """The mean over sentences and its standard error."""
    if values is None:
        return {name: None, f"{name}_se": None}
    _check(name, values, split)
    return {name: float(values.mean()), f"{name}_se": standard_error(values)}


def _perplexity(nats: Tensor | None, split: Split) -> float | None:
    return None if nats is None else perplexity(float(nats.sum()), split.predicted_tokens)


def _check(name: str, values: Tensor, split: Split) -> None:
    """Refuses (N,) values that are not all finite."""
    wrong = (~values.isfinite()).nonzero()
    if len(wrong):
        first = int(wrong[0])
        raise DivergedError(
            f"{name} is {float(values[first])} on {split.name}, first at sentence {first + 1}: "
            "the model diverged; a lower learning rate or a smaller clip may help"
        )
