"""The pictures of the benchmarks show what the tables say, and the committed ones are of the committed tables."""

import json
import shutil

import pytest

from experiments.benchmarks import __main__ as bench
from experiments.benchmarks import plot, results
from experiments.benchmarks.machine import isa
from experiments.benchmarks.results import Results, Row

MACHINE = {
    "cpu": "AMD EPYC",
    "cores": 2,
    "flags": ["avx2"],
    "cpu_capability": "AVX2",
    "gpu": "",
    "system": "Linux",
    "python": "3.11.7",
    "torch": "2.13.0",
    "threads": 1,
}
FLOOR = {"gemm_fp32_gflops": 80.0, "mflop_per_token": 20.0, "floor_tokens_per_s": 6000.0, "fraction_of_floor": 0.5}
FAST = Row("train-ptb", "t", "tokens/s", 2000.0, 3000.0, 1.5, 1.6, spread=(1.4, 1.7), detail=FLOOR)
LIGHT = Row("memory-mi", "t", "MB", 100.0, 10.0, 0.1, 0.25, at_least=False)
ABSOLUTE = Row("help", "t", "s", None, 0.2, 0.2, 0.3, at_least=False)
ON_GPU = Row("mi-cuda", "t", "s", 1.0, 0.5, 2.0, 10.0)
TWO_BUILDS = Row("revision-trial", "t", "s", 2.0, 1.0, 2.0, 1.6, detail={"against": "0123456789ab"})


def table(*rows, slug="slug", **machine):
    return Results(slug, MACHINE | machine, "fp32", rows)


def test_ratios_are_drawn_with_range_floor_and_target_the_better_ones_above():
    drawn = plot.marks([LIGHT, ABSOLUTE, FAST, TWO_BUILDS])
    assert drawn == [
        plot.Mark("train-ptb", 1.5, 1.4, 1.7, 1.6, True, 3.0),  # a floor of 6,000 over 2,000 tokens/s
        plot.Mark("revision-trial (0123456)", 2.0, 2.0, 2.0, 1.6, True, None),
        plot.Mark("memory-mi", 0.1, 0.1, 0.1, 0.25, False, None),
    ]
    assert [mark.met for mark in drawn] == [False, True, True]


@pytest.mark.parametrize(
    ("flags", "capability", "name"),
    [
        (["avx2"], "AVX2", "avx2"),
        (["avx2", "avx512f"], "AVX512", "avx512"),
        (["avx2", "avx512f", "avx512_bf16"], "AVX512", "avx512-bf16"),
        (["avx2", "avx512f", "avx512_bf16", "amx_bf16", "amx_tile"], "AVX512", "amx"),
        ([], "DEFAULT", "default"),
    ],
)
def test_an_isa_is_the_newest_that_a_processor_has(flags, capability, name):
    assert isa({"flags": flags, "cpu_capability": capability}) == name


def test_a_picture_an_isa_and_a_panel_a_table():
    gpu = table(FAST, ON_GPU, slug="with-gpu", gpu="NVIDIA X")
    panels = plot.panels([table(FAST), table(ABSOLUTE, slug="no-ratio"), gpu])
    assert {name: [panel.slug for panel in drawn] for name, drawn in panels.items()} == {
        "avx2": ["slug", "with-gpu"],
        "cuda": ["with-gpu"],
    }
    assert [mark.name for mark in panels["cuda"][0].marks] == ["mi-cuda"]
    assert panels["cuda"][0].title.startswith("NVIDIA X (AMD EPYC, 2 cores, 1 thread)")
    assert "NVIDIA" not in panels["avx2"][1].title


def test_a_title_names_machine_dates_and_revisions():
    older = Row("mi", "t", "s", 1.0, 0.5, 2.0, 10.0, date="2026-11-25", revision="aaaaaaa")
    newer = Row("iw-ptb", "t", "s", 1.0, 0.5, 2.0, 10.0, date="2026-11-29", revision="bbbbbbb")
    (panel,) = plot.panels([table(older, newer, limit="avx2")])["avx2"]
    assert panel.title == (
        "AMD EPYC, limited to avx2, 2 cores, 1 thread, torch 2.13.0, training in fp32\n"
        "measured 2026-11-25 to 2026-11-29, revisions aaaaaaa, bbbbbbb"
    )
    (panel,) = plot.panels([table(FAST)])["avx2"]
    assert panel.title.endswith("\ndate and revision not recorded")


