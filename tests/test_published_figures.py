"""`published.toml`: complete, by valid names, and consistent; and the script that makes it."""

import csv
import io
import re
import tomllib
from pathlib import Path

import pytest

from experiments.published import CONTEXT, FIGURES, NO_FIGURES, main, to_toml
from vaecli.catalogue.published import figures_of, settings_of
from vaecli.remedies import REMEDIES, canonical, make_method

ROOT = Path(__file__).parents[1]
FILE = ROOT / "vaecli" / "catalogue" / "published.toml"
DATA = tomllib.loads(FILE.read_text(encoding="utf-8"))
ROWS = [(table, row) for table in DATA["published"] for row in table["rows"]]
ROUNDING = 0.0151
"""Three figures of two decimals, each off by half a hundredth."""

INCONSISTENT = "rec + kl is not the printed nll"
COLUMNS = ("dataset", "paper", "arxiv", "table", "method", "setting", *FIGURES, "notes")


def kind(table, row):
    return row.get("nll_kind", table["nll_kind"])


def is_bound(table, row):
    return kind(table, row) == "bound" and {"nll", "rec", "kl"} <= set(row)


def test_every_remedy_has_a_row_or_a_reason_for_none():
    with_rows = {name for name in REMEDIES if figures_of(name, DATA)}
    assert set(DATA["no_figures"]) <= set(REMEDIES)
    assert len(with_rows) > 20
    assert not with_rows & set(DATA["no_figures"])
    assert all(DATA["no_figures"].values())


def test_names_are_those_of_methods_that_compose():
    for _, row in ROWS:
        assert make_method(row["method"]).name == canonical(row["method"]) == row["method"]
    assert {row["method"] for table in DATA["context"] for row in table["rows"]} == CONTEXT


NO_SETTING_OF_A_METHOD = r".*(z \d+|emb \d+).*|(quoted from|He et al\.).*"
"""Sizes of layers, and citations."""


NAMED = sorted({(row["method"], *setting) for _, row in ROWS for setting in settings_of(row)})


@pytest.mark.parametrize(("method", "remedy", "key", "value"), NAMED)
def test_a_published_setting_is_one_that_the_method_takes(method, remedy, key, value):
    (made,) = [r for r in make_method(method, {remedy: {key: value}}).remedies if r.name == remedy]
    assert getattr(made, key) == value


def test_every_published_setting_with_a_number_is_one_of_these():
    numbers = [row for _, row in ROWS if re.search(r"\d", row.get("setting", ""))]
    other = [row for row in numbers if not list(settings_of(row))]
    assert [row for row in other if not re.fullmatch(NO_SETTING_OF_A_METHOD, row["setting"])] == []
    assert len(NAMED) > 40
    assert ("bn", "bn", "gamma", 1.8) in NAMED


def test_every_row_says_where_it_stands_and_prints_something():
    for table in [*DATA["published"], *DATA["context"]]:
        assert table["paper"]
        assert set(table) <= {"paper", "arxiv", "table", "nll_kind", "note", "rows"}
        for row in table["rows"]:
            assert row["dataset"]
            assert kind(table, row) in DATA["kinds"]
            assert set(FIGURES) & set(row)
            assert set(row) <= {"method", "dataset", "setting", "nll_kind", "note", *FIGURES}
            assert all(row[name] >= 0 for name in FIGURES if name in row)


@pytest.mark.parametrize(("table", "row"), [pair for pair in ROWS if is_bound(*pair)])
def test_bounds_are_rec_plus_kl_unless_flagged(table, row):
    gap = abs(row["rec"] + row["kl"] - row["nll"])
    assert (gap > ROUNDING) == (INCONSISTENT in row.get("note", "")), gap


def test_some_bounds_are_checked_and_some_are_flagged():
    bounds = [row for table, row in ROWS if is_bound(table, row)]
    assert len(bounds) > 20
    assert 0 < sum(INCONSISTENT in row.get("note", "") for row in bounds) < 5


def test_importance_weighted_figures_are_no_larger_than_the_bound():
    for table, row in ROWS:
        if kind(table, row) == "iw" and {"nll", "rec", "kl"} <= set(row) and row["method"] != "vanilla":
            assert row["nll"] <= row["rec"] + row["kl"] + 0.15, row  # one decimal each


def test_notes_are_short_and_name_no_place():
    text = FILE.read_text(encoding="utf-8").lower()
    assert not [word for word in ("http", "github", ".pdf", ".ipynb", "find_string", "source:") if word in text]
    notes = [part.get("note", "") for pair in ROWS for part in pair]
    assert max(map(len, notes)) < 100


def test_numbers_of_the_sources_are_there():
    printed = [(row["method"], row["dataset"], row.get("setting"), row.get("kl")) for _, row in ROWS]
    assert ("bn+linear_anneal", "Yahoo", "gamma=0.6", 6.2) in printed
    assert ("lagging+linear_anneal", "Yelp", "with annealing", 3.7) in printed
    assert ("ae_pretrain+free_bits+linear_anneal", "PTB", "free bits target 5 (AE-BP lambda=5)", 6.54) in printed


def test_the_wheel_ships_it():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "catalogue/published.toml" in project["tool"]["setuptools"]["package-data"]["vaecli"]


def made(**row):
    """The file made of one row."""
    stream = io.StringIO()
    csv.DictWriter(stream, COLUMNS, restval="").writerow(row)
    values = list(csv.DictReader(io.StringIO(",".join(COLUMNS) + "\n" + stream.getvalue())))
    return tomllib.loads(to_toml(values))


def test_the_script_maps_a_row():
    zhu = {"dataset": "Yelp", "paper": "Zhu et al. 2020 (BN-VAE)", "arxiv": "2004.12585", "table": "Table 1"}
    data = made(**zhu, method="delta-vae", setting="delta=0.15; pretrained AE encoder", nll="359.4", kl="5.2")
    (table,) = data["published"]
    assert (table["paper"], table["arxiv"], table["nll_kind"]) == ("Zhu et al. 2020", "2004.12585", "iw")
    expected = {"method": "ae_pretrain+delta+linear_anneal", "dataset": "Yelp", "setting": "delta=0.15"}
    assert table["rows"] == [expected | {"nll": 359.4, "kl": 5.2}]
    assert data["no_figures"] == NO_FIGURES


def test_the_script_leaves_out_a_row_without_figures_and_sets_context_apart():
    he = {"dataset": "Yelp", "paper": "He et al. 2019 (lagging)", "table": "Table 1"}
    assert "published" not in made(**he, method="vae", setting="no annealing")
    data = made(**he, method="gpt2", ppl="20")
    assert "published" not in data
    assert data["context"][0]["rows"] == [{"method": "gpt2", "dataset": "Yelp", "ppl": 20}]


def test_the_script_tells_the_estimators_apart():
    he = {"dataset": "Yelp", "paper": "He et al. 2019 (lagging)", "table": "Table 1", "nll": "1"}
    kinds = {"lm": "exact", "dilated-cnn": "bound", "aggressive": "iw", "mim": "aggregate"}
    for method, wanted in kinds.items():
        notes = "upper bound (printed with <=)" if method == "dilated-cnn" else ""
        (table,) = made(**he, method=method, notes=notes)["published"]
        assert kind(table, table["rows"][0]) == wanted


@pytest.mark.parametrize(
    ("words", "told"), [(["--help"], "TABLE.csv"), ([], "required"), (["none.csv"], "no such file")]
)
def test_the_script_says_what_it_takes(words, told, capsys):
    with pytest.raises(SystemExit):
        main(words)
    assert told in "".join(capsys.readouterr())
