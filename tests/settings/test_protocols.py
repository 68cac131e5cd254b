"""Protocols: what each method is trained with, what goes before what, and which files say it again."""

import json
import shlex
from itertools import pairwise

import pytest

from vaecli.core.errors import UsageError
from vaecli.core.files import write_atomic
from vaecli.remedies.core.sensible import range_text
from vaecli.runs.experiment import Experiment
from vaecli.runs.folder import RunFolder
from vaecli.runs.grid_settings import grid_text
from vaecli.runs.start import continue_run, prepare_run
from vaecli.runs.tables import results_table, summary_table
from vaecli.settings.protocols import leading, published
from vaecli.settings.resolve import load_settings
from vaecli.settings.run_file import run_text
from vaecli.settings.search import declared_space, parse_ranges
from vaecli.settings.searches import FILE, differences, shared_settings, write_search

TWO = {"training": {"protocol": "shared,published"}}
PUBLISHED = {"training": {"protocol": "published"}}


def settings(*methods, options=None, **how):
    return load_settings(methods=methods, options=options, **how)


def configs(grid):
    return {
        (method, config.training.protocol): config
        for method in grid.methods
        for variant in grid.variants(method)
        for config in [grid.config(method, 0, "x", variant)]
    }


def test_shared_is_the_default_and_says_nothing():
    plain, told = settings("mim").config("mim", 0), settings("mim", options={"training": {"protocol": "shared"}})
    assert plain.training.protocol == "shared"
    assert told.config("mim", 0) == plain
    assert plain.training.learning_rate == 8e-3


def test_published_is_the_papers_training_at_the_presets_sizes_and_epochs():
    by_protocol = configs(settings("mim", options=TWO))
    shared, own = by_protocol["mim", "shared"], by_protocol["mim", "published"]
    training = own.training
    assert (training.optimizer, training.learning_rate, training.clip, training.batch_size) == ("adam", 1e-3, 0.25, 20)
    assert (training.epochs, own.model, own.corpus) == (shared.training.epochs, shared.model, shared.corpus)


def test_what_a_paper_always_adds_joins_the_method():
    config = settings("lagging", options=PUBLISHED).config("lagging", 0)
    assert config.method == "lagging+linear_anneal"
    assert config.hyper["linear_anneal"]["start"] == 0.1
    assert config.hyper["linear_anneal"]["epochs"] == pytest.approx(0.6)
    assert config.training.optimizer == "sgd"
    assert (config.model.init_range, config.model.latent_size) == (0.01, 16)
    assert settings("semi_amortized", options=PUBLISHED).config("semi_amortized", 0).method == (
        "linear_anneal+semi_amortized"
    )


def test_the_same_composition_shared_and_alone_is_another_row(tmp_path):
    experiment = Experiment.of(settings("lagging", "lagging+linear_anneal", options=TWO, experiment="x"), tmp_path)
    folders = [trial.path.parent.name for trial in experiment.trials()]
    assert folders == ["lagging", "lagging+linear_anneal", "lagging+linear_anneal--published"]
    labels = [trial.label for trial in experiment.trials()]
    assert labels == ["lagging", "lagging+linear_anneal", "lagging+linear_anneal (published)"]


def test_a_method_without_recipe_runs_as_under_shared_and_says_so():
    by_protocol = configs(settings("cnn", options=TWO))
    shared, own = by_protocol["cnn", "shared"], by_protocol["cnn", "published"]
    assert own.training == shared.training.model_copy(update={"protocol": "published"})
    assert own.hyper == shared.hyper
    assert published("cnn", 6).told.startswith("no recipe: cnn: ")


def test_a_composition_that_no_paper_trains_has_no_recipe():
    assert leading("bn+mim")[0] is None
    assert "no paper trains bn with mim" in leading("bn+mim")[1]
    assert leading("bn+soft_free_bits")[0].learning_rate == 0.5, "one of the two has a training"
    assert leading("ae_pretrain+free_bits+linear_anneal")[1] == leading("ae_pretrain")[1]


