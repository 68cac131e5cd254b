"""Subwords: what they learn, how they spell, and what a run folder keeps of them."""

import json
import subprocess
import sys
from collections import Counter

import pytest
import sentencepiece
from hypothesis import given, settings
from hypothesis import strategies as st

from vaecli.config import CorpusConfig
from vaecli.core.errors import DataError, UsageError
from vaecli.corpus import load as load_module
from vaecli.corpus.load import load_corpus
from vaecli.corpus.tokenizers import SUBWORDS, get_tokenizer, restored, subwords
from vaecli.corpus.types import UNK
from vaecli.corpus.vocabulary import WordVocabulary

LINES = ["the lowest of the low sat lower <unk>", "the newest and the widest row is new", "a low row"] * 5


def learned(name, lines=LINES, size=40):
    tokenizer = get_tokenizer(name, size)
    tokenizer.learn(lines)
    return tokenizer


def test_bpe_merges_the_pair_that_is_most_frequent():
    # a b is there 4 times, ▁ a 3 times; then ▁ ab 3 times, and x ab once
    tokenizer = learned("bpe", ["ab ab ab xab"], size=4 + 2)
    assert set(tokenizer.pieces) == {"ab", "▁ab", "▁", "a", "b", "x"}
    assert tokenizer("ab xab ba") == ["▁ab", "▁", "x", "ab", "▁", "b", "a"]


def test_unigram_spells_by_the_most_probable_pieces():
    tokenizer = learned("unigram")
    processor = tokenizer._processor
    scores = {processor.id_to_piece(n): processor.get_score(n) for n in range(1, processor.get_piece_size())}

    def best(rest):
        """The largest sum of scores over all ways to spell."""
        if not rest:
            return 0.0
        cuts = [n for n in range(1, len(rest) + 1) if rest[:n] in scores]
        return max((scores[rest[:n]] + best(rest[n:]) for n in cuts), default=float("-inf"))

    for word in ("the", "lowest", "newest", "slow", "widow"):
        spelt = tokenizer(word)
        assert "".join(spelt) == "▁" + word
        assert sum(scores[piece] for piece in spelt) == pytest.approx(best("▁" + word), rel=1e-6)


@pytest.mark.parametrize("name", SUBWORDS)
def test_no_piece_spans_two_words_and_words_are_spelt_alike_wherever_they_stand(name):
    tokenizer = learned(name)
    assert not any("▁" in piece[1:] for piece in tokenizer.pieces)
    words = ["the", "lowest", "of", "low", "sat", "lower", "unseen"]

    @settings(deadline=None, max_examples=50)
    @given(st.lists(st.sampled_from(words), max_size=6))
    def check(chosen):
        assert tokenizer(" ".join(chosen)) == [piece for word in chosen for piece in tokenizer(word)]

    check()


@pytest.mark.parametrize("name", SUBWORDS)
def test_the_same_text_gives_the_same_pieces_in_another_process(name):
    code = (
        "from vaecli.corpus.tokenizers import get_tokenizer; import sys;"
        f"t = get_tokenizer({name!r}, 40); t.learn({LINES!r}); print(t.kept['model'])"
    )
    done = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True) for _ in range(2)]
    assert done[0].stdout == done[1].stdout
    assert done[0].stdout.strip() == learned(name).kept["model"]
    assert done[0].stderr == ""  # SentencePiece's account of its training is for nobody


@pytest.mark.parametrize("name", SUBWORDS)
def test_special_symbols_are_no_text_to_learn_from(name):
    text = [line.replace("<unk>", "<unk> <s> low<s>er \\<s>") for line in LINES]
    pieces = learned(name, text).pieces
    assert not any(set("<>\\") & set(piece) for piece in pieces)


@pytest.mark.parametrize("name", SUBWORDS)
def test_what_train_lacks_is_unknown_and_nothing_else(folder, name):
    path = folder(train="\n".join([*LINES, "navel"]), valid="slow rower\n", test="naïve <unk> 日本 low\n")
    corpus = load_corpus(CorpusConfig(data=str(path), tokenizer=name))
    assert int((corpus.valid.tokens == UNK).sum()) == 0  # new words of known characters are spelt
    decoded = corpus.vocabulary.decode(corpus.test.sentence(0))
    assert corpus.vocabulary.tokenizer.text(decoded) == "na <unk>ve <unk> <unk> low"
    assert next(note for note in corpus.notes if note.startswith("vocabulary")) == (
        f"vocabulary: {len(corpus.vocabulary)} types: 4 special symbols and {len(corpus.vocabulary) - 4} pieces, "
        f"of which train has {len(set(corpus.train.tokens.tolist()) - {UNK})}"
    )


