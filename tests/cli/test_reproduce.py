"""``vae reproduce``: from the command line to the tables; one row is trained, others by workers that train nothing."""

import csv
import io
import json
import re
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from vaecli.cli.app import load_command
from vaecli.cli.reproduce import KINDS, MACHINE, reproduce
from vaecli.core.durations import seconds_of
from vaecli.core.errors import DataError, TrialsFailedError, UsageError
from vaecli.engines.local import LocalEngine
from vaecli.reproduction import grids, paper_tables
from vaecli.runs.folder import RunFolder
from vaecli.training.timing import Pace

FAKE = Path(__file__).parents[1] / "engines" / "fake_worker.py"
TINY = [f"--set=corpus.{split}_size=20" for split in ("train", "valid", "test")]
ORACLE_ROWS = "--rows=vae-oracle,svi-oracle"


@pytest.fixture
def command(tmp_path, monkeypatch):
    app = typer.Typer()
    app.command()(reproduce)
    monkeypatch.chdir(tmp_path)

    def invoke(*arguments):
        result = CliRunner().invoke(app, [*arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return invoke


@pytest.fixture
def vae(command, monkeypatch):
    """With the fake worker, and no time spent on timing: every row takes a second an epoch."""
    fake = LocalEngine(command=lambda path: [sys.executable, str(FAKE), str(path)], poll_seconds=0.02)
    monkeypatch.setattr("vaecli.engines.run_together.LocalEngine", lambda: fake)
    monkeypatch.setattr(grids, "measured_pace", lambda config, corpus: Pace(0.5, 0.5, 0.0))
    monkeypatch.setattr("vaecli.cli.reproduce.write_page", lambda folder: [])
    return command


def table(path):
    return list(csv.DictReader(io.StringIO(Path(path).read_text())))


def test_tables_and_rows_are_listed_and_nothing_is_run(command, tmp_path):
    for words in ([], ["--list"]):
        assert "kim2018         Kim et al. 2018, synthetic data, 6 rows" in command(*words).stdout
    rows = command("kim2018", "--list").stdout
    assert "svi-oracle [semi_amortized]: bound_gap 2.7 (unconfirmed); nothing is learned" in rows
    assert "bn+linear_anneal]: no figure in print; no figure on this corpus" in command("ptb-lstm", "--list").stdout
    named = {entry["name"] for entry in json.loads(command("--json").stdout)}
    assert named >= {"kim2018", "ptb-lstm"}
    assert json.loads(command("kim2018", "--list", "--json").stdout)[0]["printed"] == 2.14
    assert not list(tmp_path.iterdir())


def test_rows_fit_a_terminal(command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    lines = command("yelp-short", "--list").stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert "lm: no figure in print" in lines


def test_one_row_trained_to_its_verdict_and_gone_on_with(command):
    """The whole way on 20 sentences; a gap of 20 sentences after one epoch is no reproduction, and is told as such."""
    words = ("kim2018", "--rows=vae-oracle", "--seeds=0", "--set=training.epochs=1", *TINY, "--quiet")
    first = command(*words)
    assert "Kim et al. 2018, synthetic data: corpus oracle, split test, 20 sentences, seeds 0" in " ".join(
        first.stdout.split()
    )
    (line,) = table("runs/kim2018/comparison.csv")
    (row,) = table("runs/kim2018/results.csv")
    truth = float(row["iw_nll"]) - float(row["excess_nll"])
    assert float(line["obtained"]) == pytest.approx(float(row["neg_elbo"]) - truth)
    assert float(line["gap"]) == pytest.approx(float(line["obtained"]) - 2.14)
    assert (line["verdict"], line["confirmed"]) == ("above", "False")
    page = Path("runs/kim2018/table.md").read_text()
    assert "from memory, unconfirmed" in page
    assert "command: `" in page
    stamp = Path("runs/kim2018/vae-oracle/linear_anneal/seed-0/metrics.json").stat().st_mtime_ns
    assert command(*words).stdout == first.stdout  # nothing is done twice
    assert Path("runs/kim2018/vae-oracle/linear_anneal/seed-0/metrics.json").stat().st_mtime_ns == stamp


def test_a_budget_shortens_epochs_says_so_and_is_kept_for_the_next_call(vae):
    # 3 trials of 30 s and 4 to begin make 102 s, and 3 of 1 s and 4 make 15: of 90 s, 75 leave 21 epochs
    result = vae("kim2018", ORACLE_ROWS, "--budget=100", "--jobs=1", *TINY)
    plan = json.loads(Path("runs/kim2018/reproduction.json").read_text())
    assert plan["epochs"] == {"vae-oracle": 21, "svi-oracle": 1}
    config = RunFolder(Path("runs/kim2018/vae-oracle/linear_anneal/seed-2")).config()
    assert (config.training.epochs, config.training.decay_start) == (21, 10)
    assert "21/30" in result.stdout
    assert "budget 1m40s: by the time of its first updates each row has as many epochs" in result.stdout
    again = vae("kim2018", ORACLE_ROWS, "--budget=100", "--jobs=1", *TINY)
    assert "0 trials to do, 6 done already" in again.stderr
    with pytest.raises(UsageError, match="holds kim2018 with a budget of 1m40s; say the same again"):
        vae("kim2018", ORACLE_ROWS, *TINY)
    with pytest.raises(UsageError, match="its budget was shared without sa-oracle"):
        vae("kim2018", "--rows=sa-oracle", "--budget=100", *TINY)
    with pytest.raises(UsageError, match="its budget of 1m40s was shared among 3 trials of vae-oracle, not 5"):
        vae("kim2018", ORACLE_ROWS, "--seeds=0-4", "--budget=100", *TINY)


def test_a_budget_counts_the_trials_of_every_protocol(vae, monkeypatch):
    """Six trials of two protocols, whose epochs take 1 and 3 seconds, 2 in the mean; 4 seconds to begin each."""
    seconds = {"shared": 1.0, "published": 3.0}
    monkeypatch.setattr(
        grids, "measured_pace", lambda config, corpus: Pace(seconds[config.training.protocol], 0.0, 0.0)
    )
    words = ("kim2018", "--rows=vae-oracle", "--jobs=1", "--set=training.protocol=shared,published", *TINY)
    shown = vae(*words, "--budget=160", "--dry-run").stdout  # 144 to plan with: 120 beside the beginnings, 10 epochs
    assert shown.splitlines()[1].split() == ["vae-oracle", "linear_anneal", "3", "10/30", "6"]


def test_without_a_budget_rows_may_come_later(vae, monkeypatch):
    monkeypatch.setattr("sys.argv", ["vae", "reproduce", "kim2018", "--rows=vae-oracle"])
    vae("kim2018", "--rows=vae-oracle", "--seeds=0", *TINY)
    assert "- command: `vae reproduce kim2018 --rows=vae-oracle`\n" in Path("runs/kim2018/table.md").read_text()
    monkeypatch.setattr("sys.argv", ["vae", "reproduce", "kim2018", ORACLE_ROWS])
    result = vae("kim2018", ORACLE_ROWS, "--seeds=0", *TINY)
    commands = [line for line in Path("runs/kim2018/table.md").read_text().splitlines() if line.startswith("- command")]
    assert commands == [
        "- command: `vae reproduce kim2018 --rows=vae-oracle` (vae-oracle)",
        f"- command: `vae reproduce kim2018 {ORACLE_ROWS}` (svi-oracle)",
    ]
    assert "1 trial to do, 1 done already" in result.stderr
    assert {row["experiment"] for row in table("runs/kim2018/results.csv")} == {"vae-oracle", "svi-oracle"}


def test_a_dry_run_writes_nothing(vae, tmp_path):
    shown = vae("kim2018", ORACLE_ROWS, "--budget=100", "--dry-run", "--jobs=1", *TINY).stdout
    assert [line.split() for line in shown.splitlines()[1:]] == [
        ["vae-oracle", "linear_anneal", "3", "21/30", "3"],
        ["svi-oracle", "semi_amortized", "3", "1", "3"],
    ]
    assert not list(tmp_path.iterdir())


def test_variables_of_the_machine_hold_for_tables_too(vae, monkeypatch):
    """Those of corpus and preset don't, for the table says them; an option goes before."""
    for name, value in {
        "JOBS": "3",
        "DEVICE": "cpu",
        "PRECISION": "fp32",
        "DATA": "elsewhere",
        "PRESET": "ptb",
    }.items():
        monkeypatch.setenv(f"VAE_{name}", value)
    requests = []
    monkeypatch.setitem(KINDS, "rows", lambda context, call: requests.append(call.request()))
    vae("kim2018")
    vae("kim2018", "--jobs=1", "--device=auto")
    settings = [request.settings(request.chosen[0]) for request in requests]
    assert [request.jobs for request in requests] == [one.jobs for one in settings] == [3, 1]
    first, second = (one.config(one.methods[0], 0) for one in settings)
    assert (first.training.device, second.training.device) == ("cpu", "auto")
    assert (first.training.precision, first.corpus.data, first.preset) == ("fp32", "oracle", "quick")
    monkeypatch.setenv("VAE_JOBS", "many")
    with pytest.raises(UsageError, match="VAE_JOBS: jobs must be an integer"):
        vae("kim2018")


def test_trials_that_fail_are_told_with_their_row_after_the_table(vae):
    folder = Path("runs/kim2018/vae-oracle/linear_anneal/seed-0")
    vae("kim2018", "--rows=vae-oracle", "--seeds=0", *TINY)
    RunFolder(folder).update(status="failed")
    (folder / "plan").write_text("fail")
    with pytest.raises(TrialsFailedError, match=r"vae-oracle: 1 of 2 trials not done"):
        vae("kim2018", "--rows=vae-oracle", "--seeds=0-1", *TINY)


def test_a_corpus_that_is_not_there_says_how_it_is_had(vae):
    with pytest.raises(DataError, match="`vae data fetch ptb` writes it, or give your own"):
        vae("ptb-lstm", "--rows=lm")
    with pytest.raises(DataError, match="`vae data fetch yelp_short` writes it"):
        vae("yelp-short", "--rows=lm")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--budget=1h"], "name a table"),
        (["kim2018", "--list", "--rows=vae-oracle"], "--list lists all and runs nothing"),
        (["kim2018", "--dry-run", "--json"], "--json prints figures, and --dry-run makes none"),
        (["kim2018", "--budget=soon"], "--budget: 'soon' is no duration"),
        (["kim2018", "--budget=99999999999h"], "--budget: '99999999999h' is longer than a year; 366d is the most"),
        (["kim2018", "--rows=vae"], "did you mean"),
        (["kim2018", "--rows="], "--rows names no row; `vae reproduce kim2018 --list` lists them"),
        (["he2019-toy", "--rows=, ,", "--dry-run"], "--rows names no row"),
        (["kim2018", "--rows=svi-oracle", "--set=linear_anneal.start=0.5"], "linear_anneal"),
        (["kim2018", "--set=training.seed=3"], "training.seed: the table's seeds are 0-2; --seeds takes others"),
        (["kim"], "did you mean 'kim2018'"),
    ],
)
def test_what_is_wrong_is_told_before_any_work(vae, words, message):
    with pytest.raises(UsageError, match=message):
        vae(*words)


def test_a_kind_that_nothing_reproduces_is_told_and_one_that_something_does_is_called(command, monkeypatch):
    picture = paper_tables.PaperTable("toy", "picture", "T", "A")
    monkeypatch.setattr(paper_tables, "load_table", lambda name: picture)
    with pytest.raises(UsageError, match="nothing here reproduces a table of kind 'picture'"):
        command("toy")
    called = []
    monkeypatch.setitem(KINDS, "picture", lambda context, call: called.append((call.folder, call.budget)))
    command("toy", "--budget=2m")
    assert called == [(Path("runs/toy"), 120.0)]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("45s", 45), ("15m", 900), ("2h", 7200), ("1h30m", 5400), ("2d", 172_800), ("366d", 31_622_400)],
)
def test_durations(text, seconds):
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "h", "1.5h", "-3m", "2h 5x"])
def test_no_durations(text):
    with pytest.raises(UsageError, match="is no duration"):
        seconds_of(text)


