"""Every kind of file that `--data` takes: in a folder or alone, packed or not, read to the same corpus."""

import csv
import gzip
import io
import json
import sys
from types import SimpleNamespace
from typing import ClassVar

import pytest

from vaecli.config import CorpusConfig
from vaecli.core.errors import DataError, UsageError
from vaecli.corpus import split_files
from vaecli.corpus.arrow_rows import _rows
from vaecli.corpus.load import load_corpus
from vaecli.corpus.origins import corpus_title, hub_name

SUBJECTS, VERBS, OBJECTS = ("the cat", "a dog", "my bird"), ("saw", "ate"), ("the mat", "a hat , too", 'the "big" rat')
ROWS = [
    (" ".join((s, v, o)), "pos" if n % 2 else "neg") for s in SUBJECTS for n, v in enumerate(VERBS) for o in OBJECTS
]
PARTS = {"train": ROWS, "valid": ROWS[:4], "test": ROWS[4:9]}


def load(path, **settings):
    return load_corpus(CorpusConfig(data=str(path), **settings))


def separated(rows, delimiter=","):
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=delimiter).writerows([("sentence", "label"), *rows])
    return buffer.getvalue().encode()


def json_lines(rows):
    return "".join(
        json.dumps({"sentence": s, "label": label, "id": n}) + "\n" for n, (s, label) in enumerate(rows)
    ).encode()


def parquet(rows):
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    texts, labels = zip(*rows, strict=True)
    table = pa.table({"sentence": texts, "label": pa.array(labels).dictionary_encode(), "vector": [[1.0]] * len(rows)})
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()


WRITERS = {
    ".txt": lambda rows: "".join(f"{label}\t{text}\n" for text, label in rows).encode(),
    ".csv": separated,
    ".tsv": lambda rows: separated(rows, "\t"),
    ".jsonl": json_lines,
    ".parquet": parquet,
}


def zstd(data):
    if sys.version_info >= (3, 14):
        from compression import zstd as library
    else:
        library = pytest.importorskip("zstandard")
    return library.compress(data[:10]) + library.compress(data[10:])  # two frames, as parallel writers make


PACKERS = {"": bytes, ".gz": lambda data: gzip.compress(data[:10]) + gzip.compress(data[10:]), ".zst": zstd}


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plain")
    for part, rows in PARTS.items():
        (folder / f"{part}.txt").write_bytes(WRITERS[".txt"](rows))
    return folder


@pytest.mark.parametrize("packing", PACKERS)
@pytest.mark.parametrize("kind", WRITERS)
def test_a_folder_of_any_kind_is_one_corpus(kind, packing, tmp_path, plain):
    for part, rows in PARTS.items():
        (tmp_path / f"{part}{kind}{packing}").write_bytes(PACKERS[packing](WRITERS[kind](rows)))
    corpus = load(tmp_path)
    assert corpus.fingerprint == load(plain).fingerprint
    assert corpus.train.label_names == {"label": ("neg", "pos")}


@pytest.mark.parametrize("packing", PACKERS)
@pytest.mark.parametrize("kind", WRITERS)
def test_one_file_of_any_kind_is_split_alike(kind, packing, tmp_path):
    path = tmp_path / f"reviews{kind}{packing}"
    path.write_bytes(PACKERS[packing](WRITERS[kind](ROWS)))
    (tmp_path / "same.txt").write_bytes(WRITERS[".txt"](ROWS))
    corpus = load(path)
    assert corpus.fingerprint == load(tmp_path / "same.txt").fingerprint
    assert corpus.name == "reviews"
    assert [len(corpus.split(part)) for part in ("train", "valid", "test")] == [14, 2, 2]
    assert any(note.startswith("split: train 14, valid 2, test 2: a tenth of each label") for note in corpus.notes)


