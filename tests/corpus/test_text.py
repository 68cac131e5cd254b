import os

import pytest

from vaecli.config import CorpusConfig
from vaecli.core.errors import DataError, UsageError
from vaecli.corpus.load import load_corpus
from vaecli.corpus.types import UNK


def load(path, **settings):
    return load_corpus(CorpusConfig(data=str(path), **settings))


def sentences(corpus, part):
    split = corpus.split(part)
    return [" ".join(corpus.vocabulary.decode(split.sentence(n))) for n in range(len(split))]


def test_a_folder(folder):
    corpus = load(folder(name="toy"))
    assert corpus.name == "toy"
    assert corpus.truth is None
    assert sentences(corpus, "train") == ["the cat sat", "the dog ran"]
    assert sentences(corpus, "test") == ["the dog sat"]
    assert corpus.vocabulary.words[4:] == ("the", "cat", "dog", "ran", "sat")
    assert corpus.train.predicted_tokens == 8  # 6 words and 2 </s>


def test_vocabulary_is_of_train_alone(folder):
    corpus = load(folder(valid="the zebra sat\n", test="zebra zebra zebra zebra\n"))
    assert "zebra" not in corpus.vocabulary.words
    assert sentences(corpus, "valid") == ["the <unk> sat"]
    # 1 of 3 words of valid, 4 of 4 of test
    assert corpus.notes[1] == (
        "valid: 1 sentence, 4 predicted tokens, 33.3 % unknown, 0 truncated, 0 blank lines skipped"
    )
    assert "100.0 % unknown" in corpus.notes[2]


def test_line_ends_blank_lines_and_a_missing_last_one(folder):
    plain = load(folder(train="a b\nc\n", name="one"))
    odd = load(folder(train="a b\r\n\r\n \t \n\nc", valid="\n\nthe cat ran", name="two"))
    assert sentences(odd, "train") == sentences(plain, "train") == ["a b", "c"]
    assert odd.vocabulary.words == plain.vocabulary.words
    assert odd.notes[0].endswith("3 blank lines skipped")
    assert odd.notes[1].endswith("2 blank lines skipped")
    assert plain.notes[0].endswith("0 blank lines skipped")


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\r"])
def test_only_line_feeds_end_a_line(folder, separator):
    corpus = load(folder(train=f"a{separator}b c\nd\n"))
    assert len(corpus.train) == 2
    assert sentences(corpus, "train")[0] == "a b c"  # white space, as for str.split


def test_byte_order_mark(folder):
    corpus = load(folder(train=b"\xef\xbb\xbfa b\nc\n"))
    assert corpus.vocabulary.words[4:] == ("a", "b", "c")
    assert corpus.notes[0] == "train: 1 byte order mark skipped"


def test_labels(folder):
    corpus = load(
        folder(
            train="pos\tgood cat\n\nneg\tbad\n pos \tfine\nneg\t\n", valid="neg\tcat\r\n", test="new\tbad\nneg\tcat\n"
        )
    )
    assert sentences(corpus, "train") == ["good cat", "bad", "fine"]
    # classes of train in alphabetical order, then those that train lacks
    assert corpus.train.label_names == corpus.test.label_names == {"label": ("neg", "pos", "new")}
    assert corpus.train.labels["label"].tolist() == [1, 0, 1]
    assert corpus.test.labels["label"].tolist() == [2, 0]
    assert "pos" not in corpus.vocabulary.words
    assert corpus.notes[0].endswith("2 blank lines skipped")  # one of them has a label and no word


@pytest.mark.parametrize(
    ("files", "line", "problem"),
    [
        ({"train": "pos\ta\n\nb c\n"}, "train.txt:3", "no tab, though the corpus begins with a line that has a label"),
        ({"train": "a b\nc\npos\td\n"}, "train.txt:3", "a tab, though the corpus begins with a line without one"),
        ({"train": "pos\ta\nneg\tb\tc\n"}, "train.txt:2", "2 tabs"),
        ({"train": "x\ta\ny\tb\n", "valid": "x\ta\na\n"}, "valid.txt:2", "no tab"),
        ({"train": "a\nb\n", "valid": "x\ta\n"}, "valid.txt:1", "a tab, though"),
        ({"train": "x\ta\n\tb\n", "valid": "x\ta\n", "test": "x\ta\n"}, "train.txt:2", "an empty label"),
    ],
)
def test_labels_on_some_lines_only(folder, files, line, problem):
    with pytest.raises(DataError, match=problem) as caught:
        load(folder(**files))
    assert f"{line}: " in str(caught.value)
    assert "\n" not in str(caught.value)


def test_truncation(folder):
    corpus = load(folder(train="a b c d\ne f\ng\nh i j\n", valid="a b c\n"), max_length=2)
    assert sentences(corpus, "train") == ["a b", "e f", "g", "h i"]
    assert set(corpus.vocabulary.words[4:]) == set("abefghi")  # words that were cut off are not seen
    assert "2 truncated" in corpus.notes[0]
    assert "1 truncated" in corpus.notes[1]


def test_literals(folder):
    corpus = load(folder(train="<s> a </s> <pad>\n<unk> a \\<s>\n", valid="<s> <unk>\n"))
    tokens = corpus.train.tokens.tolist()
    assert [n for n, i in enumerate(tokens) if i <= UNK] == [4]  # the one <unk>
    assert tokens[4] == UNK
    assert sentences(corpus, "train")[0] == "<s> a </s> <pad>"


