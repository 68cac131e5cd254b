"""Lists of values make variants: of the methods that they concern, each with its folder, settings and row."""

import pytest
from support import TINY, write_corpus

import vaecli
from vaecli.core.errors import UsageError
from vaecli.runs.experiment import Experiment
from vaecli.runs.grid_settings import grid_text, joined
from vaecli.settings.layers import MOST_VARIANTS
from vaecli.settings.resolve import load_settings


def grid(tmp_path, *sets, methods=("bn", "vanilla"), **more):
    return Experiment.of(load_settings(methods=methods, sets=sets, **more), tmp_path)


def test_a_list_makes_variants_of_the_methods_it_concerns(tmp_path):
    trials = grid(tmp_path, "bn.gamma=0.3,0.5,0.7").trials()
    assert [(t.method, t.variant, t.path.parent.name) for t in trials] == [
        ("bn", {"bn.gamma": 0.3}, "bn--bn.gamma-0.3"),
        ("bn", {"bn.gamma": 0.5}, "bn--bn.gamma-0.5"),
        ("bn", {"bn.gamma": 0.7}, "bn--bn.gamma-0.7"),
        ("vanilla", {}, "vanilla"),
    ]
    assert [t.config.hyper for t in trials] == [{"bn": {"gamma": g, "eps": 1e-12}} for g in (0.3, 0.5, 0.7)] + [{}]
    assert trials[0].name == "bn (bn.gamma=0.3) seed 0"


def test_lists_combine_and_a_list_for_all_concerns_all(tmp_path):
    trials = grid(tmp_path, "bn.gamma=0.3,0.5", "training.learning_rate=[0.001, 0.002]", seeds="0-1").trials()
    combinations = [
        (t.method, t.config.hyper.get("bn", {}).get("gamma"), t.config.training.learning_rate) for t in trials
    ]
    bn = [("bn", gamma, rate) for gamma in (0.3, 0.5) for rate in (0.001, 0.002)]
    vanilla = [("vanilla", None, rate) for rate in (0.001, 0.002)]
    assert combinations == [item for item in bn + vanilla for _ in range(2)]
    assert len({t.path for t in trials}) == 12


def test_a_file_may_hold_lists_and_the_grid_that_is_written_is_one(tmp_path):
    path = tmp_path / "grid.toml"
    path.write_text('methods = ["bn", "vanilla"]\n[method.bn]\ngamma = [0.3, 0.5]\n[model]\nlatent_size = [4, 8]\n')
    experiment = Experiment.of(load_settings(path), tmp_path)
    assert len(experiment.trials()) == 6
    path.write_text(grid_text(experiment.name, experiment.settings))
    again = Experiment.of(load_settings(path), tmp_path)
    assert again.trials() == experiment.trials()


def test_a_stronger_layer_says_one_value_instead_of_a_list_or_the_other_way_round(tmp_path):
    path = tmp_path / "grid.toml"
    path.write_text('methods = "bn"\n[method.bn]\ngamma = [0.3, 0.5]\n[model]\nlatent_size = 4\n')
    settings = load_settings(path, sets=["bn.gamma=0.7", "model.latent_size=4,8"])
    assert settings.choices == {"model.latent_size": (4, 8)}
    assert [settings.config("bn", 0, variant=v).model.latent_size for v in settings.variants("bn")] == [4, 8]
    assert settings.config("bn", 0).hyper["bn"]["gamma"] == 0.7


def test_a_list_of_one_value_is_that_value(tmp_path):
    assert grid(tmp_path, "bn.gamma=[0.3]").trials()[0].path.parent.name == "bn"
    assert grid(tmp_path, "bn.gamma=0.3,0.3").settings.choices == {}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["bn.gamma=0.3,abc"], r"--set bn\.gamma=0\.3,abc: bn\.gamma: must be a number, got the text 'abc'"),
        (["bn.gamma=0.3,-1"], "bn.gamma: input should be greater than"),
        (["training.learning_rate=0.1,0"], r"training\.learning_rate: input should be greater than 0, got 0"),
        (["bn.gama=0.3,0.5"], "gama"),
        (["beta.beta=0.3,0.5"], "no method uses 'beta'"),
        (["bn.gamma=0.3,0.5", "bn.gamma=0.7"], r"bn\.gamma is set twice, 0\.3,0\.5 and 0\.7"),
        (
            ["corpus.min_freq=1,2"],
            r"min_freq=1,2: corpus\.min_freq makes no variants; an experiment has one corpus: run .* \(--name\)",
        ),
        (["evaluation.iw_samples=[10, 20]"], r"iw_samples makes no variants; an experiment has one evaluation"),
        ([f"bn.gamma={','.join(str(n / 1000) for n in range(1, MOST_VARIANTS + 2))}"], "1,001 variants; 1,000 at most"),
    ],
)
def test_every_value_of_a_list_is_checked(tmp_path, words, said):
    with pytest.raises(UsageError, match=said):
        grid(tmp_path, *words)


def test_one_run_takes_one_value(tmp_path):
    with pytest.raises(
        UsageError, match=r"bn\.gamma=0\.3,0\.5: one run takes one value; `vae compare` makes a variant"
    ):
        vaecli.train("bn", settings={"bn.gamma": [0.3, 0.5]}, out=tmp_path)