def test_a_paper_implies_its_protocol_for_its_method_alone():
    grid = settings("he2019", "vanilla")
    assert grid.config("lagging+linear_anneal", 0).training.protocol == "published"
    assert grid.config("vanilla", 0).training.protocol == "shared"
    stated = settings("he2019", options={"training": {"protocol": "shared"}})
    assert stated.config("lagging+linear_anneal", 0).training.learning_rate == 8e-3
    with pytest.raises(UsageError, match=r"he2019 is linear_anneal\+lagging under"):
        settings("he2019", "linear_anneal+lagging")


def test_a_paper_keeps_its_protocol_beside_a_single_method_of_the_file(tmp_path):
    file = tmp_path / "x.toml"
    file.write_text('methods = ["he2019"]\nmethod = "vanilla"\n')
    grid = load_settings(file)
    assert grid.methods == ("lagging+linear_anneal", "vanilla")
    assert grid.config("lagging+linear_anneal", 0).training.protocol == "published"


def test_what_goes_before_a_protocol(tmp_path):
    file = tmp_path / "x.toml"
    file.write_text(
        'methods = ["mim", "bn", "vmf"]\n[training]\nprotocol = "published"\nclip = 7.0\nlearning_rate = 0.5\n'
        '[override."bn".training]\nlearning_rate = 0.25\n'
    )
    grid = load_settings(file, sets=["training.batch_size=48"])
    mim, bn, vmf = (grid.config(method, 0).training for method in ("mim", "bn", "vmf"))
    assert (mim.clip, bn.clip, vmf.clip) == (0.25, 5.0, 0.25), "a grid's file says what all share, the recipe its own"
    assert (mim.learning_rate, bn.learning_rate, vmf.learning_rate) == (1e-3, 0.25, 10.0), "an override goes before it"
    assert {mim.batch_size, bn.batch_size, vmf.batch_size} == {48}, "--set goes before both"
    listed = load_settings(file, sets=["training.learning_rate=0.1,0.2"])
    assert {listed.config("mim", 0, variant=v).training.learning_rate for v in listed.variants("mim")} == {0.1, 0.2}


@pytest.mark.parametrize("options", [PUBLISHED, TWO])
def test_a_grid_and_a_run_say_it_again(tmp_path, options):
    first = settings("lagging", "mim", "cnn", options=options, sets=["training.clip=2.0", "lagging.check_every=7"])
    (tmp_path / "experiment.toml").write_text(grid_text("x", first))
    again = load_settings(tmp_path / "experiment.toml")
    assert configs(again) == configs(first)
    assert configs(again)["lagging", "published"].training.clip == 2.0
    for (_, protocol), config in configs(first).items():
        (tmp_path / "config.toml").write_text(run_text(config))
        loaded = load_settings(tmp_path / "config.toml")
        assert loaded.config(config.method, 0, "x") == config
        assert RunFolder(tmp_path).config() == config
        assert ("before_protocol" in run_text(config)) is (protocol != "shared")


def test_run_json_and_the_tables_bear_the_protocol_and_never_average_two(tmp_path):
    sizes = {"corpus.train_size": 20, "corpus.valid_size": 8, "corpus.test_size": 8}
    experiment = Experiment.of(settings("mim", "cnn", options=TWO, experiment="x", values=sizes), tmp_path)
    with experiment.lock():
        experiment.prepare(experiment.trials())
    for trial in experiment.trials():
        folder = RunFolder(trial.path)
        folder.update(status="done")
        folder.write_metrics({"values": {"rec": 20.0, "kl": 1.0, "mi": 0.5}})
    told = {trial.label: RunFolder(trial.path).run() for trial in experiment.trials()}
    assert told["mim"]["protocol"] == "shared"
    assert "recipe" not in told["mim"]
    assert told["mim (published)"]["recipe"].startswith("Livne et al. 2020")
    assert told["cnn (published)"]["recipe"].startswith("no recipe")
    results = results_table(experiment.path)
    assert list(results["training_protocol"]) == ["shared", "published"] * 2
    assert results["protocol"].nunique() == 1, "the settings that all share stay one table's"
    assert list(results["variant"].isna()) == [True, False] * 2
    summary = summary_table(results)
    assert list(summary["method"]) == ["mim", "mim", "cnn", "cnn"]
    assert list(summary["training_protocol"]) == ["shared", "published"] * 2
    assert list(summary["trials"]) == [1, 1, 1, 1]


