"""Links of every page lead somewhere, anchors included; figures of experiments/README.md are those of its files."""

import csv
import json
import re
from pathlib import Path

import pytest

from vaecli.catalogue.update_times import load_update_times

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    path
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "experiments").rglob("*.md"))
    if "results" not in path.parts
)
EXPERIMENTS = " ".join((ROOT / "experiments" / "README.md").read_text(encoding="utf-8").split())


def prose(page):
    """A page without its blocks of code."""
    return re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.S | re.M)


def anchors(page):
    """What the links of a page may end in: its headings as GitHub and the site spell them, and anchors of its own."""
    text = prose(page)
    headings = re.findall(r"^#+ +(.*)$", text, flags=re.M)
    plain = [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower() for heading in headings]
    slugs = [re.sub(r"[^\w -]", "", heading).replace(" ", "-") for heading in plain]
    return {*slugs, *re.findall(r'<a id="([^"]+)"', text)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"https?:|mailto:", link):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("name", ["advice.json", "before_grid.json"])
def test_advice_is_from_as_many_trials_as_is_said(name):
    trials = json.loads((ROOT / "experiments" / "advice" / name).read_text(encoding="utf-8"))["trials"]
    assert re.search(rf"`{name}`.*? from ([\d,]+) trials", EXPERIMENTS)[1] == f"{trials:,}"


def test_what_updates_take_is_what_was_measured():
    said = re.search(
        r"an update of `info_js` or `wae_s` takes ([\d.]+) times .* and one of `dg` ([\d.]+) times", EXPERIMENTS
    )
    measured = {name: f"{load_update_times()[name].ratio:.1f}" for name in ("info_js", "wae_s", "dg")}
    assert measured == {"info_js": said[1], "wae_s": said[1], "dg": said[2]}


def test_how_well_the_entropy_of_the_embedded_corpus_is_known():
    with open(ROOT / "experiments" / "synthetic" / "truth.csv", encoding="utf-8", newline="") as file:
        rows = {(row["corpus"], row["quantity"]): row for row in csv.DictReader(file)}
    page = (ROOT / "docs" / "first_table.md").read_text(encoding="utf-8")
    told = re.search(r"entropy is known within a standard error of ([\d.]+) nats", page)[1]
    assert told == f"{float(rows['synthetic', 'H(x)']['se']):.3f}"
