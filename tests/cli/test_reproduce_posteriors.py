"""``vae reproduce he2019-toy``: from the command line to the pictures; two methods are trained for a few updates."""

import csv
import io
import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from vaecli.cli.reproduce import reproduce
from vaecli.core.errors import TrialsFailedError, UsageError
from vaecli.engines.local import LocalEngine
from vaecli.runs.folder import RunFolder

TINY = [
    *("--set=corpus.train_size=64", "--set=corpus.valid_size=20", "--set=corpus.test_size=20"),
    *("--set=evaluation.posteriors_every=2", "--set=evaluation.sentences=6", "--set=evaluation.iw_samples=2"),
    *("--set=model.embedding_size=4", "--set=model.encoder_size=4", "--set=model.decoder_size=4"),
    *("--set=training.threads=1", "--jobs=1"),
]
FOLDER = Path("runs/he2019-toy")


@pytest.fixture
def vae(tmp_path, monkeypatch):
    app = typer.Typer()
    app.command()(reproduce)
    monkeypatch.chdir(tmp_path)

    def invoke(*arguments):
        result = CliRunner().invoke(app, ["he2019-toy", *arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return invoke


def table(name):
    return list(csv.DictReader(io.StringIO((FOLDER / name).read_text())))


def test_its_rows_are_its_methods_and_none_has_a_figure_in_print(vae, tmp_path):
    shown = vae("--list").stdout
    assert "vanilla: no figure in print\nlagging: no figure in print" in shown
    assert "how its picture looks is from memory, unconfirmed" in shown
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_two_methods_trained_drawn_gone_on_with_and_joined_by_a_third(vae):
    first = vae("--rows=vanilla,bn", "--seeds=0-1", *TINY)
    assert "posteriors while they train: corpus mixture, seeds 0, 1" in first.stdout
    assert "the paper: early in training the encoder of a VAE fails to follow" in first.stdout
    assert "and z is used (He et al. 2019, abstract)" in first.stdout
    assert [(row["method"], row["seed"], row["status"]) for row in table("results.csv")] == [
        (method, seed, "done") for method in ("vanilla", "bn") for seed in "01"
    ]
    looks = table("spread.csv")
    assert [row["updates"] for row in looks] == ["0", "2", "4"] * 4  # 64 sentences in batches of 16
    # bn's means over train have the deviation 0.6, from which that of six sentences is not far
    assert 0.1 < float(looks[-1]["encoder_sd"]) < 1.5
    assert {row["method"] for row in table("summary.csv")} == {"vanilla", "bn"}
    assert (FOLDER / "posteriors.png").read_bytes().startswith(b"\x89PNG")
    assert (FOLDER / "posteriors.gif").read_bytes().startswith(b"GIF89a")
    page = (FOLDER / "table.md").read_text()
    assert "| vanilla" in page
    assert "- command: `" in page
    assert RunFolder(FOLDER / "bn" / "seed-0").config().model.latent_size == 1

    stamp = (FOLDER / "bn" / "seed-0" / "metrics.json").stat().st_mtime_ns
    again = vae("--rows=vanilla,bn", "--seeds=0-1", *TINY)
    assert again.stdout == first.stdout
    assert "0 trials to do, 4 done already" in again.stderr
    assert (FOLDER / "bn" / "seed-0" / "metrics.json").stat().st_mtime_ns == stamp

    joined = vae("--rows=delta", "--seeds=0", "--json", *TINY)
    assert "1 trial to do" in joined.stderr
    figures = json.loads(joined.stdout)
    assert [(row["method"], row["seeds"], row["updates"]) for row in figures] == [
        ("vanilla", 2, 4),
        ("bn", 2, 4),
        ("delta", 1, 4),
    ]
    made = json.loads((FOLDER / "reproduction.json").read_text())["made"]
    assert made[-1]["rows"][-1] == "delta"
    own = [float(row["encoder_sd"]) for row in looks if (row["method"], row["updates"]) == ("bn", "4")]
    assert figures[1]["encoder_sd"] == pytest.approx(sum(own) / 2)
    with pytest.raises(UsageError, match="holds trials of other settings"):
        vae("--rows=bn", *TINY, "--set=training.batch_size=8")


def test_a_dry_run_writes_nothing_and_all_leaves_out_what_does_not_fit(vae, tmp_path):
    shown = vae("--dry-run", "--rows=all", *TINY)
    lines = {line.split()[0]: line.split()[-2:] for line in shown.stdout.splitlines()[1:]}
    assert lines["vanilla"] == lines["lagging"] == ["to", "do"]
    assert not {"lm", "vmf", "power_spherical", "di", "vq"} & set(lines)
    assert "left out: lm: a language model has no z" in shown.stderr
    assert "left out: vmf: 'vmf' needs a sphere: model.latent_size is 1" in shown.stderr
    assert "left out: vq: evaluation.posteriors_every: the exact posterior is an integral over z" in shown.stderr
    assert not list(tmp_path.iterdir())


def test_the_table_s_own_settings_of_a_remedy_come_with_it(vae, monkeypatch):
    seen = []
    monkeypatch.setattr(LocalEngine, "run", lambda self, todo, *rest: seen.extend(todo) or stopped())
    with pytest.raises(TrialsFailedError, match="2 of 2 trials not done"):
        vae("--rows=linear_anneal+lagging,vanilla", *TINY)
    assert [(trial.method, trial.config.hyper.get("lagging", {}).get("inner_updates")) for trial in seen] == [
        ("lagging+linear_anneal", 15),
        ("vanilla", None),
    ]


def stopped():
    from vaecli.engines.engine import Outcome

    return Outcome()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--budget=10m"], "--budget leaves whole epochs, one at least, and this table has one"),
        (["--rows=vanila"], r"unknown method 'vanila' \(--rows\): did you mean 'vanilla'"),
        (["--rows=lm,bn"], "lm: a language model has no z"),
        (["--rows=vq"], "its codes are discrete"),
        (["--rows=vmf"], "'vmf' needs a sphere"),
        (["--set=evaluation.posteriors_every=0"], "looks at nothing that could be drawn"),
        (["--set=model.latent_size=2"], "the exact posterior is for model.latent_size 1, got 2"),
    ],
)
def test_what_cannot_be_drawn_is_refused_before_any_work(vae, tmp_path, words, message):
    with pytest.raises(UsageError, match=message):
        vae(*(TINY if "posteriors_every" not in words[0] else []), *words)
    assert not list(tmp_path.iterdir())
