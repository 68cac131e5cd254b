"""Several experiments in one table: each method's row bears its experiment, and the settings that differ are told."""

import pytest
from support import SENTENCES, TINY, write_corpus
from typer.testing import CliRunner

import vaecli
from vaecli.cli.app import app
from vaecli.core.errors import UsageError
from vaecli.reporting.side_by_side import side_by_side


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    base = tmp_path_factory.mktemp("side")
    write_corpus(base / "toy")
    write_corpus(base / "other", SENTENCES[::-1])
    for name, corpus, epochs in (("a", "toy", 1), ("b", "toy", 2), ("c", "other", 1)):
        for method in ("vanilla", "bn"):
            settings = {**TINY, "training.epochs": epochs}
            vaecli.train(method, base / corpus, settings=settings, out=base / "runs", name=name)
    return base


def report(base, *words):
    result = CliRunner().invoke(app, ["report", *(str(base / "runs" / name) for name in words[0]), *words[1:]])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result


def test_rows_bear_their_experiment_and_figures_are_their_own(base):
    result = report(base, "ab", "--format", "csv", "--columns", "neg_elbo")
    rows = [line.split(",") for line in result.stdout.splitlines()[1:]]
    labels = [f"{method} (experiment={name})" for name in "ab" for method in ("bn", "vanilla")]
    assert sorted(row[0] for row in rows) == sorted(labels)
    for label, figure in ((row[0], row[1]) for row in rows):
        method, _, name = label.removesuffix(")").partition(" (experiment=")
        run = vaecli.load(base / "runs" / name / method / "seed-0")
        assert float(figure) == pytest.approx(run.figures["neg_elbo"])


def test_what_differs_in_the_settings_is_told(base):
    assert side_by_side([base / "runs" / "a", base / "runs" / "b"]).notes == ("training.epochs: 1 in a, 2 in b",)
    assert "training.epochs: 1 in a, 2 in b" in report(base, "ab").stderr
    assert "experiment a and b" in report(base, "ab").stdout


def test_settings_that_differ_within_one_are_told_with_all_their_values(base):
    settings = {**TINY, "training.epochs": 1}
    for name, epochs in (("mixed", 1), ("mixed", 2)):
        many = {**settings, "training.epochs": epochs}
        vaecli.train(["vanilla", "bn"][epochs - 1], base / "toy", settings=many, out=base / "runs", name=name)
    said = side_by_side([base / "runs" / "a", base / "runs" / "mixed"]).notes
    assert "training.epochs: 1 in a, 2 or 1 in mixed" in said


def test_the_picture_holds_both(base, tmp_path):
    report(base, "ab", "--picture", str(tmp_path / "plane.svg"))
    assert "experiment=b" in (tmp_path / "plane.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ("ac", r"these experiments don't compare: corpus is toy in a, other in c; report them one by one"),
        ("aa", "a is named twice"),
    ],
)
def test_what_does_not_compare_is_refused(base, names, said):
    with pytest.raises(UsageError, match=said):
        report(base, names)


def test_a_folder_of_several_stands_beside_none(base):
    with pytest.raises(UsageError, match="holds several experiments"):
        side_by_side([base / "runs", base / "runs" / "a"])


def test_tables_that_do_not_say_their_experiment_are_called_as_their_files(tmp_path):
    """A table may come back without the column, or without a word in it."""
    paths = [tmp_path / "one" / "results.csv", tmp_path / "two.csv"]
    for path, head in zip(paths, ("method,seed,status,rec", "experiment,method,seed,status,rec"), strict=True):
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{head}\n{',' * head.startswith('e')}bn,0,done,20.0\n")
    assert list(side_by_side(paths).frame["variant"]) == ["experiment=one", "experiment=two"]
