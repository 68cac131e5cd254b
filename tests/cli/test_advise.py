"""`vae advise`: rows, refusals with exit code 2, machine-readable forms, budgets."""

import json

import pytest
import typer
from atlas_law import law_table
from typer.testing import CliRunner

from vaecli.atlas import adviser, trials_table
from vaecli.atlas.adviser import Adviser
from vaecli.catalogue.advice_table import rowless_line
from vaecli.cli.advise import advise, rowless
from vaecli.core.errors import UsageError
from vaecli.remedies import REMEDIES, bn
from vaecli.training import timing


def run(*arguments, width=200):
    app = typer.Typer()
    app.command()(advise)
    result = CliRunner().invoke(app, arguments, env={"COLUMNS": str(width)})
    if isinstance(result.exception, Exception):
        raise result.exception
    return result.stdout


def refusal(*arguments):
    with pytest.raises(UsageError) as caught:
        run(*arguments)
    assert caught.value.exit_code == 2
    return str(caught.value)


@pytest.fixture
def atlas(monkeypatch, tmp_path):
    """An atlas that was tried on texts as small as the user's, and that text."""
    sizes = {"train_sentences": 40.0, "mean_length": 4.0, "vocabulary": 10.0, "entropy": 2.0}
    frame = law_table(200).assign(**sizes)
    frame = frame.assign(updates=(frame["updates"] // 100) * 5, batch_size=8)
    monkeypatch.setattr(trials_table, "shipped", lambda: frame)
    for part in ("train", "valid", "test"):
        (tmp_path / f"{part}.txt").write_text("the cat sat\nthe dog ran\na cat ran\na dog sat\n" * 10)
    sets = ["--set", "training.batch_size=8", "--learning-rate", "0.004", "--decoder-size", "32", "--latent-size", "8"]
    return frame, ["--data", str(tmp_path), "--epochs", "4", *sets]


def test_rows_with_intervals_and_trials(atlas):
    lines = run(*atlas[1]).splitlines()
    assert lines[0].split()[:4] == ["method", "setting", "informative", "mi"]
    assert lines[2].startswith("bn ")
    assert "weight=" in lines[2]
    nearest = lines[2].split("#")[1].split()[0]
    assert any(line.startswith(f"#{nearest} bn weight=") for line in lines)
    assert len([line for line in lines if line.split() and line.split()[0] in ("bn", "beta", "vanilla")]) == 3


def test_json_and_csv_say_the_same(atlas, tmp_path):
    advice = json.loads(run(*atlas[1], "--json", "--top", "2", "-q"))
    assert advice["trials"] == 200
    assert advice["rows"][0]["method"] == "bn"
    assert len(advice["rows"]) == 2
    assert advice["distance"] <= advice["reach"]
    head, row = run(*atlas[1], "--csv", "-", "--methods", "bn", "-q").splitlines()
    (tmp_path / "link.csv").symlink_to("linked.csv")
    run(*atlas[1], "--csv", str(tmp_path / "link.csv"), "--methods", "bn", "-q")
    assert (tmp_path / "linked.csv").read_text().splitlines() == [head, row]
    cells = dict(zip(head.split(","), row.split(","), strict=True))
    assert float(cells["mi"]) == pytest.approx(advice["rows"][0]["mi"])
    assert float(cells["informative_low"]) == pytest.approx(advice["rows"][0]["informative_low"])


def test_far_runs_are_refused_with_axis_and_way_out(atlas):
    told = refusal(*atlas[1][:4], "--learning-rate", "2")
    assert "far from all that the atlas tried" in told
    assert "learning rate (of SGD a hundredth): 2 for" in told
    assert "--learning-rate from 0.0005" in told


def test_too_few_trials_and_unknown_methods_are_refused(atlas, monkeypatch):
    frame, command = atlas
    told = refusal(*command, "--methods", "vq")
    assert "the atlas has no trial of it; `vae compare --methods vq` tries it" in told
    monkeypatch.setattr(trials_table, "shipped", lambda: frame.iloc[:2])
    assert f"the {adviser.LEAST} without which" in refusal(*command)


def test_a_budget_leaves_out_epochs_that_do_not_fit(atlas, monkeypatch):
    """An epoch of vanilla takes 30 s here: four epochs need 120 s, 90 s are three; 20 s are none."""
    monkeypatch.setattr(timing, "seconds_per_epoch", lambda config, corpus: (1, 30.0))
    assert {row["epochs"] for row in json.loads(run(*atlas[1], "--budget", "90s", "--json", "-q"))["rows"]} == {3}
    assert "an epoch of vanilla takes about 30s here" in refusal(*atlas[1], "--budget", "20s")


def test_each_run_s_distance_is_its_own_and_the_whole_s_that_of_the_nearest(atlas, monkeypatch):
    """Of 120 s bn, at 1.3 times vanilla's cost, gets three epochs and beta four."""
    monkeypatch.setattr(timing, "seconds_per_epoch", lambda config, corpus: (1, 30.0))
    monkeypatch.setattr(bn.BN, "cost", 1.3)
    advice = json.loads(run(*atlas[1], "--budget", "120s", "--methods", "bn,beta", "--json", "-q"))
    distances = {row["method"]: row["distance"] for row in advice["rows"]}
    assert {row["method"]: row["epochs"] for row in advice["rows"]} == {"bn": 3, "beta": 4}
    assert advice["distance"] == min(distances.values()) < max(distances.values())


@pytest.fixture
def few(atlas, monkeypatch):
    """An atlas of fewer trials, for tests that look at no figure, and how often updates are timed: 30 s an epoch."""
    timed = []
    monkeypatch.setattr(timing, "seconds_per_epoch", lambda config, corpus: timed.append(corpus) or (1, 30.0))
    frame = atlas[0].groupby("method").head(20)
    monkeypatch.setattr(trials_table, "shipped", lambda: frame)
    return frame, atlas[1], timed


def test_what_is_refused_without_timing_is_not_timed(few, monkeypatch):
    """Far from all trials whatever epochs fit, too few trials of a method, no duration."""
    frame, command, timed = few
    rare = frame[(frame["method"] != "bn") | (frame["trial"] == frame.loc[frame["method"] == "bn", "trial"].min())]
    monkeypatch.setattr(trials_table, "shipped", lambda: rare)
    wide = ["9999" if word == "32" else word for word in command]
    assert "far from all that the atlas tried" in refusal(*wide, "--budget", "90s")
    assert "1 of bn, where 3 are needed" in refusal(*command, "--budget", "90s", "--methods", "bn")
    assert "is no duration" in refusal(*command, "--budget", "soon")
    assert not timed
    told = json.loads(run(*command, "--budget", "90s", "--json", "-q"))
    assert (len(timed), told["too_few_trials"], told["over_budget"]) == (1, ["bn"], [])


def test_a_budget_with_epochs_near_the_atlas_is_not_refused_for_those_planned(few, monkeypatch):
    """Planned 4,000 epochs are ten octaves away; three, which fit, are not. Of one method half an epoch fits."""
    _, command, timed = few
    many = ["4000" if word == "4" else word for word in command] + ["--methods", "bn,beta"]
    assert "updates: 20,000 for" in refusal(*many)
    monkeypatch.setattr(bn.BN, "cost", 5.0)
    advice = json.loads(run(*many, "--budget", "90s", "--json", "-q"))
    assert [(row["method"], row["epochs"]) for row in advice["rows"]] == [("beta", 3)]
    assert (advice["over_budget"], len(timed)) == (["bn"], 1)


def test_methods_without_a_row_are_told_by_reason(few):
    adviser = Adviser(few[0])
    tried = list(adviser.counts)
    by_reason = rowless(tried, adviser, all_methods=True)
    assert by_reason["no_kl"] == ["lm", "ae", "ivae", "ivae_mi"]
    assert {*by_reason["no_trial"], *by_reason["no_kl"], *tried} >= set(REMEDIES)
    assert not set(tried) & {*by_reason["no_trial"], *by_reason["no_kl"]}
    assert not any(rowless(tried, adviser, all_methods=False).values())
    assert rowless_line({"too_few_trials": ["vq"], "no_trial": ["iwae", "dreg"], "no_kl": [], "far": ["bn"]}) == (
        "no row: fewer than 3 trials in the atlas: vq; no trial: iwae, dreg; far from all trials in the epochs that "
        "fit: bn"
    )
    assert rowless_line({"far": [], "no_kl": []}) == ""


def test_every_line_fits_a_terminal_and_further_lines_are_indented(few):
    lines = run(*few[1], width=80).splitlines()
    assert max(map(len, lines)) <= 80
    start = next(n for n, line in enumerate(lines) if line.startswith("informative: chance"))
    assert lines[start + 1].startswith("  ")
    last = next(n for n, line in enumerate(lines) if line.startswith("no row: no trial: "))
    assert all(line.startswith("  ") for line in lines[last + 1 : last + 5])
    assert " no kl, hence no verdict: lm, ae, ivae, ivae_mi" in " ".join(line.strip() for line in lines[last:])


def test_settings_of_methods_are_the_atlas_s_to_choose(atlas):
    assert "the values of bn here are those that the atlas has tried" in refusal(*atlas[1], "--set", "bn.gamma=0.5")


def test_a_list_of_values_is_refused(atlas):
    told = refusal(*atlas[1], "--set", "training.clip=1,5")
    assert "training.clip=1,5: advice is for one value of each setting" in told


def test_a_text_of_fewer_types_is_not_told_to_take_more_away(atlas):
    frame, arguments = atlas
    told = refusal(*arguments, "--learning-rate", "3")
    assert "--learning-rate from" in told
    assert "--max-vocab" not in told
    poor = frame.assign(vocabulary=4000.0, entropy=6.0)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trials_table, "shipped", lambda: poor)
        assert "--max-vocab" not in refusal(*arguments)


def test_a_method_of_too_few_trials_says_how_many_there_are(atlas, monkeypatch):
    frame, arguments = atlas
    rare = frame[(frame["method"] != "bn") | (frame["trial"] == frame.loc[frame["method"] == "bn", "trial"].min())]
    monkeypatch.setattr(trials_table, "shipped", lambda: rare)
    told = refusal(*arguments, "--methods", "bn")
    assert told == "too few trials in the atlas, 1 of bn, where 3 are needed; `vae compare` tries them"
