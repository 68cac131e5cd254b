"""The grid: its order, what is left to do, and what may not be mixed."""

import tomllib

import pytest

from tests.runs.grids import experiment, finish, forget_method, prepared
from vaecli.core.errors import UsageError
from vaecli.runs.experiment import Experiment, corpus_name, find_runs
from vaecli.runs.folder import RunFolder
from vaecli.runs.grid_file import GRID
from vaecli.runs.tables import results_table
from vaecli.settings.resolve import load_settings


def names(trials):
    return [trial.name for trial in trials]


def start(made, overwrite=False):
    made.check(overwrite)
    with made.lock():
        todo = made.plan(overwrite=overwrite)
        made.prepare(todo, overwrite)
    return todo


def test_the_grid_is_in_the_order_given(tmp_path):
    trials = experiment(tmp_path, ["word_dropout+bn", "vanilla"], "2,0").trials()
    assert names(trials) == ["bn+word_dropout seed 2", "bn+word_dropout seed 0", "vanilla seed 2", "vanilla seed 0"]
    assert trials[1].path == tmp_path / "exp" / "bn+word_dropout" / "seed-0"
    assert [trial.config.training.seed for trial in trials] == [2, 0, 2, 0]
    assert {trial.config.experiment for trial in trials} == {"exp"}


def test_only_the_method_differs_between_two_methods(tmp_path):
    first, second = experiment(tmp_path, ["bn", "vanilla"]).trials()
    same = first.config.model_copy(update={"method": "vanilla", "hyper": {}})
    assert same == second.config


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ("synthetic", "synthetic"),
        ("/x/my corpus", "my-corpus"),
        ("/x/-_ä", "default"),
        ("/", "default"),
        ("a" * 300, "a" * 100),
    ],
)
def test_without_a_name_the_corpus_gives_it(data, name, tmp_path):
    assert corpus_name(data) == name
    settings = load_settings(options={"corpus": {"data": data}})
    assert Experiment.of(settings, tmp_path).trials()[0].config.experiment == name


def test_a_second_run_does_what_is_missing(tmp_path):
    trials = prepared(tmp_path, ["bn", "vanilla", "lm"], "0-1")
    for trial, status in zip(trials, ("done", "failed", "diverged", "interrupted", "running", "pending"), strict=True):
        RunFolder(trial.path).update(status=status)
    RunFolder(trials[0].path).write_metrics({"values": {"kl": 1.0}})
    again = experiment(tmp_path, ["bn", "vanilla", "lm"], "0-1")
    left = ["bn seed 1", "vanilla seed 1", "lm seed 0", "lm seed 1"]
    assert names(again.plan()) == left
    assert names(again.plan(retry=True)) == ["bn seed 1", "vanilla seed 0", "vanilla seed 1", "lm seed 0", "lm seed 1"]
    assert names(again.plan(overwrite=True)) == names(trials)
    with RunFolder(trials[4].path).lock(), pytest.raises(UsageError, match="going on in another process"):
        again.plan()


def test_preparing_again_keeps_what_is_there(tmp_path):
    trial = prepared(tmp_path)[0]
    folder = finish(trial, {"kl": 1.0}, status="interrupted")
    assert names(start(experiment(tmp_path))) == ["vanilla seed 0"]
    assert (folder.status, folder.metrics()["values"]) == ("interrupted", {"kl": 1.0})


def test_methods_and_seeds_may_be_added(tmp_path):
    start(experiment(tmp_path, ["bn"], "0", sets=["bn.gamma=0.6"]))
    start(experiment(tmp_path, ["lm"], "1"))
    settings = load_settings(tmp_path / "exp" / GRID)
    assert (settings.methods, settings.seeds, settings.hyper) == (("bn", "lm"), (0, 1), {"bn": {"gamma": 0.6}})


def test_the_grid_on_disk_repeats_the_experiment(tmp_path):
    grid = tmp_path / "mine.toml"
    grid.write_text(
        'preset = "ptb"\nmethods = ["bn", "lm"]\nseeds = "0-1"\n[model]\ninit_range = "none"\n'
        "[method.bn]\ngamma = 0.7\n[override.lm.training]\nepochs = 3\n"
    )
    first = Experiment.of(load_settings(grid, experiment="exp"), tmp_path)
    start(first)
    again = Experiment.of(load_settings(tmp_path / "exp" / GRID), tmp_path)
    assert again.trials() == first.trials()
    again.check()
    assert RunFolder(first.trials()[-1].path).run()["override"] == {"training": {"epochs": 3}}
    assert tomllib.loads((tmp_path / "exp" / GRID).read_text())["model"]["init_range"] == "none"


