"""The page of an experiment: its parts, what is escaped, what is left out and why, and its size."""

import json
import random
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
from reporting.frames import table, three_methods, trial
from support import SENTENCES, TINY, write_corpus
from typer.testing import CliRunner

import vaecli
from vaecli.cli.app import app
from vaecli.config import build_config
from vaecli.core.errors import UsageError
from vaecli.remedies import REMEDIES, make_method
from vaecli.reporting.page import library
from vaecli.reporting.page.library import script_json
from vaecli.reporting.page.model_looks import LONGEST, SHOWN, STEPS, Looks, ModelLook, SplitSample
from vaecli.reporting.page.model_looks import SENTENCES as ENCODED
from vaecli.reporting.page.page_curves import thinned_indices
from vaecli.reporting.page.weight_replay import replayed_weights
from vaecli.reporting.pictures.code_positions import principal_plane
from vaecli.reporting.render import render
from vaecli.runs.folder import RunFolder, run_path

pytest.importorskip("jinja2")
pytest.importorskip("vl_convert")

BAD = "<script>alert(1)</script>"
MOST_BYTES = 3_000_000
LIBRARY_BYTES = 1_000_000


@pytest.fixture(autouse=True)
def no_library(monkeypatch):
    """Bundling takes seconds; the browser's tests have the real one."""
    monkeypatch.setattr("vaecli.reporting.page.write_page.chart_library", lambda: "/* the library */")


