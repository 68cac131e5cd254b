"""Makes `published.toml` from a table of the figures that papers print, one row a figure.

    python -m experiments.published TABLE.csv > vaecli/catalogue/published.toml

The table has the columns dataset, paper, arxiv, table, method, setting, nll, ppl, rec, kl, mi, au and notes, a method
by the papers' abbreviation. Here it gets the program's name, the estimator behind its NLL, and notes of a few words.
"""

from __future__ import annotations

import argparse
import csv
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

FIGURES = ("nll", "ppl", "rec", "kl", "mi", "au")

KINDS = {
    "exact": "-log p(x) of a language model",
    "bound": "the -ELBO, rec + kl",
    "iw": "importance-weighted, so below rec + kl",
    "aggregate": "-log p(x|z) + log N, z from the posteriors of all N sentences; no other kind compares with it",
    "sampled": "several samples, estimator not stated",
}
"""What stands in the column nll."""

MIM = "TweetTokenizer, </s> in no count; an nll of one sample"
SIMPLE = {
    "vae": "vanilla",
    "vae-anneal": "linear_anneal",
    "vae-logistic-anneal": "sigmoid_anneal",
    "vae-sigmoid-anneal": "sigmoid_anneal+word_dropout",
    "beta-vae": "beta",
    "sa-vae": "semi_amortized",
    "aggressive": "lagging",
    "free-bits": "free_bits",
    "delta-vae": "delta",
    "dilated-cnn": "cnn",
    "dg-vae": "dg",
    "mu-forcing": "mu_forcing",
    "free-bits+mu-forcing": "free_bits+mu_forcing",
    "ae-pretrain-fb": "ae_pretrain+free_bits+linear_anneal",
}
"""The program's name of what the papers' tables abbreviate; other names are the same in both."""

CONTEXT = {"gpt2", "optimus", "cvae", "cvae-bow", "bn-cvae", "ceae", "embed", "memory", "softmax", "della"}
"""Rows of models that are no method of this program."""

WARMED = {"vanilla", "semi_amortized", "lagging", "free_bits", "delta", "skip", "bn"}
"""Methods that the tables of this line of work print with a warm-up of 10 epochs, unless they say otherwise."""


@dataclass(frozen=True)
class Source:
    """A table of a paper.

    Attributes:
        paper: As cited.
        kind: Of its NLL, unless a row says otherwise.
        note: What holds for all its rows.
        warmed: Whether its rows are with a warm-up unless they say otherwise.
    """

    paper: str
    kind: str
    note: str = ""
    warmed: bool = False


SOURCES = {
    "Bowman et al. 2016": Source("Bowman et al. 2016", "bound", "rounded in print; fits words without </s>"),
    "Li C. et al. 2020 (Optimus)": Source(
        "Li C. et al. 2020 (Optimus)",
        "bound",
        "ppl is of the iw kind; its LSTM rows are quoted from the literature",
        True,
    ),
    "Texar-PyTorch example": Source("Texar-PyTorch, example", "bound", "256 units, Z = 32, Adam"),
    "Texar (TF) example": Source("Texar, example", "bound", "256 units, Z = 32, Adam"),
    "Livne et al. 2020 (sentenceMIM)": Source("Livne et al. 2020 (sentenceMIM)", "bound", MIM),
    "timbmg Sentence-VAE (code)": Source("Sentence-VAE, code", "bound", "GRU, Z = 16, 4 epochs, TweetTokenizer"),
    "Xu & Durrett 2018 (user run)": Source("Xu & Durrett 2018, runs of users", "bound", "padding counts as words"),
    "Ghose & Poupart 2023 (CEAE)": Source("Ghose & Poupart 2023 (CEAE)", "bound", "rec on a scale of its own"),
    "Mitnik & de Marez Oyens (student report)": Source(
        "Mitnik & de Marez Oyens, report", "sampled", "another split of the treebank; not comparable with PTB"
    ),
    "He et al. 2019 (lagging)": Source(
        "He et al. 2019",
        "iw",
        "500 samples; mi within batches of at most 32 sentences of one length, at most log 32 = 3.47",
    ),
    "He et al. 2019 (code log)": Source(
        "He et al. 2019, log of the code", "iw", "500 samples; mi within batches of at most 32 sentences of one length"
    ),
    "Zhu et al. 2020 (BN-VAE)": Source("Zhu et al. 2020", "iw", "500 samples, mean of 5 runs", True),
    "Zhang et al. 2022 (DG-VAE)": Source(
        "Zhang et al. 2022", "iw", "8 + 8 samples of prior and posterior; mi is at most log 10000 = 9.21"
    ),
    "Hu et al. 2022 (DELLA)": Source("Hu et al. 2022 (DELLA)", "bound", "GPT-2; au with threshold 0.2"),
    "Liu et al. 2019 (mu-forcing)": Source(
        "Liu et al. 2019", "bound", "rec is a sum over steps of means over sentences still running: no bound"
    ),
}