@pytest.mark.parametrize("kind", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_columns_by_name_and_by_number(kind, tmp_path):
    rows = [(text, f"{n % 3}") for n, (text, _) in enumerate(ROWS)]
    (tmp_path / f"a{kind}").write_bytes(WRITERS[kind](rows))
    by_name = load(tmp_path / f"a{kind}", text_column="sentence", label_column="label")
    by_number = load(tmp_path / f"a{kind}", text_column="1", label_column="2")
    assert by_name.fingerprint == by_number.fingerprint
    assert by_name.train.label_names == {"label": ("0", "1", "2")}
    assert load(tmp_path / f"a{kind}", label_column="none").train.label_names == {}
    with pytest.raises(UsageError, match=r"--text-column sentense: .* no such column; did you mean 'sentence'"):
        load(tmp_path / f"a{kind}", text_column="sentense")
    with pytest.raises(UsageError, match=r"--label-column 9: .* columns \(sentence, label"):
        load(tmp_path / f"a{kind}", label_column="9")


def table(tmp_path, name, *lines):
    (tmp_path / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return tmp_path / name


def texts(corpus):
    parts = [corpus.split(part) for part in ("train", "valid", "test")]
    return {" ".join(corpus.vocabulary.decode(p.sentence(n))) for p in parts for n in range(len(p))}


SHORT = [f"{a} {b} {c} runs" for a in ("red", "blue") for b in ("big", "small") for c in ("cat", "dog", "fox")]


def test_a_header_is_told_from_a_first_row(tmp_path):
    strange = load(table(tmp_path, "a.csv", "Satz,Nummer", *(f"{s},{n}" for n, s in enumerate(SHORT))), text_column="1")
    assert "columns: Satz, Nummer (line 1 of a.csv)" in strange.notes
    none = load(table(tmp_path, "b.csv", *(f"x{n % 2},{s}" for n, s in enumerate(SHORT))))
    assert len(texts(none)) == len(SHORT)
    single = load(table(tmp_path, "c.csv", "review", *SHORT))
    assert len(texts(single)) == len(SHORT)
    assert single.train.label_names == {}


def test_a_column_of_row_numbers_is_no_label(tmp_path):
    rows = [f"{n},{s},{n % 2}" for n, s in enumerate(SHORT)]
    corpus = load(table(tmp_path, "a.csv", ",words,kind", *rows), text_column="words")
    assert corpus.train.label_names == {"label": ("0", "1")}
    alone = load(table(tmp_path, "b.csv", "id,said", *(f"{n},{s}" for n, s in enumerate(SHORT))), text_column="said")
    assert alone.train.label_names == {}


@pytest.mark.parametrize("end", [",", ",,", ", ,"])
def test_empty_last_columns_hide_no_header(tmp_path, end):
    """The rows that a spreadsheet writes may end in commas."""
    corpus = load(table(tmp_path, "a.csv", f"text,label{end}", *(f"{s},{n % 2}{end}" for n, s in enumerate(SHORT))))
    assert len(texts(corpus)) == len(SHORT)
    assert corpus.train.label_names == {"label": ("0", "1")}


def test_a_column_of_row_numbers_is_no_sentence(tmp_path):
    rows = [f"{n},{s}" for n, s in enumerate(SHORT)]
    assert "red big cat runs" in texts(load(table(tmp_path, "a.csv", "id,said", *rows)))
    named = load(table(tmp_path, "b.csv", "id", *SHORT), text_column="id")
    assert len(texts(named)) == len(SHORT)


def test_a_label_beside_which_there_is_no_column_is_named(tmp_path):
    with pytest.raises(DataError, match=r"no column of sentences: .* none is left beside the label"):
        load(table(tmp_path, "a.csv", "text", *SHORT), label_column="text")


def test_labels_of_many_words_are_taken_by_the_name_of_their_column(tmp_path):
    rows = [f"{s},a rather long label {n % 2}" for n, s in enumerate(SHORT)]
    assert len(load(table(tmp_path, "a.csv", "text,category", *rows)).train.label_names["label"]) == 2
    assert load(table(tmp_path, "b.csv", "text,remark", *rows)).train.label_names == {}


def test_semicolons_and_values_over_several_lines(tmp_path):
    rows = [f'"{s};\n{s}";{n % 2}' for n, s in enumerate(SHORT)]
    corpus = load(table(tmp_path, "a.csv", "text;stars", *rows))
    assert f"{SHORT[0]}; {SHORT[0]}" in texts(corpus) | {t.replace("<unk>", "runs;") for t in texts(corpus)}
    assert corpus.train.label_names == {"label": ("0", "1")}


def test_quotation_marks_of_tabs_are_letters_where_they_are_not_closed(tmp_path):
    rows = [f'"{s}" he said\t{n % 2}' for n, s in enumerate(SHORT)]
    assert '"red' in load(table(tmp_path, "a.tsv", "sentence\tlabel", *rows)).vocabulary.words
    quoted = [f'"{s}"\t{n % 2}' for n, s in enumerate(SHORT)]
    assert '"red' not in load(table(tmp_path, "b.tsv", "sentence\tlabel", *quoted)).vocabulary.words


def test_quotation_marks_of_tabs_join_no_lines_that_are_rows(tmp_path):
    """A sentence that begins with one, and a later one that ends in one, would swallow all rows between them."""
    rows = [f"{s}\t{n % 2}" for n, s in enumerate(SHORT)]
    rows[1], rows[4] = f'" {rows[1]}', rows[4].replace("\t", ' "\t')
    corpus = load(table(tmp_path, "a.tsv", "sentence\tlabel", *rows))
    assert sum(len(corpus.split(part)) for part in ("train", "valid", "test")) == len(SHORT)
    assert '"' in corpus.vocabulary.words
    several = [f'"{s}\n{s}"\t{n % 2}' for n, s in enumerate(SHORT)]
    corpus = load(table(tmp_path, "b.tsv", "sentence\tlabel", *several))
    assert sum(len(corpus.split(part)) for part in ("train", "valid", "test")) == len(SHORT)
    assert '"' not in "".join(corpus.vocabulary.words)


def test_quotation_marks_of_one_column_join_lines_where_every_value_has_them(tmp_path):
    rows = list(SHORT)
    rows[1], rows[4] = f'"{rows[1]}', f'{rows[4]}"'
    corpus = load(table(tmp_path, "a.tsv", "sentence", *rows))
    assert sum(len(corpus.split(part)) for part in ("train", "valid", "test")) == len(SHORT)
    corpus = load(table(tmp_path, "b.tsv", '"sentence"', *(f'"{s}\n{s}"' for s in SHORT)))
    assert sum(len(corpus.split(part)) for part in ("train", "valid", "test")) == len(SHORT)
    assert '"' not in "".join(corpus.vocabulary.words)


def test_a_column_is_asked_for_where_several_may_be_the_sentence(tmp_path):
    pairs = [json.dumps({"id": n, "premise": s, "hypothesis": s[::-1], "kind": n % 2}) for n, s in enumerate(SHORT)]
    path = table(tmp_path, "a.jsonl", *pairs)
    with pytest.raises(DataError, match=r"--text-column premise \(columns: id, premise, hypothesis, kind\)"):
        load(path)
    corpus = load(path, text_column="premise")
    assert "labels: none; --label-column takes one of the columns that may be some: kind" in corpus.notes


def test_a_split_with_other_columns_is_refused(tmp_path):
    for part, header in (("train", "text,label"), ("valid", "text,label"), ("test", "sentence,label")):
        table(tmp_path, f"{part}.csv", header, *(f"{s},{n % 2}" for n, s in enumerate(SHORT)))
    with pytest.raises(DataError, match=r"test\.csv:1: not the columns of train: sentence, label; name them alike"):
        load(tmp_path)


def test_a_folder_of_corpora_names_them(tmp_path):
    (tmp_path / "ptb").mkdir()
    with pytest.raises(DataError, match=r"it holds folders only \(ptb\), of which one may be a corpus"):
        load(tmp_path)


def test_advice_that_would_change_nothing_is_not_given(tmp_path):
    rows = [f"the {word} ran" for word in ("cat", "dog")] * 20
    for part, lines in (("train", rows), ("valid", [*rows, "an emu"]), ("test", rows)):
        table(tmp_path, f"{part}.txt", *lines)
    (note,) = [note for note in load(tmp_path).notes if "<unk> is never trained" in note]
    assert "--min-freq" not in note


@pytest.mark.parametrize(
    ("name", "lines", "message"),
    [
        ("a.csv", ["text,label", "a b,1", "c, d,0"], r"a\.csv:3: 3 fields .*stands between quotation marks"),
        ("a.csv", ["text,label", '"a b,1'], r"a\.csv:2: not a row of separated values"),
        ("a.jsonl", ['{"text": "a"}', "[1]"], r"a\.jsonl:2: no JSON object"),
        ("a.jsonl", ['{"text": "a"}', '{"txt": "a"}'], r"a\.jsonl:2: no text, number or truth value 'text'"),
        ("a.jsonl", ["[1,", "2]"], r"a\.jsonl:1: no JSON object; each line is one, .* `jq -c"),
        ("a.jsonl", ['{"label": 0}', '{"text": "a", "label": 1}'], r"a\.jsonl:1: no text, number or .* 'text'"),
        ("a.jsonl", ['{"text": ["a", "b"], "label": 1}'], r"a\.jsonl: no column of sentences: .* 'label' only"),
        ("a.jsonl", ['{"text": {"en": "a"}, "label": 1}'], r"a\.jsonl: no column of sentences: .* 'label' only"),
        ("a.csv", ["id,stars", *(f"{n},{n % 2}" for n in range(99))], r"no column of sentences: .* 'id', 'stars' only"),
        ("a.csv", ["id", *(f"x{n} y" for n in range(99))], r"a\.csv: no column of sentences: .* 'id' only"),
        ("a.jsonl", ['{"text": "a", "label": NaN}', '{"text": "b", "label": 1}'], r"a\.jsonl:1: an empty label"),
        ("a.jsonl", ['{"text": "a"}', '{"text": "b"}', '{"text": "c"}'], r"too few different sentences .* 4 or more"),
        ("a.jsonl", ['{"text": "a"}', '{"text": "\\ud800"}'], r"a\.jsonl:2: half a character"),
        ("a.jsonl", ['{"text": "a"}', '{"text": "b\\u0000"}'], r"a\.jsonl:2: a NUL character"),
        ("a.jsonl", ['{"text": "a", "label": 1}', '{"text": "b", "label": null}'], r"a\.jsonl:2: an empty label"),
        (
            "a.jsonl",
            ['{"text": "a", "label": 1}', '{"text": "b", "label": "\\ud800"}'],
            r"a\.jsonl:2: half a character",
        ),
        ("a.jsonl", ['{"text": "a"}', '{"text": "b"}'], r"a\.jsonl: too few different sentences"),
        ("a.jsonl", ["", ""], r"a\.jsonl: no row with a value"),
        ("a.json", ['[{"text": "a"}]'], r"not a kind of file that is read; give .*\.jsonl"),
        ("a.parquet", ["PAR1"], r"a\.parquet: not a Parquet file"),
        ("a.csv.gz", ["text"], r"a\.csv\.gz: named \.gz, but no whole gzip file"),
    ],
)
def test_faults_of_a_table_are_named(name, lines, message, tmp_path):
    if "parquet" in name:
        pytest.importorskip("pyarrow")
    with pytest.raises(DataError, match=message) as caught:
        load(table(tmp_path, name, *lines))
    assert "\n" not in str(caught.value)


def test_columns_of_the_hub_that_hold_no_texts_are_left_out(monkeypatch):
    pa = pytest.importorskip("pyarrow")

    class Value:
        def __init__(self, pa_type):
            self.pa_type = pa_type

    class ClassLabel(Value):
        names = ("neg", "pos")

    class Split:
        features: ClassVar = {
            "made": Value(pa.timestamp("s")),
            "text": Value(pa.string()),
            "label": ClassLabel(pa.int64()),
            "price": Value(pa.decimal128(5, 2)),
            "photo": Value(pa.binary()),
        }

        def select_columns(self, names):
            rows = {"text": ["a", "b"], "label": [1, -1]}
            return SimpleNamespace(iter=lambda batch_size: iter([{name: rows[name] for name in names}]))

    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(Value=Value, ClassLabel=ClassLabel))
    assert list(_rows(Split(), "hf:a/train")) == [{"text": "a", "label": "pos"}, {"text": "b", "label": -1}]
    none = SimpleNamespace(features={name: Split.features[name] for name in ("made", "photo")})
    with pytest.raises(DataError, match="hf:a/train: no column of texts; it has made, photo"):
        list(_rows(none, "hf:a/train"))


def test_an_empty_value_is_a_blank_line(tmp_path):
    rows = [json.dumps({"text": s}) for s in SHORT]
    corpus = load(table(tmp_path, "a.jsonl", *rows, '{"text": null}', '{"text": ""}'))
    assert any("2 blank lines skipped" in note for note in corpus.notes)


@pytest.mark.parametrize(
    "cut", [gzip.compress(b"a b\nc\n" * 99)[:-9], b"", gzip.compress(b"a")[:5]], ids=["end", "all", "head"]
)
def test_a_cut_off_gzip_file_is_named(cut, tmp_path):
    (tmp_path / "a.txt.gz").write_bytes(cut)
    with pytest.raises(DataError, match=r"a\.txt\.gz: (named \.gz, but no whole|the file is empty)"):
        load(tmp_path / "a.txt.gz")


def test_a_cut_off_zstd_file_is_named(tmp_path):
    whole = zstd(b"a b\nc d\n" * 99)
    (tmp_path / "a.txt.zst").write_bytes(whole[:-3])
    with pytest.raises(DataError, match=r"named \.zst, but no whole zstd file"):
        load(tmp_path / "a.txt.zst")


@pytest.mark.parametrize(("module", "name"), [("pyarrow", "parquet"), ("zstandard", "zst"), ("datasets", "hub")])
def test_a_missing_library_is_named(module, name, tmp_path, monkeypatch):
    if module == "zstandard" and sys.version_info >= (3, 14):
        pytest.skip("the standard library has it")
    monkeypatch.setitem(sys.modules, module, None)
    path = {"parquet": tmp_path / "a.parquet", "zst": tmp_path / "a.txt.zst", "hub": "hf:imdb"}[name]
    if name != "hub":
        path.write_bytes(b"content")
    with pytest.raises(UsageError, match=rf"pip install 'vaecli\[{name}\]'"):
        load(path)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["train.txt", "train.csv", "valid.txt", "test.txt"], r"train\.csv and train\.txt both claim to be train"),
        (["train.txt", "valid.txt", "valid.txt.gz", "test.txt"], r"valid\.txt and valid\.txt\.gz both claim"),
        (["train.txt", "valid.csv", "test.txt"], r"test\.txt and valid\.csv are of different kinds"),
        (["train.csv", "test.csv"], r"no valid\.csv \(a corpus is train\.csv, valid\.csv and test\.csv\)"),
        (["reviews.csv", "README"], r"--data .*reviews\.csv takes this one file, and splits it"),
        (["a.json"], r"no train\.txt .*\.jsonl, \.parquet and \.gz or \.zst of each are read"),
    ],
)
def test_folders_that_are_not_clear_are_refused(names, message, tmp_path):
    for name in names:
        (tmp_path / name).write_text("a b\n")
    with pytest.raises(DataError, match=message):
        split_files.find_files(tmp_path)


