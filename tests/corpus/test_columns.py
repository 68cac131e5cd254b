import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaecli.core.errors import DataError, UsageError
from vaecli.corpus.columns import LINES_A_LABEL, label_like, split_columns
from vaecli.corpus.records import Columns, Source

TEXTS = [f"the number {n} is a sentence ." for n in range(60)]


def read(train, valid=None, test=None, **columns):
    """Train stands for the other two where a test says nothing of them."""
    valid = train if valid is None else valid
    parts = {"train": train, "valid": valid, "test": valid if test is None else test}
    sources = {part: Source(Path(f"{part}.txt"), text.encode()) for part, text in parts.items()}
    return split_columns(sources, Columns(**columns))


def lines(rows, separator="\t"):
    return "".join(separator.join(row) + "\n" for row in rows)


def sentences(split):
    return split.text.decode().removesuffix("\n").split("\n")


def labels(split):
    return split.labels[: len(sentences(split))]


LABELS = [str(n % 2) for n in range(60)]


def test_a_label_and_a_sentence():
    splits, notes = read(lines(zip(LABELS, TEXTS, strict=True)))
    assert sentences(splits["train"]) == TEXTS
    assert labels(splits["train"]) == LABELS
    assert notes == []


def test_a_sentence_and_a_label():
    splits, notes = read(lines(zip(TEXTS, LABELS, strict=True)))
    assert sentences(splits["train"]) == TEXTS
    assert labels(splits["test"]) == LABELS
    assert "the last field" in notes[0]
    assert "--label-column" in notes[0]


@pytest.mark.parametrize("first", [[str(n) for n in range(60)], [text[::-1] for text in TEXTS]], ids=["ids", "pairs"])
def test_fields_that_are_no_labels_are_refused_with_the_options(first):
    table = lines(zip(first, TEXTS, strict=True))
    with pytest.raises(
        DataError, match=r"train\.txt: .* 60 values on 60 lines; --text-column 2 or 1 .*--label-column none"
    ):
        read(table)
    splits, _ = read(table, text="2")
    assert sentences(splits["train"]) == TEXTS
    assert splits["train"].labels is None
    forced, _ = read(table, label="1")
    assert labels(forced["train"]) == [value.strip() for value in first]
    whole, _ = read(table, label="none")
    assert whole["train"].text == table.encode()


