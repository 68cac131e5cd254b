import random
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaecli.config import CorpusConfig
from vaecli.core.errors import DataError
from vaecli.corpus.load import load_corpus
from vaecli.corpus.repeats import sentence_keys
from vaecli.corpus.symptoms import NOTE
from vaecli.corpus.types import UNK

NOUNS = ["cook", "driver", "sister", "teacher", "nurse", "dog", "bird", "child"]
VERBS = ["likes", "paints", "sells", "finds", "forgets", "washes", "carries", "needs"]
THINGS = ["apples", "bridges", "letters", "soup", "chairs", "gardens", "music", "hats"]
ENDS = ["today", "again", "slowly", "outside", "alone", "twice", "somewhere", "there"]


def made(count, seed, article="the"):
    draw = random.Random(seed)
    return [
        f"{article} {draw.choice(NOUNS)} {draw.choice(VERBS)} {draw.choice(THINGS)} {draw.choice(ENDS)} ."
        for _ in range(count)
    ]


def unseen(count, seed, seen):
    return [line for line in made(3 * count, seed) if line not in seen][:count]


TRAIN = made(400, 0)
BASE = {"train": TRAIN, "valid": unseen(60, 1, TRAIN), "test": unseen(60, 2, TRAIN)}


def notes_of(folder, change=lambda n, line, part: line, parts=None, **settings):
    """The concluding notes on a corpus whose lines were changed."""
    files = {
        part: "\n".join(change(n, line, part) for n, line in enumerate(lines)) + "\n"
        for part, lines in {**BASE, **(parts or {})}.items()
    }
    corpus = load_corpus(CorpusConfig(data=str(folder(**files)), **settings))
    return [note for note in corpus.notes if note.startswith(NOTE)], corpus


def about(notes, words):
    return [note for note in notes if words in note]


def test_a_plain_corpus_has_none(folder):
    assert notes_of(folder)[0] == []


@pytest.mark.parametrize(("count", "middle", "most"), [(2, 1, 2), (10, 5, 10), (20, 10, 19), (40, 20, 38)])
def test_shares_of_lengths_are_of_all_sentences(folder, count, middle, most):
    """Sentences of 1 to n words, one each: half of them have n / 2 at most, and 95 % of two, or of ten, is all."""
    lines = "".join(" ".join(NOUNS[k % 8] for k in range(n)) + "\n" for n in range(1, count + 1))
    notes = load_corpus(CorpusConfig(data=str(folder(train=lines)))).notes
    (told,) = [note for note in notes if note.startswith("sentences of train: ")]
    assert told.startswith(f"sentences of train: 1 to {count} words, half up to {middle}, 95 % up to {most};")


def test_lengths_in_pieces_are_told_as_such(folder):
    notes = load_corpus(CorpusConfig(data=str(folder()), tokenizer="bpe")).notes
    (told,) = [note for note in notes if note.startswith("sentences of train: ")]
    assert re.match(r"sentences of train: \d+ to \d+ pieces, .* of one piece;", told)


ANY = pytest.mark.parametrize("tokenizer", ["split", "basic_english", "moses", "bpe"])
"""What is judged is the text, whatever a tokenizer makes of it."""


@ANY
@pytest.mark.parametrize(("first", "last"), [("<s>", "</s>"), ("<bos>", "<eos>"), ("[CLS]", "[SEP]")])
def test_symbols_round_sentences(folder, first, last, tokenizer):
    notes, _ = notes_of(folder, lambda n, line, part: f"{first} {line} {last}", tokenizer=tokenizer)
    [note] = about(notes, "perplexity look better")
    assert f"100.0 % of train's sentences begin with {first} and 100.0 % of train's sentences end with {last}" in note


def test_a_symbol_inside_is_an_ordinary_word(folder):
    notes, _ = notes_of(folder, lambda n, line, part: line.replace("the ", "<s> ") if n == 3 else line)
    assert about(notes, "ordinary words here")
    assert not about(notes, "look better")


@ANY
def test_a_placeholder_is_named_or_mapped(folder, tokenizer):
    change = lambda n, line, part: line.replace("the ", "_UNK ") if n % 4 == 0 else line  # noqa: E731
    notes, corpus = notes_of(folder, change, tokenizer=tokenizer)
    assert "train has _UNK 100 times" in about(notes, "--unknown-words _UNK")[0]
    assert corpus.train.unknown == 0
    notes, corpus = notes_of(folder, change, unknown_words="_UNK", tokenizer=tokenizer)
    assert not about(notes, "_UNK")
    assert corpus.train.unknown == 100
    assert "_UNK" not in corpus.vocabulary.words
    assert corpus.train.sentence(0)[0] == UNK


@ANY
def test_a_mapped_word_that_is_not_there(folder, tokenizer):
    assert about(
        notes_of(folder, unknown_words="nowhere", tokenizer=tokenizer)[0],
        "--unknown-words nowhere: no split has this word",
    )


def test_placeholders_are_mapped_before_a_tokenizer_takes_them_apart(folder):
    change = lambda n, line, part: line.replace("the ", "_UNK ")  # noqa: E731
    _, corpus = notes_of(folder, change, unknown_words="_UNK", tokenizer="basic_english")
    assert not any("unk" in word for word in corpus.vocabulary.words[4:])


