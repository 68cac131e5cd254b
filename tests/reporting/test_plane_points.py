"""Which points, lines and curves the plane has."""

import pandas as pd
import pytest
from reporting.experiments import COLUMNS, ROWS, plane_table

from vaecli.core.errors import UsageError
from vaecli.reporting.pictures.plane_points import (
    largest_rate,
    largest_shown,
    plane_points,
    references,
    variant_curves,
    verdict_kind,
)


def test_points_are_means_of_methods_with_rate_and_distortion():
    vanilla, bn = plane_points(plane_table())
    assert (vanilla.label, vanilla.kl.mean, vanilla.rec.mean, vanilla.verdict) == ("vanilla", 0.01, 30.5, "collapsed")
    assert vanilla.rec.half == pytest.approx(12.706 * 0.5, rel=1e-4)  # t(1) times the standard error of 30 and 31
    assert (bn.label, bn.mi.mean, bn.verdict, bn.rec.half) == ("bn", 2.0, "informative", None)


def test_a_method_without_a_rate_is_a_line():
    (ae,) = references(plane_table())
    assert (ae.label, ae.rec.mean, ae.mi.mean, ae.mi_is_ceiling) == ("ae", 20.0, 7.0, True)


def test_nothing_to_draw_is_said():
    with pytest.raises(UsageError, match="no method has kl and rec"):
        plane_points(plane_table(ROWS[3:]))


def variants(*told):
    """Points of bn by variant and protocol, with kl rising in their order."""
    rows = [(*ROWS[2][:6], 30.0 - n, 1.0 + n, 1.0, 7.0, 16, *pair) for n, pair in enumerate(told)]
    table = pd.DataFrame([(*ROWS[0], "", "a"), *rows], columns=[*COLUMNS, "variant", "own_protocol"])
    return [[round(p.kl.mean) for p in curve] for curve in variant_curves(plane_points(table))]


def test_variants_are_joined_by_rate():
    assert variants(("bn.gamma=0.7", "a"), ("bn.gamma=0.3", "a"), ("bn.gamma=0.5", "a")) == [[1, 2, 3]]
    assert variant_curves(plane_points(plane_table())) == []


def test_a_curve_goes_over_experiments_of_the_same_settings_only():
    told = [("experiment=x, bn.gamma=0.3", "a"), ("experiment=x, bn.gamma=0.5", "a"), ("experiment=y", "a")]
    assert variants(*told) == [[1, 2, 3]]
    other = [("experiment=z, bn.gamma=0.3", "b"), ("experiment=z, bn.gamma=0.5", "b")]
    assert variants(*told, *other) == [[1, 2, 3], [4, 5]]


def test_experiments_are_the_variants_where_there_are_no_others():
    assert variants(("experiment=x", "a"), ("experiment=y", "b")) == [[1, 2]]


def test_a_value_far_above_all_others_is_shown_at_the_top():
    # of ten values the tenth is the usual largest: 30 + (30 - 20) / 2 = 35 is the top, and 100 is beyond it
    assert largest_shown([*range(20, 30), 30, 100]) == 35
    assert largest_shown([20, 21, 22]) == 22


def test_the_largest_rate_is_in_its_place_unless_it_is_far_away():
    rows = [(*ROWS[2][:2], f"m{n}", *ROWS[2][3:6], 28.0, kl, 2.0, 7.0, 16) for n, kl in enumerate([*range(1, 11), 11])]
    assert largest_rate(plane_points(plane_table(rows))) == 11
    far = [*rows[:-1], (*rows[-1][:7], 1000.0, 2.0, 7.0, 16)]
    assert 11 < largest_rate(plane_points(plane_table(far))) < 100


def test_figures_out_of_all_bounds_are_not_drawn():
    odd = [
        ("e", "c", "twr", 0, "done", "test", 1e308, 3.0, 2.0, 7.0, 16),
        ("e", "c", "hr", 0, "done", "test", 25.0, 2.0, 1e300, 7.0, 16),
    ]
    points = plane_points(plane_table([*ROWS, *odd]))
    assert [p.label for p in points] == ["vanilla", "hr", "bn"]
    assert points[1].mi is None


def test_the_legend_has_one_word_for_seeds_that_disagree():
    assert [verdict_kind(word) for word in ("collapsed", "collapsed 2/3, informative 1/3", "-")] == [
        "collapsed",
        "seeds disagree",
        "no verdict",
    ]
