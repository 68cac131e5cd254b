"""Perplexity a word of the text: the same for the same distribution over texts, whatever a model's tokens are."""

import math
from dataclasses import replace

import pytest
import torch
from support import tiny_shape

from vaecli.config import CorpusConfig, EvaluationConfig
from vaecli.corpus.load import load_corpus
from vaecli.corpus.types import BOS, EOS
from vaecli.kernels.output import OutputLayer
from vaecli.metrics.measure import evaluate
from vaecli.model.decoder import Decoder
from vaecli.model.prior import StandardNormal
from vaecli.model.vae import VAE, Parts

TRAIN, TEST = "a b\nb a a\n", "a b\na\n"


class Bigrams(Decoder):
    """p(next word | word) from a table, (V, V) logits by the word before and the next."""

    latent_size = 0

    def __init__(self, table):
        super().__init__()
        self.output = OutputLayer(*table.shape)
        with torch.no_grad():
            self.output.weight.copy_(table.T)

    def hidden(self, z, inputs):
        return torch.nn.functional.one_hot(inputs, self.output.weight.shape[1]).to(self.output.weight)


def figures(corpus, table):
    parts = Parts(tiny_shape(1, len(corpus.vocabulary)), None, None, StandardNormal(0), Bigrams(table))
    return evaluate(
        VAE(parts).double(), corpus.test, EvaluationConfig(batch_size=2), seed=0, device=torch.device("cpu")
    ).values


@pytest.fixture
def corpora(tmp_path, monkeypatch):
    """The same text as words, and as characters, which three pieces allow no more than."""
    monkeypatch.setenv("VAE_CACHE", "off")
    for name, text in (("train", TRAIN), ("valid", TEST), ("test", TEST)):
        (tmp_path / f"{name}.txt").write_text(text)
    config = CorpusConfig(data=str(tmp_path))
    return load_corpus(config), load_corpus(config.model_copy(update={"tokenizer": "bpe", "max_vocab": 3}))


def never(size):
    return torch.full((size, size), -1e6, dtype=torch.float64)


def test_one_distribution_over_texts_as_words_and_as_characters(corpora):
    words, characters = corpora
    assert [len(c.vocabulary) for c in corpora] == [4 + 2, 4 + 3]
    # a sentence ends with probability 1/4, else a word comes, a twice as often as b
    a, b = words.vocabulary.encode(["a", "b"])
    table = never(6)
    table[:, EOS] = table[:, b] = math.log(1 / 4)
    table[:, a] = math.log(1 / 2)
    by_word = figures(words, table)
    start, a, b = characters.vocabulary.encode(["▁", "a", "b"])
    table = never(7)
    for before in (BOS, a, b):
        table[before, EOS], table[before, start] = math.log(1 / 4), math.log(3 / 4)
    table[start, a], table[start, b] = math.log(2 / 3), math.log(1 / 3)
    by_character = figures(characters, table)

    # -log p of "a b" and "a" together: 1/2 1/4 1/4 and 1/2 1/4, which is 1/256; 3 words and 2 ends of sentences
    for perplexities in (by_word, by_character):
        assert 2 * perplexities["iw_nll"] == pytest.approx(math.log(256))
        assert perplexities["ppl_word"] == pytest.approx(256 ** (1 / 5))
    assert by_word["ppl_iw"] == by_word["ppl_word"]
    assert (by_word["tokens"], by_character["tokens"]) == (5, 8)
    assert by_character["ppl_iw"] == pytest.approx(2)  # 256 ** (1 / 8): which flatters more tokens


def test_uniform_models_of_words_and_of_characters(corpora):
    words, characters = (figures(c, torch.zeros(len(c.vocabulary), len(c.vocabulary)).double()) for c in corpora)
    assert (words["ppl_iw"], characters["ppl_iw"]) == (pytest.approx(6), pytest.approx(7))
    # 5 tokens of 6 types, and 8 of 7, over 3 words and 2 ends
    assert (words["ppl_word"], characters["ppl_word"]) == (pytest.approx(6), pytest.approx(7 ** (8 / 5)))


def test_without_a_text_behind_the_tokens_there_is_no_figure(corpora):
    corpus = replace(corpora[0], test=replace(corpora[0].test, raw_words=None))
    values = figures(corpus, torch.zeros(6, 6).double())
    assert values["ppl_word"] is None
    assert values["ppl_iw"] == pytest.approx(6)
