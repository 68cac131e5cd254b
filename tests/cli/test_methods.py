"""`vae methods`: the list, one method, JSON, Markdown, wrong names."""

from __future__ import annotations

import json
import subprocess
import sys

import pandas as pd
import pytest
import typer
from atlas_law import law_table
from support import offer, plant
from typer.testing import CliRunner

from vaecli import __version__
from vaecli.atlas import trials_table
from vaecli.atlas.sensitivity import LEAST
from vaecli.catalogue.methods_table import methods_markdown_table
from vaecli.catalogue.update_times import load_update_times
from vaecli.cli.methods import methods
from vaecli.core.errors import UsageError
from vaecli.remedies import ALIASES, REMEDIES, method_names, plugins


def run(*arguments, **environment):
    app = typer.Typer()
    app.command()(methods)
    result = CliRunner().invoke(app, arguments, env=environment)
    if isinstance(result.exception, Exception):
        raise result.exception
    return result.stdout


def test_the_list_names_every_method_and_the_aliases():
    lines = run(COLUMNS="200").splitlines()
    assert [name for name in REMEDIES if not any(line.startswith(f"{name} ") for line in lines)] == []
    assert "  vae = vanilla: Kingma & Welling 2014" in lines
    notes = [line for line in lines[lines.index("aliases:") + 1 :] if line.startswith("  ")]
    assert [note.split()[0] for note in notes] == list(ALIASES)


def test_one_method_shows_where_it_differs_from_its_authors():
    head = "differs from its paper or its authors' code:"
    lines = run("semi_amortized", COLUMNS="80").splitlines()
    after = lines[lines.index(head) + 1 :]
    assert after[0].startswith("  - a sentence is clipped by the length of its own gradient")
    assert after[1].startswith("    "), "further lines stand under the first word"
    assert head not in run("vanilla")
    (values,) = json.loads(run("dg", "--json"))
    assert len(values["deviations"]) == 3


def test_long_defaults_are_cut():
    assert "semi_amortized.clip = 28.2843 (x > 0)" in run("semi_amortized", COLUMNS="100")


def test_json_lists_all_methods():
    values = json.loads(run("--json"))
    assert [item["name"] for item in values] == method_names()
    keys = {"name", "title", "paper", "year", "owns", "needs", "version", "cost", "hyper_parameters", "equation"}
    assert all(keys <= set(item) for item in values)
    assert run("--format", "json") == run("--json")


def test_one_method_shows_equation_ranges_partners_and_reference():
    text = " ".join(run("linear_anneal").split())  # long lines are wrapped at the width of the terminal
    assert "equation: w(s) = min(1, start + s (1 - start) / S)" in text
    assert "linear_anneal.start = 0.0 (0 <= x <= 1): weight at the first step" in text
    composes, clashes = text.split("composes with: ")[1].split("clashes with: ")
    assert "bn," in composes
    assert "both change kl_weight: ae, beta, " in clashes
    assert "needs a latent variable: lm" in clashes
    assert "takes away a latent variable: beta, linear_anneal, " in " ".join(run("lm").split())
    assert "reference: Bowman et al. (2016), Generating Sentences from a Continuous Space, arXiv:1511.06349" in text


def test_an_alias_and_a_composition_are_understood():
    assert run("vae") == run("vanilla")
    assert [item["name"] for item in json.loads(run("linear_anneal+bn", "--json"))] == ["bn", "linear_anneal"]
    assert run("bn_vae") == run("bn+linear_anneal")


def test_markdown_is_the_table_of_the_readme():
    if method_names() == list(REMEDIES):  # no other package adds a method here
        assert run("--format", "markdown") == methods_markdown_table() + "\n"
    (row,) = run("bn", "--format", "markdown").splitlines()[2:]
    rows = [" ".join(line.split()) for line in run("--format", "markdown").splitlines()]
    assert " ".join(row.split()) in rows


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["linear_aneal"], r"unknown method 'linear_aneal' \(METHOD\): did you mean 'linear_anneal'\?"),
        (["--format", "mardown"], r"unknown format 'mardown' \(--format\): did you mean 'markdown'\?"),
        (["--json", "--format", "markdown"], "exclude each other"),
        (["--papers", "--format", "markdown"], "--papers: no markdown of it"),
        (["--papers", "--sensitivity"], "--papers and --sensitivity are two tables"),
        (["beta+linear_anneal"], "both change 'kl_weight'"),
    ],
)
def test_what_a_user_can_get_wrong(arguments, message):
    with pytest.raises(UsageError, match=message):
        run(*arguments)


