"""The atlas's table: rows as lines, growth, crashes; and the committed one."""

import math

import pandas as pd
import pytest

from experiments.atlas import design, table
from vaecli.core.errors import DataError


def row(number, **figures):
    return design.trial(number).row() | {"status": "done", "verdict": "collapsed"} | figures


def test_rows_come_back(tmp_path):
    path = tmp_path / "atlas.csv"
    for number in (3, 1):
        table.GROWING.append(path, row(number, kl=1 / 3, mi=None, message="line one\nline two"))
    frame = table.read_table(path)
    assert list(frame["trial"]) == [1, 3]
    assert list(frame.columns) == list(table.COLUMNS)
    assert frame.loc[0, "kl"] == 0.333333
    assert math.isnan(frame.loc[0, "mi"])
    assert frame.loc[0, "message"] == "line one line two"
    assert frame.loc[0, "knob_value"] == "95"


def test_a_torn_line_is_made_again(tmp_path):
    path = tmp_path / "atlas.csv"
    table.GROWING.append(path, row(1))
    table.GROWING.append(path, row(2))
    path.write_text(path.read_text()[:-20])
    lines = table.read_lines(path)
    assert list(lines) == [1]
    assert list(table.read_table(path)["trial"]) == [1], "nor is it a trial of the report"
    table.write_sorted(path, lines)
    table.GROWING.append(path, row(2))
    assert list(table.read_lines(path)) == [1, 2]


def test_a_file_that_a_crash_left_empty_has_no_rows_and_none_is_no_table(tmp_path):
    path = tmp_path / "atlas.csv"
    with pytest.raises(DataError, match="there is no such table"):
        table.read_table(path)
    path.touch()
    assert table.read_lines(path) == {}
    assert table.read_table(path).empty
    table.GROWING.append(path, row(1))
    assert list(table.read_lines(path)) == [1]


def test_other_columns_and_designs_are_refused(tmp_path):
    path = tmp_path / "atlas.csv"
    path.write_text("trial,method\n1,bn\n")
    with pytest.raises(DataError, match="other columns"):
        table.read_lines(path)
    path.write_text(table.GROWING.head() + table.GROWING.line(row(1) | {"design": 0}))
    with pytest.raises(DataError, match="trial 1 is of design 0"):
        table.read_lines(path)


def test_a_figure_without_a_column_is_a_fault():
    with pytest.raises(KeyError, match="perplexity_of_us"):
        table.GROWING.line({"perplexity_of_us": 1.0})


def test_parquet_holds_the_same(tmp_path):
    path = tmp_path / "atlas.csv"
    table.GROWING.append(path, row(1, kl=0.5))
    pd.testing.assert_frame_equal(pd.read_parquet(table.write_parquet(path)), table.read_table(path))
