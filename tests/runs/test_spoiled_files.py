"""Files of a run as editors, disks and other programs leave them: what can't be read is named, and nothing else raised.

Every value of a real run's files is replaced by values of other types, and all that reads them is run.
"""

import csv
import json
import shutil
import tomllib
from contextlib import suppress
from itertools import islice, product

import pytest
import tomli_w

from experiments.benchmarks.many_trials import copy_run
from tests.support import TINY
from vaecli.api import train
from vaecli.core.errors import UsageError, VaeError
from vaecli.reporting.read_results import load_experiment, load_results
from vaecli.reporting.render import render
from vaecli.runs.experiment import Experiment
from vaecli.runs.folder import RunFolder
from vaecli.runs.grid_file import GRID
from vaecli.runs.grid_settings import grid_text
from vaecli.runs.tables import results_table, write_tables
from vaecli.runs.trial_index import INDEX, read_trials
from vaecli.settings.resolve import load_settings

SIZES = {"corpus.train_size": 40, "corpus.valid_size": 10, "corpus.test_size": 10}
VALUES = (None, True, -1, 1e308, 10**400, "\x1b[2J", "\ud800", "inf", [1, None], {"a": {"b": []}})
LOUD = (1e308, "\x1b[2J", "inf")
"""Of them, those that are read where a number or a text belongs, and may do harm later on."""
FEW = (True, -1, 1e308, "\x1b[2J", [1], {"a": {"b": []}})
"""Of them, those that TOML can say."""

SOME = 7
"""One in so many; of no factor with the numbers of values, so that each value takes the place of many."""

every = pytest.mark.parametrize("every", [SOME, pytest.param(1, marks=pytest.mark.slow)])


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Two seeds of one method, the second a copy of the first with other figures, and the grid of both."""
    out = tmp_path_factory.mktemp("real")
    settings = TINY | SIZES | {"training.epochs": 1}
    folder = RunFolder(train("bn", out=out, name="exp", settings=settings | {"bn.gamma": 0.6}).path)
    grid = load_settings(values=settings | {"bn.gamma": 0.6}, methods=["bn"], seeds="0-1", experiment="exp")
    copy_run(folder, out, grid, "bn", 1)
    (out / "exp" / GRID).write_text(grid_text("exp", grid))
    return Experiment.of(grid, out)


@pytest.fixture
def experiment(trained, tmp_path):
    shutil.copytree(trained.path, tmp_path / "exp")
    return Experiment.of(trained.settings, tmp_path)


def keys(value, path=()):
    """The path of every value in a nested one, of a list the first only."""
    yield path
    if isinstance(value, dict):
        for key in value:
            yield from keys(value[key], (*path, key))
    elif isinstance(value, list) and value:
        yield from keys(value[0], (*path, 0))


def replaced(value, path, new):
    """The value with another one at a path."""
    if not path:
        return new
    copy = value.copy()
    copy[path[0]] = replaced(value[path[0]], path[1:], new)
    return copy


def read_all(experiment):
    """A report of the experiment, and its tables."""
    results = load_results(experiment.path)
    text = render(results.frame, contexts=results.contexts)
    assert "\x1b" not in text
    text.encode()
    with suppress(UsageError):  # of several versions of the baseline, or none
        render(results.frame, baseline="bn")
    write_tables(experiment.path)


def result(reader, folder):
    """What a reader gives; None where it is refused, which names the folder."""
    try:
        return reader()
    except VaeError as error:
        message = str(error)
    assert str(folder) in message
    return None


def spoiled(path, values, every):
    """Writes the file with every value replaced by every other, one at a time, which it yields; one in so many."""
    dumps, others = (json.dumps, VALUES) if path.suffix == ".json" else (tomli_w.dumps, FEW)
    for key, new in islice(product(filter(None, keys(values)), others), 0, None, every):
        path.write_text(dumps(replaced(values, key, new)))
        yield new


@every
@pytest.mark.parametrize("name", ["run.json", "metrics.json", "config.toml"])
def test_any_value_of_another_type_in_a_file_of_a_run(experiment, name, every):
    path = experiment.path / "bn" / "seed-0" / name
    values = json.loads(path.read_text()) if path.suffix == ".json" else tomllib.loads(path.read_text())
    known, read = read_trials(experiment.path), 0
    for new in spoiled(path, values, every):
        trials = result(lambda: read_trials(experiment.path), path.parent)
        read += trials is not None
        if trials not in (None, known) and new in LOUD:
            result(lambda: read_all(experiment), experiment.path)
        elif trials not in (None, known):
            result(lambda: results_table(experiment.path), experiment.path)
    assert read, "what nobody reads may be anything"


@every
def test_any_value_of_another_type_in_the_grid(experiment, every):
    path = experiment.path / GRID
    values = tomllib.loads(path.read_text()) | {"override": {"bn": {"training": {"clip": 5.0}}}}
    for _ in spoiled(path, values, every):
        result(lambda: load_experiment(experiment.path), path)


@pytest.mark.parametrize(
    "content",
    [b"", b"\0", b"{", b"null", b"[]", b'"x"', b"\xff\xfe", b"[" * 100_000, b"a = " + b"[" * 100_000, b"9" * 5000],
)
@pytest.mark.parametrize("name", ["bn/seed-0/run.json", "bn/seed-0/metrics.json", "bn/seed-0/config.toml", GRID, INDEX])
def test_files_that_are_something_else_altogether(experiment, name, content):
    path = experiment.path / name
    path.write_bytes(content)
    for reader in (lambda: read_all(experiment), experiment.check, experiment.plan):
        result(reader, experiment.path)


CELLS = ("", "-1", "1e308", "9" * 400, "x", "\x1b[2J", "inf", "nan")


@every
@pytest.mark.parametrize("name", ["results.csv", "summary.csv"])
def test_any_cell_of_a_table(experiment, name, every):
    write_tables(experiment.path)
    path = experiment.path / name
    header, first, *others = list(csv.reader(path.read_text().splitlines()))
    for column, cell in islice(product(range(len(header)), CELLS), 0, None, every):
        with path.open("w", newline="") as file:
            csv.writer(file).writerows([header, [*first[:column], cell, *first[column + 1 :]], *others])
        results = result(lambda: load_results(path), path)
        if results is not None and cell in ("1e308", "\x1b[2J", "inf"):
            assert "\x1b" not in render(results.frame, contexts=results.contexts)