@pytest.mark.parametrize(
    ("arguments", "difference"),
    [
        ({"sets": ["training.epochs=3"]}, "training.epochs: 6 -> 3"),
        ({"options": {"corpus": {"min_freq": 2}}}, "corpus.min_freq: 1 -> 2"),
        ({"sets": ["bn.gamma=0.6"]}, "bn.gamma: None -> 0.6"),
    ],
)
def test_other_settings_are_refused_with_the_difference(tmp_path, arguments, difference):
    start(experiment(tmp_path, ["bn"]))
    before = (tmp_path / "exp" / GRID).read_text()
    with pytest.raises(UsageError, match="holds trials of other settings") as caught:
        start(experiment(tmp_path, ["bn", "lm"], **arguments))
    assert difference in str(caught.value)
    assert (tmp_path / "exp" / GRID).read_text() == before
    assert not (tmp_path / "exp" / "lm").exists()
    start(experiment(tmp_path, ["bn"], **arguments), overwrite=True)
    experiment(tmp_path, ["bn"], **arguments).check()


def test_hyper_parameters_of_methods_that_are_added_are_no_difference(tmp_path):
    start(experiment(tmp_path, ["lm"]))
    start(experiment(tmp_path, ["bn"], sets=["bn.gamma=0.6"]))
    assert len(find_runs(tmp_path / "exp")) == 2


def test_a_run_of_other_settings_made_without_a_grid_is_found(tmp_path):
    trial = experiment(tmp_path, sets=["training.epochs=3"]).trials()[0]
    RunFolder(trial.path).create(trial.config)
    with pytest.raises(UsageError, match=r"vanilla seed 0: training\.epochs: 3 -> 6"):
        experiment(tmp_path).check()


def test_overwrite_touches_no_run_outside_the_grid(tmp_path):
    start(experiment(tmp_path, ["bn", "lm"]))
    other = experiment(tmp_path, ["bn"], sets=["training.epochs=3"])
    with pytest.raises(UsageError, match=r"lm.seed-0 has earlier settings and isn't in this grid"):
        start(other, overwrite=True)
    assert len(find_runs(tmp_path / "exp")) == 2
    start(experiment(tmp_path, ["bn"]), overwrite=True)  # the same settings: the rest stays comparable
    assert len(find_runs(tmp_path / "exp")) == 2


def test_one_process_at_a_time(tmp_path):
    first, second = experiment(tmp_path), experiment(tmp_path)
    with first.lock(), pytest.raises(UsageError, match="in use by process"), second.lock():
        pass


def test_a_file_in_the_place_of_the_experiment(tmp_path):
    (tmp_path / "exp").write_text("x")
    with pytest.raises(UsageError, match="is a file"):
        experiment(tmp_path).check()


def test_runs_are_found_in_the_order_of_the_grid_then_by_name(tmp_path):
    prepared(tmp_path, ["vanilla", "bn"], "10,2")
    extra = experiment(tmp_path, ["beta"], "0").trials()[0]
    RunFolder(extra.path).create(extra.config)
    (tmp_path / "exp" / "notes" / "seed-1").mkdir(parents=True)
    paths = [str(folder.path.relative_to(tmp_path / "exp")) for folder in find_runs(tmp_path / "exp")]
    assert paths == ["vanilla/seed-10", "vanilla/seed-2", "bn/seed-10", "bn/seed-2", "beta/seed-0"]


def test_what_a_grid_says_of_a_method_that_is_gone_stays_when_others_are_added(tmp_path):
    """Its package was removed after its trials were done: the grid and the tables keep them."""
    for trial in prepared(tmp_path, ["lm", "bn", "vanilla"], sets=["bn.gamma=0.5"]):
        finish(trial, {"kl": 1.0})
    forget_method(tmp_path / "exp", "bn", "gone_plugin")
    grid = tmp_path / "exp" / "experiment.toml"
    grid.write_text(grid.read_text().replace("[method.bn]", "[method.gone_plugin]"))
    more = experiment(tmp_path, ["beta"], sets=["beta.beta=0.4"])
    more.check()
    with more.lock():
        more.prepare(more.trials())
    values = tomllib.loads(grid.read_text())
    assert values["methods"] == ["lm", "gone_plugin", "vanilla", "beta"]
    assert values["method"] == {"gone_plugin": {"gamma": 0.5}, "beta": {"beta": 0.4}}
    assert list(results_table(tmp_path / "exp")["method"]) == ["lm", "gone_plugin", "vanilla", "beta"]
    with pytest.raises(UsageError, match="unknown method 'gone_plugin'"):
        experiment(tmp_path, ["gone_plugin"])


def test_a_grid_of_nothing_but_methods_that_are_gone(tmp_path):
    for trial in prepared(tmp_path, ["bn"]):
        finish(trial, {"kl": 1.0})
    forget_method(tmp_path / "exp", "bn", "gone_plugin")
    more = experiment(tmp_path, ["beta"])
    more.check()
    with more.lock():
        more.prepare(more.trials())
    assert tomllib.loads((tmp_path / "exp" / "experiment.toml").read_text())["methods"] == ["gone_plugin", "beta"]
    with pytest.raises(UsageError, match=r"training\.epochs: 6 -> 9"):
        experiment(tmp_path, ["beta"], sets=["training.epochs=9"]).check()
