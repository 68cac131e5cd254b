"""The figures in print: where the file is, which rows are about a remedy, and how they read."""

import sysconfig
from pathlib import Path

import pytest

import vaecli
from vaecli.catalogue import published
from vaecli.catalogue.methods_table import describe, load_remedies
from vaecli.catalogue.published import figures_of, heading, line, load_published, published_path, subjects

REMEDIES = load_remedies()
DATA = {
    "published": [
        {
            "paper": "Somebody 2020",
            "arxiv": "2001.00001",
            "table": "Table 1",
            "nll_kind": "iw",
            "note": "five runs",
            "rows": [
                {"method": "bn+linear_anneal", "dataset": "PTB", "setting": "gamma=0.5", "nll": 101.5, "au": 32},
                {"method": "lm", "dataset": "PTB", "nll": 100, "nll_kind": "exact", "note": "quoted"},
            ],
        },
        {"paper": "A report", "nll_kind": "bound", "rows": [{"method": "linear_anneal", "dataset": "X", "kl": 2.0}]},
    ],
    "no_figures": {},
}


@pytest.fixture
def _no_cache():
    load_published.cache_clear()
    yield
    load_published.cache_clear()


def test_a_weight_that_goes_along_is_not_what_a_row_is_about():
    assert subjects("bn+linear_anneal", REMEDIES) == {"bn"}
    assert subjects("linear_anneal", REMEDIES) == {"linear_anneal"}
    assert subjects("ae_pretrain+free_bits+linear_anneal", REMEDIES) == {"ae_pretrain", "free_bits"}
    assert subjects("of_another_package", REMEDIES) == {"of_another_package"}


def test_rows_about_a_remedy_carry_what_their_table_says():
    (row,) = figures_of("bn", REMEDIES, DATA)
    assert row["paper"] == "Somebody 2020"
    assert (row["nll"], row["nll_kind"], row["table_note"]) == (101.5, "iw", "five runs")
    assert [r["nll_kind"] for r in figures_of("lm", REMEDIES, DATA)] == ["exact"]
    assert [r["paper"] for r in figures_of("linear_anneal", REMEDIES, DATA)] == ["A report"]
    assert figures_of("vanilla", REMEDIES, DATA) == []


def test_lines():
    (row,) = figures_of("bn", REMEDIES, DATA)
    assert heading(row) == "Somebody 2020, arXiv:2001.00001, Table 1 (five runs)"
    assert line(row) == "bn+linear_anneal on PTB, gamma=0.5: nll 101.5 (iw), au 32"
    (row,) = figures_of("lm", REMEDIES, DATA)
    assert line(row) == "lm on PTB: nll 100 (exact); quoted"
    (row,) = figures_of("linear_anneal", REMEDIES, DATA)
    assert (heading(row), line(row)) == ("A report", "linear_anneal on X: kl 2")


@pytest.mark.usefixtures("_no_cache")
def test_the_file_is_found_in_a_source_tree_else_where_the_wheel_puts_it_else_all_is_silent(tmp_path, monkeypatch):
    assert published_path() == Path(vaecli.__file__).parents[1] / "experiments" / "published.toml"
    package = tmp_path / "site-packages" / "vaecli" / "__init__.py"
    monkeypatch.setattr(published.vaecli, "__file__", str(package))
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path / name))
    assert published_path() is None
    values = describe("bn", REMEDIES)
    assert (values["published"], values["no_published_figures"]) == ([], "")
    installed = tmp_path / "data" / "share" / "vaecli" / "published.toml"
    installed.parent.mkdir(parents=True)
    installed.write_text('[no_figures]\nbn = "because"\n[[published]]\npaper = "P"\nrows = []\n', encoding="utf-8")
    load_published.cache_clear()
    assert published_path() == installed
    assert describe("bn", REMEDIES)["no_published_figures"] == "because"