def test_an_unknown_word_that_is_never_trained(folder):
    change = lambda n, line, part: line if part == "train" or n % 2 else line.replace("the ", f"new{n} ")  # noqa: E731
    notes, _ = notes_of(folder, change)
    # every second sentence of 6 words has a new one
    assert "0 % of train's words are unknown but 8.3 % of valid's: <unk> is never trained" in about(notes, "price")[0]
    rare = lambda n, line, part: change(n, line, part) if part != "train" else f"{line} once{n}"  # noqa: E731
    notes, _ = notes_of(folder, rare)
    assert "--min-freq 2 makes unknown the 400 words that train has once" in about(notes, "price")[0]
    assert not about(notes_of(folder, rare, min_freq=2)[0], "price")
    single = lambda n, line, part: change(n, line, part) + " once" * (part == "train" and n == 0)  # noqa: E731
    assert "makes unknown the 1 word that train has once" in about(notes_of(folder, single)[0], "price")[0]
    assert "--min-freq 2" not in about(notes_of(folder, single, min_freq=2)[0], "price")[0]  # it is that already


def test_many_unknown_words(folder):
    notes, _ = notes_of(folder, lambda n, line, part: line if part == "train" else f"{line} x{n} y{n}")
    assert "25.0 % of valid's words are unknown" in about(notes, "predicted as one word")[0]


def test_words_that_were_never_cut_are_refused(folder):
    with pytest.raises(
        DataError, match=r"valid\.txt: 100\.0 % of its words are unknown to train; a line has 1\.0 words"
    ) as caught:
        notes_of(folder, lambda n, line, part: line.replace(" ", "") + f"{n}{part}")
    assert "put blanks between" in str(caught.value)


def test_another_language_is_refused(folder):
    with pytest.raises(DataError, match=r"test\.txt: .* another language"):
        notes_of(
            folder, lambda n, line, part: line if part != "test" else " ".join(f"q{n}{word}" for word in line.split())
        )


def test_valid_and_test_inside_train(folder):
    notes, _ = notes_of(folder, parts={"valid": BASE["train"][:60], "test": BASE["train"][60:75] + made(45, 3, "that")})
    assert "60 of 60 valid sentences (100.0 %) stand in train word for word: its figures" in about(notes, "valid")[0]
    assert "15 of 60 test sentences (25.0 %) stand in train word for word: this part" in about(notes, "test sent")[0]


def test_a_train_of_repeats(folder):
    notes, _ = notes_of(folder, parts={"train": BASE["train"][:50] * 8})
    assert about(notes, "of train's sentences repeat an earlier one")


def test_cut_sentences(folder):
    assert "100.0 % of train's sentences are cut" in about(notes_of(folder, max_length=3)[0], "cut at --max-length")[0]


def test_punctuation_at_the_ends_of_words(folder):
    raw = lambda n, line, part: line.replace(" .", ".")  # noqa: E731
    assert "20.0 % of train's words end in punctuation" in about(notes_of(folder, raw)[0], "basic_english")[0]
    assert not about(notes_of(folder, raw, tokenizer="basic_english")[0], "end in punctuation")


def test_invisible_characters(folder):
    notes, _ = notes_of(folder, lambda n, line, part: line.replace("the ", "the\u200b ") if n == 0 else line)
    assert "1 of train's words hold invisible characters, 'the\\u200b' for one" in about(notes, "invisible")[0]


def labelled(label):
    return lambda n, line, part: f"{label(n, part)}\t{line}"


def test_classes_and_their_shares(folder):
    _, corpus = notes_of(folder, labelled(lambda n, part: "abbb"[n % 4]))
    assert "labels: 2 classes in train: b 75.0 %, a 25.0 %" in corpus.notes


def test_one_class(folder):
    notes, corpus = notes_of(folder, labelled(lambda n, part: "a"))
    assert "labels: 1 class in train: a 100.0 %" in corpus.notes
    assert about(notes, "one class, which a probe can't tell")


def test_all_classes_that_train_lacks_are_named(folder):
    notes, _ = notes_of(folder, labelled(lambda n, part: n % 2 if part != "test" else f"c{n // 20}"))
    assert about(notes, "60 of 60 test sentences have a label that train lacks (c0, c1, c2); a probe leaves them out")


def test_the_sample_of_a_tokenizer_is_no_larger_than_the_corpus(folder):
    notes, _ = notes_of(folder, lambda n, line, part: line.replace(" .", ".") if part == "train" else line)
    assert about(notes, "--tokenizer basic_english helps: unknown on a sample of 400 and 60 sentences: split 33.3 %")


def test_one_class_where_train_has_more(folder):
    notes, _ = notes_of(folder, labelled(lambda n, part: "b" if part == "valid" else "ab"[n % 2]))
    assert [note.partition("note: ")[2] for note in about(notes, "probe")] == [
        "valid has one of train's classes only, b: what a probe reads there is no knowledge of it"
    ]


def test_classes_that_train_lacks(folder):
    notes, _ = notes_of(folder, labelled(lambda n, part: n % 2 + (part == "test")))
    assert about(notes, "30 of 60 test sentences have a label that train lacks (2); a probe leaves them out")


@given(st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=4), min_size=1, max_size=40))
def test_keys_are_equal_where_sentences_are(sentences):
    types, lengths = np.concatenate(sentences), np.array([len(s) for s in sentences])
    keys = sentence_keys(types.astype(np.int64), lengths).tolist()
    assert len(set(keys)) == len({tuple(s) for s in sentences})
    assert all((keys[i] == keys[j]) == (sentences[i] == sentences[j]) for i in range(len(keys)) for j in range(i))