def test_other_epochs_than_those_of_the_plan_are_refused_and_not_run_as_planned(vae):
    words = ("kim2018", "--rows=vae-oracle", "--seeds=0", "--set=training.decay_start=0", *TINY)
    vae(*words, "--set=training.epochs=2")
    with pytest.raises(UsageError, match=r"vae-oracle was planned with 2 epochs, not 30; say the same again, or"):
        vae(*words)
    assert "0 trials to do, 1 done already" in vae(*words, "--set=training.epochs=2").stderr


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        (["--set=training.epochs=2,4"], "training.epochs=2,4: the plan of a table has one value a row"),
        (["--set=training.decay_start=1,2", "--budget=1h"], "training.decay_start=1,2: the plan of a table"),
    ],
)
def test_a_row_has_one_number_of_epochs(vae, words, wrong):
    with pytest.raises(UsageError, match=wrong):
        vae("kim2018", "--rows=vae-oracle", *words, *TINY)


def test_values_that_no_plan_says_stay_lists(vae):
    shown = vae("kim2018", "--rows=vae-oracle", "--seeds=0", "--set=training.decay_start=1,2", "--dry-run", *TINY)
    assert shown.stdout.splitlines()[1].split() == ["vae-oracle", "linear_anneal", "1", "30", "2"]


