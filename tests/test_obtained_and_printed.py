"""Obtained beside printed figures on the pages: by hand, and each committed line against its own CSV."""

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from experiments.papers import obtained

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "reproduce.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
LINE = obtained.Line("A table", "bn", "kl", 3.2, 0.25, 3, 3.0, True, "within", 10, 30, "A. 2020, Table 1")


def test_a_line_by_hand():
    assert LINE.cells == ["A table", "bn", "kl", "3.20 ±0.25", "3.00", "+0.20", "10/30"]
    alone = replace(LINE, sd=None, confirmed=False, planned=10)
    assert alone.cells[3:] == ["3.20", "3.00?", "+0.20", "10"]
    assert replace(alone, epochs=30, planned=30, run=20).cells[6] == "20 of 30"
    assert replace(LINE, run=10).cells[6] == "10/30"
    assert (LINE.share, alone.share, replace(LINE, planned=None).share) == (pytest.approx(1 / 3), 1.0, 1.0)


def test_readme_has_what_was_trained_long_enough_confirmed_first():
    memory, short = replace(LINE, row="memory", confirmed=False), replace(LINE, row="short", epochs=9)
    other = replace(LINE, row="other", figure="au")
    known = [replace(LINE, row=f"known {n}") for n in range(3)]
    chosen = obtained.readme_lines([memory, short, other, *known], most=3)
    assert [line.row for line in chosen] == ["known 0", "known 1", "known 2"]
    assert [line.row for line in obtained.readme_lines([memory, short, known[0]])] == ["known 0", "memory"]


def test_a_record_without_a_printed_figure_is_no_line():
    values = {"row": "lm", "figure": "ppl_iw", "obtained": 99.0, "printed": None}
    assert obtained.lines_of("A table", [values, values | {"obtained": None, "printed": 1.0}]) == []


def test_a_ceiling_below_a_printed_figure_is_marked_and_has_no_verdict():
    values = {"row": "mim", "figure": "mi", "obtained": 7.6, "sd": None, "seeds": 1, "printed": 9.1, "confirmed": True}
    values |= {"verdict": float("nan"), "epochs": 8, "epochs_published": 8, "source": "P"}  # as pandas reads a CSV
    (line,) = obtained.lines_of("A table", [values | {"at_ceiling": True}])
    assert (line.cells[3], line.verdict) == ("≥7.60", "")
    (line,) = obtained.lines_of("A table", [values | {"at_ceiling": False, "verdict": "below"}])
    assert (line.cells[3], line.verdict) == ("7.60", "below")


def test_each_committed_comparison_is_on_the_page_and_its_gap_is_obtained_less_printed():
    paths = sorted((ROOT / "experiments" / "papers").glob("*/comparison.csv"))
    assert paths
    count = 0
    for path in paths:
        with path.open(encoding="utf-8", newline="") as file:
            rows = [row for row in csv.DictReader(file) if row["obtained"] and row["printed"]]
        for row in rows:
            gap = float(row["obtained"]) - float(row["printed"])
            assert gap == pytest.approx(float(row["gap"]))
            shown = f"| {row['figure']} | {float(row['obtained']):.2f}"
            lines = [line for line in PAGE.splitlines() if shown in line and f" | {gap:+z.2f} | " in line]
            assert lines, f"{path}: {row['row']}"
            count += len(rows)
    assert count


def test_the_table_of_readme_is_a_part_of_that_of_the_page():
    lines = obtained.readme_table().splitlines()[2:]
    assert 0 < len(lines) <= obtained.README_ROWS
    for line in lines:
        figures = " | ".join(line.split(" | ")[2:]).removesuffix(" |")
        assert figures in PAGE
    if "<!-- obtained: begin -->" in README:
        assert obtained.readme_table() in README


def test_epochs_are_those_of_the_results_where_a_run_ended_sooner():
    """lm stopped at the end of its halvings, the VAE beside it had all 100 epochs."""
    lines = obtained.reproductions()["ptb-lstm"]
    assert {line.cells[6] for line in lines if line.row == "lm"} == {"52 of 100"}
    assert {line.cells[6] for line in lines if line.row == "VAE, linear annealing"} == {"100"}


def test_no_figure_is_minus_zero():
    line = replace(LINE, obtained=-0.001, printed=0.0, sd=None)
    assert line.cells[3:6] == ["0.00", "0.00", "+0.00"]


def test_rows_of_two_protocols_have_epochs_of_their_own(tmp_path):
    """One seed of each protocol, and one that diverged before its first validation."""
    head = "experiment,corpus,method,seed,status,split,sentences,tokens,kl,ppl_iw,epochs,training_protocol"
    rows = [
        "ptb,ptb,linear_anneal,0,done,test,3761,82430,0.01,125.5,8,shared",
        "ptb,ptb,linear_anneal,0,done,test,3761,82430,0.02,101.5,40,published",
        "ptb,ptb,linear_anneal,1,diverged,test,,,,,,published",
    ]
    (tmp_path / "results.csv").write_text("\n".join([head, *rows]) + "\n")
    lines = obtained.of_ptb(tmp_path / "results.csv")
    assert {(line.row, line.epochs) for line in lines} == {
        ("linear_anneal (shared)", 8),
        ("linear_anneal (published)", 40),
    }


def test_an_option_that_there_is_not_prints_no_table(capsys):
    with pytest.raises(SystemExit) as ended:
        obtained.main(["--reedme"])
    assert ended.value.code == 2
    assert capsys.readouterr().out == ""
