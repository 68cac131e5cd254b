"""Lines and words of any length: what they cost is bounded by what is kept of them, and they are told."""

import tracemalloc

import pytest
from support import fast_only

from vaecli.config import CorpusConfig
from vaecli.core.errors import DataError
from vaecli.corpus.load import load_corpus
from vaecli.corpus.long_lines import STRETCH, Lines, stretches
from vaecli.corpus.tokenizers import TOKENIZERS

SENTENCES = "the cat sat on the mat .\na dog ran over the hill .\n" * 20
LONG = 3_000_000


def load(path, **settings):
    return load_corpus(CorpusConfig(data=str(path), **settings))


def peak_of(function):
    """Result of a function, and the bytes that it held at most."""
    tracemalloc.start()
    try:
        return function(), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


LINES = {
    "words": "to be or not " * (LONG // 13) + "\n",
    "one word": "x" * LONG + "\n",
    "marks": '" ; " ' * (LONG // 6) + "\n",
    "wide": "\u8a9e\U0001f600 " * (LONG // 8) + "\n",
    "wide word": "\u8a9e" * (LONG // 3) + "\n",
    "commas": "a," * (LONG // 2) + "\n",
    "stops": "." * LONG + "\n",
}


@fast_only  # the plain reader of words makes an object of each
@pytest.mark.parametrize("tokenizer", ["split", "basic_english", "bpe"])
@pytest.mark.parametrize("kind", LINES)
def test_memory_is_that_of_the_file_and_of_what_is_kept(kind, tokenizer, folder, monkeypatch):
    monkeypatch.setenv("VAE_CACHE", "off")
    load(folder(SENTENCES, SENTENCES, SENTENCES, name="small"), tokenizer=tokenizer)  # libraries are there
    path = folder(LINES[kind] + SENTENCES, SENTENCES, SENTENCES)
    corpus, peak = peak_of(lambda: load(path, tokenizer=tokenizer))
    held = 4 if "wide" in kind else 1  # bytes of a character, decoded
    assert peak < (1.5 + held) * LONG + 60 * STRETCH  # tokens of a stretch as objects; no room for those of the line
    assert len(corpus.train) >= 40
    assert corpus.train.lengths.max() <= 201


@fast_only
def test_a_file_of_many_words_takes_a_few_bytes_a_word(folder, monkeypatch):
    monkeypatch.setenv("VAE_CACHE", "off")
    train = "\n".join("abcdefgh " * 30 for _ in range(20_000)) + "\n"
    corpus, peak = peak_of(lambda: load(folder(train, "abcdefgh\n", "abcdefgh\n")))
    assert (peak - len(train)) / len(corpus.train.tokens) < 30  # was 48; 12 of them are numbers and ids


@pytest.mark.parametrize("tokenizer", ["split", "basic_english", "bpe"])
def test_what_is_kept_of_a_long_line_is_its_beginning(tokenizer, folder):
    line = " ".join(f"w{n % 50}" for n in range(200_000)) + "\n"
    corpus = load(folder(line + SENTENCES, SENTENCES, SENTENCES), tokenizer=tokenizer, max_length=7)
    short = load(
        folder(line[:1_000] + "\n" + SENTENCES, SENTENCES, SENTENCES, name="b"), tokenizer="split", max_length=7
    )
    assert "1 truncated" in corpus.notes[0]
    if tokenizer != "bpe":
        assert corpus.fingerprint == short.fingerprint
        assert corpus.train.raw_words == short.train.raw_words
    else:
        assert corpus.train.raw_words < len(corpus.train.tokens)


def test_a_limit_beyond_a_stretch_is_reached(folder):
    words = 2 * STRETCH // 5
    line = "abcde " * words
    for tokenizer in ("split", "basic_english"):
        corpus = load(folder(line + "\n" + SENTENCES, SENTENCES, SENTENCES), tokenizer=tokenizer, max_length=10**6)
        assert corpus.train.lengths.max() == words + 1
        assert "0 truncated" in corpus.notes[0]


@pytest.mark.parametrize("tokenizer", [name for name in TOKENIZERS if name not in ("bpe", "unigram")])
def test_a_word_that_is_too_long_is_unknown_and_told(tokenizer, folder):
    pytest.importorskip({"moses": "sacremoses", "toktok": "nltk", "spacy": "spacy"}.get(tokenizer, "vaecli"))
    longs = f"the {'x' * 1_001} sat\n\nthe cat\n{'y' * 600_000} {'z' * 1_000} ran\n"
    corpus = load(folder(SENTENCES + longs, SENTENCES, SENTENCES), tokenizer=tokenizer)
    note = next(note for note in corpus.notes if "1,000 characters" in note)
    assert note.startswith(
        "note: 2 words of train have more than 1,000 characters, the first at train.txt:41: read as <unk>"
    )
    assert corpus.train.unknown == 2
    assert max(map(len, corpus.vocabulary.words)) == 1_000


def test_the_line_is_that_of_the_file(folder):
    train = "label,text\n" + 'a,"one\ntwo"\n' * 3 + f"b,{'x' * 1_001} two\n"
    rest = 'a,"one two"\n' * 3
    corpus = load(folder(train, rest, rest), text_column="2")
    assert any("train.txt:8:" in note for note in corpus.notes)


def test_a_text_of_such_words_alone_is_refused(folder):
    with pytest.raises(DataError, match=r"train\.txt:1: all words have more than 1,000 characters.*--tokenizer bpe"):
        load(folder("x" * 2_000 + "\n" + "y" * 2_000 + "\n"))


@pytest.mark.parametrize("kind", LINES)
@pytest.mark.parametrize("whole", [True, False])
def test_stretches_are_short_and_lose_only_ends_of_words(kind, whole):
    line = LINES[kind].encode()
    parts = list(stretches(line, whole))
    assert max(map(len, parts)) <= 2 * STRETCH
    if whole or "word" not in kind:
        assert b"".join(parts).strip() == line.strip() or kind in ("commas", "stops")
    assert all(part.decode() for part in parts)  # no character is cut


def test_lines_are_counted_as_they_come():
    for text in (b"", b"a", b"a\n", b"a\n\nb", b"\n"):
        lines = Lines(text, str.upper)
        assert len(lines) == len(list(lines)) == len(text.decode().splitlines())
    assert list(Lines(b"a\nb", str.upper)) == ["A\n", "B"]


def test_a_line_of_a_million_fields_is_refused(folder):
    with pytest.raises(DataError, match=r"train\.txt:1: 999,999 tabs; a line has at most 10,000 fields"):
        load(folder("\t".join("a" * 1_000_000) + "\n"), text_column="1")
