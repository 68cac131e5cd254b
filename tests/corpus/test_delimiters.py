"""Which mark separates the values of a `.csv`, and a header that train hasn't."""

import pytest

from vaecli.config import CorpusConfig
from vaecli.corpus.load import load_corpus

SHORT = [f"{a} {b} {c} runs" for a in ("red", "blue") for b in ("big", "small") for c in ("cat", "dog", "fox")]


def load(path):
    return load_corpus(CorpusConfig(data=str(path)))


def table(tmp_path, name, *lines):
    (tmp_path / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return tmp_path / name


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_lines_of_a_value_have_no_delimiter_of_their_own(tmp_path, mark):
    """The second line of such a value has none, and rows were read as lines of one column."""
    rows = [f'{n % 2}{mark}"{s}\n{s}"' for n, s in enumerate(SHORT)]
    corpus = load(table(tmp_path, "a.csv", f"stars{mark}text", *rows))
    assert sum(len(corpus.split(part)) for part in ("train", "valid", "test")) == len(SHORT)
    assert corpus.train.label_names == {"label": ("0", "1")}
    assert set("".join(corpus.vocabulary.words[4:])) <= set("".join(SHORT))


def test_semicolons_where_every_value_has_commas(tmp_path):
    rows = [f"{s.replace(' ', ', ', 1 + n % 2)};{n % 2}" for n, s in enumerate(SHORT)]
    assert load(table(tmp_path, "a.csv", *rows)).train.label_names == {"label": ("0", "1")}


def test_a_header_of_another_split_than_train_is_no_sentence(tmp_path):
    rows = [f"{s},{n % 2}" for n, s in enumerate(SHORT)]
    for part, head in (("train", []), ("valid", ["text,label"]), ("test", ["", "Sentence,Stars"])):
        table(tmp_path, f"{part}.csv", *head, *rows)
    corpus = load(tmp_path)
    assert [len(corpus.split(part)) for part in ("train", "valid", "test")] == [len(SHORT)] * 3
    assert corpus.train.label_names == {"label": ("0", "1")}
    assert "valid: line 1 names the columns (text, label) and is left out" in corpus.notes
    assert "test: line 2 names the columns (Sentence, Stars) and is left out" in corpus.notes
