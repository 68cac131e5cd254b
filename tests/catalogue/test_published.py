"""The figures in print: where the file is, which rows are about a remedy, and how they read."""

import shutil
import subprocess
import sys
from pathlib import Path

import vaecli
from vaecli.catalogue.methods_table import load_remedies
from vaecli.catalogue.published import KL_WEIGHTS, figures_of, heading, line, load_published, subjects

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


def test_a_weight_that_goes_along_is_not_what_a_row_is_about():
    assert subjects("bn+linear_anneal") == {"bn"}
    assert subjects("linear_anneal") == {"linear_anneal"}
    assert subjects("ae_pretrain+free_bits+linear_anneal") == {"ae_pretrain", "free_bits"}
    assert subjects("of_another_package") == {"of_another_package"}


def test_the_weights_are_the_remedies_that_own_the_kl_weight():
    assert {name for name, kind in load_remedies().items() if "kl_weight" in kind.owns} == KL_WEIGHTS


def test_rows_about_a_remedy_carry_what_their_table_says():
    (row,) = figures_of("bn", DATA)
    assert row["paper"] == "Somebody 2020"
    assert (row["nll"], row["nll_kind"], row["table_note"]) == (101.5, "iw", "five runs")
    assert [r["nll_kind"] for r in figures_of("lm", DATA)] == ["exact"]
    assert [r["paper"] for r in figures_of("linear_anneal", DATA)] == ["A report"]
    assert figures_of("vanilla", DATA) == []


def test_lines():
    (row,) = figures_of("bn", DATA)
    assert heading(row) == "Somebody 2020, arXiv:2001.00001, Table 1 (five runs)"
    assert line(row) == "bn+linear_anneal on PTB, gamma=0.5: nll 101.5 (iw), au 32"
    (row,) = figures_of("lm", DATA)
    assert line(row) == "lm on PTB: nll 100 (exact); quoted"
    (row,) = figures_of("linear_anneal", DATA)
    assert (heading(row), line(row)) == ("A report", "linear_anneal on X: kl 2")


def test_the_file_is_a_part_of_the_package_wherever_that_lies(tmp_path):
    """As after ``pip install --target``: the package's folder alone, at another path, without the source tree."""
    shutil.copytree(Path(vaecli.__file__).parent, tmp_path / "vaecli", ignore=shutil.ignore_patterns("__pycache__"))
    code = "from vaecli.catalogue.published import load_published; print(len(load_published()['published']))"
    command = [sys.executable, "-P", "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {code}"]
    result = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert int(result.stdout) == len(load_published()["published"]) > 10
