from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from vaecli.cli.app import app
from vaecli.core.errors import UsageError
from vaecli.reporting.picture import check_picture, curves, points, top

COLUMNS = ["experiment", "corpus", "method", "seed", "status", "split", "rec", "kl", "mi", "mi_ceiling", "au"]
ROWS = [
    ("e", "c", "vanilla", 0, "done", "test", 30.0, 0.0, 0.0, 7.0, 0),
    ("e", "c", "vanilla", 1, "done", "test", 31.0, 0.02, 0.01, 7.0, 0),
    ("e", "c", "bn", 0, "done", "test", 28.0, 3.0, 2.0, 7.0, 16),
    ("e", "c", "ae", 0, "done", "test", 20.0, None, 7.0, 7.0, 16),
    ("e", "c", "beta", 0, "failed", "test", None, None, None, 7.0, None),
]


def frame(rows=ROWS):
    return pd.DataFrame(rows, columns=COLUMNS)


def test_points_are_means_of_methods_with_rate_and_distortion():
    vanilla, bn = points(frame())
    assert (vanilla.label, vanilla.kl, vanilla.rec, vanilla.verdict) == ("vanilla", 0.01, 30.5, "collapsed")
    assert (bn.label, bn.mi, bn.verdict) == ("bn", 2.0, "informative")


def test_nothing_to_draw_is_said():
    with pytest.raises(UsageError, match="no method has kl and rec"):
        points(frame(ROWS[3:]))


def report(tmp_path, *options, rows=ROWS):
    frame(rows).to_csv(tmp_path / "results.csv", index=False)
    return CliRunner().invoke(app, ["report", str(tmp_path / "results.csv"), *map(str, options)])


@pytest.mark.parametrize(("suffix", "magic"), [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF")])
def test_the_suffix_decides_the_format(tmp_path, suffix, magic):
    path = tmp_path / f"picture{suffix}"
    result = report(tmp_path, "--picture", path)
    assert result.exit_code == 0, result.output
    assert "vanilla" in result.stdout
    assert path.read_bytes().startswith(magic)


def test_an_svg_names_the_methods(tmp_path):
    path = tmp_path / "picture.svg"
    assert report(tmp_path, "--picture", path).exit_code == 0
    assert "collapsed: 1" in path.read_text(encoding="utf-8")
    assert "<!-- bn -->" in path.read_text(encoding="utf-8")


def test_what_is_there_stays(tmp_path):
    path = tmp_path / "picture.png"
    path.write_text("mine")
    result = report(tmp_path, "--picture", path)
    assert isinstance(result.exception, UsageError)
    assert "--picture" in str(result.exception)
    assert path.read_text() == "mine"
    assert report(tmp_path, "--picture", path, "--overwrite").exit_code == 0
    assert path.read_bytes().startswith(b"\x89PNG")


def test_the_variants_of_a_method_are_joined_by_rate(tmp_path):
    rows = [(*row, None) for row in ROWS]
    for gamma, kl, rec in ((0.7, 5.0, 26.0), (0.3, 1.0, 29.0), (0.5, 2.0, 28.0)):
        rows.append(("e", "c", "bn", 0, "done", "test", rec, kl, kl / 2, 7.0, 16, f"bn.gamma={gamma}"))
    table = pd.DataFrame([row for row in rows if row[2] != "bn" or row[-1]], columns=[*COLUMNS, "variant"])
    (curve,) = curves(points(table))
    assert [(p.label, p.kl) for p in curve] == [
        ("bn (bn.gamma=0.3)", 1.0),
        ("bn (bn.gamma=0.5)", 2.0),
        ("bn (bn.gamma=0.7)", 5.0),
    ]
    assert curves(points(frame())) == []


def test_another_suffix_is_refused_before_any_work():
    with pytest.raises(UsageError, match=r"\.png, \.svg, \.pdf"):
        check_picture(Path("picture.gif"))


def test_two_experiments_are_refused(tmp_path):
    rows = [*ROWS, ("f", *ROWS[0][1:])]
    result = report(tmp_path, "--picture", tmp_path / "p.png", rows=rows)
    assert isinstance(result.exception, UsageError)
    assert "one experiment" in str(result.exception)


def test_a_value_far_above_all_others_is_shown_at_the_top():
    # of ten values the tenth is the usual largest: 30 + (30 - 20) / 2 = 35 is the top, and 100 is beyond it
    assert top([*range(20, 30), 30, 100]) == 35
    assert top([20, 21, 22]) == 22


def test_figures_out_of_all_bounds_are_not_drawn(tmp_path):
    odd = [
        ("e", "c", "twr", 0, "done", "test", 1e308, 3.0, 2.0, 7.0, 16),
        ("e", "c", "hr", 0, "done", "test", 25.0, 2.0, 1e300, 7.0, 16),
    ]
    assert [p.label for p in points(frame([*ROWS, *odd]))] == ["vanilla", "hr", "bn"]
    result = report(tmp_path, "--picture", tmp_path / "p.svg", rows=[*ROWS, *odd])
    assert result.exit_code == 0, result.output
