"""Every format of a table is well formed, escapes what it must and marks the best."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest
from reporting.frames import table, three_methods, trial

from vaecli.core.errors import UsageError
from vaecli.reporting.formats import escape_latex, escape_markdown, markdown_table
from vaecli.reporting.render import render
from vaecli.reporting.terminal import Target

COLUMNS = "method,seeds,rec,kl,au"


def test_json_has_numbers_as_numbers_and_null_for_undefined():
    lm, vanilla, bn = json.loads(render(three_methods(), "json", COLUMNS))
    assert (lm["method"], lm["seeds"], lm["rec"], lm["kl"], lm["au"]) == ("lm", 1, 20.0, None, None)
    assert vanilla["au"] == 0
    assert bn["kl"] == pytest.approx(3.0)


def test_json_has_no_infinity():
    rows = table(trial("a", rec=float("inf")), trial("b", rec=1.0))
    assert json.loads(render(rows, "json", "method,rec"))[0] == {"method": "a", "rec": None}


def test_csv_holds_plain_values_without_marks():
    rows = list(csv.DictReader(io.StringIO(render(three_methods(), "csv", COLUMNS))))
    assert [row["method"] for row in rows] == ["lm", "vanilla", "bn"]
    assert (rows[0]["rec"], rows[0]["kl"], rows[1]["kl"], rows[1]["au"]) == ("20.0", "", "0.01", "0")
    assert float(rows[2]["rec_high"]) > float(rows[2]["rec"]) > float(rows[2]["rec_low"])


def test_csv_of_several_experiments_is_one_table():
    rows = table(trial("a", rec=1.0, au=3), trial("a", rec=2.0, experiment="other"))
    lines = render(rows, "csv").splitlines()
    assert lines[0] == "experiment,method,rec,neg_elbo,au"
    assert lines[1:] == ["quick,a,1.0,1.0,3", "other,a,2.0,2.0,"]


def test_csv_text_is_no_formula():
    assert "'=1+1" in render(table(trial("=1+1", rec=1.0)), "csv", "method,rec")


def test_markdown_is_aligned_and_has_the_best_in_bold():
    lines = [line for line in render(three_methods(), "markdown", COLUMNS).splitlines() if line.startswith("|")]
    assert len({len(line) for line in lines}) == 1
    head, rule, lm, _vanilla, bn = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    assert head == ["method", "seeds", "rec ↓", "kl", "au ↑"]
    assert [cell[-1] for cell in rule] == ["-", ":", ":", ":", ":"]
    assert (lm[2], lm[3]) == ("20.0", "-")
    # kl of bn: 2.9 and 3.1, sd 0.141421, half = 12.7062 * 0.141421 / sqrt(2) = 1.27, so one decimal
    assert bn == ["bn", "2", "**18.2 ±2.5**", "3.0 ±1.3", "**16**"]


def test_ranks_in_every_format():
    rows = table(trial("a", rec=20.0), trial("b", rec=19.0), trial("c", rec=20.0))
    texts = {name: render(rows, name, "method,rec", ranked=True) for name in ("table", "markdown", "latex", "csv")}
    assert "19.00* (1)" in texts["table"]
    assert "20.00 (2.5)" in texts["table"]
    assert "**19.00** (1)" in texts["markdown"]
    assert r"\textbf{19.00} (1) \\" in texts["latex"]
    assert texts["csv"].splitlines() == ["method,rec,rec_rank", "a,20.0,2.5", "b,19.0,1.0", "c,20.0,2.5"]


def test_a_figure_at_its_ceiling_in_every_format():
    rows = table(trial("ae", mi=7.6), trial("bn", kl=3.0, mi=2.1))
    texts = {name: render(rows, name, "method,mi") for name in ("table", "markdown", "latex", "csv", "json")}
    assert "≥7.60" in texts["table"]
    assert "| ≥7.60 |" in texts["markdown"]
    assert r"ae & $\geq$ 7.60 \\" in texts["latex"]
    assert "7.60*" not in texts["table"]
    assert "**7.60" not in texts["markdown"]
    assert "textbf" not in texts["latex"]
    assert texts["csv"].splitlines()[1] == "ae,7.6"
    assert json.loads(texts["json"])[0]["mi"] == 7.6
    for name in ("table", "markdown"):
        plain = render(rows, name, "method,mi", target=Target(ascii_only=True))
        assert ">=7.60" in plain.replace("\\", "")
        assert ">=: at its ceiling" in plain
        assert plain.isascii()
    styled = render(rows, "table", "method,mi", target=Target(styled=True))
    assert "\x1b[1m≥7.60" not in styled


@pytest.mark.parametrize("format", ["table", "markdown", "latex"])
@pytest.mark.parametrize("baseline", [None, "lm"])
def test_no_figure_is_minus_zero(format, baseline):
    """Means, halves and differences that round to 0, with one trial a method and with two."""
    rows = [trial(m, s, rec=20.0 - 1e-5 * s, kl=0.0, mi=-1.6e-4 * (s + 1)) for m in ("lm", "cnn") for s in range(2)]
    for frame in (table(*rows), table(rows[0], rows[2] | {"rec": 19.9999})):
        text = render(frame, format, "rec,kl,mi", baseline=baseline)
        assert "0.00" in text
        assert not re.search(r"-0(\.0+)?(?![.\d])", text), text


def test_explanations_have_no_minus_zero():
    text = render(table(trial("cnn", rec=20.0, kl=1e-4, mi=-1e-9)), "table", explain=True)
    assert "verdict of cnn: collapsed (kl 0.0001, mi -1e-09 of at most 7.60)" in text


def test_markdown_escapes_pipes():
    assert escape_markdown(r"a|b\c*d*") == r"a\|b\\c\*d\*"
    text = render(table(trial("a|b", rec=1.0)), "markdown", "method,rec")
    row = next(line for line in text.splitlines() if "a\\|b" in line)
    assert len(re.findall(r"(?<!\\)\|", row)) == 3


def test_markdown_table_by_hand():
    assert (
        markdown_table(["a", "long"], [["1", "x"]], [True, False]) == "|   a | long |\n| --: | ---- |\n|   1 | x    |"
    )


def test_latex_escapes_and_uses_booktabs():
    rows = table(trial("free_bits+x", rec=20.0), trial("50%_a&b", rec=19.0))
    text = render(rows, "latex", "method,rec,kl")
    assert r"free\_bits+x & 20.00 & -- \\" in text
    assert r"50\%\_a\&b & \textbf{19.00} & -- \\" in text
    assert r"method & rec $\downarrow$ & kl \\" in text
    order = [text.index(word) for word in (r"\begin{tabular}{lrr}", r"\toprule", r"\midrule", r"\bottomrule")]
    assert order == sorted(order)


def test_latex_intervals_and_comments():
    text = render(three_methods(), "latex", COLUMNS)
    assert r"bn & 2 & \textbf{18.2} $\pm$ 2.5 & 3.0 $\pm$ 1.3 & \textbf{16} \\" in text
    outside = [line for line in text.splitlines() if not line.startswith(("%", "\\"))]
    assert all(line.endswith(r"\\") for line in outside)


def test_latex_specials_one_by_one():
    assert escape_latex(r"\{}$#_&%~^<>") == (
        r"\textbackslash{}\{\}\$\#\_\&\%\textasciitilde{}\textasciicircum{}\textless{}\textgreater{}"
    )


def test_a_name_can_not_end_a_latex_comment():
    rows = table(trial("a", rec=1.0, experiment="x\n\\input{secret}"))
    assert not any(line.startswith("\\input") for line in render(rows, "latex").splitlines())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"format": "latx"}, r"unknown format 'latx' \(--format\): did you mean 'latex'\?"),
        ({"baseline": "lm", "per_trial": True}, "choose one"),
    ],
)
def test_options_that_cannot_be(options, message):
    with pytest.raises(UsageError, match=message):
        render(three_methods(), **options)


def test_a_table_of_something_else_is_refused():
    with pytest.raises(UsageError, match="no column 'method'"):
        render(three_methods().drop(columns="method"))


@pytest.mark.parametrize("format", ["table", "csv", "markdown", "latex", "json"])
@pytest.mark.parametrize("baseline", [None, "vanilla"])
def test_every_format_ends_with_one_newline_and_names_all_methods(format, baseline):
    text = render(three_methods(), format, baseline=baseline, target=Target(ascii_only=True))
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    assert all(name in text for name in ("lm", "bn"))