class Elements(HTMLParser):
    """Ids, headings and texts of a page."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.levels, self.tags, self.urls = [], [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.tags.append(tag)
        self.ids += [values["id"]] if "id" in values else []
        self.links += [values["href"][1:]] if values.get("href", "").startswith("#") else []
        self.urls += [values[name] for name in ("src", "href") if not (values.get(name) or "#").startswith("#")]
        self.levels += [int(tag[1])] if re.fullmatch("h[1-6]", tag) else []


def data_of(page, section="s1"):
    return json.loads(re.search(rf'id="{section}-data">(.*?)</script>', page, re.S)[1])


def test_a_page_is_whole_and_asks_the_network_for_nothing():
    elements = Elements(page := render(three_methods(), "html", baseline="vanilla"))
    assert page.lstrip().startswith("<!DOCTYPE html>")
    assert '<html lang="en">' in page
    assert "default-src 'none'" in page
    assert elements.urls == []
    assert len(elements.ids) == len(set(elements.ids))
    assert set(elements.links) <= set(elements.ids)
    assert {"s1-table", "s1-plane", "s1-differences", "s1-settings", "s1-failures", "environment"} <= set(
        elements.links
    )
    assert elements.levels[0] == 1
    assert all(later <= earlier + 1 for earlier, later in zip(elements.levels, elements.levels[1:], strict=False))


def test_points_lines_and_intervals_are_those_of_the_table():
    plane = data_of(render(three_methods(), "html"))["plane"]
    vanilla, bn = plane["points"]
    assert (vanilla["label"], vanilla["kl"], vanilla["kind"]) == ("vanilla", [0.01, None, None], "collapsed")
    assert bn["kl"][0] == 3
    assert bn["kl"][2] == pytest.approx(3 + 12.706 * 0.1, abs=1e-3)
    assert [(s["seed"], s["rec"]) for s in bn["seeds"]] == [(0, 18), (1, 18.4)]
    assert plane["rec_lines"] == [{"label": "lm", "value": 20, "bounded": False}]
    assert plane["frontier"] == ["vanilla", "bn"]
    assert plane["ceiling"] == 7.6


def test_cells_sort_by_their_exact_figures():
    page = render(three_methods(), "html", columns="rec,verdict")
    assert re.search(r'<td class=n data-v="18.2"><b>18.20?</b> ±', page)
    assert ">informative</td>" in page
    assert page.count("<button") == 3


def test_p_values_sort_by_what_they_are():
    drawn = [
        trial(m, s, rec=20.0 - n + 0.1 * s * (n + 1), kl=1.0) for n, m in enumerate(("vanilla", "bn")) for s in range(5)
    ]
    page = render(table(*drawn), "html", baseline="vanilla")
    row = re.search(r'<th scope="row">rec .*?</tr>', page[page.index("Differences to vanilla</h3>") :], re.S)[0]
    values = re.findall(r'<td class=n data-v="([^"]+)">', row)
    assert len(values) == 3, "pairs, difference and p"
    assert 0 < float(values[2]) < 0.01


def test_rows_of_trials_are_called_so():
    assert "A row a trial. A heading" in render(three_methods(), "html", per_trial=True)
    assert "A row a method. A heading" in render(three_methods(), "html")


def test_the_verdict_stands_behind_the_method_unless_columns_are_asked_for():
    def heads(page):
        return re.findall(r"<button type=.button.>(\w+)", page)

    assert heads(render(three_methods(), "html"))[:3] == ["method", "verdict", "seeds"]
    assert heads(render(three_methods(), "html", columns="rec,verdict")) == ["method", "rec", "verdict"]


def test_texts_of_others_stay_texts():
    frame = table(trial(BAD, rec=20.0, kl=1.0, mi=0.5, variant=f"a={BAD}", message=BAD), trial("bn", status="failed"))
    page = render(frame, "html")
    assert "alert(1)" in page
    assert BAD not in page
    assert data_of(page)["labels"][0] == BAD
    assert Elements(page).tags.count("script") == 3


def test_json_in_a_script_ends_it_nowhere():
    text = script_json({"a": "</script><!--\u2028", "b": [1 / 3, 2.0, None, 1e300]})
    assert not re.search("[<>&\u2028]", text)
    assert json.loads(text) == {"a": "</script><!--\u2028", "b": [0.33333, 2, None, 1e300]}


def test_a_missing_package_is_named_with_its_command(monkeypatch):
    monkeypatch.setattr(library, "find_spec", lambda name: None if name == "vl_convert" else name)
    with pytest.raises(UsageError, match=r"needs vl-convert-python: pip install 'vaecli\[html\]'"):
        render(three_methods(), "html")


def test_the_option_of_pages_is_refused_elsewhere(tmp_path):
    result = CliRunner().invoke(app, ["report", str(tmp_path), "--without-models"])
    assert isinstance(result.exception, UsageError)
    assert "--format html" in str(result.exception)


@pytest.mark.parametrize(("count", "most"), [(5, 10), (100, 10), (101, 100), (2, 2)])
def test_long_histories_keep_their_ends(count, most):
    kept = thinned_indices(count, most)
    assert (kept[0], kept[-1]) == (0, count - 1)
    assert len(kept) == min(count, most)


def test_the_plane_of_one_dimension_and_of_no_variance():
    codes, shares, deviation = principal_plane(np.array([[1.0], [4.0]]))
    assert sorted(codes.tolist()) == [[-1.5, 0.0], [1.5, 0.0]]
    assert (shares, deviation) == ((1.0, 0.0), pytest.approx(4.5**0.5))
    _, shares, deviation = principal_plane(np.ones((3, 2)))
    assert (shares, deviation) == ((0.0, 0.0), 0.0)


def test_the_plane_is_that_of_the_largest_variance():
    means = np.array([[0.0, 3.0, 0.1], [0.0, -3.0, 0.1], [1.0, 0.0, -0.1], [-1.0, 0.0, -0.1]])
    codes, shares, _ = principal_plane(means)
    assert [abs(x) for x, _ in codes] == pytest.approx([3, 3, 0, 0], abs=1e-9)
    assert shares == pytest.approx((18 / 20.04, 2 / 20.04))


def history_row(epoch, n):
    draw = random.Random(n)
    figures = {
        name: draw.gauss(20, 5) for name in ("train_loss", "train_nll", "train_kl", "rec", "kl", "neg_elbo", "mi")
    }
    row = {"epoch": epoch, "phase": "train", "steps": 250 * epoch, "learning_rate": 0.001, "kl_weight": draw.random()}
    return row | figures | {"train_extra": 0.0, "marginal_kl": draw.random(), "au": 32, "train_seconds": 1.5 * epoch}


def write_runs(out, methods, seeds, epochs):
    """Run folders as trials leave them, without checkpoints."""
    for number, method in enumerate(methods):
        for seed in range(seeds):
            config = build_config({"experiment": "grid", "method": method, "training": {"seed": seed}})
            folder = RunFolder(run_path(out, "grid", method, seed)).create(config)
            draw = random.Random(f"{number} {seed}")
            rec, kl = 20 + draw.random(), 5 * draw.random()
            kls = [draw.random() for _ in range(32)]
            figures = {"sentences": 2000, "rec": rec, "kl": kl, "neg_elbo": rec + kl, "mi": kl / 2, "mi_ceiling": 7.6}
            folder.write_metrics({"values": figures, "per_dimension": {"kl": kls}})
            rows = [history_row(epoch, epoch + 100 * seed + 1000 * number) for epoch in range(1, epochs + 1)]
            header = ",".join(rows[0])
            lines = [",".join(map(str, row.values())) for row in rows]
            folder.history_path.write_text("\n".join([header, *lines]) + "\n")
            folder.update(status="done", corpus={"name": "toy", "fingerprint": "f" * 64})
    return out / "grid"


def report(folder, *words):
    result = CliRunner().invoke(app, ["report", str(folder), "--format", "html", *words])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_curves_dimensions_and_settings_come_from_the_run_folders(tmp_path):
    folder = write_runs(tmp_path, ["vanilla", "bn"], 2, 3)
    page = report(folder, "--without-models").stdout
    data = data_of(page)
    assert len(data["curves"]["trials"]) == 4
    assert {"neg_elbo", "train_loss", "kl_weight", "au"} <= set(data["curves"]["columns"])
    first = RunFolder(folder / "bn" / "seed-0").history()
    assert data["curves"]["trials"][0]["values"]["rec"] == pytest.approx([row["rec"] for row in first], rel=1e-4)
    assert data["curves"]["trials"][0]["values"]["au"] == 32  # one that stays the same is one figure
    for row in data["dimensions"]:
        assert row["kl"] == sorted(row["kl"], reverse=True)
        assert row["seeds"] == 2
    assert data["gains"] is None
    assert "s1-gains" not in page
    assert "--without-models leaves the checkpoints alone" in page
    assert "training.learning_rate" in page
    assert "No trial failed or diverged" in page


def test_what_z_is_worth_by_position_is_drawn_for_the_runs_that_were_measured(tmp_path):
    """On 50 positions of which 40 are drawn; the gain at position n is n less 1 against another's code."""
    folder = write_runs(tmp_path, ["bn"], 2, 1)
    one = RunFolder(folder / "bn" / "seed-1")
    losses = {"posterior": [1.0] * 50, "shuffled": [float(n) for n in range(1, 51)], "prior": [1.5] * 50}
    one.write_metrics(one.metrics() | {"decoder_use": {"position_counts": [9] * 50, "position_nll": losses}})
    page = report(folder, "--without-models").stdout
    gains = data_of(page)["gains"]
    (run,) = gains["runs"]
    assert (data_of(page)["labels"][run["m"]], run["seed"], gains["thinned"]) == ("bn", 1, 1)
    assert (run["positions"][0], run["positions"][-1], len(run["positions"])) == (1, 50, 40)
    assert run["gains"]["shuffled"] == [n - 1.0 for n in run["positions"]]
    assert set(run["gains"]["prior"]) == {0.5}
    assert '<h3 id="s1-gains">' in page
    assert ">another sentence&#39;s posterior</option>" in page
    assert page.count('<th scope="row">bn</th><td>1</td>') == 2, "a row a kind"
    assert '<td class="n">49</td>' in page