@pytest.mark.parametrize(
    ("count", "values", "expected"),
    [
        (1000, 1000 // LINES_A_LABEL, True),
        (1000, 1000 // LINES_A_LABEL + 1, False),
        (20, 20, True),  # few, in a file of few lines
        (10_000, 1_000, True),
        (10_000, 1_001, False),
    ],
)
def test_labels_are_few(count, values, expected):
    assert label_like([str(n % values) for n in range(count)]) == expected


def test_labels_are_short():
    assert label_like(["three words only"] * 5)
    assert not label_like(["one two three four"] * 5)
    assert not label_like(["x" * 51] * 5)


def test_a_header_is_no_class():
    table = lines([("label", "text"), *zip(LABELS, TEXTS, strict=True)])
    splits, notes = read(table)
    assert sentences(splits["train"]) == TEXTS
    assert set(labels(splits["train"])) == {"0", "1"}
    assert notes[0] == "train: line 1 names the fields (label, text) and is left out"


@pytest.mark.parametrize("head", ["text,label,,", "said,kind,,"])
def test_empty_last_fields_hide_no_header(head):
    parts = [
        f"{head}\n" + "".join(f"{part}{text},{label},,\n" for text, label in zip(TEXTS, LABELS, strict=True))
        for part in "tve"
    ]
    splits, notes = read(*parts, text="1", label="2")
    assert sentences(splits["train"]) == [f"t{text}" for text in TEXTS]
    assert notes[0].startswith("train: line 1 names the fields")


def test_a_header_of_unusual_names_is_known_by_its_repetition():
    rows = [("Gefühl", "Satz"), *zip(LABELS, TEXTS, strict=True)]
    table = lines(rows)
    splits, notes = read(table, lines([rows[0], *rows[5:]]), lines([rows[0], *rows[9:]]))
    assert sentences(splits["train"]) == TEXTS
    assert sentences(splits["valid"]) == TEXTS[4:]
    assert len(notes) == 3
    # three equal files prove nothing
    assert read(table)[1] == []
    # the same words within the files are data
    again = lines([("Gefühl", "Satz"), *zip(LABELS, TEXTS, strict=True), ("Gefühl", "another line of text")])
    splits, notes = read(again, lines([rows[0], *rows[5:]]), lines([rows[0], *rows[9:]]))
    assert sentences(splits["train"])[0] == "Satz"
    assert notes == []


def test_fields_by_the_names_of_a_header():
    rows = [("number", "said", "mood"), *((str(n), text, LABELS[n]) for n, text in enumerate(TEXTS))]
    splits, _ = read(lines(rows), text="said", label="mood")
    assert sentences(splits["train"]) == TEXTS
    assert labels(splits["train"]) == LABELS
    with pytest.raises(UsageError, match=r"train\.txt:1: no field is called 'moods' .*did you mean 'mood'"):
        read(lines(rows), text="said", label="moods")


def test_lines_of_json_ask_for_the_field():
    table = "".join(
        json.dumps({"label": int(label), "said": text}) + "\n" for label, text in zip(LABELS, TEXTS, strict=True)
    )
    with pytest.raises(DataError, match=r"lines of JSON, not sentences; .*--text-column said \(fields: label, said\)"):
        read(table)
    splits, _ = read(table, text="said", label="label")
    assert sentences(splits["train"]) == TEXTS
    assert labels(splits["train"]) == LABELS
    assert read(table, text="2", label="1")[0] == splits
    automatic, _ = read(table, text="said")
    assert labels(automatic["train"]) == LABELS
    with pytest.raises(DataError, match=r"valid\.txt:2: no field 'said'"):
        read(table, '{"said": "a"}\n{"sad": "b"}\n', text="said")
    with pytest.raises(DataError, match=r"valid\.txt:1: no JSON object"):
        read(table, "plain\n", text="said")


@pytest.mark.parametrize("separator", [",", ";"])
def test_separated_values_ask_for_the_field(separator):
    rows = [(label, f'"{text}"') for label, text in zip(LABELS, TEXTS, strict=True)]
    with pytest.raises(DataError, match=r"separated values, not sentences; .*--text-column 2"):
        read(lines(rows, separator))
    splits, _ = read(lines(rows, separator), text="2")
    assert sentences(splits["train"]) == TEXTS
    assert labels(splits["train"]) == LABELS


def test_commas_of_sentences_are_commas():
    for text in ("the cat , it sat\n" * 50, "oh, well\nno\n" * 50, "yes, it is\n" * 19, 'he said , " no "\n' * 50):
        splits, notes = read(text)
        assert splits["train"].text == text.encode()
        assert notes == []


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["x", "y"]),
            st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"]), min_size=1),
        ),
        min_size=1,
    ).filter(lambda rows: all(text.strip() for _, text in rows))
)
def test_quoted_values_come_back(rows):
    buffer = io.StringIO()
    csv.writer(buffer, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
    splits, _ = read(buffer.getvalue(), text="2", label="1")
    assert sentences(splits["train"]) == [text for _, text in rows]
    assert labels(splits["train"]) == [label for label, _ in rows]


def test_a_line_feed_in_a_value_becomes_a_blank():
    splits, _ = read('x,"a\nb"\ny,"c ""d"" e"\n', text="2", label="1")
    assert sentences(splits["train"]) == ["a b", 'c "d" e']


def test_rows_of_other_widths_are_named():
    with pytest.raises(DataError, match=r"valid\.txt:3: 3 fields where the first row has 2; .* quotation marks$"):
        read('"x","a"\n"y","b"\n', '"x","a"\n"z","b"\n"y","b","c"\n', text="2")
    with pytest.raises(DataError, match=r"valid\.txt:2: 3 fields where the first row has 2.*R: row\.names = FALSE"):
        read('"text","label"\n"a b","x"\n', '"text","label"\n"1","a b","x"\n', text="text", label="label")
    with pytest.raises(DataError, match=r"valid\.txt:2: 1 tabs where the first line has 2"):
        read("1\tx\ta\n2\ty\tb\n", "1\tx\ta\n2\ty\n", text="3")
    with pytest.raises(DataError, match=r"train\.txt:1: 2 tabs; .*--text-column N"):
        read("1\tx\ta\n2\ty\tb\n")


def test_the_prefix_of_fasttext_is_a_label():
    table = "".join(f"__label__{label} {text}\n" for label, text in zip(LABELS, TEXTS, strict=True))
    splits, notes = read(table)
    assert sentences(splits["train"]) == TEXTS
    assert labels(splits["train"]) == LABELS
    assert notes == ["labels: the prefix __label__ of each line"]
    assert read(table, label="none")[0]["train"].text == table.encode()
    with pytest.raises(DataError, match=r"valid\.txt:1: several labels; --label-column none"):
        read(table, "__label__a __label__b text\n")
    with pytest.raises(DataError, match=r"valid\.txt:2: no __label__"):
        read(table, "__label__a text\ntext\n")


@pytest.mark.parametrize("columns", [{"text": "1"}, {"text": "7"}, {"text": "2", "label": "2"}, {"label": "topic"}])
def test_fields_of_fasttext_are_what_its_prefix_makes_them(columns):
    table = "".join(f"__label__{label} {text}\n" for label, text in zip(LABELS, TEXTS, strict=True))
    with pytest.raises(UsageError, match=r"column \w+: train\.txt has the label behind __label__, field 1"):
        read(table, **columns)
    assert read(table, text="2", label="1")[0] == read(table)[0]


def test_lines_of_json_without_a_text_are_told():
    with pytest.raises(DataError, match=r"train\.txt: lines of JSON without a text, number or truth value"):
        read('{"tokens": ["a", "b"]}\n{"tokens": ["c"]}\n')


@pytest.mark.parametrize(("code", "fault"), [("\\ud800", "half a character"), ("\\u0000", "a NUL character")])
def test_what_only_json_can_spell_is_named(code, fault):
    rows = ['{"text": "a", "label": "x"}', f'{{"text": "b {code}", "label": "x"}}']
    with pytest.raises(DataError, match=rf"train\.txt:2: {fault}"):
        read("\n".join(rows), text="text")
    rows[1] = f'{{"text": "b", "label": "{code}"}}'
    with pytest.raises(DataError, match=rf"train\.txt:2: {fault}"):
        read("\n".join(rows), text="text", label="label")
    assert sentences(read("\n".join(rows), text="text", label="none")[0]["train"]) == ["a", "b"]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"text": "3"}, "--text-column 3: train.txt has no such field"),
        ({"label": "3"}, "--label-column 3: train.txt has no such field"),
        ({"text": "1", "label": "1"}, "both 1"),
    ],
)
def test_fields_that_are_not_there(columns, message):
    with pytest.raises(UsageError, match=message):
        read(lines(zip(LABELS, TEXTS, strict=True)), **columns)


def test_a_field_of_lines_without_fields():
    with pytest.raises(UsageError, match=r"--text-column 2: train\.txt has one field a line"):
        read("a b\nc\n", text="2")


def test_an_empty_label_is_named():
    with pytest.raises(DataError, match=r"train\.txt:2: an empty label"):
        read("x\ta\n\tb\ny\tc\n")