@pytest.mark.parametrize(
    ("data", "title"),
    [
        ("synthetic", "synthetic"),
        ("/x/y/reviews.csv.gz", "reviews"),
        ("hf:stanfordnlp/imdb", "imdb"),
        ("hf:nyu-mll/glue:sst2", "glue-sst2"),
        ("/x/yelp", "yelp"),
    ],
)
def test_the_name_of_a_corpus(data, title):
    assert corpus_title(data) == title


@pytest.mark.parametrize("data", ["hf:", "hf:a/b/c", "hf:a:b:c", "hf:../x y"])
def test_names_that_no_dataset_has(data):
    with pytest.raises(DataError, match="write hf:NAME or hf:NAME:CONFIG"):
        hub_name(data)


@pytest.mark.parametrize(("nested", "name"), [({"text": "inside"}, "meta.text"), (["inside"], "meta.list.element")])
def test_a_parquet_column_named_as_a_field_of_another(tmp_path, nested, name):
    """pyarrow hands out the column that holds such a field too."""
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    texts, labels = map(list, zip(*ROWS, strict=True))
    table = pa.table({"meta": [nested] * len(ROWS), name: labels, "sentence": texts})
    pq.write_table(table, tmp_path / "a.parquet")
    corpus = load(tmp_path / "a.parquet", text_column="sentence", label_column=name)
    assert sum(len(corpus.split(part)) for part in ("train", "valid", "test")) == len(ROWS)
    assert corpus.train.label_names == {"label": ("neg", "pos")}
