"""`vae report`: where results are found, where the table goes, and what is refused."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from cli.reports import run

from vaecli.config import build_config
from vaecli.core.errors import DataError, ResourceError, UsageError
from vaecli.runs.folder import RunFolder, run_path


@pytest.fixture
def experiment(tmp_path, monkeypatch):
    """Two methods, two seeds, in `runs/quick` of the working folder."""
    monkeypatch.chdir(tmp_path)
    for method, shift in (("vanilla", 0.0), ("bn", -2.0)):
        for seed in range(2):
            config = build_config({"experiment": "quick", "method": method, "training": {"seed": seed}})
            folder = RunFolder(run_path(tmp_path / "runs", "quick", method, seed)).create(config)
            folder.update(status="done")
            rec = 20.0 + seed + shift
            folder.write_metrics({"values": {"rec": rec, "kl": -shift, "neg_elbo": rec - shift}})
    return tmp_path / "runs" / "quick"


def test_the_newest_experiment_is_the_default(experiment):
    assert run().stdout == run(experiment).stdout
    assert "experiment quick" in run().stdout


def test_a_grid_that_was_stopped_at_once_is_passed_over_aloud(experiment):
    config = build_config({"experiment": "later", "method": "bn"})
    RunFolder(run_path(experiment.parent, "later", "bn", 0)).create(config).update(status="interrupted")
    result = run()
    assert "experiment quick" in result.stdout
    assert result.stderr == "runs/quick, for no trial has ended yet in runs/later; name a folder to see it\n"
    assert "not finished: 1 interrupted" in run(experiment.parent / "later").stdout


def test_empty_and_begun_experiments_are_passed_over_aloud(experiment):
    (experiment.parent / "empty").mkdir()
    (experiment.parent / "empty" / "experiment.toml").write_text('experiment = "empty"\n')
    (experiment.parent / "logs").mkdir()
    result = run()
    assert "experiment quick" in result.stdout
    assert result.stderr == "runs/quick, for no trial has ended yet in runs/empty; name a folder to see it\n"


def test_only_empty_experiments_are_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "empty").mkdir(parents=True)
    (tmp_path / "runs" / "empty" / "experiment.toml").write_text('experiment = "empty"\n')
    with pytest.raises(UsageError, match="there is no experiment in 'runs': run `vae compare` first"):
        run()


def test_a_folder_with_a_table_alone_is_read(experiment, tmp_path):
    from vaecli.runs.tables import write_tables

    path, _ = write_tables(experiment)
    (tmp_path / "kept").mkdir()
    path.rename(tmp_path / "kept" / "results.csv")
    assert run("kept").stdout == run("kept/results.csv").stdout
    assert "experiment quick" in run("kept").stdout


def test_explanations_are_asked_for(experiment):
    assert "verdict of" not in run(experiment).stdout
    assert "vae report --explain adds the rule" in run(experiment).stdout
    text = run(experiment, "--explain").stdout
    assert "verdict: the first that holds of" in text
    assert "verdict of bn: " in text
    assert "points of bn, seeds 0 1: rec 18.00 19.00" in text
    assert "--explain" not in text


@pytest.mark.parametrize("other", [["--format", "csv"], ["--format", "json"], ["--baseline", "vanilla"]])
def test_explanations_need_lines_below_a_table_of_verdicts(experiment, other):
    with pytest.raises(UsageError, match="--explain adds lines below a table of verdicts, and "):
        run(experiment, "--explain", *other)


def on_a_terminal(width, *arguments):
    """What the command shows on a terminal of a width."""
    import pty
    import termios

    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (50, width))
    words = [sys.executable, "-m", "vaecli", *map(str, arguments)]
    environment = {**os.environ, "TERM": "xterm-256color"}
    with subprocess.Popen(words, env=environment, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                data = os.read(ours, 65536)
            except OSError:  # Linux says so of a terminal that nobody holds any more
                data = b""
            if not data:
                break
            shown += data
    os.close(ours)
    assert process.returncode == 0, shown
    return shown.decode().replace("\r", "")


ALL = Path(__file__).parents[2] / "experiments" / "all"
BOLD = re.compile(r"\x1b\[[0-9;]*m")


def test_all_methods_fit_80_columns_and_200_show_all(monkeypatch):
    for name in ("COLUMNS", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    narrow, wide = (BOLD.sub("", on_a_terminal(width, "report", ALL)) for width in (80, 200))
    assert max(map(len, narrow.splitlines())) <= 80
    told = "not shown for want of width: seeds, rec, iw_nll, excess_nll, ppl_iw, marginal_kl, au, seconds; "
    assert told + "a wider terminal shows them, or --columns seeds,rec" in " ".join(narrow.split())
    rows = [line for line in narrow.splitlines() if line.startswith("vanilla ")]
    assert [row.split()[-1] for row in rows] == ["collapsed"]
    assert len(narrow.splitlines()) < 87  # 68 methods, a heading, a title, and what marks mean
    assert "not shown" not in wide
    assert all(name in wide for name in ("rec ↓", "ppl_iw ↓", "marginal_kl ↓", "seconds ↓"))
    piped = run(ALL).stdout
    assert "not shown" not in piped
    assert "seconds ↓" in piped
    for text in (narrow, wide, piped):
        assert not re.search(r"-0\.0+(?![0-9])", text)
        assert "verdict of" not in text


def test_a_picture_is_of_one_table(experiment):
    text = "experiment,corpus,method,seed,status,split,rec,kl,protocol\n"
    rows = ["e,c,bn,0,done,test,20.0,3.0,111", "e,c,bn,0,done,test,19.0,3.0,222"]
    path = experiment.parent.parent / "joined.csv"
    path.write_text(text + "\n".join(rows) + "\n")
    with pytest.raises(UsageError, match=r"draws one table, and these results make 2:\n  experiment e, .*protocol 111"):
        run(path, "--picture", "p.svg")
    path.write_text(text + rows[0] + "\n" + rows[1].replace("e,c", "f\x07,c") + "\n")
    with pytest.raises(UsageError, match=r"name the folder of one of 'e', 'f\\x07'"):
        run(path, "--picture", "p.svg")
    path.write_text(text + rows[0].replace("bn", r"$\frac{b}$") + "\n")
    run(path, "--picture", "p.svg")
    assert (experiment.parent.parent / "p.svg").exists()


def test_stdout_carries_the_table_only(experiment):
    result = run(experiment, "--format", "json", "--columns", "method,rec", "--sort", "rec")
    assert [(row["method"], row["rec"]) for row in json.loads(result.stdout)] == [("bn", 18.5), ("vanilla", 20.5)]
    assert result.stderr == ""


def test_baseline_and_per_trial(experiment):
    (row, *_) = json.loads(run(experiment, "--baseline", "vae", "--format", "json", "--columns", "rec").stdout)
    assert (row["method"], row["difference"]) == ("bn", -2.0)
    assert len(json.loads(run(experiment, "--per-trial", "--format", "json").stdout)) == 4


@pytest.mark.parametrize(
    ("name", "start"), [("t.md", "**experiment"), ("t.tex", "% experiment"), ("t.csv", "method,"), ("t.json", "[")]
)
def test_the_suffix_of_the_output_file_decides_its_format(experiment, name, start):
    assert run(experiment, "--output", name).stdout == ""
    written = (experiment.parent.parent / name).read_text(encoding="utf-8")
    assert written.startswith(start)
    assert "\x1b" not in written


def test_ranks_of_methods_not_of_trials_or_differences(experiment):
    assert "(n): rank from 1" in run(experiment, "--ranks").stdout
    for other in (["--per-trial"], ["--baseline", "vanilla"]):
        with pytest.raises(UsageError, match="goes with neither"):
            run(experiment, "--ranks", *other)


def test_the_format_given_wins_over_the_suffix(experiment):
    run(experiment, "--output", "t.csv", "--format", "json")
    assert json.loads((experiment.parent.parent / "t.csv").read_text())


def test_an_output_file_is_kept_unless_the_user_asks(experiment):
    path = experiment.parent.parent / "table.md"
    path.write_text("mine")
    with pytest.raises(UsageError, match=r"table\.md exists; .*--overwrite"):
        run(experiment, "--output", path)
    assert path.read_text() == "mine"
    run(experiment, "--output", path, "--overwrite")
    assert "vanilla" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--output", "."], "is a folder"),
        (["--output", "no/where.md"], "there is no folder no"),
        (["--overwrite"], "name one"),
        (["--format", "latx"], "did you mean 'latex'"),
        (["--columns", "recs"], "did you mean 'rec'"),
        (["--sort", "kll"], "did you mean 'kl'"),
        (["--baseline", "vanila"], "did you mean 'vanilla'"),
    ],
)
def test_what_a_user_can_get_wrong(experiment, arguments, message):
    with pytest.raises(UsageError, match=message):
        run(experiment, *arguments)


def test_a_failed_report_leaves_no_file(experiment):
    with pytest.raises(UsageError):
        run(experiment, "--output", "t.md", "--columns", "recs")
    assert not (experiment.parent.parent / "t.md").exists()


def test_nothing_to_report_says_what_to_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="there is no experiment in 'runs': run `vae compare` first"):
        run()


def test_a_narrow_terminal_without_colour(experiment):
    text = run(experiment, COLUMNS="20", NO_COLOR="1").stdout
    assert max(map(len, text.splitlines())) <= 20
    assert "\x1b" not in text
    assert "vanilla" in text


def vae(*arguments, stdout=subprocess.PIPE, **environment):
    """The command in a process of its own, whose streams are real ones."""
    return subprocess.run(
        [sys.executable, "-m", "vaecli", *map(str, arguments)],
        env={**os.environ, **environment},
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="the system has no device that is always full")
@pytest.mark.parametrize("format", ["table", "json"])
def test_a_full_disk_under_stdout_is_a_line(experiment, format):
    with open("/dev/full", "w") as full:
        done = vae("report", experiment, "--format", format, stdout=full)
    assert done.returncode == ResourceError.exit_code
    assert done.stderr.startswith("vae: stdout or a file: no space left on device; ")
    assert done.stderr.count("\n") == 1


def test_a_report_loads_no_torch(experiment):
    code = (
        "import sys; from typer.testing import CliRunner; from vaecli.cli.app import app;"
        f"r = CliRunner().invoke(app, ['report', {str(experiment)!r}]); assert r.exit_code == 0, r.output;"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_a_name_can_not_steer_the_terminal(experiment):
    odd = experiment.rename(experiment.with_name("\x1b[2Jquick"))
    done = vae("report", odd, "--baseline", "bm")
    assert "did you mean 'bn'" in done.stderr
    missing = vae("report", odd / "no")
    assert "\\x1b[2Jquick/no: there is no such folder" in missing.stderr
    assert "\x1b" not in vae("report", odd).stdout + done.stderr + missing.stderr


@pytest.mark.parametrize("option", ["--output", "--picture"])
def test_a_file_that_can_not_be_written_is_a_line(experiment, option, monkeypatch):
    path = experiment.parent.parent / "mine.svg"
    path.write_text("mine")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DataError, match=r"mine\.svg: can't write [0-9,]+ bytes: No space left"):
        run(experiment, option, path, "--overwrite")
    assert path.read_text() == "mine"
    if os.path.exists("/dev/full") and option == "--output":
        with pytest.raises(DataError, match="/dev/full: can't write"):
            run(experiment, option, "/dev/full", "--overwrite")


def test_what_an_encoding_lacks_is_escaped(experiment):
    odd = experiment.rename(experiment.with_name("größe"))
    columns = ("--per-trial", "--columns", "experiment,method,rec")
    for format in ("csv", "markdown"):
        done = vae("report", odd, "--format", format, *columns, PYTHONIOENCODING="ascii")
        assert done.returncode == 0, done.stderr
        assert "gr\\xf6\\xdfe" in done.stdout
    done = vae("report", odd, "--format", "json", *columns, PYTHONIOENCODING="ascii")
    assert json.loads(done.stdout)[0]["experiment"] == "größe"


def test_a_torn_table_is_read_without_its_last_line_aloud(experiment):
    from vaecli.runs.tables import write_tables

    path, _ = write_tables(experiment)
    path.write_text(path.read_text()[:-30])
    result = run(path)
    assert result.stderr == f"vae: {path}:5: torn, so this line is left out\n"
    assert "21 " not in result.stdout
    assert result.stdout.count("vanilla") > 0


def test_a_corpus_without_figures_in_print_is_told(experiment):
    with pytest.raises(UsageError, match="nothing in print is of these methods on synthetic"):
        run(experiment, "--published")


def test_a_reproduction_is_an_experiment_that_has_ended(experiment):
    """Its folder holds those of its rows, and a table of all."""
    inner = experiment.parent / "table" / "row"
    config = build_config({"experiment": "row", "method": "bn"})
    folder = RunFolder(run_path(experiment.parent / "table", "row", "bn", 0)).create(config)
    folder.write_metrics({"values": {"kl": 1.0}})
    folder.update(status="done")
    (inner.parent / "results.csv").write_text("experiment,method,seed,status\nrow,bn,0,done\n")
    assert "experiment row" in run().stdout
