"""The index of an experiment's trials: it saves reading, and never decides what a table says."""

import json
import math
import os
import sys

import pytest

from experiments.benchmarks.many_trials import METHODS, copy_run
from tests.runs.grids import experiment, finish, prepared
from vaecli.core.files import load_json
from vaecli.reporting.read_results import load_results
from vaecli.reporting.render import render
from vaecli.runs import trial_index
from vaecli.runs.experiment import find_runs
from vaecli.runs.folder import RunFolder
from vaecli.runs.tables import results_table, write_tables
from vaecli.runs.trial_index import FILES, INDEX, read_trials
from vaecli.settings.resolve import load_settings

OPENED: list[str] = []
"""Files opened by this process since the list was last cleared."""
sys.addaudithook(lambda event, arguments: OPENED.append(str(arguments[0])) if event == "open" else None)


def settle(folder):
    """Makes the files of all trials an hour old."""
    for name in FILES:
        for path in folder.glob(f"*/seed-*/{name}"):
            then = path.stat().st_mtime_ns - 3600 * 10**9
            os.utime(path, ns=(then, then))
    return folder


def opened(work):
    """The names of files of trials that some work opens."""
    OPENED.clear()
    work()
    return [os.path.basename(path) for path in OPENED if os.path.basename(path) in FILES]


