"""Writes what the documentation takes from other sources: `make docs`, or `python -m experiments.docs [--check]`.

README: the first table, figures of papers obtained and printed, and the methods by family. docs: the page of methods,
a card for each, what kills did, the figures behind the picture of posteriors, what the atlas says, what came of
advice, how predictions fared, the findings by protocol, papers' figures obtained and printed, what short Yelp, the
encoders on it and the embedded corpora say, what was run on which versions, and what vaecli ships of the atlas.
With ``--check`` nothing is written and a difference ends with exit code 1.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path

import pandas as pd

from experiments import posterior_spread
from experiments.advice import held, held_in_grid
from experiments.anticollapse import frontier
from experiments.atlas import summary as atlas
from experiments.atlas.flips import flips_table
from experiments.atlas.pictures import PICTURE
from experiments.atlas.ship import generated as shipped
from experiments.atlas.table import judged, read_table
from experiments.compat import summary as compat
from experiments.papers import codes, obtained, short_yelp
from experiments.predictions import surprises
from experiments.protocols import rate_sweep
from experiments.protocols import side_by_side as protocols
from experiments.synthetic import summary as synthetic
from experiments.synthetic.table import HERE as SYNTHETIC
from experiments.synthetic.table import read_table as read_synthetic
from vaecli.catalogue.cards import card, families_lines, methods_page, read_own_settings, read_summary
from vaecli.catalogue.methods_table import load_remedies, update_between_markers
from vaecli.cli.compare import DEFAULT_METHODS
from vaecli.reporting.read_results import load_results
from vaecli.reporting.render import render

ROOT = Path(__file__).resolve().parents[1]
ALL = ROOT / "experiments" / "all"
COLUMNS = "method,kl,neg_elbo,iw_nll,mi,au,verdict"
RESULTS = "<!-- results: begin -->", "<!-- results: end -->"
METHODS = "<!-- methods: begin -->", "<!-- methods: end -->"
CHAOS = "<!-- chaos: begin -->", "<!-- chaos: end -->"
SPREAD = "<!-- spread: begin -->", "<!-- spread: end -->"
EVERY = "<!-- every: begin -->", "<!-- every: end -->"
HELD_IN_GRID = "<!-- held in grid: begin -->", "<!-- held in grid: end -->"
HELD = "<!-- held: begin -->", "<!-- held: end -->"
ATLAS = "<!-- atlas: begin -->", "<!-- atlas: end -->"
FRONTIER = "<!-- frontier: begin -->", "<!-- frontier: end -->"
COMPAT = "<!-- compat: begin -->", "<!-- compat: end -->"
FLIPS = "<!-- flips: begin -->", "<!-- flips: end -->"
SCORES = "<!-- scores: begin -->", "<!-- scores: end -->"
PROTOCOLS = "<!-- protocols: begin -->", "<!-- protocols: end -->"
SWEEP = "<!-- sweep: begin -->", "<!-- sweep: end -->"
EXAMPLE = "<!-- example: begin -->", "<!-- example: end -->"
OBTAINED = "<!-- obtained: begin -->", "<!-- obtained: end -->"
CODES = "<!-- codes: begin -->", "<!-- codes: end -->"
SHORT_YELP = "<!-- short yelp: begin -->", "<!-- short yelp: end -->"
TRUTH = "<!-- synthetic: begin -->", "<!-- synthetic: end -->"
KILLED = ROOT / "experiments" / "chaos.json"


def first_table() -> str:
    """The rows of the methods that `vae compare` runs by default, in Markdown without padding and the notes below."""
    frame = load_results(ALL / "results.csv").frame
    text = render(frame[frame["method"].isin(DEFAULT_METHODS)], "markdown", COLUMNS)
    rows = (line for line in text.splitlines() if line[:1] == "|")
    return "\n".join(re.sub(r"-{4,}", "---", re.sub(" {2,}", " ", line)) for line in rows)


def chaos_table() -> str:
    """What `make chaos` wrote, in Markdown: how often whom it killed when, and what differed in the end."""
    record = json.loads(KILLED.read_text(encoding="utf-8"))
    moments = ("training", "saving", "evaluation", "tables")
    victims = list(dict.fromkeys(key.partition(", ")[0] for key in record["kills"]))
    lines = ["| killed | " + " | ".join(moments) + " |", "|---|" + "---:|" * len(moments)]
    for victim in victims:
        counts = [record["kills"].get(f"{victim}, {moment}", 0) for moment in moments]
        lines.append(f"| {victim} | " + " | ".join(map(str, counts)) + " |")
    versions = ", ".join(f"{name} {version}" for name, version in record["versions"].items())
    told = f"{record['total']} kills over {len(record['methods'])} methods, {len(record['differences'])} differences"
    names = ", ".join(f"`{name}`" for name in record["methods"])
    return "\n".join([*lines, "", f"{told} ({record['date']}, {versions}; {names})."])


def generated() -> dict[Path, bytes]:
    """Every generated file by its path; pictures are copied to where the site can show them."""
    remedies = load_remedies()
    ours, own = read_summary(ALL / "summary.csv"), read_own_settings(ALL / "all.toml")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    readme = update_between_markers(readme, first_table(), *RESULTS)
    readme = update_between_markers(readme, families_lines(remedies), *METHODS)
    if OBTAINED[0] in readme:
        readme = update_between_markers(readme, obtained.readme_table(), *OBTAINED)
    texts = {ROOT / "README.md": readme, ROOT / "docs" / "methods.md": methods_page(remedies)}
    reliability = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    texts[ROOT / "docs" / "reliability.md"] = update_between_markers(reliability, chaos_table(), *CHAOS)
    texts |= {ROOT / "docs" / "methods" / f"{name}.md": card(name, remedies, ours, own) for name in remedies}
    toy = posterior_spread.TOY
    page = ROOT / "docs" / "posterior_picture.md"
    lines = posterior_spread.spread_lines(pd.read_csv(toy / "spread.csv"))
    texts[page] = update_between_markers(page.read_text(encoding="utf-8"), lines, *SPREAD)
    every = [pd.read_csv(posterior_spread.EVERY / name) for name in ("spread.csv", "results.csv")]
    texts[page] = update_between_markers(texts[page], posterior_spread.every_lines(*every), *EVERY)
    grid = protocols.read_grid()
    for name, text, markers in (
        ("advise.md", held.page_lines(*held.read()), HELD),
        ("advise.md", held_in_grid.page_lines(*held_in_grid.read()), HELD_IN_GRID),
        ("atlas.md", atlas.page_lines(read_table()), ATLAS),
        ("compat.md", compat.page_lines(), COMPAT),
        ("surprises.md", surprises.sections(), SCORES),
        ("surprises.md", flips_table(judged(read_table())), FLIPS),
        ("anticollapse.md", frontier.page_lines(), FRONTIER),
        ("findings_by_protocol.md", protocols.page_lines(grid), PROTOCOLS),
        ("findings_by_protocol.md", rate_sweep.page_lines(rate_sweep.read_sweep()), SWEEP),
        ("protocols.md", protocols.example_line(grid), EXAMPLE),
        ("reproduce.md", obtained.docs_table(), OBTAINED),
        ("short_yelp.md", short_yelp.page_lines(*short_yelp.read()), SHORT_YELP),
        ("what_codes_remember.md", codes.page_lines(*codes.read()), CODES),
        ("synthetic.md", synthetic.page_lines(read_synthetic()), TRUTH),
    ):
        page = ROOT / "docs" / name
        whole = texts[page] if page in texts else page.read_text(encoding="utf-8")
        texts[page] = update_between_markers(whole, text, *markers)
    pictures = (
        ALL / "rate_distortion.png",
        toy / "posteriors.png",
        toy / "posteriors.gif",
        SYNTHETIC / "excess_nll.png",
    )
    images = {ROOT / "docs" / "images" / path.name: path.read_bytes() for path in pictures}
    for path in (posterior_spread.EVERY / "posteriors.png", posterior_spread.EVERY / "posteriors.gif"):
        images[ROOT / "docs" / "images" / f"all_{path.name}"] = path.read_bytes()
    if codes.PICTURE.exists():
        images[ROOT / "docs" / "images" / "codes_by_position.png"] = codes.PICTURE.read_bytes()
    if PICTURE.exists():
        images[ROOT / "docs" / "images" / atlas.IMAGE] = PICTURE.read_bytes()
    texts |= shipped(read_table())
    return {path: text.encode() for path, text in texts.items()} | images


def is_check(arguments: list[str]) -> bool:
    """Whether the command line asks to write nothing; anything that it doesn't know ends the program."""
    parser = argparse.ArgumentParser(
        "python -m experiments.docs", description="Writes what the docs take from elsewhere."
    )
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 where something would change")
    return bool(parser.parse_args(arguments).check)


def main(check: bool) -> int:
    """Writes the files, or says which are not as they would be written."""
    files = generated()
    stale = [path for path, content in files.items() if not path.is_file() or path.read_bytes() != content]
    for path in stale:
        print(f"{path.relative_to(ROOT)} {'is not what `make docs` writes' if check else 'written'}")
        if not check:
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(files[path])
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main(is_check(sys.argv[1:])))
