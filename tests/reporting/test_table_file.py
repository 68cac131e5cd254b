"""Tables that others wrote: joined, saved by other programs, edited, and no tables at all."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vaecli.core.errors import UsageError
from vaecli.metrics.schema import COLUMNS, RESULT_COLUMNS
from vaecli.reporting.read_results import load_results
from vaecli.reporting.render import render
from vaecli.reporting.table_file import read_csv, table_notes

ROOT = Path(__file__).parents[2]
COMMITTED = ROOT / "experiments" / "all" / "results.csv"
HEADER = "experiment,corpus,method,seed,status,split,sentences,tokens,rec,kl,mi,fingerprint,protocol,variant,versions"


def row(method="bn", seed=0, rec="20.5", status="done", **cells):
    """A line of a small table."""
    values = {"experiment": "e", "corpus": "c", "method": method, "seed": seed, "status": status, "split": "test"}
    values |= {"sentences": 2000, "tokens": 20000, "rec": rec, "kl": "3.0", "mi": "2.0"}
    values |= {"fingerprint": "f", "protocol": "p", "versions": f"{method} 1, mi 1"} | cells
    stream = io.StringIO()
    csv.writer(stream, lineterminator="").writerow([values.get(name, "") for name in HEADER.split(",")])
    return stream.getvalue()


def written(folder, *lines, end="\n"):
    path = folder / "results.csv"
    path.write_bytes((end.join([HEADER, *lines]) + end).encode())
    return path


def report(path, *, columns="method,seeds,rec", **options):
    return json.loads(render(load_results(path).frame, "json", columns, **options))


def message(path):
    with pytest.raises(UsageError) as caught:
        render(load_results(path).frame)
    text = str(caught.value)
    assert text.isprintable()
    assert len(text.splitlines()) <= 2
    return text.removeprefix(str(path))


# Copies


def test_overlapping_copies_count_every_trial_once(tmp_path):
    """Seeds 0-2 and 0-2 again are three seeds: mean 21, sd 1, half of the interval 4.30265 / sqrt(3) = 2.484."""
    trials = [row(seed=n, rec=20.0 + n) for n in range(3)]
    once = report(written(tmp_path, *trials))
    for joined in ([*trials, *trials], [*trials, HEADER, *trials], [*trials[:2], *trials[1:]]):
        assert report(written(tmp_path, *joined)) == once
    assert once[0]["seeds"] == 3
    assert once[0]["rec_high"] - once[0]["rec"] == pytest.approx(2.484, abs=1e-3)


@pytest.mark.parametrize("tail", [["0.5"], ["0.50", " 0.5 ", "5e-1", "+0.5"]])
def test_numbers_that_are_written_otherwise_are_equal(tmp_path, tail):
    path = written(tmp_path, *(row(rec=text) for text in ["0.5", *tail]))
    assert len(read_csv(path)) == 1


def test_two_rows_of_one_trial_are_refused_with_both_lines(tmp_path):
    path = written(tmp_path, row(seed=0), row(seed=1), row("beta"), row(seed=1, rec="21.5"))
    assert message(path) == ":5: bn seed 1 is in line 3 too, with another rec (20.5, here 21.5); keep one of them"


def test_a_trial_that_was_unfinished_in_one_copy_is_refused(tmp_path):
    pending = row(seed=2, rec="", status="pending", kl="", mi="", sentences="", tokens="", fingerprint="", versions="")
    path = written(tmp_path, row(seed=0), pending, HEADER, row(seed=0), row(seed=2))
    assert message(path).startswith(":6: bn seed 2 is in line 3 too, with another status ('pending', here 'done')")


def test_a_copy_with_a_further_evaluation_is_the_same_trial(tmp_path):
    path = written(tmp_path, row(), row(versions="bn 1, gaps 1, mi 1"))
    assert "with another versions" in message(path)


@pytest.mark.parametrize(
    "other",
    [
        {"experiment": "other"},
        {"corpus": "other"},
        {"fingerprint": "other"},
        {"protocol": "other"},
        {"split": "valid"},
        {"variant": "bn.gamma=0.7"},
        {"versions": "bn 2, mi 1"},
        {"versions": "bn 1, mi 2"},
        {"seed": 1},
        {"method": "beta"},
    ],
)
def test_what_decides_figures_makes_another_trial(tmp_path, other):
    path = written(tmp_path, row(), row(**{"rec": "22.5"} | other))
    rows = report(path)
    if "seed" in other:
        assert [(r["seeds"], r["rec"]) for r in rows] == [(2, 21.5)]
    else:
        assert [(r["seeds"], r["rec"]) for r in rows] == [(1, 20.5), (1, 22.5)]


def test_trials_without_a_seed_cant_be_told_apart(tmp_path):
    path = written(tmp_path, row(seed=""), row(seed="", rec="21.0"))
    assert message(path).endswith("keep one of them; without a seed they can't be told apart")
    assert len(read_csv(written(tmp_path, row(seed=""), row("beta", seed="")))) == 2


def test_a_repeated_header_of_other_columns_is_refused(tmp_path):
    path = written(tmp_path, row(), HEADER.replace(",kl", ",bleu"), row(seed=1))
    assert message(path).startswith(":3: another header; join tables of the same columns only")
    assert "bleu, kl" in message(path)
    names = HEADER.split(",")
    path = written(tmp_path, row(), ",".join(reversed(names)), row(seed=1))
    assert "(these differ in their order)" in message(path)


@given(st.lists(st.integers(0, 137), min_size=1, max_size=300), st.data())
@settings(max_examples=15, deadline=None)
def test_any_join_of_copies_gives_the_same_figures(tmp_path_factory, places, data):
    """Rows of a real table, drawn with repeats and in any order, and headers anywhere between them."""
    header, *rows = COMMITTED.read_text().splitlines()
    folder = tmp_path_factory.mktemp("joined")
    lines = [rows[n] for n in places]
    for at in data.draw(st.lists(st.integers(0, len(lines)), max_size=3)):
        lines.insert(at, header)
    one, two = folder / "one.csv", folder / "two.csv"
    one.write_text("\n".join([header, *lines]) + "\n")
    two.write_text("\n".join([header, *(rows[n] for n in dict.fromkeys(places))]) + "\n")
    assert report(one, columns="method,seeds,rec,kl") == report(two, columns="method,seeds,rec,kl")


# Types


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ({"rec": "low"}, "column 'rec' is 'low', not a number"),
        ({"rec": "nan"}, "column 'rec' is 'nan', not a number; an undefined figure is an empty cell"),
        ({"rec": "NA"}, "column 'rec' is 'NA', not a number; an undefined figure is an empty cell"),
        ({"rec": "20,5"}, "column 'rec' is '20,5', not a number"),
        ({"rec": "1_000"}, "column 'rec' is '1_000', not a number"),
        ({"rec": "0x1p3"}, "column 'rec' is '0x1p3', not a number"),
        ({"rec": "٣"}, "column 'rec' is '٣', not a number"),
        ({"rec": "inf"}, "column 'rec' is 'inf', where only perplexities overflow"),
        ({"rec": "-inf"}, "column 'rec' is '-inf', not a number"),
        ({"rec": "1e999"}, "column 'rec' is '1e999', too large for a number"),
        ({"seed": "-1"}, "column 'seed' is '-1', not a whole number from 0 on"),
        ({"seed": "1.5"}, "column 'seed' is '1.5', not a whole number from 0 on"),
        ({"seed": "9" * 30}, f"column 'seed' is '{'9' * 30}', not a whole number from 0 on"),
        ({"sentences": "-3"}, "column 'sentences' is '-3', not a whole number from 0 on"),
        ({"status": "Done"}, "status 'Done': did you mean 'done'?"),
        ({"status": ""}, "status '': choose from diverged, done, failed, interrupted, pending, running"),
        ({"method": " "}, "no method is named"),
        ({"rec": "x" * 90}, f"column 'rec' is '{'x' * 59}..., not a number"),
        ({"rec": "\x1b[31m"}, r"column 'rec' is '\x1b[31m', not a number"),
    ],
)
def test_a_cell_of_another_type_is_refused_with_its_line(tmp_path, cells, expected):
    assert message(written(tmp_path, row(seed=7), "", row(**cells))) == f":4: {expected}"


def test_numbers_that_other_programs_write(tmp_path):
    frame = read_csv(
        written(tmp_path, row(seed="3.0", rec=".5", kl="1E-3", mi="+2."), row("lm", seed="", kl="", mi=""))
    )
    assert list(frame.loc[0, ["seed", "rec", "kl", "mi"]]) == [3, 0.5, 0.001, 2.0]
    assert frame.loc[1, ["seed", "kl", "mi"]].isna().all()


def test_a_perplexity_may_overflow(tmp_path):
    path = tmp_path / "results.csv"
    path.write_text("method,status,ppl_elbo\na,done,inf\nb,done,Infinity\nc,done,2.5\n")
    assert list(read_csv(path)["ppl_elbo"]) == [math.inf, math.inf, 2.5]


def test_columns_that_nobody_knows_are_what_their_cells_are(tmp_path):
    path = tmp_path / "results.csv"
    path.write_text("method,status,size,note,,left\na,done,1.5,x,0,\nb,done,,2,1,\n")
    frame = read_csv(path)
    assert list(frame.columns) == ["method", "status", "size", "note", "left"]  # one without a name is an index
    assert frame["size"].iloc[0] == 1.5
    assert list(frame["note"]) == ["x", "2"]
    assert "1.50" in render(frame, columns="size")


# Other programs' files


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_line_ends_and_marks_of_other_systems(tmp_path, end, mark):
    path = written(tmp_path, row(seed=0), "", row(seed=1), ",,,", end=end)
    path.write_bytes(mark + path.read_bytes())
    assert list(read_csv(path)["seed"]) == [0, 1]


def test_quoted_fields_hold_commas_quotes_and_line_ends(tmp_path):
    path = written(tmp_path, row(corpus='a "b", c\nd'), row(seed=1, rec="x"))
    assert message(path).startswith(":4: column 'rec'")  # the first row takes two lines
    path = written(tmp_path, row(corpus='a "b", c\nd'))
    assert read_csv(path)["corpus"].iloc[0] == 'a "b", c\nd'
    assert 'corpus a "b", c\\nd, split' in render(load_results(path).frame)


def test_names_cant_steer_a_terminal(tmp_path):
    text = render(load_results(written(tmp_path, row("b\x1b[2Jn", experiment="e\x07", variant="\x1b]0;x"))).frame)
    assert not any(char in text for char in "\x1b\x07")
    assert "b\\x1b[2Jn" in text
    assert "experiment e\\x07" in text


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", " is empty; a report needs a results.csv that `vae` wrote"),
        (b"\n\n", " is empty; a report needs a results.csv that `vae` wrote"),
        (b"method;status;rec\na;done;1\n", ":1: fields are separated by semicolons; save the table with commas"),
        (b"method\tstatus\na\tdone\n", ":1: fields are separated by tabs; save the table with commas"),
        (b"methods,status\n", ":1: no column 'method'; a report needs a results.csv that `vae` wrote"),
        (b"\n\nmethod,rec\n", ":3: no column 'status'; a report needs a results.csv that `vae` wrote"),
        (b"method,status,rec,rec\n", ":1: column 'rec' is there 2 times; which one counts?"),
        (b"method,status,rec\na,done\n", ":2: 2 fields, but the header has 3"),
        (b"method,status\na,done\nb,done,1.5\n", ":3: 3 fields, but the header has 2"),
        (b"method,status\na,do\0ne\n", ":2: a NUL byte; this is no text"),
        (b"method,status\na,done\n\xe9,done\n", ":3: not UTF-8; save the file as UTF-8"),
        ("method,status\n".encode("utf-16"), " is UTF-16; save it as UTF-8"),
        (b'method,status\na,"done\nb,done\n', ":2: unexpected end of data; is a quotation mark left open?"),
        (b'method,status\na,"done" \n', """:2: ',' expected after '"'"""),
        (b"PK\x03\x04" + bytes(20), ":1: a NUL byte; this is no text"),
        (b"method,status\n", "the results hold no trials; run `vae compare` first"),
    ],
)
def test_what_is_no_table(tmp_path, content, expected):
    path = tmp_path / "results.csv"
    path.write_bytes(content)
    assert message(path) == expected


def test_a_huge_field_is_refused(tmp_path):
    path = written(tmp_path, row(), row(corpus="x" * 200_000))
    assert message(path) == ":3: field larger than field limit (131072); is a quotation mark left open?"


def test_a_file_that_cant_be_read(tmp_path):
    path = tmp_path / "results.csv"
    path.mkdir()
    with pytest.raises(UsageError, match="can't be read: Is a directory"):
        read_csv(path)


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_no_file_gives_anything_but_a_table_or_a_message(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("any") / "results.csv"
    path.write_bytes(b"method,status,seed,rec,note\n" + content)
    with contextlib.suppress(UsageError):  # anything else that is raised fails here
        assert set(read_csv(path)["status"]) <= {"done", "pending", "running", "diverged", "failed", "interrupted"}


# Tables of this program


@pytest.mark.parametrize("name", ["all", "ptb"])
def test_committed_tables_are_read(name):
    """They are older than vocabulary, unknown, verdict and what identifies a row."""
    path = ROOT / "experiments" / name / "results.csv"
    frame = read_csv(path)
    rows = list(csv.DictReader(io.StringIO(path.read_text())))
    assert list(frame["rec"]) == [float(r["rec"]) for r in rows]
    assert list(frame["seed"]) == [int(r["seed"]) for r in rows]
    assert "verdict" not in frame.columns
    assert not set(frame.columns) - set(COLUMNS)
    text = render(load_results(path).frame)
    assert f"experiment {name}, corpus" in text.splitlines()[0]
    assert "fingerprint" not in text


def test_the_columns_of_a_table_may_be_in_any_order(tmp_path):
    names = [c.name for c in RESULT_COLUMNS][::-1]
    values = {"method": "bn", "seed": "1", "status": "done", "rec": "2.5", "experiment": "e"}
    path = tmp_path / "results.csv"
    path.write_text(",".join(names) + "\n" + ",".join(values.get(name, "") for name in names) + "\n")
    assert report(path) == [{"method": "bn", "seeds": 1, "rec": 2.5}]


@pytest.mark.parametrize(
    ("last", "torn"),
    [("bn,1", True), ('bn,1,done,"2', True), ("bn,1,done,2.5", False), ("", False), ("  ", False)],
)
def test_only_a_last_line_that_has_no_end_and_too_few_fields_is_torn(tmp_path, last, torn):
    path = tmp_path / "results.csv"
    path.write_text("method,seed,status,rec\nbn,0,done,1.5\n" + last)
    assert table_notes(path, read_csv(path)) == ((f"{path}:3: torn, so this line is left out",) if torn else ())
    assert len(read_csv(path)) == (2 if last.startswith("bn") and not torn else 1)


def test_a_header_alone_is_not_torn(tmp_path):
    path = tmp_path / "results.csv"
    path.write_text("method,status")
    assert table_notes(path, read_csv(path)) == ()
    path.write_text('method,seed,status\nbn,"0,done\nbn,1,done\n')
    with pytest.raises(UsageError, match="quotation mark left open"):
        read_csv(path)


def test_columns_of_a_newer_version_are_kept_and_told(tmp_path):
    path = tmp_path / "results.csv"
    path.write_text("method,seed,status,rec,novelty,label,message\nbn,0,done,1.5,0.25,odd,\n")
    frame = read_csv(path)
    assert (frame["novelty"].item(), frame["label"].item()) == (0.25, "odd")
    (note,) = table_notes(path, frame)
    assert note == f"{path}: columns that this version of vae doesn't know are kept as they are: novelty, label"


def test_trials_of_a_designed_table_are_never_averaged(tmp_path):
    """Each has settings of its own, which no column of the results tells."""
    path = tmp_path / "designed.csv"
    path.write_text(
        "trial,method,seed,status,rec,kl\n1,bn,0,done,20,3\n2,bn,0,done,30,0\n2,bn,1,done,32,0\n,bn,1,done,1,0\n"
    )
    rows = json.loads(render(read_csv(path), "json", columns="rec,seeds"))
    assert [(row["method"], row["rec"], row["seeds"]) for row in rows] == [
        ("bn (trial=1)", 20.0, 1),
        ("bn (trial=2)", 31.0, 2),
        ("bn (trial=?)", 1.0, 1),
    ]
    for names, told in ((("a", ""), ["trial=a", "trial=?"]), (("1.5", "1.75"), ["trial=1.5", "trial=1.75"])):
        path.write_text("trial,method,seed,status\n" + "".join(f"{name},bn,0,done\n" for name in names))
        assert list(read_csv(path)["variant"]) == told
    path.write_text("trial,method,variant,seed,status,rec\n1,bn,,0,done,20\n2,bn,,0,done,30\n")
    with pytest.raises(UsageError, match=r"designed\.csv:3: bn seed 0 is in line 2 too, with another trial"):
        read_csv(path)


def test_the_atlas_is_read_by_trial():
    assert set(read_csv(ROOT / "experiments" / "atlas" / "repeats.csv")["variant"]) >= {"trial=1", "trial=2"}