ARXIV = {"Zhang et al. 2022 (DG-VAE)": "2211.00321"}

REMARKS = (
    ("rec computed", "rec is nll - kl"),
    ("nll=rec+kl computed", "nll is rec + kl"),
    ("rec 99 stated", "rec stated in the text"),
    ("printed only as >600", "ppl printed as > 600"),
    ("row inconsistent", "rec + kl is not the printed nll"),
    ("disagree by 3 nats", "rec + kl is not the printed nll"),
    ("upper bound", "printed as an upper bound"),
    ("treats vMF samples as Gaussian", "nll doubtful: its code takes the codes for Gaussian"),
    ("kl equals 32*delta", "kl is 32 delta"),
    ("identical to the Yahoo row", "equals the Yahoo row: a slip in print"),
    ("not a real reconstruction", "rec is an iw nll less kl"),
    ("quoted by the authors", "quoted"),
    ("-ELBO is printed as", "nll left out: a misprint"),
    ("suspicious", "a gap of 20 nats to its bound"),
    ("per-token recon 4.62", "per word: rec 4.62, kl 0.16"),
    ("probably lambda=", "label probably shifted by a row"),
    ("(Table 1 has", "the main table differs"),
    ("Table 1 figures", "from the main table"),
    ("ppl from Table 1", "ppl from the main table"),
    ("Table 1 instead prints", "the main table differs"),
    ("Table 1 prints", "the main table differs"),
)
"""Words of a note, and what is kept of them."""

NOT_OBTAINED = "the paper's tables were not obtained"
IMAGES = "no figures on text were obtained"
NO_FIGURES = {
    "tanh_anneal": "a schedule of a published code; its authors' tables were not obtained",
    "control": NOT_OBTAINED,
    "soft_free_bits": IMAGES,
    "mdr": "the paper's tables were not obtained, and its Penn Treebank is another corpus",
    "target_kl": NOT_OBTAINED,
    "bn_scale": "a blog article, whose figures were not obtained",
    "du": NOT_OBTAINED,
    "iaf": IMAGES,
    "mog": IMAGES,
    "vamp": IMAGES,
    "pooling": NOT_OBTAINED,
    "lipschitz": "the figures obtained are of unfinished runs",
    "info_mmd": IMAGES,
    "info_kl": IMAGES,
    "info_js": IMAGES,
    "info_stein": IMAGES,
    "wae": IMAGES,
    "wae_s": NOT_OBTAINED,
    "denoising": NOT_OBTAINED,
    "hr": "the paper's tables were not obtained, and it decodes from the mean",
    "twr": "the paper's tables were not obtained, and it decodes from the mean",
    "mi_constraint": "an unsigned note without figures",
    "slvae": "a model of dialogue, whose tables were not obtained",
    "beta_tc": IMAGES,
}
"""Methods without a row, and why."""

HEADER = """\
# What papers print for the methods. `python -m experiments.published` made it from a table of figures that is not part
# of the repository; a new method adds its row, or the reason why there is none, by hand.
#
# A figure is copied as printed; an absent one was not printed. Figures of different papers are rarely comparable:
# nll_kind says which estimator stands in the column nll, and note what else differs. `vae methods NAME` prints them.
"""


@dataclass
class Table:
    """A table with its rows, as lines of TOML."""

    source: Source
    arxiv: str
    table: str
    rows: list[str] = field(default_factory=list)


