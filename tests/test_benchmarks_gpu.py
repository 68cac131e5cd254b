"""What is prepared for a GPU, on a machine without: trials by memory, steps with limits, a rehearsal on the CPU."""

import json
import sys
import time
from math import inf
from pathlib import Path

import pytest

from experiments.benchmarks import __main__ as bench
from experiments.benchmarks import gpu, results, rows_gpu
from experiments.benchmarks.gpu import STEPS, Step
from experiments.benchmarks.rows_gpu import Memory, jobs_that_fit
from experiments.benchmarks.subjects import Options
from vaecli.cli.compare import DEFAULT_METHODS

PLENTY = Memory(1e6, 1.0)

# trials at a time


@pytest.mark.parametrize(
    ("gpus", "host", "cores", "trials", "jobs"),
    [
        # 3/4 of 80,000 MB hold 40 trials of 1,500; cores and trials bound them
        ([Memory(80_000, 1500)], PLENTY, 16, 12, 12),
        ([Memory(80_000, 1500)], PLENTY, 8, 12, 8),
        # 3/4 of 16,000 hold 8 of 1,500
        ([Memory(16_000, 1500)], PLENTY, 16, 12, 8),
        # dealt in turn, a second GPU with room for 2 lets the first have 2 as well
        ([Memory(16_000, 1500), Memory(4000, 1500)], PLENTY, 16, 12, 4),
        # 3/4 of 32,000 MB of main memory hold 6 of 4,000
        ([Memory(80_000, 1500)], Memory(32_000, 4000), 16, 12, 6),
        ([], Memory(32_000, 4000), 16, 12, 6),
        # a trial that ran alone runs again
        ([Memory(1600, 1500)], PLENTY, 16, 12, 1),
        # where a peak can't be told, it bounds nothing
        ([Memory(80_000, 0.0)], Memory(0.0, 0.0), 16, 12, 12),
    ],
)
def test_jobs_by_measured_memory(gpus, host, cores, trials, jobs):
    assert jobs_that_fit(gpus, host, cores, trials) == jobs


def test_the_margin_stays_free():
    assert [Memory(1000, 100).trials(margin) for margin in (0.0, 0.25, 0.95)] == [10, 7, 0]
    assert Memory(1000, 0).trials() == inf


def test_memory_is_watched_while_a_command_runs():
    left = [[1000.0, 500.0], [900.0, 500.0], [300.0, 450.0]]

    def free():
        return left.pop(0) if len(left) > 1 else [950.0, 500.0]  # it gives back what it took

    program = "import time; held = bytearray(60 << 20); time.sleep(1)"
    taken, peak = rows_gpu.watch([sys.executable, "-c", program], free)
    assert taken == [100.0, 0.0]
    if Path("/proc/self/status").exists():
        assert 60 < peak < 200
    with pytest.raises(RuntimeError, match=r"exit code 3: no such thing"):
        rows_gpu.watch([sys.executable, "-c", "import sys; print('no such thing'); sys.exit(3)"], list)


def test_main_memory_that_is_free():
    if not Path("/proc/meminfo").exists():
        pytest.skip("another system")
    assert 0 < rows_gpu.host_free() < 1e8


def finished(out, status="done"):
    """A table of two trials, as vae compare leaves it."""
    (out / "synthetic").mkdir(parents=True)
    (out / "synthetic" / "results.csv").write_text(f"method,status,seconds\nvanilla,done,4.0\nbn,{status},7.5\n")
    return 30.0


def test_trials_share_a_gpu(monkeypatch):
    commands, probes = [], []
    gpus, host = [Memory(16_000, 1500)], Memory(64_000, 2000)

    def probe(options, settings, out):
        probes.append(list(settings))
        return gpus, host

    def compare(*words):
        commands.append(words)
        return finished(Path(words[-1]))

    monkeypatch.setattr(rows_gpu, "measure_trial", probe)
    monkeypatch.setattr(rows_gpu, "run_program", compare)
    monkeypatch.setattr(rows_gpu, "cores", lambda: 16)
    (row,) = rows_gpu.trials(Options(device="cuda"))
    ((*words, _),) = commands
    assert words == ["compare", "--quiet", "--device=cuda", "--jobs", "8", "--out"]
    assert probes == [["--device=cuda"]]
    assert (row.name, row.figure, row.wanted, row.met) == ("trials-seconds-cuda", 30.0, "<= 60 s", True)
    assert row.title == "vae compare, 2 methods of quick, 8 at a time on one GPU"
    assert (row.detail["jobs"], row.detail["trial_gpu_mb"], row.detail["slowest_trial_s"]) == (8, 1500, 7.5)
    monkeypatch.setattr(rows_gpu, "run_program", lambda *words: finished(Path(words[-1]), "failed"))
    with pytest.raises(RuntimeError, match="bn failed"):
        rows_gpu.trials(Options(device="cuda"))


# the steps


