"""Posterior collapse as a two-by-two game with one payoff, the objective: its four cells, measured on a trained model.

Player A chooses whether x and z depend on each other under the model, player B whether q(z|x) is p(z). Without further
terms the cells, in nats per sentence, are

=================  ===========================  ==============================
A / B              q(z|x) = p(z)                q(z|x) != p(z)
=================  ===========================  ==============================
z independent      log p(x)                     log p(x) - KL(q(z) || p(z))
z dependent        E_p(z)[log p(x|z)]           ELBO
=================  ===========================  ==============================

Collapse is the cell at the top left. By Jensen's inequality A never gains by leaving it. ``docs/collapse_game.md``
derives the cells and says what this argument proves and what it doesn't.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor, nn

from vaecli.metrics.columns.elbo import ElboTerms, elbo_terms
from vaecli.metrics.columns.iw import importance_weighted_nll
from vaecli.metrics.columns.mi import MutualInformation, mutual_information
from vaecli.metrics.extras.game.equilibrium import (
    conclusion,
    equilibria,
    gain_record,
    gains,
    table_lines,
    table_record,
)
from vaecli.metrics.extras.game.rate import final_weight, rate_cells
from vaecli.metrics.extras.registry import BlockInput, BlockResult, undefined
from vaecli.metrics.inference import evaluation_mode, sampled_nll, wide_prior
from vaecli.metrics.noise import sentence_noise
from vaecli.metrics.scoring import Scoring
from vaecli.model.posterior import Posterior
from vaecli.model.vae import VAE
from vaecli.remedies.core.base import Remedy
from vaecli.remedies.core.game import CELLS, Cells, Game, GameMeasures

PRIOR_SAMPLES = 10
"""Codes of the prior a sentence."""

IW_SAMPLES = 50
"""Samples of log p(x) where the run's settings skip it."""


LOOSE = "this bound is below E_p(z)[log p(x|z)], itself a bound: too loose for the table; raise --iw-samples"


@dataclass(frozen=True)
class Measured:
    """What the cells are made of, of N sentences.

    Attributes:
        log_prob: (N,) log p(x), or the bound that stands for it.
        prior: (N,) mean of log p(x|z) over codes of the prior.
        prior_codes: (S, N, Z) these codes.
        terms: The terms of the ELBO.
        information: Terms of the mutual information, at the first code of each posterior.
        marginal: (N,) log q(z) - log p(z) at these codes.
    """

    log_prob: Tensor
    prior: Tensor
    prior_codes: Tensor
    terms: ElboTerms
    information: MutualInformation
    marginal: Tensor

    @property
    def kl(self) -> Tensor:
        """(N,) KL(q(z|x) || p(z))."""
        assert self.terms.kl is not None
        return self.terms.kl.sum(1)


def payoff_block(given: BlockInput) -> BlockResult:
    """The cells with standard errors, who gains by leaving each, and where the equilibrium lies."""
    if not given.model.has_latent:
        return undefined((), "payoff: a language model has no code, so there is no game")
    terms = elbo_terms(given.model, given.scoring, given.config.rec_samples)
    if terms.posterior is None or terms.z is None or terms.kl is None:
        return undefined((), f"payoff: {given.method.name!r} has no KL to the prior, so there is no game")
    measured, source = measure(given, terms, terms.posterior, terms.z)
    notes = (source,) if given.reference is not None or bound_holds(measured) else (source, LOOSE)
    plain = Game(plain_cells(measured), ("z independent of x", "z dependent on x"), notes)
    game = own_game(given, measured, plain)
    details = {
        "log_p": source,
        "prior_samples": PRIOR_SAMPLES,
        "plain": table_record(plain.cells),
        "own": table_record(game.cells),
        "gains": [gain_record(*found) for found in gains(game.cells)],
        "equilibria": [list(cell) for cell in equilibria(game.cells)],
        "notes": list(game.notes),
    }
    return BlockResult({}, details, (*table_lines(game), *game.notes, conclusion(game)))


def measure(given: BlockInput, terms: ElboTerms, posterior: Posterior, z: Tensor) -> tuple[Measured, str]:
    """What the cells are made of, and a line on where log p(x) comes from."""
    prior = wide_prior(given.model)
    information = mutual_information(posterior, z)
    with torch.no_grad():
        noise = sentence_noise(given.scoring.seed, "payoff", torch.arange(len(z)), PRIOR_SAMPLES, prior.noise_size)
        codes = prior.sample(noise.to(given.scoring.device))
        marginal = information.marginal_kl_terms(prior, z)
    log_prob, source = log_probability(given, posterior)
    return Measured(
        log_prob, prior_log_prob(given.model, given.scoring, codes), codes, terms, information, marginal
    ), source