def test_a_diverged_trial_is_told_as_such_and_is_to_do_where_it_is_run_again(vae):
    words = ("kim2018", "--rows=vae-oracle", "--seeds=0-1", *TINY)
    vae(*words)
    RunFolder(Path("runs/kim2018/vae-oracle/linear_anneal/seed-0")).update(status="diverged")
    with pytest.raises(TrialsFailedError):
        vae(*words)
    page = Path("runs/kim2018/table.md").read_text()
    assert "1 trial diverged; --retry runs such again" in page
    assert "the same command goes on" not in page
    to_do = [vae(*words, "--dry-run", *more).stdout.split()[-1] for more in ([], ["--retry"])]
    assert to_do == ["0", "1"]


def test_a_budget_that_one_epoch_of_one_exceeds_is_not_said_to_fit(vae):
    result = vae("kim2018", "--rows=svi-oracle", "--budget=10", "--jobs=1", *TINY)
    told = " ".join(result.stdout.split())
    assert "budget 10s: one epoch a row, which is all that they have, takes longer" in told
    assert "all epochs fit" not in told


def test_the_help_says_where_a_corpus_is_looked_for():
    """That of a table needn't bear the table's name: `ptb-lstm` reads ./ptb."""
    (data,) = [parameter for parameter in load_command("reproduce").params if parameter.name == "data"]
    assert "`vae data fetch`" in data.help
    assert "NAME" not in data.help


def test_the_page_of_settings_names_the_variables_that_it_reads():
    page = (Path(__file__).parents[2] / "docs" / "settings.md").read_text(encoding="utf-8")
    told = re.search(r"`vae reproduce` reads (.*?) only", re.sub(r"\s+", " ", page))[1]
    of_options = {parameter.envvar for parameter in load_command("reproduce").params if parameter.envvar}
    assert set(re.findall(r"`(VAE_\w+)`", told)) == {*MACHINE, *of_options}
