"""Names of points: all are there, none covers another, a marker or the edge."""

from pathlib import Path

import numpy as np
import pytest
from reporting.experiments import ROWS, plane_table

from vaecli.reporting.pictures.label_layout import box_of, crowds, literal, name_points
from vaecli.reporting.pictures.picture_plane import plane_figure, spaced_ticks
from vaecli.reporting.pictures.picture_style import new_figure
from vaecli.reporting.pictures.plane_points import plane_points
from vaecli.reporting.read_results import load_results

ALL = Path(__file__).parents[2] / "experiments" / "all"


def overlapping(boxes):
    """The pairs of boxes that overlap."""
    return [(i, j) for j in range(len(boxes)) for i in range(j) if boxes[i].overlaps(boxes[j])]


def test_chains_of_neighbours_are_crowds():
    places = [(0, 0), (5, 0), (10, 0), (50, 50), (51, 50), (0, 5), (15, 0)]
    assert crowds(places, near=6, least=4) == [[0, 1, 2, 5, 6]]
    assert crowds(places, near=6, least=2) == [[0, 1, 2, 5, 6], [3, 4]]
    assert crowds([], near=6, least=2) == []


def test_dollars_are_no_mathematics():
    assert literal("a" * 65) == "a" * 63 + "…"
    assert literal("$\\frac{a}$\x07") == "\\$\\frac{a}\\$\\x07"


@pytest.fixture(scope="module")
def figure():
    """The planes of all methods of the committed table."""
    frame = load_results(ALL / "results.csv").frame
    assert frame["method"].nunique() == 68
    planes = plane_figure(frame)
    planes.draw_without_rendering()
    return planes


def names_of(axes):
    """The methods that the texts of a plane name, blocks of several names among them."""
    told = [text.get_text().replace("\n", " ") for text in axes.texts]
    return {name.split(" ")[0] for text in told for name in text.split(": ")[-1].split(", ")}


@pytest.mark.parametrize("plane", [0, 1])
def test_every_method_is_named(figure, plane):
    frame = load_results(ALL / "results.csv").frame
    assert names_of(figure.axes[plane]) == set(frame["method"]) - ({"lm", "ivae", "ivae_mi"} if plane else set())


@pytest.mark.parametrize("plane", [0, 1])
def test_no_name_covers_another_or_leaves_the_page(figure, plane):
    axes = figure.axes[plane]
    boxes = [box_of(text) for text in axes.texts]
    assert len(boxes) > 30
    assert overlapping(boxes) == []
    page = figure.bbox
    assert all(page.x0 <= b.x0 and b.x1 <= page.x1 and page.y0 <= b.y0 and b.y1 <= page.y1 for b in boxes)


@pytest.mark.parametrize("plane", [0, 1])
def test_no_name_covers_the_middle_of_a_marker(figure, plane):
    axes = figure.axes[plane]
    points = [axes.transData.transform(c.get_offsets()[0]) for c in axes.collections if len(c.get_offsets())]
    assert len(points) > 40
    covered = [t.get_text() for t in axes.texts if any(box_of(t).contains(*point) for point in points)]
    assert covered == []


def test_the_line_of_pure_information_is_straight_on_the_page(figure):
    """kl = mi at any values, the linear part near 0 and the logarithmic one among them."""
    axes = figure.axes[1]
    pixels = axes.transData.transform([(v, v) for v in (0.0, 0.05, 0.3, 1.0, 2.5, 7.0)])
    (x0, y0), (x1, y1) = pixels[0], pixels[-1]
    assert pixels[:, 1] == pytest.approx(y0 + (pixels[:, 0] - x0) * (y1 - y0) / (x1 - x0), abs=1e-6)
    assert np.diff(pixels[:, 0]).min() > 0
    drawn = next(line for line in axes.lines if line.get_label() == "mi = kl")
    assert list(drawn.get_xdata()) == list(drawn.get_ydata())


def test_points_beyond_the_edge_say_their_figures(figure):
    told = {text.get_text() for axes in figure.axes for text in axes.texts}
    assert {"historyless ↑ 38.1", "mim → 72.1", "ae ≥ 7.60", "lm 24.14"} <= told


def test_intervals_over_seeds_are_drawn_with_their_ends():
    frame = plane_table(ROWS[:3])
    vanilla = next(p for p in plane_points(frame) if p.label == "vanilla")
    lines = [(list(line.get_xdata()), list(line.get_ydata())) for line in plane_figure(frame).axes[0].lines]
    assert ([vanilla.kl.mean] * 2, [vanilla.rec.low, vanilla.rec.high]) in lines
    assert ([0.0, vanilla.kl.high], [vanilla.rec.mean] * 2) in lines  # a KL is not below 0


def test_ticks_are_apart_on_the_page():
    assert spaced_ticks(-0.1, 3.2) == [0, 0.25, 0.5, 1, 2, 3]
    assert spaced_ticks(-0.1, 2e5) == [0, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 10_000, 100_000]


def test_an_estimate_below_0_is_on_the_page():
    row = ("e", "c", "iaf", 0, "done", "test", 20.0, -0.13, 0.0, 7.0, 0)
    for axes in plane_figure(plane_table([row, *ROWS[:3]])).axes:
        assert axes.get_xlim()[0] < -0.13
        assert "iaf" in {text.get_text() for text in axes.texts}


def test_greyscale_tells_the_verdicts_apart():
    from vaecli.reporting.pictures.picture_style import MARKERS

    looks = [(shape, filled) for shape, _, filled in MARKERS.values()]
    assert len(set(looks)) == len(looks)


def test_names_of_many_points_on_few_spots():
    axes = (figure := new_figure(6, 4)).subplots()
    generator = np.random.default_rng(0)
    places = [(float(x), float(y)) for x, y in generator.integers(0, 4, (24, 2)) + generator.normal(0, 0.06, (24, 2))]
    axes.scatter(*zip(*places, strict=True))
    axes.set(xlim=(-1, 5), ylim=(-1, 5))
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    texts = name_points(axes, places, [f"method_{n}" for n in range(24)])
    assert overlapping([box_of(text) for text in texts]) == []
    assert sum(text.get_text().count("method_") for text in texts) == 24
