"""The page in headless Chromium: a silent console, charts drawn, sorting and hovering, texts that stay texts."""

import base64
import json
import re
import shutil
import subprocess

import pytest
from reporting.test_page import BAD, LIBRARY_BYTES, report, write_runs
from support import SENTENCES, TINY, write_corpus

import vaecli
from vaecli.remedies import REMEDIES
from vaecli.reporting.page.library import chart_library
from vaecli.runs.folder import RunFolder

pytest.importorskip("jinja2")
pytest.importorskip("vl_convert")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")]

DRIVER = """
<script>
window.seen = {};
const wait = (ms) => new Promise((done) => setTimeout(done, ms));
const first = (table) => Array.from(table.tBodies[0].rows).map((row) => row.cells[0].textContent);
const tooltip = () => { const box = document.getElementById("vg-tooltip-element"); return box ? box.innerText : ""; };
function hover(mark) {
  const box = mark.getBoundingClientRect();
  const at = { bubbles: true, clientX: box.x + box.width / 2, clientY: box.y + box.height / 2 };
  for (const kind of ["pointerover", "pointermove", "mouseover", "mousemove"]) {
    mark.dispatchEvent(new (kind.startsWith("p") ? PointerEvent : MouseEvent)(kind, at));
  }
}
(async () => {
  for (let n = 0; n < 200 && !document.documentElement.dataset.drawn; n++) await wait(50);
  seen.drawn = document.documentElement.dataset.drawn;
  seen.charts = document.querySelectorAll(".plot svg.marks").length;
  seen.plots = document.querySelectorAll(".plot").length;
  const table = document.querySelector("table.sortable");
  const heads = Array.from(table.tHead.rows[0].cells);
  const kl = heads.findIndex((head) => head.textContent.startsWith("kl"));
  seen.before = first(table);
  heads[kl].querySelector("button").click();
  seen.up = [first(table), heads[kl].getAttribute("aria-sort")];
  heads[kl].querySelector("button").click();
  seen.down = [first(table), heads[kl].getAttribute("aria-sort")];
  seen.said = document.getElementById("sorted").textContent;
  const point = document.querySelector('.plot[data-axis="rec"] [aria-roledescription="point"]');
  seen.label = point.getAttribute("aria-label");
  hover(point);
  await wait(300);
  seen.tooltip = tooltip();
  const chosen = document.getElementById("s1-chosen");
  chosen.value = chosen.options[1].value;
  chosen.dispatchEvent(new Event("change"));
  seen.told = document.getElementById("s1-told").textContent;
  const column = document.getElementById("s1-column");
  if (column) {
    column.value = "train_loss";
    column.dispatchEvent(new Event("change"));
    await wait(500);
    seen.axis = document.querySelector("#s1-plot-curves svg.marks").textContent;
    const details = document.querySelector("details[data-curve-table]");
    details.open = true;
    await wait(100);
    seen.lasts = details.querySelectorAll("tbody tr").length;
  }
  const codes = document.querySelector("#s1-plot-codes .mark-symbol path");
  if (codes) { hover(codes); await wait(300); seen.code = tooltip(); }
  seen.wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  seen.scripts = document.querySelectorAll("main script").length;
  const out = document.createElement("pre");
  out.id = "seen"; out.textContent = btoa(unescape(encodeURIComponent(JSON.stringify(seen))));
  document.body.append(out);
})();
</script>
"""


def open_page(file, *options):
    """The document after its scripts, and the lines of the console."""
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--v=0"]
    command += ["--dump-dom", "--virtual-time-budget=30000", f"--user-data-dir={file.parent / 'profile'}"]
    result = subprocess.run([*command, *options, file.as_uri()], capture_output=True, text=True, timeout=120)
    return result.stdout, [line for line in result.stderr.splitlines() if "CONSOLE" in line]


