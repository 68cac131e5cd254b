import pytest
import torch
from support import scoring, split_of, tiny_model, tiny_split

from vaecli.corpus.types import Split, collate
from vaecli.metrics.extras.text.reconstruction import decoding_limit, posterior_means, reconstruct, sources
from vaecli.metrics.extras.text.scores import bleu_signature, corpus_bleu, exact_match
from vaecli.model.decoding import greedy

CPU = torch.device("cpu")


def test_a_copy_has_bleu_100():
    sentences = sources(tiny_split(50))
    assert corpus_bleu(sentences, sentences) == pytest.approx(100)
    assert exact_match(sentences, sentences) == 1


def test_bleu_by_hand():
    # of 1 2 3 4 5 against 1 2 3 4 6, 4/5 words, 3/4 pairs, 2/3 triples and 1/2 of the 4-grams are there:
    # (4/5 * 3/4 * 2/3 * 1/2) ** (1/4) = 0.2 ** 0.25 = 0.66874
    assert corpus_bleu([[1, 2, 3, 4, 5]], [[1, 2, 3, 4, 6]]) == pytest.approx(66.874, abs=1e-3)
    # counts are added over the sentences before the ratios: 9/10, 7/8, 5/6, 3/4, whose product is 0.4921875
    pair = [[1, 2, 3, 4, 5], [7, 8, 9, 10, 11]]
    assert corpus_bleu(pair, [[1, 2, 3, 4, 6], pair[1]]) == pytest.approx(100 * 0.4921875**0.25)
    # too short a copy of the first four of eight words pays exp(1 - 8/4)
    assert corpus_bleu([[1, 2, 3, 4]], [[1, 2, 3, 4, 5, 6, 7, 8]]) == pytest.approx(36.788, abs=1e-3)


def test_bleu_compares_ids_whole():
    # no digit of 11 12 13 14 is a word of 1 1 1 2 1 3 1 4
    assert corpus_bleu([[11, 12, 13, 14]], [[1, 1, 1, 2, 1, 3, 1, 4]]) == 0


def test_bleu_4_needs_four_words():
    assert corpus_bleu([[1, 2, 3]], [[1, 2, 3]]) is None
    assert corpus_bleu([[], [5]], [[1, 2, 3, 4], [5]]) < 100


def test_exact_match_by_hand():
    assert exact_match([[1, 2], [1], [], [3, 4]], [[1, 2], [1, 2], [1], [4, 3]]) == 0.25


def test_the_signature_says_how():
    signature = bleu_signature()
    for part in ("nrefs:1", "tok:none", "smooth:exp", "version:"):
        assert part in signature


def model_that_listens():
    """Words that depend strongly on the code."""
    model = tiny_model()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(4)
    return model


def test_means_are_in_the_order_of_the_split():
    model, split = model_that_listens().eval(), tiny_split(20)
    means = posterior_means(model, scoring(split, 3))
    with torch.no_grad():
        for n in range(20):
            expected = model.posterior(collate(split, torch.tensor([n]))).mean[0]
            torch.testing.assert_close(means[n].float(), expected)


def test_a_reconstruction_is_decoded_from_the_mean():
    model, split = model_that_listens(), tiny_split(20)
    words = reconstruct(model, scoring(split, 6), 7)
    model.eval()
    with torch.no_grad():
        for n in range(20):
            mean = model.posterior(collate(split, torch.tensor([n]))).mean
            assert words[n] == greedy(model.decoder, mean, 7)[0].words
    assert len({tuple(w) for w in words}) > 3


@pytest.mark.parametrize("size", [1, 3])
def test_batches_change_nothing_and_the_model_stays_as_it_is(size):
    model, split = model_that_listens().train(), tiny_split(12)
    before = torch.get_rng_state()
    one, other = (reconstruct(model, scoring(split, b), 7, size) for b in (12, 5))
    assert one == other
    assert model.training
    assert torch.equal(torch.get_rng_state(), before)


def test_dropout_is_off():
    model = tiny_model(embedding_dropout=0.9, output_dropout=0.9).train()
    split = tiny_split(6)
    one, other = (reconstruct(model, scoring(split, 6), 7) for _ in range(2))
    assert one == other


def test_the_limit_is_the_longest_sentence_there_is():
    class Corpus:
        train = split_of([4, 5], [4, 5, 6])

    assert decoding_limit(Corpus, split_of([4])) == 3
    assert decoding_limit(Corpus, split_of([4, 5, 6, 7, 8])) == 5


def test_sources_are_the_words():
    split = Split("test", torch.tensor([4, 5, 6], dtype=torch.int32), torch.tensor([0, 2, 3]))
    assert list(sources(split)) == [[4, 5], [6]]