def test_without_models_torch_stays_unimported(tmp_path):
    folder = write_runs(tmp_path, ["bn"], 1, 2)
    words = ["report", str(folder), "-o", str(tmp_path / "p.html"), "--without-models"]
    code = (
        "import sys; from typer.testing import CliRunner; from vaecli.cli.app import app;"
        "import vaecli.reporting.page.write_page as page; page.chart_library = lambda: '';"
        f"r = CliRunner().invoke(app, {words}); assert r.exit_code == 0, r.exception;"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert "Published figures beside ours" in (tmp_path / "p.html").read_text(encoding="utf-8")


def test_published_figures_stand_beside_ours(tmp_path):
    page = report(write_runs(tmp_path, ["bn"], 2, 1), "--without-models").stdout
    ours, printed = page.index(">ours</th>"), page.index("Zhu et al. 2020")
    assert ours < printed


def test_failures_are_told_with_their_messages(tmp_path):
    folder = write_runs(tmp_path, ["vanilla", "bn"], 1, 1)
    RunFolder(folder / "bn" / "seed-0").update(status="failed", message="step 3: <b>boom")
    page = report(folder, "--without-models").stdout
    assert "failed: bn seed 0: step 3: &lt;b&gt;boom" in page


def test_a_table_alone_gives_a_page_of_what_is_there(tmp_path):
    three_methods().to_csv(tmp_path / "results.csv", index=False)
    page = report(tmp_path / "results.csv").stdout
    assert "there is no run folder beside these results" in page
    assert "settings: not in these results" in page


def many_looks(sections):
    """The most that models can show."""
    text, draw = ("wörter und < " * 40)[:LONGEST], random.Random(0)
    looks = Looks(SplitSample("test", 2000, (text,) * ENCODED, (1,) * ENCODED, ("a", "b"), "topic"))
    for number in range(len(sections[0])):
        codes = tuple((draw.gauss(0, 1), draw.gauss(0, 1)) for _ in range(ENCODED))
        shown = ((text,) * SHOWN, (text,) * SHOWN, (text,) * STEPS)
        looks.by_row[number] = ModelLook(0, {"bn.gamma": 0.6}, codes, (0.5, 0.2), 1.0, *shown)
    return [looks]


@pytest.mark.slow
def test_46_methods_of_3_seeds_stay_below_3_mb(tmp_path, monkeypatch):
    """Histories of 60 epochs, 32 dimensions, and sentences as long as any that is shown."""
    monkeypatch.setattr("vaecli.reporting.page.look_progress.looks_of", many_looks)
    methods = list(REMEDIES)[:46]
    assert len(methods) == 46
    page = report(write_runs(tmp_path, methods, 3, 60)).stdout
    assert len(data_of(page)["codes"]["methods"]) == 46
    assert len(data_of(page)["curves"]["trials"]) == 138
    assert len(page.encode()) + LIBRARY_BYTES < MOST_BYTES


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Three methods on a labelled corpus in which a word is markup."""
    base = tmp_path_factory.mktemp("page")
    corpus = write_corpus(base / "toy")
    for part in ("train", "valid", "test"):
        lines = [f"{n % 2}\t{sentence} <script>" for n, sentence in enumerate(SENTENCES * 3)]
        (corpus / f"{part}.txt").write_text("\n".join(lines) + "\n")
    for method in ("lm", "bn", "cyclical"):
        vaecli.train(method, corpus, settings=TINY, out=base / "runs", name="toy")
    return base / "runs" / "toy"


def test_models_show_codes_sentences_and_schedules(trained):
    page = report(trained).stdout
    data = data_of(page)
    assert sorted(data["labels"][c["m"]] for c in data["codes"]["methods"]) == ["bn", "cyclical"]
    assert len(data["codes"]["texts"]) == 18
    assert set(data["codes"]["names"]) == {"0", "1"}
    assert any("<script>" in text for text in data["codes"]["texts"])
    assert "&lt;script&gt;" in page
    assert Elements(page).tags.count("script") == 3
    assert "bn.gamma = 0.6" in page
    codes = vaecli.load(trained / "bn" / "seed-0").encode([data["codes"]["texts"][0]])
    assert codes.shape == (1, 2)


def test_codes_on_the_plane_keep_the_distances_of_two_dimensions(trained):
    data = data_of(report(trained).stdout)
    bn = next(c for c in data["codes"]["methods"] if data["labels"][c["m"]] == "bn")
    codes = vaecli.load(trained / "bn" / "seed-0").encode(data["codes"]["texts"][:2])
    (a, b), (c, d) = bn["xy"][:2]
    assert ((a - c) ** 2 + (b - d) ** 2) ** 0.5 == pytest.approx(((codes[0] - codes[1]) ** 2).sum() ** 0.5, rel=1e-2)
    assert sum(bn["shares"]) == pytest.approx(1, abs=1e-4)


def test_a_schedule_is_replayed_between_the_validations(trained):
    data = data_of(report(trained).stdout)
    (replay,) = [w for w in data["weights"] if data["labels"][w["m"]] == "cyclical"]
    history = RunFolder(trained / "cyclical" / "seed-0").history()
    assert len(replay["steps"]) == history[-1]["steps"] > len(history)
    schedule = dict(zip(replay["steps"], replay["weights"], strict=True))
    assert all(schedule[row["steps"]] == pytest.approx(row["kl_weight"]) for row in history)


def test_a_replay_that_misses_the_history_is_dropped(trained):
    history = RunFolder(trained / "cyclical" / "seed-0").history()
    method = make_method("cyclical")
    assert replayed_weights(method, history, 2) is not None
    assert replayed_weights(method, [{**row, "kl_weight": 0.123} for row in history], 2) is None
    assert replayed_weights(make_method("control"), history, 2) is None
    assert replayed_weights(make_method("bn"), history, 2) is None


def test_a_model_that_cannot_be_read_is_left_out_with_the_reason(trained, tmp_path):
    copy = tmp_path / "toy"
    shutil.copytree(trained, copy)
    (weights,) = (copy / "bn" / "seed-0" / "checkpoint").glob("best*")
    shutil.rmtree(weights) if weights.is_dir() else weights.unlink()
    page = report(copy).stdout
    data = data_of(page)
    assert [data["labels"][c["m"]] for c in data["codes"]["methods"]] == ["cyclical"]
    assert re.search("codes and sentences of bn: .*best", page)


def test_an_output_file_ends_in_html_and_is_kept(trained, tmp_path):
    file = tmp_path / "report.html"
    first = CliRunner().invoke(app, ["report", str(trained), "-o", str(file), "--without-models"])
    assert first.exit_code == 0
    assert file.read_text(encoding="utf-8").rstrip().endswith("</html>")
    again = CliRunner().invoke(app, ["report", str(trained), "-o", str(file), "--without-models"])
    assert isinstance(again.exception, UsageError)