def test_every_row_on_a_gpu_is_in_a_step():
    names = {name for step in STEPS if step.only for entry in bench.selected(step.only, False) for name in entry.names}
    assert names == {name for entry in bench.ENTRIES if entry.on_gpu for name in entry.names}
    assert sum(step.seconds for step in STEPS[:3]) <= 9 * 60  # the targets are reached for, whatever comes after


def test_commands_of_the_steps(tmp_path):
    tests, training = (next(s for s in STEPS if s.name == name) for name in ("tests", "training"))
    assert gpu.command(tests, tmp_path, True, "")[1:3] == ["-m", "pytest"]
    table = ["--output", str(tmp_path / "table.json")]
    base = [sys.executable, "-m", "experiments.benchmarks", *table]
    wanted = [*base, "--device", "cuda", "--revision", "abc", "--only", "train-ptb"]
    assert gpu.command(training, tmp_path, False, "abc") == wanted
    assert gpu.command(training, tmp_path, True, "") == [*base, "--device", "cpu", "--quick", "--only", "train-ptb"]


def test_packages_that_are_missing():
    text = (
        '[project]\ndependencies = ["numpy>=1.26", "not-there-at-all>=1; python_version > \'3\'", "torchtext==0.6.0"]'
    )
    assert gpu.missing_packages(text) == ["not-there-at-all"]
    assert gpu.missing_packages((gpu.ROOT / "pyproject.toml").read_text()) == []


def test_steps_that_fail_or_take_too_long_leave_the_others(tmp_path, monkeypatch):
    survivor = tmp_path / "survivor"
    child = f"import time, pathlib; time.sleep(4); pathlib.Path({str(survivor)!r}).touch()"
    programs = {
        "good": "print('fine')",
        "bad": "import sys; sys.exit(3)",
        "slow": f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {child!r}]); time.sleep(60)",
        "after": "print('after')",
    }
    monkeypatch.setattr(gpu, "command", lambda step, *_: [sys.executable, "-c", programs[step.name]])
    steps = [Step(name, f"what {name} does", (), (), 0.4 if name == "slow" else 60.0) for name in programs]
    ended = gpu.run_steps(steps, tmp_path, 2.0, rehearse=True)
    assert [e.outcome for e in ended] == ["done", "exit code 3, see gpu.log", "not done in 2 s", "done"]
    report = (tmp_path / "gpu.md").read_text()
    assert "| bad | what bad does | exit code 3, see gpu.log |" in report
    assert "A rehearsal on the CPU" in report
    assert "No row was measured." in report
    log = (tmp_path / "gpu.log").read_text()
    assert log.index("fine") < log.index("after")
    time.sleep(3)
    assert not survivor.exists()  # what a step started ends with it
    (late,) = gpu.run_steps(steps[:1], tmp_path, 0.05, rehearse=False)
    assert late.outcome == "not begun: the time is over"


def test_without_a_gpu_only_a_rehearsal_begins(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(gpu, "has_gpu", lambda: False)
    with pytest.raises(SystemExit) as stop:
        gpu.main(["--out", str(tmp_path)])
    assert stop.value.code == 2
    assert "--rehearse" in capsys.readouterr().err
    monkeypatch.setattr(gpu, "missing_packages", lambda text: ["pydantic"])
    with pytest.raises(SystemExit):
        gpu.main(["--rehearse", "--out", str(tmp_path)])
    assert "this Python lacks pydantic" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_step_rehearsed(tmp_path, monkeypatch):
    monkeypatch.setenv("OUT", str(tmp_path / "out"))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "table.json").write_text("an older run's")
    words = ["--rehearse", "--minutes", "30", "--only", "updates", "--only", "yahoo", "--revision", "abc1234"]
    assert gpu.main(words) == 0
    files = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert files == ["gpu.log", "gpu.md", "table.json", "table.md"]
    table = results.load(tmp_path / "out" / "table.json")
    assert [(row.name, row.revision) for row in table.rows] == [("saving-ptb", "abc1234")]
    report = (tmp_path / "out" / "gpu.md").read_text()
    assert (
        "| yahoo | training and memory at Yahoo shapes | left out of a rehearsal, it takes a CPU minutes | 0 |"
        in report
    )
    assert "| saving-ptb |" in report


@pytest.mark.slow
def test_the_whole_rehearsal(tmp_path):
    assert gpu.main(["--rehearse", "--minutes", "30", "--out", str(tmp_path)]) == 0
    table = json.loads((tmp_path / "table.json").read_text())
    rows = {row["name"]: row for row in table["rows"]}
    assert list(rows) == ["train-ptb", "trials-seconds", "batch-mi", "memory-mi", "saving-ptb"]
    detail = rows["trials-seconds"]["detail"]
    assert detail["trials"] == len(DEFAULT_METHODS)
    assert 100 < detail["trial_host_mb"] < detail["host_free_mb"]
    assert 1 <= detail["jobs"] <= detail["cores"]
