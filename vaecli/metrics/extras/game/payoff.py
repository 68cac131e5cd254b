"""Posterior collapse as a two-by-two game with one payoff, the objective: its four cells, measures on a trained model.

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

from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn

from vaecli.core.errors import UsageError
from vaecli.corpus.types import Batch
from vaecli.metrics.columns.elbo import ElboTerms, elbo_terms
from vaecli.metrics.columns.iw import importance_weighted_nll
from vaecli.metrics.columns.mi import mutual_information
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
from vaecli.metrics.kept_results import batch_results
from vaecli.metrics.noise import sentence_noise
from vaecli.metrics.scoring import Scoring
from vaecli.model.posterior import Posterior
from vaecli.model.vae import VAE
from vaecli.remedies.core.compose import of_kind
from vaecli.remedies.core.game import CELLS, Cells, Game, GameMeasures, cells_problem
from vaecli.remedies.core.remedy import Remedy

PRIOR_SAMPLES = 10
"""Codes of the prior a sentence."""

IW_SAMPLES = 50
"""Samples of log p(x) where the run's settings skip it."""


LOOSE = "this bound is below E_p(z)[log p(x|z)], itself a bound: too loose for the table; raise --iw-samples"


def payoff_block(block: BlockInput) -> BlockResult:
    """The cells with standard errors, who gains by leaving each, and where the equilibrium lies."""
    if not block.model.has_latent:
        return undefined((), "payoff: a language model has no code, so there is no game")
    terms = elbo_terms(block.model, block.scoring, block.config.rec_samples)
    if terms.posterior is None or terms.z is None or not terms.posterior.has_density:
        return undefined((), f"payoff: {block.method.name!r} has no KL to the prior, so there is no game")
    measures, source = measure(block, terms, terms.posterior, terms.z)
    notes = (source,) if block.reference is not None or bound_holds(measures) else (source, LOOSE)
    plain = Game(plain_cells(measures), ("z independent of x", "z dependent on x"), notes)
    game = own_game(block, measures, plain)
    details = {
        "log_p": source,
        "prior_samples": PRIOR_SAMPLES,
        "plain": table_record(plain.cells),
        "own": table_record(game.cells),
        "gains": [gain_record(*deviation) for deviation in gains(game.cells)],
        "equilibria": [list(cell) for cell in equilibria(game.cells)],
        "notes": list(game.notes),
    }
    return BlockResult({}, details, (*table_lines(game), *game.notes, conclusion(game)))


def measure(block: BlockInput, terms: ElboTerms, posterior: Posterior, z: Tensor) -> tuple[GameMeasures, str]:
    """What the cells are made of, and a line on where log p(x) comes from."""
    assert terms.kl is not None
    prior = wide_prior(block.model)
    information = mutual_information(posterior, z, terms.start)
    with torch.no_grad():
        noise = sentence_noise(block.scoring.seed, "payoff", torch.arange(len(z)), PRIOR_SAMPLES, prior.noise_size)
        codes = prior.sample(noise.to(block.scoring.device))
        marginal = information.marginal_kl_terms(prior, z, terms.start)
    log_prob, source = log_probability(block, posterior)
    measures = GameMeasures(
        log_prob=log_prob,
        prior=prior_log_prob(block.model, block.scoring, codes),
        prior_codes=codes,
        rec=terms.rec,
        kl_dimensions=terms.kl,
        information=information.terms,
        marginal=marginal,
        posterior=posterior,
        z=z,
        kl_weight=final_weight(block, rated_remedies(block)),
        aux=dict(block.model.aux.items()),
        map_features=partial(map_features, block),
    )
    return measures, source


def bound_holds(measures: GameMeasures) -> bool:
    """Whether the bound on the model's own log p(x) is at least E_p(z)[log p(x|z)], as Jensen's inequality wants."""
    return bool(measures.log_prob.mean() >= measures.prior.mean())


