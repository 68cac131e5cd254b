"""The benchmarks' table, commands and limits: targets, files, the guard against falling ratios."""

import math
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import torch
from support import fast_only

from experiments.benchmarks import __main__ as bench
from experiments.benchmarks import machine, quality, results, targets
from experiments.benchmarks.machine import LIMITS, describe, slug
from experiments.benchmarks.results import Results, Row
from experiments.benchmarks.subjects import Options
from vaecli.config import EvaluationConfig


def row(name="a", figure=2.0, target=4.0, at_least=True, reference=1.0, **more):
    return Row(name, "title", "s", reference, figure, figure, target, at_least, **more)


# the table


@pytest.mark.parametrize(
    ("made", "met", "wanted"),
    [
        (row(figure=4.0), True, ">= 4x"),
        (row(figure=3.9), False, ">= 4x"),
        (row(figure=1.1, target=1.1, at_least=False), True, "<= 1.1x"),
        (row(figure=1.2, target=1.1, at_least=False), False, "<= 1.1x"),
        (row(figure=0.2, target=0.3, at_least=False, reference=None), True, "<= 0.3 s"),
    ],
)
def test_targets(made, met, wanted):
    assert (made.met, made.wanted) == (met, wanted)


@pytest.mark.parametrize(
    ("flags", "options", "wanted"),
    [
        (["avx2"], Options(), (1.5, 1.6, 8.0)),
        (["avx2", "avx512f"], Options(precision="fp32"), (4.0, 4.0, 6.0)),
        (["avx2"], Options(device="cuda"), (5.0, 4.0, 6.0)),
    ],
)
def test_targets_of_a_machine(flags, options, wanted, monkeypatch):
    monkeypatch.setattr(machine, "describe", lambda: {"flags": flags, "cpu_capability": "AVX2"})
    monkeypatch.setattr(Options, "resolved_precision", "fp32")
    assert tuple(targets.least_gain(name, options) for name in ("train-ptb", "elbo-ptb", "iw-ptb")) == wanted


def test_where_rows_are_measured(monkeypatch):
    both, cpu_only, gpu_only = (
        bench.Entry(lambda options: [row(options.device)], ("a",), on_gpu=gpu, on_cpu=cpu)
        for gpu, cpu in ((True, True), (False, True), (True, False))
    )
    for gpu, wanted in ((True, ["cpu", "cuda", "cpu", "cuda"]), (False, ["cpu", "cpu"])):
        monkeypatch.setattr(torch.cuda, "is_available", lambda gpu=gpu: gpu)
        assert [d for e in (both, cpu_only, gpu_only) for d in bench.devices(e, "all")] == wanted
    assert [bench.devices(e, "cuda") for e in (both, cpu_only, gpu_only)] == [["cuda"], [], ["cuda"]]
    assert [bench.devices(e, "cpu") for e in (both, cpu_only, gpu_only)] == [["cpu"]] * 3


def test_a_revision_is_that_of_the_checkout(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "ROOT", tmp_path)
    assert machine.revision() == ""
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*git, "init", "-q"], check=True)
    (tmp_path / "file").write_text("one")
    subprocess.run([*git, "add", "file"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "one"], check=True)
    revision = machine.revision()
    assert len(revision) == 7
    (tmp_path / "untracked").write_text("")
    assert machine.revision() == revision
    (tmp_path / "file").write_text("two")
    assert machine.revision() == f"{revision}+"


def test_ratios_that_fell_by_more_than_15_per_cent():
    committed = [row("speed", 4.0), row("even", 4.0), row("cost", 1.0, at_least=False), row("gone", 9.0)]
    absolute = row("help", 9.0, at_least=False, reference=None)
    # 3.3 is 17.5 % below 4, 3.5 is 12.5 % below; a cost of 1.2 is a gain of 0.83, 16.7 % below 1
    now = [row("speed", 3.3), row("even", 3.5), row("cost", 1.2, at_least=False), row("new", 0.1), absolute]
    lines = results.regressions(now, [*committed, replace(absolute, figure=0.1)])
    assert [line.split(":")[0] for line in lines] == ["speed", "cost"]
    assert "18 % worse" in lines[0]