def test_a_single_run_of_each_protocol_has_a_folder_of_its_own(tmp_path):
    sizes = {"corpus.train_size": 20, "corpus.valid_size": 8, "corpus.test_size": 8}
    shared, _ = prepare_run(settings("mim", values=sizes), tmp_path)
    own, _ = prepare_run(settings("mim", options=PUBLISHED, values=sizes), tmp_path)
    assert (shared.path.parent.name, own.path.parent.name) == ("mim", "mim--published")
    results = results_table(shared.path.parent.parent)
    assert results["protocol"].nunique() == 1
    again, _ = continue_run(own.path, load_settings(own.path / "config.toml"))
    assert again.config() == own.config()


SEARCHED = {"epochs": 6, "budget": 120, "objective": "neg_elbo", "seed": 0, "finished": True}


@pytest.fixture
def searched(tmp_path):
    """Keeps a search of a method; ``searched("bn", {"bn.gamma": 0.4})``."""

    def keep(method, values, name="tune-synthetic", **otherwise):
        groups = load_settings(methods=[method]).groups
        entry = {**SEARCHED, "values": values, "settings": shared_settings(groups), **otherwise}
        write_search(tmp_path / name, method, entry)

    return keep


def tuned(tmp_path, *methods, **how):
    return settings(*methods, options={"training": {"protocol": "tuned"}}, searches=tmp_path, **how)


def test_tuned_is_the_best_of_a_finished_search(tmp_path, searched):
    searched("bn", {"bn.gamma": 0.4, "training.learning_rate": 3e-3})
    grid = tuned(tmp_path, "bn")
    config = grid.config("bn", 0, "x")
    assert (config.hyper["bn"]["gamma"], config.training.learning_rate, config.training.protocol) == (
        0.4,
        3e-3,
        "tuned",
    )
    (tmp_path / "experiment.toml").write_text(grid_text("x", grid))
    assert load_settings(tmp_path / "experiment.toml").config("bn", 0, "x") == config, "without the search"
    (tmp_path / "config.toml").write_text(run_text(config))
    assert load_settings(tmp_path / "config.toml").config("bn", 0, "x") == config


@pytest.mark.parametrize(
    ("otherwise", "told"),
    [
        ({"finished": False}, r"isn't finished.*`vae tune bn --epochs 6 --out \S+` makes one"),
        (
            {"settings": {"training.epochs": 3}},
            "there is no finished search of bn here; the one in .* has training.epochs 3",
        ),
    ],
)
def test_tuned_says_the_way_out_where_there_is_no_such_search(tmp_path, searched, otherwise, told):
    searched("bn", {"bn.gamma": 0.4}, **otherwise)
    with pytest.raises(UsageError, match=told):
        tuned(tmp_path, "bn")


def test_a_search_of_before_a_setting_came_is_one_at_its_default(tmp_path, searched):
    now = shared_settings(settings("bn").groups)
    before = {key: value for key, value in now.items() if key != "corpus.noise"}
    searched("bn", {"bn.gamma": 0.4}, settings=before)
    assert tuned(tmp_path, "bn").config("bn", 0).hyper["bn"]["gamma"] == 0.4
    with pytest.raises(UsageError, match=r"has corpus\.noise 0\.0, this grid 0\.2"):
        tuned(tmp_path, "bn", sets=["corpus.noise=0.2"])


def test_tuned_of_no_search_names_every_method(tmp_path):
    with pytest.raises(UsageError) as caught:
        tuned(tmp_path, "bn", "mim")
    assert str(caught.value).count("there is no finished search of") == 2
    assert caught.value.exit_code == 2


def test_tuned_takes_equal_budgets(tmp_path, searched):
    searched("bn", {"bn.gamma": 0.4})
    searched("du", {"du.gamma": 0.4}, budget=60)
    way = r"`vae tune du --trials 20 --name tune-synthetic --epochs 6 --out \S+` goes on"
    with pytest.raises(UsageError, match=rf"bn 120 epochs by neg_elbo, du 60 .* {way}"):
        tuned(tmp_path, "bn", "du")
    tuned(tmp_path, "du")


