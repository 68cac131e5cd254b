"""Evaluations of text that a model writes: reconstructions against their sources, and samples of the prior."""

from __future__ import annotations

from dataclasses import replace

from vaecli.metrics.extras.registry import BlockInput, BlockResult, undefined
from vaecli.metrics.extras.text.reconstruction import BEAM, decoding_limit, reconstruct, sources
from vaecli.metrics.extras.text.samples import (
    COUNT,
    SELF_BLEU_SENTENCES,
    as_split,
    sample_prior,
    split_perplexity,
    weights_fingerprint,
)
from vaecli.metrics.extras.text.scores import (
    bleu_signature,
    corpus_bleu,
    distinct,
    exact_match,
    self_bleu,
    unique_share,
)

REVERSE_COUNT = 10_000
"""Samples that the language model of a reverse perplexity is trained on."""

BLEU_COLUMNS = ("bleu", "bleu_beam", "exact_match")


def bleu_block(block: BlockInput) -> BlockResult:
    """BLEU of sentences decoded from their posterior means, greedily and by a beam, and exact copies."""
    if not block.model.has_latent:
        return undefined(BLEU_COLUMNS, "bleu: a language model has no code to reconstruct from")
    longest, references = decoding_limit(block.corpus, block.split), sources(block.split)
    greedy, beam = (reconstruct(block.model, block.scoring, longest, size) for size in (1, BEAM))
    values = {
        "bleu": corpus_bleu(greedy, references),
        "bleu_beam": corpus_bleu(beam, references),
        "exact_match": exact_match(greedy, references),
    }
    details = {"signature": bleu_signature(), "beam": BEAM, "longest": longest}
    if values["bleu"] is None:
        reason = f"bleu: no sentence of {block.split_name} has four words, so a copy would have BLEU-4 0 too"
        return BlockResult(values, {**details, "reason": reason}, (reason,))
    return BlockResult(values, details)


def samples_block(block: BlockInput) -> BlockResult:
    """Variety of samples of the prior, and their perplexity where a language model of train is there."""
    longest = decoding_limit(block.corpus, block.split)
    drawn = sample_prior(block.model, block.scoring, block.sentences or COUNT, longest)
    words = [sentence.words for sentence in drawn]
    forward = None
    if block.reference is not None:
        forward = split_perplexity(block.reference, replace(block.scoring, split=as_split(words)))
    compared = words[:SELF_BLEU_SENTENCES]
    values = {
        "forward_ppl": forward,
        "self_bleu": self_bleu(compared),
        "distinct_1": distinct(words, 1),
        "distinct_2": distinct(words, 2),
        "unique_samples": unique_share(words),
    }
    missing = "forward_ppl needs a language model of the same corpus: --lm RUN, a run of method lm"
    details = {"samples": len(words), "self_bleu_sentences": len(compared), "temperature": 1.0}
    settings: dict[str, int | str] = {"samples": len(words)}
    if block.reference is None:
        return BlockResult(values, {**details, "reason": missing}, (missing,), settings)
    settings["reference"] = weights_fingerprint(block.reference)
    return BlockResult(values, {**details, "reference": settings["reference"]}, settings=settings)


def reverse_block(block: BlockInput) -> BlockResult:
    """Perplexity of the split under a language model trained on samples alone (Zhao et al. 2018).

    It is low where the samples cover the text. It depends on the sizes and the training of the language model and on
    the number of samples, so compare at one recipe only.

    Raises:
        UsageError: There are too few samples.
        DivergedError: The language model diverged.
        InterruptedRunError: A signal came.
    """
    count = block.sentences or REVERSE_COUNT
    drawn = sample_prior(block.model, block.scoring, count, decoding_limit(block.corpus, block.split))
    assert block.train_lm is not None
    reference = block.train_lm([sentence.words for sentence in drawn], block.scoring.seed)
    perplexity = split_perplexity(reference, block.scoring)
    return BlockResult({"reverse_ppl": perplexity}, {"samples": count}, settings={"samples": count})
