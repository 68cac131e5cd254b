"""The rule that splits a corpus of one file."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaecli.config import CorpusConfig
from vaecli.core.errors import DataError, UsageError
from vaecli.corpus.columns import Sentences
from vaecli.corpus.division import divided
from vaecli.corpus.load import load_corpus, load_raw
from vaecli.corpus.origins import EMBEDDED, SPLITS


def split(lines, labels=None, seed=0, **given_parts):
    text = "".join(line + "\n" for line in lines).encode()
    parts, notes = divided({"train": Sentences(text, labels), **given_parts}, seed, Path("a.txt"))
    return parts, notes


def lines(sentences):
    return sentences.text.decode().splitlines()


TEXTS = [f"sentence {n}" for n in range(100)]


def test_a_tenth_each():
    parts, (note,) = split(TEXTS)
    assert [len(lines(parts[part])) for part in ("train", "valid", "test")] == [80, 10, 10]
    assert sorted(line for part in parts.values() for line in lines(part)) == sorted(TEXTS)
    assert note.startswith("split: train 80, valid 10, test 10: a tenth for valid and for test, by a hash")


def test_the_rule_is_pinned():
    """A change of it would silently give every corpus of one file other splits."""
    parts, _ = split(TEXTS)
    assert lines(parts["test"])[:3] == ["sentence 12", "sentence 13", "sentence 19"]


@given(st.permutations(range(30)), st.integers(0, 3))
def test_the_order_of_the_lines_decides_nothing(order, seed):
    texts, labels = (
        [f"w {n // 2}" for n in range(30)],
        [str(n % 4) for n in range(30)],
    )  # each twice, labelled otherwise
    straight, _ = split(texts, labels, seed=seed)
    shuffled, _ = split([texts[n] for n in order], [labels[n] for n in order], seed=seed)
    for part in straight:
        assert sorted(lines(straight[part])) == sorted(lines(shuffled[part]))


def test_the_seed_decides():
    assert lines(split(TEXTS)[0]["test"]) != lines(split(TEXTS, seed=1)[0]["test"])


@given(st.lists(st.sampled_from([f"w{n}" for n in range(40)]), min_size=40), st.data())
def test_equal_sentences_stay_together(texts, data):
    texts = [*{f"w{n}" for n in range(5)}, *texts]
    spaced = [data.draw(st.sampled_from([t, f" {t}", f"{t}\u00a0"])) for t in texts]
    parts, _ = split(spaced)
    held = [{line.strip() for line in lines(part)} for part in parts.values()]
    assert sum(map(len, held)) == len(set.union(*held))
    assert Counter(line for part in parts.values() for line in lines(part)) == Counter(spaced)


def test_every_label_has_its_share():
    labels = ["rare" if n < 3 else "some" if n < 30 else "most" for n in range(100)]
    parts, (note,) = split(TEXTS, labels)
    counts = {part: Counter(sentences.labels) for part, sentences in parts.items()}
    assert counts["test"] == counts["valid"] == {"rare": 1, "some": 3, "most": 7}
    assert "a tenth of each label" in note
    for sentences in parts.values():  # each label went with its sentence
        assert all(labels[TEXTS.index(t)] == label for t, label in zip(lines(sentences), sentences.labels, strict=True))
        assert [TEXTS.index(t) + 1 for t in lines(sentences)] == list(sentences.lines)


def test_rare_labels_are_split_together():
    parts, _ = split(TEXTS[:20], [str(n) for n in range(20)])
    assert [len(lines(parts[part])) for part in ("train", "valid", "test")] == [16, 2, 2]


def test_only_what_lacks_is_taken():
    parts, (note,) = split(TEXTS, test=Sentences(b"kept\n"))
    assert lines(parts["test"]) == ["kept"]
    assert len(lines(parts["valid"])) == 10
    assert note.startswith("split: train 90, valid 10: a tenth for valid,")


def test_lines_of_any_white_space_are_blank():
    parts, (note,) = split([*TEXTS, *["\u00a0", "\u3000 \x1c"] * 7])
    assert note.startswith("split: train 80, valid 10, test 10: ")
    assert len(parts["train"].text.decode().removesuffix("\n").split("\n")) == 94  # they stay, and keep their numbers


@pytest.mark.parametrize("cached", [True, False])
def test_a_seed_by_which_nothing_is_divided_is_said_to_change_nothing(tmp_path, monkeypatch, cached):
    monkeypatch.setenv("VAE_CACHE", str(tmp_path / "cache") if cached else "off")
    for part in SPLITS:
        (tmp_path / f"{part}.txt").write_text("a b\nb c\nc d\n")
    settings = {"data": str(tmp_path), "min_freq": 1}
    whole, seeded = (load_corpus(CorpusConfig(**settings, corpus_seed=seed)) for seed in (0, 7))
    note = f"corpus.corpus_seed=7 changes nothing: {tmp_path} has all three splits"
    assert seeded.notes == (*whole.notes, note)
    assert load_raw(CorpusConfig(**settings, corpus_seed=7))[0].notes == seeded.notes
    (tmp_path / "one.txt").write_text("".join(line + "\n" for line in TEXTS))
    divided_one = load_corpus(CorpusConfig(data=str(tmp_path / "one.txt"), corpus_seed=7))
    assert not any("changes nothing" in told for told in divided_one.notes)


@pytest.mark.parametrize("data", EMBEDDED)
@pytest.mark.parametrize("column", [{"text_column": "2"}, {"label_column": "none"}])
def test_columns_of_a_text_that_has_none_are_refused(data, column):
    """They were ignored: the labels of the corpus stayed."""
    with pytest.raises(UsageError, match=rf"corpus\.{next(iter(column))}: the corpus {data} has no columns"):
        load_corpus(CorpusConfig(data=data, train_size=20, valid_size=5, test_size=5, **column))


@pytest.mark.parametrize("texts", [[], ["a"], ["a", "b"], ["a", "a", "b ", " b"], ["a", "b", "c", *["\u00a0"] * 9]])
def test_too_few(texts):
    with pytest.raises(DataError, match="too few different sentences"):
        split(texts)
