"""`vae report --picture`: formats, kinds, and what is refused."""

import json
from pathlib import Path

import pandas as pd
import pytest
from reporting.experiments import ROWS, plane_table, write_runs
from support import SENTENCES, TINY, write_corpus
from typer.testing import CliRunner

from vaecli.cli.app import app
from vaecli.core.errors import UsageError
from vaecli.core.files import dump_json
from vaecli.reporting.picture import check_picture
from vaecli.reporting.pictures.code_positions import label_field, principal_plane, shared_labels

HISTORY = [{"epoch": n, "kl": 1.0 / n, "neg_elbo": 30.0 - n, "kl_weight": n / 3} for n in (1, 2, 3)]


def report(tmp_path, *options, rows=ROWS):
    plane_table(rows).to_csv(tmp_path / "results.csv", index=False)
    return CliRunner().invoke(app, ["report", str(tmp_path / "results.csv"), *map(str, options)])


@pytest.mark.parametrize(("suffix", "magic"), [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF")])
def test_the_suffix_decides_the_format(tmp_path, suffix, magic):
    path = tmp_path / f"picture{suffix}"
    result = report(tmp_path, "--picture", path)
    assert result.exit_code == 0, result.output
    assert "vanilla" in result.stdout
    assert path.read_bytes().startswith(magic)


def test_an_svg_names_the_methods_as_text_and_is_the_same_twice(tmp_path):
    first, second = tmp_path / "a.svg", tmp_path / "b.svg"
    for path in (first, second):
        assert report(tmp_path, "--picture", path).exit_code == 0
    text = first.read_text(encoding="utf-8")
    for word in ("collapsed: 1", ">bn</text>", ">vanilla</text>", "ae 20.00", "95 % interval"):
        assert word in text, word
    assert text == second.read_text(encoding="utf-8")


def test_characters_that_the_font_lacks_are_told_once(tmp_path):
    rows = [(e, c, method.replace("bn", "方法 方"), *rest) for e, c, method, *rest in ROWS]
    result = report(tmp_path, "--picture", tmp_path / "p.png", rows=rows)
    assert result.exit_code == 0, result.output
    (line,) = [line for line in result.stderr.splitlines() if "font" in line]
    assert "p.png: 2 characters of its names (方法) the font lacks" in line
    result = report(tmp_path, "--picture", tmp_path / "p.svg", rows=rows)
    assert result.exit_code == 0, result.output
    assert "font" not in result.stderr
    assert "方法" in (tmp_path / "p.svg").read_text(encoding="utf-8")


def test_what_is_there_stays(tmp_path):
    path = tmp_path / "picture.png"
    path.write_text("mine")
    result = report(tmp_path, "--picture", path)
    assert isinstance(result.exception, UsageError)
    assert "--picture" in str(result.exception)
    assert path.read_text() == "mine"
    assert report(tmp_path, "--picture", path, "--overwrite").exit_code == 0
    assert path.read_bytes().startswith(b"\x89PNG")


def test_what_can_not_be_drawn_is_refused_before_any_work():
    with pytest.raises(UsageError, match=r"\.png, \.svg, \.pdf"):
        check_picture(Path("picture.gif"))
    with pytest.raises(UsageError, match=r"unknown kind of picture 'curve' \(--kind\): did you mean 'curves'"):
        check_picture(Path("picture.png"), "curve")
    with pytest.raises(UsageError, match="--label colours --kind codes, not plane"):
        check_picture(Path("picture.png"), "plane", "topic")


@pytest.mark.parametrize(("option", "value"), [("--kind", "curves"), ("--label", "topic")])
def test_options_of_a_picture_need_one(tmp_path, option, value):
    result = report(tmp_path, option, value)
    assert isinstance(result.exception, UsageError)
    assert "name its file with --picture" in str(result.exception)


def test_two_experiments_are_refused(tmp_path):
    rows = [*ROWS, ("f", *ROWS[0][1:])]
    result = report(tmp_path, "--picture", tmp_path / "p.png", rows=rows)
    assert isinstance(result.exception, UsageError)
    assert "one experiment" in str(result.exception)


def drawn(folder, kind, *options):
    """The text of a picture of an experiment's folder."""
    path = folder.parent / f"{kind}.svg"
    arguments = ["report", str(folder), "--picture", str(path), "--kind", kind, *options]
    result = CliRunner().invoke(app, arguments)
    if result.exception is not None:
        raise result.exception
    return path.read_text(encoding="utf-8")


def test_training_curves_have_a_panel_a_column_and_a_name_a_method(tmp_path):
    text = drawn(write_runs(tmp_path, ("bn", 0), ("bn", 1), ("vanilla", 0), history=HISTORY), "curves")
    for word in ("kl", "neg_elbo", "kl_weight", "bn", "vanilla", "epoch"):
        assert f">{word}</text>" in text


def test_a_heat_map_of_dimensions_writes_its_figures(tmp_path):
    text = drawn(write_runs(tmp_path, ("bn", 0), ("vanilla", 0), dimensions={"kl": [0.25, 1.75]}), "dimensions")
    assert text.index(">1.75</text>") < text.index(">0.25</text>")


def test_gains_by_position_name_what_a_method_lacks(tmp_path):
    losses = {"position_counts": [8, 4], "position_nll": {"posterior": [1.0, 2.0], "shuffled": [3.0, 2.5]}}
    folder = write_runs(tmp_path, ("bn", 0), ("lm", 0), decoder_use=losses)
    set_block(folder / "lm", decoder_use={"reason": "decoder use: a language model has no code"})
    text = drawn(folder, "positions")
    assert ">bn</text>" in text
    assert ">lm (a language model has no code)</text>" in text
    assert "against a code of another sentence's posterior" in text


def set_block(method, **blocks):
    path = method / "seed-0" / "metrics.json"
    path.write_text(dump_json(json.loads(path.read_text()) | blocks))


@pytest.mark.parametrize("kind", ["curves", "dimensions", "codes", "positions"])
def test_a_table_alone_has_no_runs_to_draw(tmp_path, kind):
    result = report(tmp_path, "--picture", tmp_path / "p.svg", "--kind", kind)
    assert isinstance(result.exception, UsageError)
    assert "vae report runs/NAME" in str(result.exception)


def test_no_model_is_said_with_its_file(tmp_path):
    with pytest.raises(UsageError, match=r"no finished run here has a model .*seed-0"):
        drawn(write_runs(tmp_path, ("bn", 0)), "codes")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """An experiment with a method that has a code and one that has none, on labelled sentences."""
    out = tmp_path_factory.mktemp("codes")
    data = write_corpus(out / "data", [f"{n % 2}\t{sentence}" for n, sentence in enumerate(SENTENCES)])
    settings = [f"--set={key}={value}" for key, value in TINY.items()]
    arguments = ["--data", str(data), "--out", str(out / "runs"), "--name", "small", "--quiet", "--epochs", "1"]
    for method in ("bn", "lm"):
        result = CliRunner().invoke(app, ["train", "--method", method, *arguments, *settings])
        assert result.exit_code == 0, result.output
    return out / "runs" / "small"


def test_codes_are_drawn_by_label_and_a_language_model_has_none(trained):
    text = drawn(trained, "codes")
    assert ">bn, seed 0</text>" in text
    assert "by label" in text
    assert ">0</text>" in text
    assert ">1</text>" in text
    assert "lm, seed" not in text
    with pytest.raises(UsageError, match=r"unknown label 'lable' \(--label\): did you mean 'label'"):
        drawn(trained, "codes", "--label", "lable", "--overwrite")


def test_codes_are_of_a_bounded_number_of_sentences(trained):
    from vaecli.reporting.pictures.code_positions import code_positions
    from vaecli.reporting.pictures.run_paths import method_runs
    from vaecli.reporting.read_results import load_results

    results = load_results(trained)
    runs = method_runs(results.frame, results.contexts["small"], "--kind codes")
    for most, count in ((5, 5), (7, 6), (1000, 18)):  # every fourth, third and each of 18 sentences
        field, (bn,) = code_positions(runs, None, most)
        assert (field, bn.label, len(bn.positions), len(bn.labels)) == ("label", "bn", count, count)


def test_principal_components_by_hand():
    import numpy as np

    # the third is constant
    codes = np.array([[4.5, 0.0, 5.0], [-4.0, 0.0, 5.0], [-0.5, 2.5, 5.0], [0.0, -2.5, 5.0]])
    places, shares, _ = principal_plane(codes)
    spread = codes[:, :2] - codes[:, :2].mean(0)
    assert np.linalg.norm(places, axis=1) == pytest.approx(np.linalg.norm(spread, axis=1))  # turned, not stretched
    assert abs(places.T @ places)[0, 1] < 1e-9
    assert places[0, 0] > 4.4
    assert sum(shares) == pytest.approx(1.0)
    spread = np.array([[3.0, 0, 0], [-3.0, 0, 0], [0, 2.0, 0], [0, -2.0, 0], [0, 0, 1.0], [0, 0, -1.0]])
    assert principal_plane(spread)[1] == pytest.approx((9 / 14, 4 / 14))
    assert principal_plane(np.ones((3, 1))) == (pytest.approx(np.zeros((3, 2))), (0.0, 0.0), 0.0)


def test_rare_labels_share_a_colour():
    assert shared_labels(["a", "a", "b", "b", "c", "d"], most=3) == ["a", "a", "b", "b", "other", "other"]
    assert shared_labels(["a", "b"], most=3) == ["a", "b"]


def test_a_corpus_without_labels_has_none_to_ask_for():
    from support import tiny_split

    assert label_field(tiny_split(), None) == ""
    with pytest.raises(UsageError, match="this corpus has no labels"):
        label_field(tiny_split(), "topic")


def test_the_curve_of_a_method_goes_over_two_experiments(tmp_path):
    """The picture of two folders side by side: bn's variants of both are one line."""
    from vaecli.reporting.pictures.picture_plane import plane_figure
    from vaecli.reporting.side_by_side import side_by_side

    for name, gammas in (("x", (0.3, 0.5)), ("y", (0.7,))):
        rows = [
            {
                **dict.fromkeys(("corpus", "split", "status"), "done"),
                "experiment": name,
                "method": "bn",
                "seed": 0,
                "protocol": "123",
                "variant": f"bn.gamma={gamma}",
                "rec": 30 - gamma,
                "kl": 10 * gamma,
                "mi": gamma,
            }
            for gamma in gammas
        ]
        (tmp_path / name).mkdir()
        pd.DataFrame(rows).to_csv(tmp_path / name / "results.csv", index=False)
    axes = plane_figure(side_by_side([tmp_path / "x", tmp_path / "y"]).frame).axes[0]
    curves = [line for line in axes.lines if line.get_color() == "#666666"]
    assert [list(line.get_xdata()) for line in curves] == [pytest.approx([3.0, 5.0, 7.0])]
