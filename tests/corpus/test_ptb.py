import os
from pathlib import Path

import pytest

from vaecli.config import CorpusConfig
from vaecli.corpus.load import load_corpus
from vaecli.corpus.tokenizers import get_tokenizer
from vaecli.corpus.types import UNK

FOLDER = Path(os.environ.get("VAE_TEST_DATA", "")) / "ptb"
pytestmark = pytest.mark.skipif("VAE_TEST_DATA" not in os.environ, reason="VAE_TEST_DATA names no folder of corpora")


def test_counts_of_the_penn_treebank():
    corpus = load_corpus(CorpusConfig(data=str(FOLDER)))
    assert [len(corpus.split(p)) for p in ("train", "valid", "test")] == [42_068, 3_370, 3_761]
    # perplexities of the literature are over these, </s> included
    assert [corpus.split(p).predicted_tokens for p in ("train", "valid", "test")] == [929_589, 73_760, 82_430]
    # its 10,000 types are 9,998 words, <unk> and </s>; <pad> and <s> are ours
    assert len(corpus.vocabulary) == 10_002
    # every word of valid and test is in train: what is unknown was <unk> in the file
    unknown = (FOLDER / "test.txt").read_text().split().count("<unk>")
    assert int((corpus.test.tokens == UNK).sum()) == unknown == 4_794


@pytest.mark.parametrize("name", ["basic_english", "bpe", "moses", "toktok", "unigram"])
def test_no_tokenizer_loses_an_unknown_word(name):
    lines = (FOLDER / "test.txt").read_text().splitlines()
    tokenizer = get_tokenizer(name)
    tokenizer.learn(lines)
    words = [word for line in lines for word in tokenizer(line)]
    assert words.count("<unk>") == 4_794
    assert not any(("&" in word and ";" in word) or "unk>" in word for word in words if word != "<unk>")


def test_second_load_gives_the_same():
    first = load_corpus(CorpusConfig(data=str(FOLDER)))
    second = load_corpus(CorpusConfig(data=str(FOLDER)))
    assert first.fingerprint == second.fingerprint
    assert first.train.tokens.equal(second.train.tokens)
    assert first.notes == second.notes
