"""Finding results: experiment folders, folders of them, CSV files, and what is none of these."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.runs.grids import forget_method
from vaecli.config import build_config
from vaecli.core.errors import UsageError
from vaecli.reporting.read_results import load_results, newest_experiment, read_csv
from vaecli.reporting.render import render
from vaecli.runs.folder import RunFolder, run_path
from vaecli.runs.tables import write_tables


def make_run(out, experiment="quick", method="bn", seed=0, rec=20.0, status="done", message=""):
    config = build_config({"experiment": experiment, "method": method, "training": {"seed": seed}})
    folder = RunFolder(run_path(out, experiment, method, seed)).create(config)
    folder.update(status=status, message=message, remedies={method: 1}, estimators={"rec": 1})
    if status == "done":
        folder.write_metrics({"values": {"rec": rec, "kl": 1.0, "neg_elbo": rec + 1.0}})
    return folder


def test_an_experiment_folder(tmp_path):
    make_run(tmp_path, seed=0, rec=20.0)
    make_run(tmp_path, seed=1, rec=22.0)
    failed = make_run(tmp_path, method="beta", status="failed", message="KeyError: 'x'")
    results = load_results(tmp_path / "quick")
    text = render(results.frame, contexts=results.contexts)
    # mean 21; sd sqrt(2), half = 12.7062 * sqrt(2) / sqrt(2) = 12.7: two digits are no decimals
    assert "21 ±13" in text
    assert f"failed: beta seed 0: KeyError: 'x'; see {failed.log_path}" in text


def test_a_folder_of_experiments_lists_them_one_after_the_other(tmp_path):
    make_run(tmp_path, "b-second", rec=2.0)
    make_run(tmp_path, "a-first", rec=1.0)
    (tmp_path / "notes").mkdir()
    results = load_results(tmp_path)
    text = render(results.frame, contexts=results.contexts)
    assert text.index("experiment a-first") < text.index("experiment b-second")
    assert set(results.contexts) == {"a-first", "b-second"}


def test_a_copied_folder_is_another_experiment(tmp_path):
    make_run(tmp_path, "quick", rec=1.0)
    os.rename(tmp_path / "quick", tmp_path / "old")
    make_run(tmp_path, "quick", rec=3.0)
    frame = load_results(tmp_path).frame
    assert list(zip(frame["experiment"], frame["rec"], strict=True)) == [("old", 1.0), ("quick", 3.0)]


def test_overrides_come_from_the_grid(tmp_path):
    make_run(tmp_path)
    (tmp_path / "quick" / "experiment.toml").write_text(
        'methods = ["bn"]\nseeds = [0]\n[override.bn.training]\nlearning_rate = 0.001\n'
    )
    results = load_results(tmp_path / "quick")
    assert "override bn: training.learning_rate = 0.001" in render(results.frame, contexts=results.contexts)


def test_a_results_file_gives_the_same_table_as_its_folder(tmp_path):
    make_run(tmp_path, seed=0, rec=20.0)
    make_run(tmp_path, seed=1, rec=22.5)
    make_run(tmp_path, method="lm", status="diverged", message="the loss is nan")
    write_tables(tmp_path / "quick")
    folder, file = load_results(tmp_path / "quick"), load_results(tmp_path / "quick" / "results.csv")
    assert render(file.frame, contexts=file.contexts) == render(folder.frame, contexts=folder.contexts)
    bare = tmp_path / "copy.csv"
    bare.write_bytes((tmp_path / "quick" / "results.csv").read_bytes())
    assert load_results(bare).contexts == {}


def test_names_in_a_file_stay_text(tmp_path):
    path = tmp_path / "results.csv"
    path.write_text("experiment,corpus,method,seed,status,rec\n007,nan,null,0,done,1.5\n")
    frame = read_csv(path)
    assert list(frame.loc[0, ["experiment", "corpus", "method"]]) == ["007", "nan", "null"]


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00bad", b'a,b\n"unclosed'])
def test_a_damaged_file_is_named(tmp_path, content):
    path = tmp_path / "results.csv"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"results\.csv"):
        render(load_results(path).frame)


def test_what_is_not_there_says_what_to_run(tmp_path):
    with pytest.raises(UsageError, match=r"missing: there is no such folder or file: run `vae compare` first"):
        load_results(tmp_path / "missing")
    with pytest.raises(UsageError, match="holds no experiment: run `vae compare` first"):
        load_results(tmp_path)
    with pytest.raises(UsageError, match=r"there is no experiment in .*: run `vae compare` first"):
        newest_experiment(tmp_path / "missing")


@pytest.mark.parametrize("inside", [False, True])
def test_the_folder_of_one_run_or_method_points_to_its_experiment(tmp_path, monkeypatch, inside):
    run = make_run(tmp_path).path
    for inner in (run, run.parent):
        if inside:
            monkeypatch.chdir(inner)
        with pytest.raises(UsageError) as caught:
            load_results(Path(".") if inside else inner)
        assert f"belongs to one ({(tmp_path / 'quick').resolve()})" in str(caught.value)


def test_the_newest_experiment_is_the_one_written_last(tmp_path):
    for age, name in enumerate(["b", "c", "a"]):
        file = make_run(tmp_path, name).path / "run.json"
        os.utime(file, (1_000_000 - age, 1_000_000 - age))
    assert newest_experiment(tmp_path) == (tmp_path / "b", [])


def test_a_grid_of_which_no_trial_has_ended_is_not_the_newest(tmp_path):
    """Interrupted at once, or begun a moment ago; of these, the newer ones are named."""
    made = {"running": "running", "stopped": "interrupted", "bad": "diverged", "good": "done", "empty": "pending"}
    for age, (name, status) in enumerate(made.items()):
        file = make_run(tmp_path, name, status=status).path / "run.json"
        os.utime(file, (1_000_000 - age, 1_000_000 - age))
    names = [tmp_path / "running", tmp_path / "stopped"]
    assert newest_experiment(tmp_path) == (tmp_path / "bad", names)  # that all of it diverged is worth seeing
    for name in ("bad", "good"):
        (tmp_path / name / "bn" / "seed-0" / "run.json").unlink()
    assert newest_experiment(tmp_path) == (tmp_path / "running", [])
    (tmp_path / "running" / "bn" / "seed-0" / "run.json").write_text("{")
    assert newest_experiment(tmp_path)[0].name in ("running", "stopped")


def test_a_method_that_is_no_longer_installed_still_prints(tmp_path):
    for method, rec in (("vanilla", 20.0), ("beta", 19.0), ("bn", 18.0)):
        make_run(tmp_path, method=method, rec=rec)
    grid = tmp_path / "quick" / "experiment.toml"
    grid.write_text(
        'methods = ["vanilla", "beta", "bn"]\nseeds = [0]\n[method.beta]\nbeta = 0.3\n'
        "[override.beta.training]\nlearning_rate = 0.001\n"
    )
    forget_method(tmp_path / "quick", "beta", "gone")
    grid.write_text(grid.read_text().replace(".beta", ".gone"))
    write_tables(tmp_path / "quick")
    for path in (tmp_path / "quick", tmp_path / "quick" / "results.csv"):
        results = load_results(path)
        text = render(results.frame, contexts=results.contexts)
        lines = text.splitlines()
        assert [line.split()[0] for line in lines[3:6]] == ["vanilla", "gone", "bn"]
        assert "override gone: training.learning_rate = 0.001" in lines
        assert "-1.00" in render(results.frame, baseline="gone", columns="rec")


def test_a_grid_that_is_no_toml_is_named(tmp_path):
    make_run(tmp_path)
    (tmp_path / "quick" / "experiment.toml").write_text("methods = [\n")
    with pytest.raises(UsageError, match=r"experiment\.toml: Invalid value"):
        load_results(tmp_path / "quick")


def test_a_method_without_recipe_is_told_beside_a_search_of_it(tmp_path):
    for protocol, recipe in (("published", "no recipe: bn: unknown"), ("tuned", "the best of its search")):
        training = {"protocol": protocol}
        config = build_config({"experiment": "quick", "method": "bn", "training": training})
        path = run_path(tmp_path, "quick", f"bn--{protocol}", 0)
        folder = RunFolder(path).create(config, override={"training": training}, recipe=recipe)
        folder.update(status="done", remedies={"bn": 1}, estimators={"rec": 1})
        folder.write_metrics({"values": {"rec": 20.0, "kl": 1.0, "neg_elbo": 21.0}})
    results = load_results(tmp_path / "quick")
    text = render(results.frame, contexts=results.contexts)
    assert "no recipe, trained as under the shared protocol: bn" in text