def drawn_at(axes, marker):
    """The x of all marks of a shape in a panel; circles are told from diamonds and lines by their paths."""
    vertices = {"o": 26, "D": 5, "|": 2}[marker]
    marks = [c for c in axes.collections if len(c.get_paths()[0].vertices) == vertices]
    return [float(c.get_offsets()[0][0]) for c in marks]


def test_marks_lie_where_the_figures_say():
    drawn = plot.panels([table(FAST, LIGHT)])["avx2"]
    (axes,) = plot.figure_of("avx2", drawn).axes
    assert drawn_at(axes, "o") == [1.5, 0.1]
    assert drawn_at(axes, "|") == [1.6, 0.25]
    assert drawn_at(axes, "D") == [3.0]
    ranges = [line.get_xdata() for line in axes.lines if line.get_linewidth() == 4]
    assert [list(map(float, x)) for x in ranges] == [[1.4, 1.7], [0.1, 0.1]]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["train-ptb", "memory-mi"]
    assert axes.get_xscale() == "log"
    low, high = axes.get_xlim()
    assert low < 0.1 < 3.0 < high
    assert [t.get_text() for t in axes.texts if "wanted" in t.get_text()] == [
        "1.5x, wanted >= 1.6x",
        "0.1x, wanted <= 0.25x",
    ]


def test_pictures_hold_their_values_and_go_with_their_tables(tmp_path):
    results.save(table(FAST), tmp_path / "results" / "slug.json")
    (tmp_path / "ratios-amx.png").write_bytes(b"of a table that is gone")
    (tmp_path / "other.png").write_bytes(b"")
    assert plot.draw_all(tmp_path / "results", tmp_path) == ["avx2"]
    assert sorted(path.name for path in tmp_path.glob("*.png")) == ["other.png", "ratios-avx2.png"]
    ((slug, title, (mark,)),) = json.loads(plot.picture_values(tmp_path / "ratios-avx2.png"))
    assert (slug, title.split(",")[0]) == ("slug", "AMD EPYC")
    assert mark == {
        "name": "train-ptb",
        "figure": 1.5,
        "low": 1.4,
        "high": 1.7,
        "target": 1.6,
        "at_least": True,
        "floor": 3.0,
    }


def test_the_committed_pictures_are_of_the_committed_tables():
    tables = [results.load(path) for path in sorted(results.RESULTS.glob("*.json"))]
    panels = plot.panels(tables)
    assert sorted(path.name for path in results.HERE.glob("ratios-*.png")) == list(map(plot.picture_name, panels))
    for name, drawn in panels.items():
        path = results.HERE / plot.picture_name(name)
        assert plot.picture_values(path) == plot.values(drawn), f"{path.name}: run the benchmarks with --readme"
        assert path.stat().st_size < 150_000


def test_the_committed_readme_begins_with_the_pictures_and_is_what_readme_writes(tmp_path):
    text = results.README.read_text(encoding="utf-8")
    assert text.startswith(f"# Benchmarks\n\n{results.PICTURES[0]}\n\n![")
    shutil.copy(results.README, tmp_path)
    shutil.copytree(results.RESULTS, tmp_path / "results")
    bench.write_readme(tmp_path / results.README.name, tmp_path / "results")
    assert (tmp_path / results.README.name).read_text(encoding="utf-8") == text
    for path in results.RESULTS.glob("*.json"):
        assert path.with_suffix(".md").read_text(encoding="utf-8") == results.to_markdown(results.load(path))


def test_readme_alone_measures_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(bench, "measure", lambda *_: pytest.fail("it measured"))
    called = []
    monkeypatch.setattr(bench, "write_readme", lambda: called.append(True))
    assert bench.main(["--readme"]) == 0
    assert called == [True]
