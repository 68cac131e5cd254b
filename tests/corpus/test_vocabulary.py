import json
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torchtext.vocab import Vocab

from vaecli.core.errors import DataError
from vaecli.corpus.types import BOS, EOS, PAD, UNK
from vaecli.corpus.vocabulary import SPECIALS, WordVocabulary, escape, unescape

TEXT = ["b", "b", "b", "a", "a", "c", "c", "d", "<unk>", "<unk>", "<unk>", "<unk>"]


def test_ids_by_frequency_then_alphabet():
    vocabulary = WordVocabulary.build(Counter(TEXT))
    assert vocabulary.words == ("<pad>", "<s>", "</s>", "<unk>", "b", "a", "c", "d")
    assert (PAD, BOS, EOS, UNK) == (0, 1, 2, 3)
    assert vocabulary.encode(["d", "b", "<unk>", "zebra"]) == [7, 4, UNK, UNK]
    # the order in which words were first seen makes no difference
    assert WordVocabulary.build(Counter(sorted(TEXT, reverse=True))).words == vocabulary.words


def test_limits():
    # of b 3, a 2, c 2, d 1: the two most frequent; those with two or more; and both limits at once
    assert WordVocabulary.build(Counter(TEXT), max_vocab=2).words[4:] == ("b", "a")
    assert WordVocabulary.build(Counter(TEXT), min_freq=2).words[4:] == ("b", "a", "c")
    assert WordVocabulary.build(Counter(TEXT), max_vocab=3, min_freq=3).words[4:] == ("b",)


@settings(deadline=None, max_examples=50)
@given(st.dictionaries(st.text("abc", min_size=1, max_size=3), st.integers(1, 4)), st.integers(0, 6), st.integers(1, 3))
def test_the_order_is_torchtexts(counts, max_vocab, min_freq):
    expected = Vocab(Counter(counts), max_size=max_vocab or None, min_freq=min_freq, specials=list(SPECIALS))
    assert WordVocabulary.build(counts, max_vocab, min_freq).words == tuple(expected.itos)


def test_looking_up_an_unknown_word_adds_nothing():
    vocabulary = WordVocabulary.build(Counter(TEXT))
    before = len(vocabulary)
    assert vocabulary.encode(["new"] * 3) == [UNK] * 3
    assert len(vocabulary) == before
    assert "new" not in vocabulary.words


def test_literals_of_special_symbols_are_ordinary_words():
    literals = ["<pad>", "<s>", "</s>", r"\<s>"]
    vocabulary = WordVocabulary.build(Counter([*literals, "<unk>", "a"]))
    assert set(vocabulary.words[4:]) == {r"\<pad>", r"\<s>", r"\</s>", r"\\<s>", "a"}
    ids = vocabulary.encode(literals)
    assert min(ids) > UNK
    assert len(set(ids)) == 4
    assert vocabulary.decode(ids) == literals
    # without such words in train they are unknown, never special
    assert WordVocabulary.build(Counter("a")).encode(literals) == [UNK] * 4


@settings(deadline=None, max_examples=50)
@given(st.text(alphabet="\\<>/spad ", max_size=9))
def test_escaped_spellings_are_never_special_and_go_back(word):
    assert unescape(escape(word)) == word
    assert escape(word) not in SPECIALS[:3]


def test_decode_stops_at_the_end():
    vocabulary = WordVocabulary.build(Counter(TEXT))
    assert vocabulary.decode([BOS, 4, UNK, 5, EOS, 6, 7]) == ["b", "<unk>", "a"]
    assert vocabulary.decode([4, PAD, PAD]) == ["b"]
    assert vocabulary.decode([]) == []


def test_save_and_load(tmp_path):
    path = tmp_path / "vocab.json"
    vocabulary = WordVocabulary.build(Counter(["é", "日本", "<s>", "\u2028", '"', "x"]))
    vocabulary.save(path)
    loaded = WordVocabulary.load(path)
    assert loaded.words == vocabulary.words
    assert loaded.encode(["日本", "<s>", "no"]) == vocabulary.encode(["日本", "<s>", "no"])
    assert json.loads(path.read_text("utf-8"))["format"] == 1
    assert [p.name for p in tmp_path.iterdir()] == ["vocab.json"]


def test_a_vocabulary_of_an_earlier_version_is_of_white_space(tmp_path):
    path = tmp_path / "vocab.json"
    path.write_text(json.dumps(words("a")))
    assert WordVocabulary.load(path).tokenizer.name == "split"


def words(*ordinary):
    return {"format": 1, "words": [*SPECIALS, *ordinary]}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "Expecting value"),
        (b'{"words": [', "not a vocabulary"),
        (b"\xff", "can't decode"),
        (b"[" * 100_000, "not a vocabulary"),
        (json.dumps([1]).encode(), "it has no `words`"),
        (json.dumps({"format": 2, "words": list(SPECIALS)}).encode(), "its format is 2, not 1"),
        (json.dumps({"format": 1, "words": ["a", "b", "c", "d"]}).encode(), "its first words are not"),
        (json.dumps({"format": 1, "words": [*SPECIALS, 7]}).encode(), "not a list of words"),
        (json.dumps(words("a", "a")).encode(), "there twice"),
        (json.dumps(words("")).encode(), "empty"),
        (json.dumps(words("<s>")).encode(), "special"),
        (json.dumps(words("\ud800")).encode(), "surrogates not allowed"),
        (json.dumps(words() | {"tokenizer": "bpe"}).encode(), "`tokenizer` is no object"),
        (json.dumps(words() | {"tokenizer": {"name": "revtok"}}).encode(), "there is no tokenizer 'revtok'"),
        (json.dumps(words() | {"tokenizer": {"name": "bpe"}}).encode(), "the tokenizer has no model"),
        (json.dumps(words() | {"tokenizer": {"name": "bpe", "model": "?"}}).encode(), "not base64"),
        (json.dumps(words() | {"tokenizer": {"name": "bpe", "model": "aaaa"}}).encode(), "no SentencePiece model"),
    ],
)
def test_bad_files_are_data_errors(tmp_path, content, problem):
    path = tmp_path / "vocab.json"
    path.write_bytes(content)
    with pytest.raises(DataError, match=problem) as caught:
        WordVocabulary.load(path)
    assert str(caught.value).startswith(f"{path}: not a vocabulary")


def test_missing_file(tmp_path):
    with pytest.raises(DataError, match="can't read the vocabulary: No such file"):
        WordVocabulary.load(tmp_path / "vocab.json")
