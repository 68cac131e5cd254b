"""Rows of a committed table replaced by those of a new run, and what is derived from them made again."""

from pathlib import Path

import pytest

from experiments.replace import main, read, rebuild, replaced, text

ALL = Path(__file__).parents[1] / "experiments" / "all"


def row(method, seed, kl, **more):
    same = {"experiment": "all", "corpus": "synthetic", "split": "test", "sentences": "2", "tokens": "9", "epochs": "6"}
    return same | {"iw_samples": "50", "method": method, "seed": seed, "status": "done", "kl": kl} | more


OLD = [row("bn", "0", "1.10"), row("dg", "0", "2"), row("dg", "1", "3"), row("lm", "0", "")]


def test_only_the_rows_of_new_methods_change_and_the_order_stays():
    new = [row("dg", "1", "9"), row("dg", "0", "8")]
    assert replaced(OLD, new) == [OLD[0], new[1], new[0], OLD[3]]


@pytest.mark.parametrize(
    ("new", "said"),
    [
        ([row("dg", "0", "8")], r"not the trials of the table: \[\('dg', '1'\)\]"),
        ([row("vmf", "0", "8")], r"not the trials of the table: \[\('vmf', '1'\)\]"),
        ([row("bn", "0", "8", status="diverged")], "bn seed 0 is diverged"),
        ([row("bn", "0", "8", epochs="3")], "bn seed 0: another epochs"),
    ],
)
def test_what_is_no_repetition_of_the_table_is_refused(new, said):
    with pytest.raises(ValueError, match=said):
        replaced(OLD, new)


def test_a_method_that_is_new_stands_at_the_end():
    new = [row("vmf", "1", "9"), row("vmf", "0", "8")]
    assert replaced(OLD, new) == [*OLD, new[1], new[0]]


def test_columns_are_matched_by_name():
    assert (
        text(["method", "verdict", "kl"], [{"kl": "1", "method": "bn", "other": "x"}]) == "method,verdict,kl\nbn,,1\n"
    )


def same(text, other):
    """Whether two cells are the same; Student's quantiles of SciPy 1.14 differ from those of 1.17 in late digits."""
    return text == other or float(text) == pytest.approx(float(other), rel=1e-7)


def test_the_committed_table_is_made_of_its_rows(tmp_path):
    names, rows = read(ALL / "results.csv")
    assert text(names, rows) == (ALL / "results.csv").read_text(encoding="utf-8"), "letter by letter"
    (tmp_path / "results.csv").write_text(text(names, rows), encoding="utf-8")
    rebuild(tmp_path)
    made, kept = (read(folder / "summary.csv") for folder in (tmp_path, ALL))
    assert made[0] == kept[0]
    for row, old in zip(made[1], kept[1], strict=True):
        for name in made[0]:
            assert same(row[name], old[name]), (row["method"], name)
    assert (tmp_path / "table.md").read_text(encoding="utf-8") == (ALL / "table.md").read_text(encoding="utf-8")
    assert (tmp_path / "rate_distortion.png").stat().st_size > 10_000


def test_a_fingerprint_of_digits_is_no_number_in_the_summary(tmp_path, monkeypatch):
    names, rows = read(ALL / "results.csv")
    digits = {"fingerprint": "012345678901", "protocol": "1234567e8901"}
    (tmp_path / "results.csv").write_text(text([*names, *digits], [row | digits for row in rows]), encoding="utf-8")
    monkeypatch.setattr("experiments.replace.subprocess.run", lambda *arguments, **options: None)
    rebuild(tmp_path)
    assert {tuple(row[name] for name in digits) for row in read(tmp_path / "summary.csv")[1]} == {
        tuple(digits.values())
    }


@pytest.mark.parametrize(("words", "told"), [(["--help"], "FOLDER"), (["a"], "required"), (["a", "b"], "no such file")])
def test_the_script_says_what_it_takes(words, told, capsys):
    with pytest.raises(SystemExit):
        main(words)
    assert told in "".join(capsys.readouterr())