def tables(folder):
    """The bytes of both tables as they are written now."""
    return [path.read_bytes() for path in write_tables(folder)]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Sixty finished trials, and a few that ended otherwise."""
    out = tmp_path_factory.mktemp("many")
    settings = load_settings(methods=METHODS[:6], seeds="0-9", experiment="exp")
    source = finish(prepared(out / "one")[0], {"rec": 20.0, "kl": 1.5, "au": 3, "mi": 1.25, "ppl_elbo": math.inf})
    for method in settings.methods:
        for seed in settings.seeds:
            copy_run(source, out, settings, method, seed)
    for status in ("failed", "diverged", "interrupted"):
        (trial,) = experiment(out, ["lm"], str(len(status))).trials()
        RunFolder(trial.path).create(trial.config).update(status=status, message=f"it {status}")
    return settle(out / "exp")


@pytest.fixture
def many(made):
    (made / INDEX).unlink(missing_ok=True)
    return made


def test_a_second_report_opens_no_file_of_a_trial(many):
    def report():
        results = load_results(many)
        return render(results.frame, contexts=results.contexts)

    assert sorted(set(opened(report))) == sorted(FILES)
    assert (many / INDEX).exists()
    assert opened(report) == []
    assert opened(lambda: write_tables(many)) == []


def test_the_checks_of_a_second_compare_open_no_file_of_a_trial(many):
    again = experiment(many.parent, METHODS[:6], "0-9")
    again.check()
    assert opened(again.check) == []
    assert opened(again.plan) == []
    assert again.plan() == []


def test_the_tables_are_the_same_to_the_byte_with_an_index_and_without(many):
    first = tables(many)
    assert tables(many) == first
    (many / INDEX).unlink()
    assert tables(many) == first
    assert b"inf" in first[0]
    assert len(first[0].splitlines()) == 1 + 63


def test_only_the_trial_that_changed_is_read_again(many):
    write_tables(many)
    folder = RunFolder(many / "bn" / "seed-3")
    before = folder.metrics()
    folder.write_metrics({**before, "values": {**before["values"], "rec": 99.5}})
    assert opened(lambda: read_trials(many)) == ["run.json", "run.json", "config.toml", "metrics.json"]
    assert results_table(many).query("method == 'bn' and seed == 3")["rec"].tolist() == [99.5]
    folder.write_metrics(before)
    settle(many)
    write_tables(many)


def test_an_edit_that_keeps_size_and_time_is_noticed(many):
    path = many / "bn" / "seed-4" / "metrics.json"
    known, text = path.stat(), path.read_text()
    write_tables(many)
    path.write_text(text.replace('"au": 3', '"au": 4'))
    os.utime(path, ns=(known.st_atime_ns, known.st_mtime_ns))
    assert path.stat().st_size == known.st_size
    assert results_table(many).query("method == 'bn' and seed == 4")["au"].tolist() == [4]
    path.write_text(text)
    settle(many)


def test_files_written_just_now_are_not_remembered(many):
    """Within one tick of the clock a second change would leave no trace."""
    path = many / "bn" / "seed-5" / "metrics.json"
    os.utime(path)
    write_tables(many)
    known = json.loads((many / INDEX).read_text())["index"]["trials"]
    assert "bn/seed-5" not in known
    assert "bn/seed-4" in known
    settle(many)


def test_what_trials_share_is_kept_once_however_often_one_of_them_changes(many):
    write_tables(many)
    first = len(json.loads((many / INDEX).read_text())["index"]["facts"])
    for seed in range(3):
        path = many / "bn" / f"seed-{seed}" / "run.json"
        path.write_text(path.read_text() + " ")
        settle(many)
        write_tables(many)
    assert len(json.loads((many / INDEX).read_text())["index"]["facts"]) == first == 6 + 3


@pytest.mark.parametrize(
    "damage", ["empty", "torn", "edited", "json", "list", "other format", "other program", "folder"]
)
def test_a_damaged_index_changes_no_table(many, damage):
    first = tables(many)
    path = many / INDEX
    text = path.read_text()
    version = json.loads(text)["program"]
    path.unlink()
    damaged = {
        "empty": "",
        "torn": text[: len(text) // 2],
        "edited": text.replace("1.25", "9.25"),
        "json": '{"format": 1}',
        "list": "[]\n[]",
        "other format": text.replace('"format": 3', '"format": 1'),
        "other program": text.replace(version, "9.9.9 0"),
    }
    if damage == "folder":
        path.mkdir()
    else:
        assert damaged[damage] != text
        path.write_text(damaged[damage])
    assert tables(many) == first
    if damage == "folder":
        path.rmdir()
    else:
        assert path.read_text() == text, "it is made anew"


def test_an_older_index_is_of_no_harm(many):
    """As when a second reader, slower than the first, writes last."""
    write_tables(many)
    old = (many / INDEX).read_bytes()
    folder = RunFolder(many / "bn" / "seed-6")
    before = folder.metrics()
    folder.write_metrics({"values": {"rec": 77.0}})
    (many / INDEX).write_bytes(old)
    assert results_table(many).query("method == 'bn' and seed == 6")["rec"].tolist() == [77.0]
    folder.write_metrics(before)
    settle(many)


def test_a_full_disk_costs_the_index_and_nothing_else(many, monkeypatch):
    first = tables(many)
    (many / INDEX).unlink()

    def full(path, data):
        raise trial_index.DataError(f"{path}: can't write")

    monkeypatch.setattr(trial_index, "write_atomic", full)
    assert tables(many) == first
    assert not (many / INDEX).exists()


def test_nothing_is_written_through_a_link(many, tmp_path):
    link = tmp_path / "linked"
    link.symlink_to(many)
    assert len(read_trials(link)) == 63
    assert not (many / INDEX).exists()


def test_whether_a_trial_runs_is_asked_anew(tmp_path):
    trial = prepared(tmp_path)[0]
    folder = RunFolder(trial.path)
    with folder.lock():
        folder.update(status="running")
        settle(tmp_path / "exp")
        assert [record.status for record in find_runs(tmp_path / "exp")] == ["running"]
        assert (tmp_path / "exp" / INDEX).exists()
    assert [record.status for record in find_runs(tmp_path / "exp")] == ["interrupted"]


def test_a_trial_that_is_gone_leaves_the_index(tmp_path):
    first, second = prepared(tmp_path, ["vanilla"], "0-1")
    read_trials(settle(tmp_path / "exp"))
    (second.path / "config.toml").unlink()
    assert [record.path for record in read_trials(tmp_path / "exp")] == [first.path]
    assert list(load_json(tmp_path / "exp" / INDEX)["index"]["trials"]) == ["vanilla/seed-0"]


def test_without_the_trials_that_can_not_be_read(tmp_path):
    first, second = prepared(tmp_path, ["vanilla"], "0-1")
    (second.path / "run.json").write_text("{")
    assert [record.path for record in read_trials(tmp_path / "exp", lenient=True)] == [first.path]
