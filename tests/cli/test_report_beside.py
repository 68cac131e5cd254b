"""`vae report --published` and `--predictions`: obtained figures beside printed ones, and beside guesses."""

import json
from pathlib import Path

import pytest
from cli.reports import run

from vaecli.core.errors import UsageError

PTB = Path(__file__).parents[2] / "experiments" / "ptb"


def guesses(folder):
    path = folder / "guesses.csv"
    path.write_text("# before it was run\nmethod,verdict,confidence,kl\nlinear_anneal,informative,0.75,2\n")
    return path


def test_published_figures_stand_beside_ours():
    text = run(PTB, "--published", COLUMNS="200").stdout
    row = next(line for line in text.splitlines() if line.startswith("linear_anneal") and "neg_elbo" in line)
    assert row.split()[:5] == ["linear_anneal", "neg_elbo", "106.00", "101.28", "+4.72"]
    assert "above" in row
    assert "source 1: Li C. et al. 2020 (Optimus), Table 8, monotonic annealing" in text
    assert "bn" not in {line.split()[0] for line in text.splitlines() if line.strip()}  # gamma 0.7, on another scale
    values = json.loads(run(PTB, "--published", "--format", "json").stdout)
    assert {value["figure"] for value in values} >= {"neg_elbo", "ppl_iw", "kl"}
    assert run(PTB, "--published", "--format", "markdown").stdout.startswith("**Obtained and printed**")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--baseline", "vanilla"], "--published shows obtained figures beside printed ones"),
        (["--per-trial"], "--published shows obtained figures beside printed ones"),
        (["--format", "latex"], "--published: no latex of it"),
    ],
)
def test_published_goes_with_its_own_formats_only(options, message):
    with pytest.raises(UsageError, match=message):
        run(PTB, "--published", *options)


@pytest.mark.parametrize("option", ["--published", "--predictions"])
def test_nothing_stands_beside_a_table_without_trials(tmp_path, option):
    empty = tmp_path / "results.csv"
    empty.write_text("method,status,corpus\n")
    with pytest.raises(UsageError, match="the results hold no trials"):
        run(empty, option, *([str(guesses(tmp_path))] if option == "--predictions" else []))


def test_predictions_are_scored(tmp_path):
    path = guesses(tmp_path)
    text = run(PTB, "--predictions", path).stdout
    assert "1 verdicts are as predicted" in text
    values = json.loads(run(PTB, "--predictions", path, "--format", "json").stdout)
    (line,) = values["predictions"]
    assert (line["row"], line["predicted"], line["kl_predicted"]) == ("linear_anneal", "informative", 2.0)
    assert values["brier"] == (0.75 - values["hits"]) ** 2
    assert values["unpredicted"] == ["vanilla", "free_bits", "bn"]
    out = tmp_path / "scored.md"
    run(PTB, "--predictions", path, "-o", out)
    assert out.read_text().startswith("**Predicted and obtained**")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--baseline", "vanilla"], "--predictions scores guesses by what was obtained"),
        (
            ["--published"],
            "--published shows obtained figures beside printed ones; it takes --format and --output only",
        ),
        (["--format", "latex"], "--predictions: no latex of it"),
    ],
)
def test_predictions_go_with_their_own_formats_only(tmp_path, options, message):
    with pytest.raises(UsageError, match=message):
        run(PTB, "--predictions", guesses(tmp_path), *options)