@pytest.mark.parametrize("arguments", [[], ["bn"], ["lm"]])
def test_a_narrow_terminal_without_utf8(arguments):
    text = run(*arguments, COLUMNS="20", NO_COLOR="1")
    assert max(map(len, text.splitlines())) <= 20
    assert "\x1b" not in text


def test_a_broken_method_of_another_package_does_not_hide_the_others(monkeypatch, capsys):
    offer(monkeypatch, theirs="no_such_package:Theirs")
    methods()
    captured = capsys.readouterr()
    assert "bn " in captured.out
    told = "method 'theirs' can't be loaded: package their-package 1.0 (no module no_such_package): ModuleNotFoundError"
    assert told in captured.err
    with pytest.raises(UsageError, match="'theirs' can't be loaded"):
        methods("theirs")


def test_the_command_imports_nothing_heavy_before_it_runs():
    code = "import sys, vaecli.cli.methods, vaecli.cli.report; print({'torch', 'pandas', 'scipy'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


def test_one_method_shows_the_figures_in_print():
    text = " ".join(run("bn").split())
    assert "Zhu et al. 2020, arXiv:2004.12585, Tables 1 and 8 (500 samples, mean of 5 runs):" in text
    assert "bn+linear_anneal on Yahoo, gamma=0.6: nll 326.7 (iw), kl 6.2, mi 5.6, au 32" in text
    assert "published figures: none; the paper's tables were not obtained" in " ".join(run("control").split())
    (values,) = json.loads(run("control", "--json"))
    assert (values["published"], values["no_published_figures"]) == ([], "the paper's tables were not obtained")


def test_a_remedy_of_another_package_is_listed_with_it(monkeypatch, tmp_path, capsys):
    source = 'from vaecli.remedies.beta import Beta\n\n\nclass Theirs(Beta):\n    """Theirs."""\n\n    name = "bn"\n'
    file = plant(tmp_path, "vae-listed", source, bn="Theirs")
    monkeypatch.syspath_prepend(tmp_path)
    plugins.cache_clear()
    try:
        methods()
        captured = capsys.readouterr()
        listed = "".join(captured.out.split())  # a long path is wrapped
        assert "".join(f"of other packages: vae-listed:bn: vae-listed 1.0 ({file})".split()) in listed
        assert "the name is a method here; write vae-listed:bn" in captured.err
        methods("vae-listed:bn")
        assert "version: 1, of vae-listed 1.0" in capsys.readouterr().out
        methods("bn")
        assert f"of vaecli {__version__}" in capsys.readouterr().out
    finally:
        plugins.cache_clear()


def test_the_time_of_an_update_is_shown_everywhere():
    time = load_update_times()["dg"]
    (line,) = [line for line in run(COLUMNS="140").splitlines() if line.startswith("dg ")]
    assert f" {time.ratio:.3g} x " in line
    assert f"time of an update: {time.text}, measured" in run("dg", COLUMNS="140")
    (values,) = json.loads(run("dg", "--json"))
    assert values["update_time"]["ratio"] == time.ratio


def test_sensitivity_is_a_table_with_blanks_where_trials_are_few(monkeypatch):
    frame = pd.concat([law_table(200, ("bn", "beta")), law_table(9, ("vanilla",))]).assign(knob="weight")
    monkeypatch.setattr(trials_table, "shipped", lambda: frame)
    again = frame[frame["method"] == "bn"].head(4)[["trial", "method", "mi"]].assign(again=0.0)
    monkeypatch.setattr(trials_table, "read_repeats", lambda: again)
    lines = run("--sensitivity").splitlines()
    assert lines[0].split("  ")[0].strip() == "method"
    rows = {line.split()[0]: line.split() for line in lines[2:5]}
    assert set(rows) == {"bn", "beta", "vanilla"}
    assert len([cell for cell in rows["bn"] if cell.endswith("%")]) == 5, "rate, optim, of knob, seed, rest"
    assert len([cell for cell in rows["beta"] if cell.endswith("%")]) == 4, "it has no repeats"
    assert rows["vanilla"] == ["vanilla", "9", "weight"]
    assert f"blank: fewer than {LEAST} trials, without which nothing is said (1 method)" in lines
    (shares,) = json.loads(run("bn", "--sensitivity", "--json"))
    assert shares["learning_rate"] > 0.3
    assert shares["trials_needed"] == LEAST
    assert run("bn", "--sensitivity", "--format", "markdown").startswith("| method")