def results_of(*rows, threads=1):
    return Results("slug", {**describe(), "threads": threads}, "fp32", rows)


def test_saved_results_come_back_and_keep_rows_that_were_not_measured(tmp_path):
    path = tmp_path / "deep" / "slug.json"
    first = results_of(row("a", spread=(1.0, 3.0), detail={"x": 1.0}), row("b"))
    results.save(first, path)
    assert results.load(path) == first
    results.save(results_of(row("b", 5.0), row("c")), path)
    assert [(r.name, r.figure) for r in results.load(path).rows] == [("a", 2.0), ("b", 5.0), ("c", 2.0)]
    results.save(results_of(row("d"), threads=2), path)
    assert [r.name for r in results.load(path).rows] == ["d"]
    assert "| d | title | 1 | 2 | s | 2x | 2-2 | >= 4x | no |" in path.with_suffix(".md").read_text()


def test_readme_takes_the_committed_tables_between_its_markers(tmp_path):
    readme = tmp_path / "README.md"
    first, last = results.PICTURES
    readme.write_text(f"before\n{first}\n{last}\n{results.BEGIN}\nold\n{results.END}\nafter\n")
    results.save(results_of(row("measured")), tmp_path / "results" / "slug.json")
    pictures = [("avx2: ratios", "ratios-avx2.png")]
    results.update_readme(readme, tmp_path / "results", pictures)
    text = readme.read_text()
    shown = f"before\n{first}\n\n![avx2: ratios](ratios-avx2.png)\n\n{last}\n"
    assert text.startswith(f"{shown}{results.BEGIN}\n\n### slug\n")
    assert text.endswith(f"{results.END}\nafter\n")
    assert "| measured |" in text
    assert "old" not in text
    results.update_readme(readme, tmp_path / "results", pictures)
    assert readme.read_text() == text
    readme.write_text("no markers")
    with pytest.raises(ValueError, match="no place for the results"):
        results.update_readme(readme, tmp_path)


def test_the_own_readme_has_the_place():
    text = results.README.read_text(encoding="utf-8")
    assert text.index(results.BEGIN) < text.index(results.END)


def test_slugs_tell_threads_and_precisions_apart():
    machine = {**describe(), "cpu": "AMD EPYC (tm)", "cpu_capability": "AVX2", "cores": 2, "threads": 1, "gpu": ""}
    assert slug(machine, "fp32") == "amd-epyc-tm-avx2-2-cores-1-threads-fp32"
    assert slug({**machine, "limit": "avx2"}, "fp32") == "amd-epyc-tm-limited-to-avx2-2-cores-1-threads-fp32"
    assert slug({**machine, "gpu": "NVIDIA X"}, "bf16") == "amd-epyc-tm-avx2-2-cores-1-threads-nvidia-x-bf16"


# the commands


@pytest.mark.slow
@fast_only  # a mutual information of as many sentences takes the plain twin minutes
def test_isa_starts_the_libraries_of_a_new_process_with_their_limits(tmp_path, monkeypatch):
    # in that process a row says what the libraries took, and its own children inherit it
    if torch.backends.cpu.get_cpu_capability() not in ("AVX2", "AVX512"):
        pytest.skip("a processor without AVX2")
    monkeypatch.chdir(Path(__file__).parents[1])
    path = tmp_path / "out.json"
    assert bench.main(["--isa", "avx2", "--only", "memory-mi", "--quick", "--threads", "1", "--output", str(path)]) == 0
    made = results.load(path)
    assert [r.name for r in made.rows] == ["memory-mi"]
    assert (made.machine["cpu_capability"], made.machine["limit"], made.machine["flags"]) == ("AVX2", "avx2", ["avx2"])
    assert made.precision == "fp32"
    assert "-limited-to-avx2-" in made.slug
    assert "limited to avx2" in path.with_suffix(".md").read_text()


