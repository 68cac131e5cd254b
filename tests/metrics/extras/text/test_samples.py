import math

import pytest
import torch
from metrics.blocks import block_input
from sacrebleu.metrics.bleu import BLEU
from support import scoring, split_of, tiny_model, tiny_split

from vaecli.core.errors import UsageError
from vaecli.metrics.extras.text.blocks import bleu_block, samples_block
from vaecli.metrics.extras.text.reconstruction import sources
from vaecli.metrics.extras.text.samples import as_split, prior_codes, sample_prior, split_perplexity
from vaecli.metrics.extras.text.scores import distinct, self_bleu, unique_share
from vaecli.metrics.scoring import Sampling


def drawn_by(seed, batch_size=64):
    return Sampling(batch_size=batch_size, seed=seed, device=torch.device("cpu"))


def test_distinct_by_hand():
    # a b a b | a c: 6 words of 3 types; pairs ab ba ab ac: 3 of 4 differ
    sentences = [[1, 2, 1, 2], [1, 3]]
    assert distinct(sentences, 1) == 3 / 6
    assert distinct(sentences, 2) == 3 / 4
    assert distinct([[1], [2]], 2) is None


def test_unique_share_by_hand():
    assert unique_share([[1, 2], [1, 2], [2, 1], []]) == 3 / 4


@pytest.mark.parametrize(
    "sentences",
    [
        list(sources(tiny_split(25, vocabulary_size=7, longest=9))),
        [[1, 2, 3, 4], [1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 6], [1] * 11],  # the 5 words are as near to 4 as to 6
    ],
)
def test_self_bleu_is_that_of_every_sentence_against_all_others(sentences):
    lines = [" ".join(map(str, words)) for words in sentences]
    bleu = BLEU(tokenize="none", force=True, effective_order=True)
    scores = [bleu.sentence_score(line, lines[:n] + lines[n + 1 :]).score for n, line in enumerate(lines)]
    assert len(set(map(len, sentences))) > 3
    assert self_bleu(sentences) == pytest.approx(math.fsum(scores) / len(scores))


def test_self_bleu_of_one_sentence_over_and_over_is_100_and_of_others_0():
    assert self_bleu([[1, 2, 3, 4, 5]] * 4) == pytest.approx(100)
    assert self_bleu([[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]]) == 0
    assert self_bleu([[1, 2, 3], []]) is None


@pytest.mark.parametrize("method", ["vanilla", "lm", "bn", "ae"])
def test_more_samples_begin_with_the_same_and_batches_change_nothing(method):
    model = tiny_model(method)
    few = sample_prior(model, drawn_by(3, 7), 7, 6)
    many = sample_prior(model, drawn_by(3, 4), 11, 6)
    assert [s.words for s in many[:7]] == [s.words for s in few]
    assert len({tuple(s.words) for s in many}) > 3
    assert [s.words for s in sample_prior(model, drawn_by(4, 7), 7, 6)] != [s.words for s in few]


def test_codes_are_of_the_prior():
    codes = prior_codes(tiny_model(), drawn_by(0), 4000)
    # four standard errors: 4 / sqrt(4000) of a mean, 4 * sqrt(2 / 4000) of a variance
    assert codes.mean(0).abs().max() < 0.064
    assert (codes.var(0) - 1).abs().max() < 0.09
    assert prior_codes(tiny_model("lm"), drawn_by(0), 5).shape == (5, 0)


def test_a_split_of_sentences_gives_them_back():
    sentences = [[4, 5, 6], [], [7]]
    split = as_split(sentences)
    assert list(sources(split)) == sentences
    assert split.predicted_tokens == 7


def test_perplexity_of_an_even_language_model_is_its_vocabulary():
    # weights of 0: every one of the 12 types, </s> included, has probability 1/12 everywhere
    model = tiny_model("lm")
    with torch.no_grad():
        model.decoder.output.weight.zero_()
    split = as_split([[4, 5], [], [6, 7, 8]])
    assert split_perplexity(model, scoring(split, 2)) == pytest.approx(12)


def test_samples_have_the_perplexity_that_they_were_drawn_with():
    # no sentence is cut, so the log probabilities of sampling are those of scoring
    model = tiny_model("lm")
    sentences = sample_prior(model, drawn_by(0, 16), 40, 60)
    split = as_split([s.words for s in sentences])
    expected = math.exp(-math.fsum(s.log_prob for s in sentences) / split.predicted_tokens)
    assert split_perplexity(model, scoring(split, 16)) == pytest.approx(expected, rel=1e-5)


def test_the_reference_has_to_be_a_language_model_of_the_vocabulary():
    with pytest.raises(UsageError, match="has to be a language model"):
        split_perplexity(tiny_model(), scoring(split_of([4])))
    with pytest.raises(UsageError, match="knows 12 word types"):
        split_perplexity(tiny_model("lm"), scoring(split_of([4, 12])))


def test_what_is_missing_has_a_reason():
    samples = samples_block(block_input(tiny_model(), tiny_split(8), sentences=20))
    assert samples.values["forward_ppl"] is None
    assert "--lm RUN" in samples.details["reason"]
    assert (samples.details["samples"], samples.details["temperature"]) == (20, 1.0)
    whole = samples_block(block_input(tiny_model(), tiny_split(8), sentences=20, reference=tiny_model("lm")))
    assert whole.values["forward_ppl"] > 1
    assert "reason" not in whole.details
    short = bleu_block(block_input(tiny_model(), split_of([4, 5], [6])))
    assert (short.values["bleu"], short.values["bleu_beam"]) == (None, None)
    assert "four words" in short.details["reason"]