def method_name(row: dict[str, str], source: Source) -> str:
    """The program's name of a row's method, remedies in alphabetical order."""
    name, setting = SIMPLE.get(row["method"], row["method"]), row["setting"]
    if row["method"] == "ae" and "beta=0" in setting:
        return "beta"  # it still samples
    if name == "lm" and "standard decoder" in setting:
        return "lm+word_dropout"  # Bowman et al.'s baseline has word dropout, as their VAE has
    if "inputless" in setting:
        name = "historyless+lm" if name == "lm" else "historyless+sigmoid_anneal"
    parts = set(name.split("+"))
    warmed = source.warmed and "no annealing" not in setting
    if parts & WARMED and (warmed or "with annealing" in setting):
        parts = (parts - {"vanilla"}) | {"linear_anneal"}
    if "pretrained AE" in setting:
        parts.add("ae_pretrain")
    return "+".join(sorted(parts))


def nll_kind(row: dict[str, str], source: Source) -> str:
    """The estimator behind a row's NLL."""
    if row["method"] == "lm":
        return "exact"
    if row["method"] == "mim":
        return "aggregate"
    return "bound" if "upper bound" in row["notes"] else source.kind


def remarks(row: dict[str, str]) -> str:
    """What a row's own note says, in a few words."""
    notes = [short for words, short in REMARKS if words in row["notes"]]
    return "; ".join(dict.fromkeys(notes))


def toml_string(text: str) -> str:
    """A basic string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def toml_row(row: dict[str, str], source: Source) -> str:
    """An inline table of what a row has."""
    name = row["method"] if row["method"] in CONTEXT else method_name(row, source)
    items = [f"method = {toml_string(name)}", f"dataset = {toml_string(row['dataset'])}"]
    setting = re.sub(r"; pretrained AE encoder|, quoted from .*", "", row["setting"]).replace(" (word dropout 1)", "")
    if setting:
        items.append(f"setting = {toml_string(setting)}")
    items += [f"{name} = {row[name]}" for name in FIGURES if row[name]]
    if row["nll"] and nll_kind(row, source) != source.kind:
        items.append(f"nll_kind = {toml_string(nll_kind(row, source))}")
    if note := remarks(row):
        items.append(f"note = {toml_string(note)}")
    return "{ " + ", ".join(items) + " }"


def tables(rows: list[dict[str, str]], context: bool) -> Iterator[Table]:
    """The rows by table, those of the program's methods or the others; rows without a figure are left out."""
    by_table: dict[tuple[str, str], Table] = {}
    for row in rows:
        if (row["method"] in CONTEXT) != context or not any(row[name] for name in FIGURES):
            continue
        source = SOURCES[row["paper"]]
        table = re.sub(r"github issue.*|repo notebook output|notebook comments", "", row["table"])
        key = (row["paper"], table)
        by_table.setdefault(key, Table(source, row["arxiv"] or ARXIV.get(row["paper"], ""), table))
        by_table[key].rows.append(toml_row(row, source))
    yield from by_table.values()


def to_toml(rows: list[dict[str, str]]) -> str:
    """The whole file."""
    lines = [HEADER, "[kinds]", *(f"{kind} = {toml_string(text)}" for kind, text in KINDS.items())]
    lines += ["", "[no_figures]", *(f"{name} = {toml_string(why)}" for name, why in NO_FIGURES.items())]
    for head, context in (("published", False), ("context", True)):
        for table in tables(rows, context):
            source = table.source
            items = {"paper": source.paper, "arxiv": table.arxiv, "table": table.table, "nll_kind": source.kind}
            items["note"] = source.note
            lines += ["", f"[[{head}]]", *(f"{key} = {toml_string(text)}" for key, text in items.items() if text)]
            lines += ["rows = [", *(f"  {row}," for row in table.rows), "]"]
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> None:
    """Prints the file made of a table."""
    parser = argparse.ArgumentParser("python -m experiments.published", description="Makes `published.toml`.")
    parser.add_argument("table", metavar="TABLE.csv", type=Path, help="the figures that papers print, one row a figure")
    path = parser.parse_args(arguments).table
    if not path.is_file():
        parser.error(f"{path}: there is no such file")
    with path.open(encoding="utf-8", newline="") as file:
        sys.stdout.write(to_toml(list(csv.DictReader(file))))


if __name__ == "__main__":
    main(sys.argv[1:])