def test_isa_hands_the_other_options_and_the_exit_code_on(monkeypatch):
    seen = []

    def run(command, env, check):
        seen.append((command, {k: env[k] for k in LIMITS["avx2"]}))
        return subprocess.CompletedProcess(command, 1)

    monkeypatch.setattr(subprocess, "run", run)
    assert bench.main(["--only", "mi", "--isa", "avx2", "--strict"]) == 1
    # the three libraries' documented switches
    wanted = {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"}
    command, variables = seen.pop()
    assert command == [sys.executable, "-m", "experiments.benchmarks", "--only", "mi", "--isa", "avx2", "--strict"]
    assert variables == wanted
    assert not seen


def test_isa_that_the_processor_lacks_is_refused(monkeypatch, capsys):
    for name, value in LIMITS["avx2"].items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "DEFAULT")
    with pytest.raises(SystemExit) as stop:
        bench.main(["--isa", "avx2"])
    assert stop.value.code == 2
    assert "--isa avx2: this processor doesn't have it" in capsys.readouterr().err


def test_only_selects_rows_and_groups():
    names = {n for e in bench.selected(["remedy", "mi"], full=False) for n in e.names}
    assert names == {"remedy-bn", "remedy-free_bits", "remedy-linear_anneal", "remedy-info_mmd", "mi"}
    every = [n for e in bench.selected([], full=True) for n in e.names]
    assert len(every) == len(set(every))
    assert "compare" in every
    assert "compare" not in [n for e in bench.selected([], full=False) for n in e.names]
    assert [e.names for e in bench.selected(["compare"], full=False)] == [("compare", "compare-seconds")]
    with pytest.raises(ValueError, match="train-ptb"):
        bench.selected(["trian"], full=False)


def test_the_command_writes_its_table_and_strict_notices_a_fall(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(machine, "revision", lambda: "abc1234+")
    monkeypatch.setattr(results, "RESULTS", tmp_path / "committed")
    figure = [4.0]
    entry = bench.Entry(lambda options: [row("made", figure[0] + options.repeats)], ("made",))
    monkeypatch.setattr(bench, "ENTRIES", (entry,))
    arguments = ["--output", str(tmp_path / "out.json")]
    assert bench.main(arguments) == 0
    (made,) = results.load(tmp_path / "out.json").rows
    assert made.figure == 9.0  # 4 + 5 repeats
    assert (date.fromisoformat(made.date), made.revision) == (datetime.now(UTC).date(), "abc1234+")
    assert f"measured {made.date}, revision abc1234+" in (tmp_path / "out.md").read_text()
    assert "no committed table" in capsys.readouterr().out
    assert bench.main(["--commit"]) == 0
    assert bench.main([*arguments, "--strict"]) == 0
    assert "no ratio fell" in capsys.readouterr().out
    figure[0] = 2.0
    assert bench.main(arguments) == 0
    assert "made: 7x, committed 9x (22 % worse)" in capsys.readouterr().out
    assert bench.main([*arguments, "--strict"]) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--only", "trian"], "choose from"),
        (["--quick", "--commit"], "can't be committed"),
        (["--device", "cuda"], "torch sees no GPU here"),
    ],
)
def test_wrong_options_exit_with_2(arguments, message, capsys, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit) as stop:
        bench.main(arguments)
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


def test_quality_of_a_trained_model():
    config = quality.small_config("bn", 0, "fp32", epochs=1, sentences=64)
    assert config.corpus.valid_size == 16
    corpus = quality.load_corpus(config.corpus)
    model, best = quality.train(config, corpus)
    assert 0 < best < 20 * math.log(len(corpus.vocabulary))
    check = quality.metric_check("bn", model, corpus.test, EvaluationConfig(iw_samples=2))
    assert check.passed
    assert 0 < abs(check.figure) < 1e-3  # float32 differs from float64, by little
    assert next(model.parameters()).dtype == torch.float32


@pytest.mark.parametrize(("figure", "passed"), [(0.02, True), (-0.02, True), (0.021, False), (math.nan, False)])
def test_quality_limits(figure, passed):
    assert quality.Check("a", figure, quality.METRIC_LIMIT).passed is passed


def test_some_rows_measured_again_leave_the_others():
    old = Results("slug", {}, "fp32", (row("a", 1.0), row("b", 2.0)))
    new = Results("slug", {}, "fp32", (row("c", 4.0), row("a", 3.0)))
    assert [(r.name, r.figure) for r in results.merged(old, new).rows] == [("a", 3.0), ("b", 2.0), ("c", 4.0)]