def bound_holds(measured: Measured) -> bool:
    """Whether the bound on the model's own log p(x) is at least E_p(z)[log p(x|z)], as Jensen's inequality wants."""
    return bool(measured.log_prob.mean() >= measured.prior.mean())


def log_probability(given: BlockInput, posterior: Posterior) -> tuple[Tensor, str]:
    """(N,) log p(x) of a language model where one is given, else the importance-weighted bound; and which it is."""
    if given.reference is not None:
        terms = elbo_terms(given.reference, given.scoring)
        return -terms.rec, "log p(x) is that of the language model"
    samples = given.config.iw_samples or IW_SAMPLES
    nll = importance_weighted_nll(given.model, given.scoring, posterior, samples)
    return -nll, f"log p(x) is the model's own importance-weighted bound with {samples} samples; no lm run was named"


def prior_log_prob(model: VAE, scoring: Scoring, codes: Tensor) -> Tensor:
    """(N,) mean over samples of log p(x|z) with (S, N, Z) codes."""
    result = torch.empty(len(scoring.split), dtype=torch.float64, device=scoring.device)
    with evaluation_mode(model, scoring.device):
        for index, batch in scoring.batches():
            result[index] = -sampled_nll(model, codes[:, index], batch, scoring.precision).mean(0)
    return result


def plain_cells(measured: Measured) -> Cells:
    """The cells of the ELBO."""
    elbo = measured.terms.neg_elbo
    assert elbo is not None
    payoffs = (measured.log_prob, measured.log_prob - measured.marginal, measured.prior, -elbo)
    return dict(zip(CELLS, payoffs, strict=True))


def own_game(given: BlockInput, measured: Measured, plain: Game) -> Game:
    """The game under the method's own objective, as far as its terms have a value in every cell."""
    remedies = [r for r in given.method.remedies if type(r).objective is not Remedy.objective]
    rated = [r for r in remedies if r.rate_only]
    players = [r for r in remedies if type(r).payoffs is not Remedy.payoffs]
    others = [r.name for r in remedies if r not in (*players, *rated)]
    notes = list(plain.notes)
    if rated:
        plain, note = rate_game(given, measured, plain, rated)
        notes.append(note)
    if others:
        notes.append(f"what {', '.join(others)} adds to the objective or changes in it is left out of the cells")
    if len(players) > 1:
        names = " and ".join(sorted(remedy.name for remedy in players))
        notes.append(f"{names} each have a table of their own, so this is that of the plain ELBO")
    game = replace(plain, notes=tuple(notes))
    return players[0].payoffs(game, game_measures(given, measured, rated)) if len(players) == 1 else game


def game_measures(given: BlockInput, measured: Measured, rated: list[Remedy]) -> GameMeasures:
    """What a remedy with a table of its own is told."""
    posterior, z = measured.terms.posterior, measured.terms.z
    assert posterior is not None
    assert z is not None
    return GameMeasures(
        log_prob=measured.log_prob,
        prior=measured.prior,
        prior_codes=measured.prior_codes,
        rec=measured.terms.rec,
        kl=measured.kl,
        information=measured.information.terms,
        posterior=posterior,
        z=z,
        kl_weight=final_weight(given, rated),
        aux=dict(given.model.aux.items()),
        map_features=partial(map_features, given),
    )


def map_features(given: BlockInput, module: nn.Module) -> Tensor:
    """(N, ...) float64 values of a module on the encoder's features of all sentences of the split."""
    values, order = [], []
    with evaluation_mode(given.model, given.scoring.device):
        for index, batch in given.scoring.batches():
            values.append(module(given.model.encode(batch).features).double())
            order.append(index)
    return torch.cat(values)[torch.cat(order).argsort()]


def rate_game(given: BlockInput, measured: Measured, plain: Game, rated: list[Remedy]) -> tuple[Game, str]:
    """The game under the KL term that some remedies train on, and a line on it."""
    assert measured.terms.kl is not None
    cells = rate_cells(given, rated, plain.cells, measured.terms.kl, measured.marginal)
    names = ", ".join(remedy.name for remedy in rated)
    note = f"the KL of every cell is as {names} trains on it, with the weight {final_weight(given, rated):.3g}"
    return replace(plain, cells=cells), f"{note} of the end of training"
