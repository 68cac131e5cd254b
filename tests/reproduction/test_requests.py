"""What a request says of the settings of its rows."""

import pytest
from support import write_corpus

from vaecli.core.errors import UsageError
from vaecli.reproduction import grids
from vaecli.reproduction.grids import Request, configs_of, plan_of, row_experiments
from vaecli.reproduction.paper_tables import load_table
from vaecli.reproduction.posterior_grid import grid_of

_ROWS_AND_SETS = ((("vanilla",), 1), (("linear_anneal",), 2), (("linear_anneal", "vanilla"), 2))


@pytest.fixture
def of_rows(tmp_path):
    """The hyper-parameters of each row of yelp-short, by what is trained."""
    data = str(write_corpus(tmp_path / "text"))

    def hyper(rows, *sets):
        request = Request(load_table("yelp-short"), rows, sets=sets, data=data)
        by_row = {row.name: configs_of(request.settings(row), row.method) for row in request.chosen}
        return {name: {config.method: config.hyper for config in configs} for name, configs in by_row.items()}

    return hyper


@pytest.mark.parametrize("rows", [("lagging",), ("lagging", "linear_anneal")])
def test_a_setting_of_what_a_paper_adds_is_for_every_row_that_has_it(of_rows, rows):
    by_row = of_rows(rows, "linear_anneal.start=0.2")
    assert set(by_row) == set(rows)
    assert by_row["lagging"]["lagging+linear_anneal"]["linear_anneal"]["start"] == 0.2
    assert "linear_anneal" not in by_row["lagging"]["lagging"]


def test_a_setting_that_a_row_has_under_another_protocol_only_is_not_for_it(of_rows):
    sets = ("linear_anneal.start=0.2", "training.protocol=shared")
    assert of_rows(("lagging", "linear_anneal"), *sets)["lagging"].keys() == {"lagging"}
    with pytest.raises(UsageError, match="no method uses 'linear_anneal'"):
        of_rows(("lagging", "vanilla"), *sets)


def test_what_changes_nothing_in_any_row_is_told(tmp_path):
    table = load_table("yelp-short")
    sets = ("corpus.train_size=100", "linear_anneal.epochs=900")
    told = [Request(table, rows, sets=sets[:n], data=str(tmp_path)).notes for rows, n in _ROWS_AND_SETS]
    assert [[note.partition(" changes")[0] for note in notes] for notes in told] == [
        ["--set corpus.train_size=100"],
        ["--set corpus.train_size=100", "--set linear_anneal.epochs=900"],
        ["--set corpus.train_size=100"],
    ]


@pytest.mark.parametrize("spelling", ["control", "control_vae", "vaecli:control"])
def test_a_remedy_may_be_spelt_as_elsewhere(of_rows, spelling):
    assert of_rows(("control", "vanilla"), f"{spelling}.target=2.5")["control"]["control"]["control"]["target"] == 2.5


def test_what_no_row_has_is_told_with_all_that_is_wrong(of_rows):
    with pytest.raises(UsageError) as caught:
        of_rows(("lagging", "vanilla"), "bn.gamma=1", "training.epochs=-1")
    assert "no method uses 'bn'" in str(caught.value)
    assert "training.epochs" in str(caught.value)


def test_settings_of_no_remedy_are_read_once_a_row(of_rows, monkeypatch):
    loaded, load = [], grids.load_settings

    def counted(**settings):
        loaded.append(settings)
        return load(**settings)

    monkeypatch.setattr(grids, "load_settings", counted)
    of_rows(("lagging", "vanilla"), "training.epochs=2")
    assert len(loaded) == 2


@pytest.mark.parametrize("protocols", ["shared,published", "published,shared"])
def test_a_protocol_has_its_own_epochs_before_a_decay_whichever_is_named_first(tmp_path, protocols):
    data = str(write_corpus(tmp_path / "text"))
    sets = (f"training.protocol={protocols}", "model.latent_size=2", "evaluation.extra=")
    request = Request(load_table("yelp-short"), ("linear_anneal",), sets=sets, data=data)
    plan = plan_of(request, tmp_path / "out", lambda what: None)
    (experiment,) = row_experiments(request, plan, tmp_path / "out", lambda what: None)
    starts = {trial.config.training.protocol: trial.config.training.decay_start for trial in experiment.trials()}
    assert starts == {"shared": 0, "published": 1}  # 15 of the paper's 100 epochs, of 8


@pytest.mark.parametrize("name", ["yelp-short", "he2019-toy"])
def test_seeds_that_say_nothing_are_refused_as_elsewhere(name):
    request = Request(load_table(name), seeds="")
    with pytest.raises(UsageError, match="--seeds: seeds are integers"):
        grid_of(request) if name == "he2019-toy" else request.settings(request.chosen[0])
