"""Rows on evaluation: the ELBO of a split, the importance-weighted bound, mutual information."""

from __future__ import annotations

import math
from statistics import median

import torch
from torch import Tensor

from experiments.benchmarks.floors import FORWARD, floor_detail, flop_per_sample_token, flop_per_token
from experiments.benchmarks.reference import (
    batch_mutual_information,
    equal_length_batch,
    equal_length_groups,
    evaluate_neg_elbo,
    importance_weighted_nll,
    mutual_information_terms,
)
from experiments.benchmarks.results import Row, paired_row
from experiments.benchmarks.rows_training import measure_memory
from experiments.benchmarks.shapes import PTB, Shapes, ptb_corpus, spread, subset
from experiments.benchmarks.subjects import (
    AGREEMENT,
    Options,
    UnequalWorkError,
    check_equal_work,
    make_reference,
    make_session,
    predicted,
)
from experiments.benchmarks.targets import least_gain
from experiments.benchmarks.timing import interleave, synchronised
from vaecli.config import EvaluationConfig
from vaecli.corpus.types import Corpus, Split
from vaecli.metrics.ceilings import BATCH
from vaecli.metrics.columns import iw, mi
from vaecli.metrics.columns.elbo import elbo_terms
from vaecli.metrics.scoring import Scoring
from vaecli.model.posterior import DiagonalGaussian


def elbo_row(shapes: Shapes, corpus: Corpus, options: Options, batches: int, target: float = 4.0) -> Row:
    """The ELBO of test sentences, ours in our batches, the reference's in batches of one length.

    Args:
        shapes: Sizes.
        corpus: Its test split is evaluated.
        options: How to measure.
        batches: Of the reference's, that stand for the split; as many as there are takes the whole split.
        target: The least speed-up.
    """
    session = make_session(shapes, corpus, options)
    reference = make_reference(session).eval()
    differ = check_equal_work(session, reference, corpus.test)
    groups = spread(equal_length_groups(corpus.test, shapes.batch_size), corpus.test.lengths, batches)
    split = subset(corpus.test, [index for group in groups for index in group])
    theirs = [equal_length_batch(corpus.test, group).to(session.device) for group in groups]
    device = session.device

    config = EvaluationConfig(precision=options.precision)

    def ours() -> None:
        elbo_terms(session.model, Scoring.standard(session.model, split, config, 0, device))

    pairs = interleave(
        synchronised(lambda: evaluate_neg_elbo(reference, theirs), device), synchronised(ours, device), options.repeats
    )
    work = float(split.predicted_tokens)
    types, rate = len(corpus.vocabulary), work / median(pairs.ours)
    flop = flop_per_token(types, shapes.model, FORWARD)
    detail = floor_detail(flop, types, shapes.model, options.resolved_precision, options.device, rate)
    about = {"largest_difference_nats": differ, "sentences": float(len(split))}
    name = f"elbo-{shapes.name}{options.suffix}"
    return paired_row(name, "ELBO of the test split", pairs, (work, work), "tokens/s", target, {**detail, **about})


def elbo_ptb(options: Options) -> list[Row]:
    """The ELBO of the Penn Treebank's test split."""
    batches = 8 if options.quick else 1_000_000
    return [elbo_row(PTB, ptb_corpus(), options, batches, least_gain("elbo-ptb", options))]


