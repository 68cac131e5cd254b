"""The picture of posteriors over training: what is read, which moments are drawn, and both kinds of file."""

import math

import numpy as np
import pytest
import torch
from reporting.experiments import write_runs
from typer.testing import CliRunner

from vaecli.cli.app import app
from vaecli.core.errors import UsageError
from vaecli.reporting.picture import check_picture
from vaecli.reporting.pictures.picture_posteriors import axis_limit
from vaecli.reporting.pictures.posterior_paths import (
    PosteriorPath,
    all_moments,
    frames,
    moments,
    posterior_paths,
    spread,
)
from vaecli.reporting.pictures.run_paths import method_runs
from vaecli.reporting.read_results import load_results
from vaecli.runs.posterior_file import PosteriorFile
from vaecli.training.posterior_watch import PosteriorLook


def record(folder, method, every, last, scale=1.0, seed=0, classes=("left", "right")):
    """Looks of two sentences, whose exact means move apart, and the encoder's half as far."""
    file = PosteriorFile(folder / method / f"seed-{seed}")
    for updates in range(0, last + 1, every):
        exact = scale * updates / last * torch.tensor([-1.0, 1.0])
        file.append(PosteriorLook(updates, torch.tensor([4, 9]), classes, exact / 2, exact))


def paths_of(folder):
    results = load_results(folder)
    return posterior_paths(method_runs(results.frame, results.contexts["e"], "--kind posteriors"))


@pytest.fixture
def recorded(tmp_path):
    folder = write_runs(tmp_path, ("bn", 0), ("bn", 1), ("vanilla", 0), ("lm", 0))
    record(folder, "bn", 100, 1000, scale=2.0, seed=1)
    record(folder, "vanilla", 200, 1000)
    return folder


def test_the_first_seed_with_looks_stands_for_a_method_and_one_without_is_left_out(recorded):
    bn, vanilla = paths_of(recorded)
    assert (bn.label, bn.seed, vanilla.label, vanilla.seed) == ("bn", 1, "vanilla", 0)
    assert list(vanilla.looks) == [0, 200, 400, 600, 800, 1000]
    assert vanilla.classes == ("left", "right")
    assert vanilla.looks[1000].tolist() == [[-1.0, -0.5], [1.0, 0.5]]


def test_the_last_look_before_a_moment_is_seen(recorded):
    _, vanilla = paths_of(recorded)
    assert vanilla.at(350).tolist() == vanilla.looks[200].tolist()
    assert vanilla.at(5000).tolist() == vanilla.looks[1000].tolist()
    late = PosteriorPath("late", 0, {300: vanilla.looks[400]}, ())
    assert late.at(0).tolist() == vanilla.looks[400].tolist()


def test_spread_by_hand():
    deviations = spread(np.array([[-1.0, -0.5], [1.0, 0.5], [3.0, 0.0]]))
    assert deviations.exact == pytest.approx(math.sqrt(8 / 3))  # around 1: -2, 0, 2
    assert deviations.encoder == pytest.approx(math.sqrt(0.5 / 3))
    assert deviations.distance == pytest.approx(math.sqrt((0.25 + 0.25 + 9) / 3))


def looks(*updates):
    return [PosteriorPath("x", 0, dict.fromkeys(updates, np.zeros((2, 2))), ())]


def test_moments_grow_and_frames_are_even():
    paths = looks(*range(0, 10_001, 100))
    assert moments(paths) == [0, 100, 500, 2200, 10_000]
    assert moments(looks(0, 200, 400)) == [0, 200, 400]
    assert len(frames(paths)) <= 60
    assert frames(paths)[:3] == [0, 200, 400]
    assert frames(paths)[-1] == 10_000
    assert frames(looks(0, 5)) == [0, 5]
    assert frames(looks(0)) == moments(looks(0)) == all_moments(looks(0)) == [0]


def test_axes_hold_nearly_all_means_and_no_more_than_three():
    def path(value):
        return [PosteriorPath("x", 0, {0: np.array([[0.0, -value], [0.1, 0.2]])}, ())]

    assert axis_limit(path(0.01)) == 1.0
    assert axis_limit(path(2.0)) == pytest.approx(1.05 * np.quantile([0, 0.1, 0.2, 2.0], 0.99))
    assert axis_limit(path(40.0)) == 3.0


def draw(folder, name, *options):
    path = folder.parent / name
    result = CliRunner().invoke(app, ["report", str(folder), "--picture", str(path), "--kind", "posteriors", *options])
    if result.exception is not None:
        raise result.exception
    return path


def test_a_still_picture_has_a_row_a_method_and_a_column_a_moment(recorded):
    text = draw(recorded, "still.svg").read_text()
    for word in ("vanilla", "bn", "0 updates", "1,000", "left", "right"):
        assert f">{word}</text>" in text, word
    assert "2 sentences" in text
    assert ">lm</text>" not in text


def test_a_moving_picture_goes_through_the_moments(recorded):
    from PIL import Image

    data = draw(recorded, "moving.gif").read_bytes()
    assert data.startswith(b"GIF89a")
    with Image.open(recorded.parent / "moving.gif") as picture:
        assert picture.n_frames == 11
        assert picture.info["loop"] == 0
        first = np.array(picture.convert("L"))
        picture.seek(10)
        assert (np.array(picture.convert("L")) != first).any()


def test_many_methods_stand_in_two_columns(tmp_path):
    names = ("bn", "vanilla", "beta", "skip", "delta", "mim", "free_bits")
    folder = write_runs(tmp_path, *((name, 0) for name in names))
    for name in names:
        record(folder, name, 500, 1000, classes=())
    text = draw(folder, "many.svg").read_text()
    assert text.count(">0 updates</text>") == 2
    for name in names:
        assert f">{name}</text>" in text


def test_the_picture_of_all_methods_stays_a_page(recorded):
    from vaecli.reporting.pictures.picture_posteriors import posteriors_figure

    _, vanilla = paths_of(recorded)
    few = [PosteriorPath(f"m{number}", 0, vanilla.looks, vanilla.classes) for number in range(24)]
    many = [*few, *(PosteriorPath(f"n{number}", 0, vanilla.looks, vanilla.classes) for number in range(40))]
    figure = posteriors_figure(many)
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert len(shown) == 3 * 64
    assert sum(bool(axes.get_title(loc="left")) for axes in shown) == 64
    assert "after 200, 400, 1,000 updates" in figure.get_suptitle()
    assert figure.get_figheight() < 1.5 * posteriors_figure(few).get_figheight()
    start_alone = [PosteriorPath(path.label, 0, {0: vanilla.looks[0]}, ()) for path in many]
    assert "after 0 updates" in posteriors_figure(start_alone).get_suptitle()


def test_nothing_recorded_says_how_it_is(tmp_path):
    with pytest.raises(UsageError, match=r"posteriors.csv .* --set evaluation.posteriors_every=200"):
        paths_of(write_runs(tmp_path, ("bn", 0)))


def test_only_posteriors_move(tmp_path):
    check_picture(tmp_path / "x.gif", "posteriors")
    with pytest.raises(UsageError, match=r"end it in \.png, \.svg, \.pdf$"):
        check_picture(tmp_path / "x.gif", "codes")
    with pytest.raises(UsageError, match=r"end it in \.png, \.svg, \.pdf, \.gif$"):
        check_picture(tmp_path / "x.bmp", "posteriors")