def browse(page, folder, *options):
    """What the driver saw on a page, and the lines of the console."""
    file = folder / "driven.html"
    whole, end, rest = page.rpartition("</body>")
    file.write_text(whole + DRIVER + end + rest, encoding="utf-8")
    document, console = open_page(file, *options)
    match = re.search(r'<pre id="seen">([^<]+)</pre>', document)
    assert match, console
    return json.loads(base64.b64decode(match[1])), console


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """Of three methods trained on a labelled corpus in which a word is markup."""
    base = tmp_path_factory.mktemp("browser")
    corpus = write_corpus(base / "toy")
    for part in ("train", "valid", "test"):
        lines = [f"{n % 2}\t{sentence} {BAD}" for n, sentence in enumerate(SENTENCES * 3)]
        (corpus / f"{part}.txt").write_text("\n".join(lines) + "\n")
    for method in ("lm", "vanilla", "bn", "beta"):
        for seed in range(2):
            vaecli.train(method, corpus, settings=TINY, seed=seed, out=base / "runs", name="toy")
    one = RunFolder(base / "runs" / "toy" / "bn" / "seed-0")
    losses = {"posterior": [1.0, 2.0, 3.0], "shuffled": [3.0, 2.5, 3.0], "prior": [4.0, 3.0, 3.0]}
    one.write_metrics(one.metrics() | {"decoder_use": {"position_counts": [9, 9, 9], "position_nll": losses}})
    return report(base / "runs" / "toy").stdout


@pytest.mark.parametrize("options", [["--window-size=1400,1000"], ["--window-size=500,900"], ["--force-dark-mode"]])
def test_the_page_works_without_a_word_on_the_console(page, tmp_path, options):
    seen, console = browse(page, tmp_path, *options)
    assert console == []
    assert seen["drawn"] == "yes"
    assert seen["charts"] == seen["plots"] == 7
    assert seen["scripts"] == 0
    assert seen["wide"] <= 0


def test_sorting_hovering_and_choosing(page, tmp_path):
    seen, _ = browse(page, tmp_path)
    assert set(seen["before"]) == {"lm", "vanilla", "bn", "beta"}
    (up, ascending), (down, descending) = seen["up"], seen["down"]
    assert (ascending, descending) == ("ascending", "descending")
    assert up[:3] == down[:3][::-1]
    assert up[-1] == down[-1] == "lm"  # undefined, last either way
    assert seen["said"].startswith("Sorted by kl")
    name, _, figures = seen["label"].partition(": ")
    assert name in seen["tooltip"]
    assert "kl" in figures
    assert "2 seeds" in figures
    assert all(word in seen["tooltip"] for word in ("kl", "rec", "settings", "verdict"))
    assert re.match(r"(beta|bn|vanilla): .*kl .*rec .*2 seeds", seen["told"])
    assert "train_loss" in seen["axis"]
    assert seen["lasts"] == 8


def test_markup_in_the_corpus_stays_text_in_charts_too(page, tmp_path):
    seen, console = browse(page, tmp_path)
    assert "<script>alert" in seen["code"]
    assert console == []


def test_the_library_is_below_what_the_size_of_a_page_allows_for():
    assert len(chart_library().encode()) < LIBRARY_BYTES


def test_a_page_of_46_methods_is_drawn(tmp_path):
    page = report(write_runs(tmp_path, list(REMEDIES)[:46], 3, 20), "--without-models").stdout
    seen, console = browse(page, tmp_path)
    assert console == []
    assert (seen["drawn"], seen["charts"]) == ("yes", seen["plots"])


@pytest.mark.parametrize("methods", [["lm"], ["vanilla"]])
def test_a_page_of_one_method_is_drawn(methods, tmp_path):
    folder = write_runs(tmp_path, methods, 1, 1)
    if methods == ["lm"]:
        RunFolder(folder / "lm" / "seed-0").write_metrics({"values": {"rec": 20.0, "neg_elbo": 20.0}})
    file = tmp_path / "page.html"
    file.write_text(report(folder, "--without-models").stdout, encoding="utf-8")
    document, console = open_page(file)
    assert 'data-drawn="yes"' in document
    assert console == []


def test_ten_updates_are_written_as_10(page, tmp_path):
    file = tmp_path / "page.html"
    file.write_text(page, encoding="utf-8")
    document, _ = open_page(file)
    assert re.search(r"<text[^>]*>10</text>", document)
    assert not re.search(r"<text[^>]*>1e\+\d</text>", document)
