"""Tables on a terminal: nothing is cut off, names print literally, marks survive without bold or UTF-8."""

from __future__ import annotations

import re

import pytest
from reporting.frames import table, three_methods, trial

from vaecli.reporting.render import render
from vaecli.reporting.terminal import Target, to_text
from vaecli.reporting.view import View


def shown(frame, target, columns=None):
    return render(frame, "table", columns, target=target)


def test_markup_and_control_characters_in_names_are_printed_literally():
    text = shown(table(trial("[red]bn[/red]", rec=1.0), trial("\x1b[31mx", rec=2.0)), Target())
    assert "[red]bn[/red]" in text
    assert "\x1b" not in text
    assert "\\x1b[31mx" in text


def test_without_a_width_nothing_is_wrapped():
    lines = shown(three_methods(), Target()).splitlines()
    assert sum(line.startswith("bn") for line in lines) == 1
    assert any(line.startswith("vae report --explain adds the rule of the verdicts") for line in lines)


@pytest.mark.parametrize("width", [1, 5, 20, 40, 60, 80])
@pytest.mark.parametrize("ascii_only", [False, True])
def test_no_line_is_wider_than_the_terminal(width, ascii_only):
    text = shown(three_methods(), Target(width=width, ascii_only=ascii_only))
    # rich gives each column at least one character and its frame, so the narrowest table is a few columns wide
    assert max(map(len, text.splitlines())) <= max(width, 8)


@pytest.mark.parametrize("width", [30, 80])
def test_a_narrow_terminal_continues_the_table_below_and_loses_no_figure(width):
    text = shown(three_methods(), Target(width=width))
    for figure in ("20.1", "18.2*", "±2.5", "3.0", "2.1*", "16*", "collapsed", "informative"):
        assert figure in text, figure
    assert "…" not in text
    assert text.count("vanilla") > shown(three_methods(), Target()).count("vanilla")


def test_a_narrow_terminal_drops_the_columns_that_rank_last_and_names_them():
    frame = three_methods()
    whole = shown(frame, Target(width=200, drops=True))
    assert "not shown" not in whole
    narrow = shown(frame, Target(width=50, drops=True))
    heading = next(line for line in narrow.splitlines() if line.startswith("method"))
    assert heading.split() == ["method", "kl", "mi", "↑", "verdict"]
    told = "not shown for want of width: seeds, rec, neg_elbo, au; a wider terminal shows them, or --columns seeds,rec"
    assert told in " ".join(narrow.split())
    assert max(map(len, narrow.splitlines())) <= 50


def test_named_columns_and_streams_lose_nothing():
    named = shown(three_methods(), Target(width=40, drops=True), "rec,kl,mi,au,verdict,neg_elbo")
    assert "not shown" not in named
    assert all(figure in named for figure in ("20.1", "2.1*", "16*", "informative"))
    assert "not shown" not in shown(three_methods(), Target(width=40))


def test_two_columns_stay_however_narrow():
    text = shown(three_methods(), Target(width=8, drops=True))
    assert "method" in text
    assert "verdict" in text


def test_the_best_is_bold_on_a_terminal_and_starred_elsewhere():
    styled = shown(three_methods(), Target(styled=True), "method,rec")
    assert re.search(r"\x1b\[1m *18\.2 ±2\.5 *\x1b\[0m", styled)
    assert "18.2*" not in styled
    plain = shown(three_methods(), Target(), "method,rec")
    assert "18.2* ±2.5" in plain
    assert "bold or *: the best mean of a column, untested" in plain


def test_ascii_only_terminals_get_ascii():
    text = shown(table(trial("é", rec=1.0), *(trial("bn", s, rec=2.0 + s) for s in range(2))), Target(ascii_only=True))
    assert text.isascii()
    assert "rec v" in text
    assert "+-" in text
    assert "\\xe9" in text


def test_standard_output_decides(monkeypatch):
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.delenv("COLUMNS", raising=False)
    assert Target.stdout().width is None
    assert Target.stdout().styled is False
    monkeypatch.setenv("COLUMNS", "20")
    assert Target.stdout().width == 20


def test_no_color_leaves_no_colour(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", "1")
    text = shown(three_methods(), Target.stdout())
    assert set(re.findall(r"\x1b\[([0-9;]*)m", text)) <= {"0", "1"}  # bold and its end


def test_further_lines_of_a_note_stand_in_from_its_first():
    note = "one two three four five six seven eight"
    shown = to_text(View("", (), (), notes=(note, "  - " + note)), Target(width=24)).splitlines()
    assert shown == [
        *("one two three four five", "  six seven eight"),
        *("  - one two three four", "    five six seven eight"),
    ]
    assert to_text(View("", (), (), notes=(note,)), Target(width=39)) == note + "\n"
    assert "  " not in to_text(View("", (), (), notes=(note,)), Target(width=10))  # too narrow to stand in