@pytest.mark.slow
def test_variants_are_rows_of_one_table_and_more_of_them_join_it(tmp_path):
    write_corpus(tmp_path / "toy")

    def compare(gammas):
        settings = {**TINY, "training.epochs": 1, "bn.gamma": gammas}
        return vaecli.compare(["bn", "vanilla"], tmp_path / "toy", settings=settings, out=tmp_path / "runs")

    compare([0.3, 0.5])
    results = compare([0.5, 0.9])
    rows = results.summary[["method", "variant", "trials"]].fillna("").values.tolist()
    assert rows == [["bn", "bn.gamma=0.3", 1], ["bn", "bn.gamma=0.5", 1], ["bn", "bn.gamma=0.9", 1], ["vanilla", "", 1]]
    assert "bn (bn.gamma=0.5)" in results.text("markdown")


def tiny(tmp_path, methods=("bn",), epochs=1, **settings):
    write_corpus(tmp_path / "toy")
    values = {**TINY, "training.epochs": epochs, **settings}
    return vaecli.compare(methods, tmp_path / "toy", settings=values, out=tmp_path / "runs", name="e")


def folders(tmp_path):
    return sorted(p.parent.name for p in (tmp_path / "runs" / "e").glob("*/seed-*"))


@pytest.mark.slow
def test_a_trial_is_made_once_whatever_the_list_it_stands_in(tmp_path):
    """A single value, a longer list, a shorter one and the default are the same trials where they are the same."""
    tiny(tmp_path)  # the default of bn.gamma is 0.6
    assert folders(tmp_path) == ["bn"]
    tiny(tmp_path, **{"bn.gamma": [0.5, 0.6]})
    assert folders(tmp_path) == ["bn", "bn--bn.gamma-0.5"]
    tiny(tmp_path, **{"bn.gamma": 0.5})
    tiny(tmp_path, **{"bn.gamma": [0.9, 0.5]})
    results = tiny(tmp_path, **{"bn.gamma": 0.9})
    assert folders(tmp_path) == ["bn", "bn--bn.gamma-0.5", "bn--bn.gamma-0.9"]
    assert len(results.trials) == 3
    again = load_settings(tmp_path / "runs" / "e" / "experiment.toml")
    assert sorted(again.choices["bn.gamma"]) == [0.5, 0.6, 0.9]
    assert Experiment.of(again, tmp_path / "runs").plan() == []


def test_a_run_of_its_own_is_the_trial_of_the_list(tmp_path):
    tiny(tmp_path, **{"bn.gamma": [0.5, 0.7]})
    settings = {**TINY, "training.epochs": 1, "bn.gamma": 0.5}
    with pytest.raises(UsageError, match=r"bn--bn\.gamma-0\.5/seed-0: a run is here already \(done\)"):
        vaecli.train("bn", tmp_path / "toy", settings=settings, out=tmp_path / "runs", name="e")
    assert len(vaecli.report(tmp_path / "runs" / "e").trials) == 2


def test_one_number_in_two_spellings_is_one_value(tmp_path):
    assert grid(tmp_path, "bn.gamma=1,1.0").settings.choices == {}
    assert grid(tmp_path, "bn.gamma=1,1.0,2").settings.choices == {"bn.gamma": (1, 2)}


@pytest.mark.parametrize(("key", "way_out"), [("seed", "--seeds 0,1"), ("threads", "it decides no figure")])
def test_what_decides_no_figure_makes_no_variants(tmp_path, key, way_out):
    with pytest.raises(UsageError, match=way_out):
        grid(tmp_path, f"training.{key}=0,1")


def test_names_that_make_one_folder_are_refused(tmp_path):
    with pytest.raises(UsageError, match="are one trial, or share the folder"):
        grid(tmp_path, "training.clip=1e20,1e-20").trials()


def test_what_is_unset_is_one_of_several_values_in_the_grid_that_is_written(tmp_path):
    """``none`` in a list, or the default of a grid that a list joins: TOML has no null."""
    listed = load_settings(methods=["geco"], sets=["model.init_range=none,0.1", "geco.kappa=none,60"])
    alone = load_settings(methods=["geco"])
    path = tmp_path / "grid.toml"
    for settings in (listed, joined(alone, listed)):
        path.write_text(grid_text("e", settings))
        again = load_settings(path)
        assert again.choices == {"model.init_range": (None, 0.1), "geco.kappa": ("none", 60)}
        configs = [again.config("geco", 0, variant=variant) for variant in again.variants("geco")]
        assert [(c.model.init_range, c.hyper["geco"]["kappa"]) for c in configs] == [
            (None, "none"), (0.1, "none"), (None, 60.0), (0.1, 60.0)
        ]  # fmt: skip


def test_a_method_with_a_value_of_its_own_has_no_variants_of_that_setting(tmp_path):
    path = tmp_path / "grid.toml"
    path.write_text(
        'methods = ["bn", "vanilla"]\n[training]\nlearning_rate = [0.001, 0.002]\nprotocol = ["shared", "published"]\n'
        '[override.bn.training]\nlearning_rate = 0.5\nprotocol = "shared"\n'
    )
    experiment = Experiment.of(load_settings(path), tmp_path)
    rates = [(t.name, t.config.training.learning_rate) for t in experiment.trials() if t.method == "bn"]
    assert rates == [("bn seed 0", 0.5)]
    assert sum(trial.method == "vanilla" for trial in experiment.trials()) == 4
    (again,) = Experiment.of(
        load_settings(path, methods=["bn"], sets=["training.learning_rate=0.3"]), tmp_path
    ).trials()
    assert again.config.training.learning_rate == 0.3, "what is set on the spot goes before an override"