def test_the_command_that_goes_on_with_a_search_has_its_ranges(tmp_path, searched):
    """Else it would be another search, with a budget of its own."""
    searched("bn", {"bn.gamma": 0.4})
    ranges = {"du.gamma": "0.1..0.6", "training.learning_rate": "0.001..0.01:log"}
    declared = {key: range_text(values) for key, values in declared_space("du").items() if key not in ranges}
    searched("du", {"du.gamma": 0.4}, budget=60, ranges={**declared, **ranges})
    with pytest.raises(UsageError) as caught:
        tuned(tmp_path, "bn", "du")
    told = shlex.split(str(caught.value).split("`")[1])
    said = [word for before, word in pairwise(told) if before == "--range"]
    assert said == [f"{key}={values}" for key, values in ranges.items()]
    assert {key: range_text(values) for key, values in parse_ranges(said, ["du"]).items()} == ranges


def test_a_search_says_by_what_it_is_another():
    before = {"objective": "neg_elbo", "seed": 0, "ranges": {"bn.gamma": "0.3..1.0"}}
    assert differences(before, before) == []
    other = {"objective": "mi", "seed": 0, "ranges": {"training.learning_rate": "0.001..0.01:log"}}
    assert differences(before, other) == [
        "objective mi instead of neg_elbo",
        "bn.gamma not searched instead of 0.3..1.0",
        "training.learning_rate 0.001..0.01:log instead of not searched",
    ]
    assert differences({"objective": "neg_elbo", "seed": 0}, other) == ["objective mi instead of neg_elbo"]


def test_the_command_that_makes_a_search_is_of_the_same_corpus_and_sizes(tmp_path, searched):
    """So that whoever copies it gets a search that the grid then takes."""
    how = {"preset": "snli", "sets": ["model.latent_size=8", "corpus.max_vocab=99"]}
    options = {"training": {"protocol": "tuned", "epochs": 3}, "corpus": {"data": str(tmp_path)}}
    with pytest.raises(UsageError) as caught:
        settings("bn", options=options, searches=tmp_path, **how)
    told = shlex.split(str(caught.value).split("`")[1])
    assert told[:3] == ["vae", "tune", "bn"]
    said = dict(pairwise(told))
    assert (said["--preset"], said["--data"], said["--epochs"]) == ("snli", str(tmp_path), "3")
    assert {told[n + 1] for n, word in enumerate(told) if word == "--set"} == {how["sets"][0], how["sets"][1]}


def test_two_searches_of_a_method_are_told_apart(tmp_path, searched):
    searched("bn", {"bn.gamma": 0.4})
    searched("bn", {"bn.gamma": 0.4}, name="copy")
    assert tuned(tmp_path, "bn").tuned == {"bn": {"bn.gamma": 0.4}}
    searched("bn", {"bn.gamma": 0.5}, name="other")
    with pytest.raises(UsageError, match="hold different searches of bn"):
        tuned(tmp_path, "bn")


def test_a_damaged_file_of_searches_is_named(tmp_path, searched):
    searched("bn", {"bn.gamma": 0.4})
    write_atomic(tmp_path / "tune-synthetic" / FILE, json.dumps({"format": 99}))
    with pytest.raises(Exception, match=r"searches\.json: it isn't what this version"):
        tuned(tmp_path, "bn")


def test_an_unknown_protocol_and_a_wrong_list_are_refused(tmp_path):
    with pytest.raises(UsageError, match=r"training\.protocol: input should be 'shared', 'published' or 'tuned'"):
        settings("bn", options={"training": {"protocol": "publishd"}})
    file = tmp_path / "x.toml"
    file.write_text('methods = ["bn"]\nbefore_protocol = "training.clip"\n')
    with pytest.raises(UsageError, match=r"x\.toml:2: before_protocol must be a list of keys"):
        load_settings(file)
    file.write_text('methods = ["bn"]\nbefore_protocol = ["training.clop"]\n')
    with pytest.raises(UsageError, match="clop"):
        load_settings(file)