@pytest.mark.parametrize("name", SUBWORDS)
def test_limits(folder, name):
    text = "\n".join(LINES)
    path = folder(train=text, valid="low\n", test="low\n")
    small = load_corpus(CorpusConfig(data=str(path), tokenizer=name, max_vocab=18))
    large = load_corpus(CorpusConfig(data=str(path), tokenizer=name))
    assert len(small.vocabulary) == 4 + 18 < len(large.vocabulary) == 4 + len(large.vocabulary.tokenizer.pieces)
    assert len(small.train.tokens) > len(large.train.tokens)
    counts = Counter(large.train.tokens.tolist())
    rare = load_corpus(CorpusConfig(data=str(path), tokenizer=name, min_freq=6))
    assert len(rare.vocabulary) == 4 + sum(n >= 6 for i, n in counts.items() if i > UNK)
    with pytest.raises(UsageError, match=rf"corpus\.max_vocab: 9 pieces can't spell train's 14 characters .*{name}"):
        load_corpus(CorpusConfig(data=str(path), tokenizer=name, max_vocab=9))


def test_many_characters_get_more_pieces():
    many = ["".join(map(chr, range(0x4E00 + n, 0x4E00 + n + 50))) for n in range(0, 6000, 50)]
    assert len(learned("bpe", many, 0).pieces) > 6000


@pytest.mark.parametrize("name", SUBWORDS)
@pytest.mark.parametrize("lines", [["<unk> <s>", "<unk>"], ["", " "]])
def test_text_without_a_word_to_learn_from(name, lines):
    with pytest.raises(DataError, match=rf"train: no subwords can be learned \(corpus.tokenizer = {name}\)") as caught:
        learned(name, lines)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", SUBWORDS)
def test_a_character_that_the_library_reserves_hides_no_other(name):
    tokenizer = learned(name, [*LINES, "the q\u2585z row"])
    assert {"q", "z"} <= set("".join(tokenizer.pieces))
    assert "".join(tokenizer("q\u2585z")) == "▁q\u2585z"


def test_of_very_many_lines_some_are_looked_at(monkeypatch):
    monkeypatch.setattr(subwords, "LINES", 10)
    assert "q" not in learned("bpe", ["the low row"] * 4 + ["q"] + ["the low row"] * 25, 0).pieces
    assert "q" in learned("bpe", ["q"] + ["the low row"] * 29, 0).pieces


@pytest.mark.parametrize("name", SUBWORDS)
def test_the_vocabulary_keeps_it_as_json(tmp_path, name, monkeypatch):
    tokenizer = learned(name)
    words = tokenizer("the lowest new row")
    WordVocabulary.build(Counter(words), tokenizer=tokenizer).save(tmp_path / "vocab.json")
    content = json.loads((tmp_path / "vocab.json").read_text())
    assert content["tokenizer"]["name"] == name
    monkeypatch.setattr(sentencepiece.SentencePieceTrainer, "train", None)
    loaded = WordVocabulary.load(tmp_path / "vocab.json").tokenizer
    assert loaded.pieces == tokenizer.pieces
    assert loaded("the slowest <unk> widow") == tokenizer("the slowest <unk> widow")
    loaded.learn(["something else"])  # it knows its pieces
    assert loaded.pieces == tokenizer.pieces


def test_the_fingerprint_holds_what_was_learned(folder):
    # of both sizes the corpus is the same row of words, but other text would be spelt otherwise
    path = folder(train="ab\nab\n", valid="ab\n", test="ab\n")
    one = load_corpus(CorpusConfig(data=str(path), tokenizer="bpe", max_vocab=4))
    two = load_corpus(CorpusConfig(data=str(path), tokenizer="unigram", max_vocab=4))
    assert one.vocabulary.tokenizer.pieces != two.vocabulary.tokenizer.pieces
    assert one.fingerprint != two.fingerprint


def test_a_tokenizer_with_its_pieces_is_taken_over_what_train_would_give(folder, monkeypatch):
    path = folder(train="\n".join(LINES), valid="low\n", test="newest\n")
    config = CorpusConfig(data=str(path), tokenizer="bpe")
    other = learned("bpe", ["newest newest"], 0)
    corpus = load_corpus(config, restored(other.kept))
    assert corpus.vocabulary.decode(corpus.test.sentence(0)) == ["▁newest"]
    assert corpus.vocabulary.tokenizer.pieces == other.pieces
    anew = load_corpus(config)  # the cache doesn't hand on the one for the other
    assert anew.vocabulary.tokenizer.pieces != other.pieces
    assert load_corpus(config, restored(other.kept)).fingerprint == corpus.fingerprint != anew.fingerprint
    monkeypatch.setattr(load_module, "encode_corpus", None)  # and hands on what is the same
    assert load_corpus(config, anew.vocabulary.tokenizer).fingerprint == anew.fingerprint


def test_words_of_the_text_are_counted_of_what_is_kept(folder):
    train = "the low row\n\nnewest low\n"
    path = folder(train=train, valid="low row\n", test="the low row\n")
    whole = load_corpus(CorpusConfig(data=str(path), tokenizer="bpe"))
    assert whole.train.raw_words == 5
    tokens = len(whole.train.sentence(0))
    cut = load_corpus(CorpusConfig(data=str(path), tokenizer="bpe", max_length=1))
    # 3 words of `tokens` pieces, of which one is kept
    assert cut.test.raw_words == pytest.approx(3 / tokens)
    split = load_corpus(CorpusConfig(data=str(path), max_length=2))
    assert (split.train.raw_words, split.test.raw_words) == (4, 2)