def log_probability(block: BlockInput, posterior: Posterior) -> tuple[Tensor, str]:
    """(N,) log p(x) of a language model where there is one, else the importance-weighted bound; and which it is."""
    if block.reference is not None:
        terms = elbo_terms(block.reference, block.scoring)
        return -terms.rec, "log p(x) is that of the language model"
    samples = block.config.iw_samples or IW_SAMPLES
    nll = importance_weighted_nll(block.model, block.scoring, posterior, samples)
    return -nll, f"log p(x) is the model's own importance-weighted bound with {samples} samples; no lm run was named"


def prior_log_prob(model: VAE, scoring: Scoring, codes: Tensor) -> Tensor:
    """(N,) mean over samples of log p(x|z) with (S, N, Z) codes."""
    result = torch.empty(len(scoring.split), dtype=torch.float64, device=scoring.device)
    with evaluation_mode(model, scoring.device):

        def log_prob(index: Tensor, batch: Batch) -> Tensor:
            return -sampled_nll(model, codes[:, index], batch, scoring.precision).mean(0)

        for index, values in batch_results("prior_log_prob", model, scoring, log_prob, (codes,)):
            result[index] = values
    return result


def plain_cells(measures: GameMeasures) -> Cells:
    """The cells of the ELBO."""
    neg_elbo = measures.rec + measures.kl
    payoffs = (measures.log_prob, measures.log_prob - measures.marginal, measures.prior, -neg_elbo)
    return dict(zip(CELLS, payoffs, strict=True))


def objective_remedies(block: BlockInput) -> list[Remedy]:
    """Those of the method's remedies that change the objective."""
    return [r for r in block.method.remedies if type(r).objective is not Remedy.objective]


def rated_remedies(block: BlockInput) -> list[Remedy]:
    """Those that change its KL term alone."""
    return [r for r in objective_remedies(block) if r.rate_only]


def own_game(block: BlockInput, measures: GameMeasures, plain: Game) -> Game:
    """The game under the method's own objective, as far as its terms have a value in every cell."""
    remedies, rated = objective_remedies(block), rated_remedies(block)
    players = [r for r in remedies if type(r).payoffs is not Remedy.payoffs]
    others = [r.name for r in remedies if r not in (*players, *rated)]
    notes = list(plain.notes)
    if rated:
        plain, note = rate_game(block, measures, plain, rated)
        notes.append(note)
    if others:
        notes.append(f"what {', '.join(others)} adds to the objective or changes in it is left out of the cells")
    if len(players) > 1:
        names = " and ".join(sorted(remedy.name for remedy in players))
        notes.append(f"{names} each have a table of their own, so this is that of the plain ELBO")
    game = replace(plain, notes=tuple(notes))
    return payoffs_of(players[0], game, measures) if len(players) == 1 else game


def payoffs_of(remedy: Remedy, game: Game, measures: GameMeasures) -> Game:
    """The table of a remedy's own.

    Raises:
        UsageError: It gives something else; names the remedy.
    """
    own = of_kind(remedy, "payoffs", remedy.payoffs(game, measures), Game)
    if problem := cells_problem(own, len(measures.rec)):
        raise UsageError(f"{remedy.name!r}: `payoffs` gives {problem}")
    return own


def map_features(block: BlockInput, module: nn.Module) -> Tensor:
    """(N, ...) float64 values of a module on the encoder's features of all sentences of the split."""
    values, order = [], []
    with evaluation_mode(block.model, block.scoring.device):
        for index, batch in block.scoring.batches():
            values.append(module(block.model.encode(batch).features).double())
            order.append(index)
    return torch.cat(values)[torch.cat(order).argsort()]


def rate_game(block: BlockInput, measures: GameMeasures, plain: Game, rated: list[Remedy]) -> tuple[Game, str]:
    """The game under the KL term that some remedies train on, and a line on it."""
    cells = rate_cells(block, rated, plain.cells, measures.kl_dimensions, measures.marginal)
    names = ", ".join(remedy.name for remedy in rated)
    note = f"the KL of every cell is as {names} trains on it, with the weight {final_weight(block, rated):.3g}"
    return replace(plain, cells=cells), f"{note} of the end of training"