def length_groups(split: Split, groups: int, size: int) -> list[list[int]]:
    """`groups` runs of `size` neighbours in the order of length, evenly spaced: like length-sorted batches."""
    order = split.lengths.argsort(stable=True).tolist()
    starts = [int((n + 0.5) * len(order) / groups) - size // 2 for n in range(groups)]
    return [order[max(0, start) : max(0, start) + size] for start in starts]


def iw_row(
    shapes: Shapes, corpus: Corpus, options: Options, samples: int, groups: int, size: int = 8, target: float = 6.0
) -> Row:
    """The importance-weighted bound: ours on groups of neighbours in length, the reference on one of each group.

    Args:
        shapes: Sizes.
        corpus: Its test split is evaluated.
        options: How to measure.
        samples: K.
        groups: Groups of sentences, and sentences of the reference.
        size: Sentences a group.
        target: The least speed-up.
    """
    session = make_session(shapes, corpus, options)
    reference, device = make_reference(session).eval(), session.device
    differ = check_equal_work(session, reference, corpus.test)
    places = length_groups(corpus.test, groups, size)
    split = subset(corpus.test, [index for group in places for index in group])
    theirs = [equal_length_batch(corpus.test, [group[len(group) // 2]]).to(device) for group in places]

    config = EvaluationConfig(precision=options.precision, batch_size=size)

    def ours() -> None:
        scoring = Scoring.standard(session.model, split, config, 0, device)
        terms = elbo_terms(session.model, scoring)
        assert terms.posterior is not None
        iw.importance_weighted_nll(session.model, scoring, terms.posterior, samples)

    pairs = interleave(
        synchronised(lambda: [importance_weighted_nll(reference, x, samples) for x in theirs], device),
        synchronised(ours, device),
        options.repeats,
    )
    work = (float(predicted(theirs) * samples), float(split.predicted_tokens * samples))
    types, rate = len(corpus.vocabulary), work[1] / median(pairs.ours)
    flop = flop_per_sample_token(types, shapes.model)
    detail = floor_detail(flop, types, shapes.model, options.resolved_precision, options.device, rate)
    about = {"samples": float(samples), "largest_difference_nats": differ}
    name = f"iw-{shapes.name}{options.suffix}"
    title = f"importance-weighted NLL, {samples} samples"
    return paired_row(name, title, pairs, work, "sample-tokens/s", target, {**detail, **about})


def iw_ptb(options: Options) -> list[Row]:
    """The importance-weighted bound at Penn Treebank shapes."""
    samples, groups = (50, 2) if options.quick else (500, 6)
    return [iw_row(PTB, ptb_corpus(), options, samples, groups, target=least_gain("iw-ptb", options))]


def random_posteriors(sentences: int, latent_size: int, device: torch.device) -> tuple[DiagonalGaussian, Tensor]:
    """Gaussians about as far apart as wide, so that I_q is far from 0 and from its ceiling, and a sample of each."""
    generator = torch.Generator().manual_seed(0)
    mean, eps = torch.randn(2, sentences, latent_size, generator=generator, dtype=torch.float64).to(device)
    posterior = DiagonalGaussian(0.5 * mean, torch.full_like(mean, -0.3))
    return posterior, posterior.mean + (0.5 * posterior.logvar).exp() * eps


def mi_row(sentences: int, latent_size: int, looped: int, options: Options) -> Row:
    """Mutual information of a split; the reference's loop is timed on some of the sentences, its time being linear.

    Raises:
        UnequalWorkError: The two differ on a sentence.
    """
    device = options.torch_device
    posterior, z = random_posteriors(sentences, latent_size, device)
    narrow = (posterior.mean.float(), posterior.logvar.float(), z.float())
    expected = torch.tensor(mutual_information_terms(*narrow, range(looped)), dtype=torch.float64)
    differ = float((mi.mutual_information(posterior, z).terms[:looped].cpu() - expected).abs().max())
    if not differ <= AGREEMENT:
        raise UnequalWorkError(f"mutual information differs by {differ:.2g} nats (at most {AGREEMENT:g})")
    pairs = interleave(
        synchronised(lambda: mutual_information_terms(*narrow, range(looped)), device),
        synchronised(lambda: mi.mutual_information(posterior, z), device),
        options.repeats,
    )
    title = f"mutual information, {sentences:,} sentences, Z {latent_size}"
    detail: dict[str, float | str] = {"largest_difference_nats": differ, "looped_sentences": float(looped)}
    work = (float(looped), float(sentences))
    return paired_row(f"mi{options.suffix}", title, pairs, work, "sentences/s", 10.0, detail)


def mi_split(options: Options) -> list[Row]:
    """Mutual information on 10,000 sentences."""
    return [mi_row(10_000, 32, 50 if options.quick else 500, options)]


def batch_mi_row(sentences: int, latent_size: int, options: Options) -> Row:
    """Mutual information within batches of 32, which published loops take one after the other.

    Raises:
        UnequalWorkError: The two differ.
    """
    device = options.torch_device
    posterior, z = random_posteriors(sentences, latent_size, device)
    narrow = (posterior.mean.float(), posterior.logvar.float(), z.float())
    batches = torch.split(mi.batch_order(sentences, 0).to(device), BATCH)
    expected = batch_mutual_information(*narrow, batches)
    differ = abs(mi.batch_mutual_information(posterior, z, 0) - expected)
    if not differ <= AGREEMENT:
        raise UnequalWorkError(f"mutual information within batches differs by {differ:.2g} nats")
    pairs = interleave(
        synchronised(lambda: batch_mutual_information(*narrow, batches), device),
        synchronised(lambda: mi.batch_mutual_information(posterior, z, 0), device),
        3 * options.repeats,
    )
    title = f"mutual information within batches, {sentences:,} sentences, Z {latent_size}"
    work = (float(sentences), float(sentences))
    detail: dict[str, float | str] = {"difference_nats": differ}
    return paired_row(f"batch-mi{options.suffix}", title, pairs, work, "sentences/s", 3.0, detail)


def mi_batches(options: Options) -> list[Row]:
    """Mutual information within batches, on 10,000 sentences."""
    return [batch_mi_row(1_000 if options.quick else 10_000, 32, options)]


def mi_memory(options: Options) -> list[Row]:
    """Memory of mutual information on 10,000 sentences, against the N x N densities that a chunk stands for."""
    measured = measure_memory("ours", options, "mi")
    taken, square = measured["peak"] - measured["weights"], 8 * math.pow(10_000, 2) / 2**20
    return [
        Row(
            name=f"memory-mi{options.suffix}",
            title="mutual information, memory over N x N densities",
            unit="MB",
            reference=square,
            ours=taken,
            figure=taken / square,
            target=0.25,
            at_least=False,
        )
    ]