def test_tokenizer(folder):
    corpus = load(folder(train='The cat, sat.\nA dog!\n"\n'), tokenizer="basic_english")
    assert sentences(corpus, "train") == ["the cat , sat .", "a dog !"]
    assert "1 blank line skipped" in corpus.notes[0]
    with pytest.raises(UsageError, match="unknown tokenizer"):
        load(folder(), tokenizer="baisc")


def test_a_split_of_which_the_tokenizer_leaves_nothing(folder):
    with pytest.raises(DataError, match=r"valid\.txt: the tokenizer leaves no word of 2 lines; take another"):
        load(folder(valid='"\n"\n'), tokenizer="basic_english")
    with pytest.raises(DataError, match=r"valid\.txt: no sentence, only blank lines \(2\)"):
        load(folder(valid=" \n\n"), tokenizer="basic_english")


@pytest.mark.parametrize("lines", [["a b", "c\td"], ["x\ta b", "c d"], ["__label__x a b", "c d"]])
def test_a_fault_of_one_file_names_no_file_of_a_folder(tmp_path, lines):
    (tmp_path / "reviews.txt").write_text("\n".join([*lines, ""]))
    with pytest.raises(DataError, match=r"reviews\.txt:2: .* though the corpus begins with") as caught:
        load(tmp_path / "reviews.txt")
    assert "train.txt" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "train.txt: the file is empty"),
        (b"\n \r\n\n", r"train.txt: no sentence, only blank lines \(3\)"),
        (b"one sentence\n\n", "train.txt: one sentence only"),
        (b"ok\nna\xefve x\n", r"train.txt:2:3: byte 0xef is not UTF-8; .*iconv"),
        (b"a\nb\xc3", "train.txt:2:2: byte 0xc3 is not UTF-8"),
        (b"a\nb\n\0c\n", "train.txt:3:1: a NUL byte"),
        (b"\xff\xfea\0\n\0", "not UTF-8 text but UTF-16; .*iconv"),
        (b"\x1f\x8b\x08", "not UTF-8 text but gzip; unpack"),
        (b"PK\x03\x04x", "a zip archive"),
        (b"\xed\xa0\x80 a\nb\n", "train.txt:1:1: byte 0xed is not UTF-8"),  # a surrogate
        ("a b\n<unk>\n", r"no word is there 2 times \(corpus.min_freq\); lower it"),
    ],
)
def test_faults_of_a_file(folder, content, message):
    with pytest.raises(DataError, match=message) as caught:
        load(folder(train=content), min_freq=2)
    assert "\n" not in str(caught.value)


def test_text_of_unknown_words_only(folder):
    with pytest.raises(DataError, match=r"train\.txt: all of its words are <unk>, or stand for it"):
        load(folder(train="<unk> <unk>\n<unk>\n"))
    with pytest.raises(DataError, match=r"train\.txt: all of its words are <unk>, or stand for it"):
        load(folder(train="a a\na <unk>\n"), unknown_words="a", min_freq=2)
    with pytest.raises(DataError, match=r"train\.txt: no word is there 3 times \(corpus\.min_freq\); lower it"):
        load(folder(train="<unk> <unk>\na a\n"), min_freq=3)


def test_missing_file_names_the_nearest(folder):
    path = folder(valid=None)
    (path / "validation.txt").write_text("a\n")
    (path / "notes").write_text("a\n")
    with pytest.raises(
        DataError, match=r"no valid\.txt \(a corpus is .*\); if 'validation.txt' is that file, rename it or link it"
    ):
        load(path)


def test_missing_file_names_what_is_there(folder):
    path = folder(train=None)
    with pytest.raises(DataError, match=r"no train\.txt .*; it holds test\.txt, valid\.txt"):
        load(path)
    with pytest.raises(DataError, match="it is empty"):
        load(folder(None, None, None, name="empty"))


def test_a_folder_where_a_file_should_be(folder):
    path = folder(test=None)
    (path / "test.txt").mkdir()
    with pytest.raises(DataError, match=r"test\.txt: a folder, where a text file should be"):
        load(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no FIFOs")
def test_a_fifo_is_not_waited_for(folder):
    path = folder(test=None)
    os.mkfifo(path / "test.txt")
    with pytest.raises(DataError, match="no regular file"):
        load(path)


def test_unknown_corpus(folder, monkeypatch):
    path = folder(name="stories")
    with pytest.raises(DataError, match="unknown corpus 'synthetik'") as caught:
        load("synthetik")
    assert "`synthetic`, `mixture`, `oracle`, a folder with train.txt, valid.txt and test.txt" in str(caught.value)
    assert "did you mean 'synthetic'?" in str(caught.value)
    with pytest.raises(DataError, match=r"did you mean '.*stories'"):
        load(path.parent / "storeis")
    monkeypatch.chdir(path.parent)
    with pytest.raises(DataError, match="did you mean 'stories'"):
        load("storeis")


def test_a_corpus_of_the_literature_that_is_not_there(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="no such folder here; `vae data fetch yahoo` writes it"):
        load("yahoo")


@pytest.mark.parametrize("data", ["", "  ", "a\0b", "x" * 5_000])
def test_names_that_no_folder_can_have(data):
    with pytest.raises(DataError, match="--data"):
        load(data)


def test_a_file_instead_of_the_folder(folder):
    with pytest.raises(DataError, match=r"one of three splits; give their folder, --data .*corpus$"):
        load(folder() / "train.txt")


def test_the_name_of_the_current_folder(folder, monkeypatch):
    monkeypatch.chdir(folder(name="here"))
    assert load(".").name == "here"


def test_a_folder_called_synthetic(folder, monkeypatch):
    monkeypatch.chdir(folder(name="synthetic").parent)
    assert len(load("./synthetic").train) == 2
