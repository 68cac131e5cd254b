"""The page of short Yelp: what a table says by hand, and every figure of the committed page in its CSV."""

import csv
import re
from pathlib import Path

import pytest
from reporting.frames import table, trial

from experiments.papers import short_yelp
from vaecli.remedies import REMEDIES

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "short_yelp.md").read_text(encoding="utf-8")
OWN = {"training_protocol": "published", "variant": 'training.protocol="published"'}
SHARED = {"training_protocol": "shared", "variant": ""}


def probed(draws, means):
    return {"probe_sampled": draws, "probe_accuracy": means, "probe_majority": 0.6, "probe_bow": 0.9}


def here():
    """bn knows the label, wae under its own training, and vanilla's means do though its draws don't."""
    return table(
        trial("lm", 0, rec=42.0, kl=None, mi=None, **SHARED),
        trial("vanilla", 0, rec=42.0, kl=0.0, mi=0.0, **SHARED, **probed(0.6, 0.66)),
        trial("bn", 0, rec=40.0, kl=3.0, mi=2.5, **SHARED, **probed(0.74, 0.76)),
        trial("bn", 1, rec=40.0, kl=3.0, mi=2.7, **SHARED, **probed(0.76, 0.78)),
        trial("bow", 0, rec=42.0, kl=0.0, mi=0.0, **SHARED, **probed(0.6, 0.62)),
        trial("skip", 0, rec=41.0, kl=1.0, mi=0.9, **SHARED, **probed(0.65, 0.7)),
        trial("skip", 0, rec=41.0, kl=1.5, mi=1.4, **OWN, **probed(0.7, 0.7)),
    )


def there():
    """On the embedded corpus bow informs on most seeds; nothing is known of skip."""
    return table(
        trial("vanilla", 0, rec=24.0, kl=0.0, mi=0.0, **SHARED),
        trial("bn", 0, rec=22.0, kl=3.0, mi=2.0, **SHARED),
        *(trial("bow", seed, rec=22.0, kl=2.0, mi=mi, **SHARED) for seed, mi in enumerate((1.8, 1.8, 0.0))),
    )


def test_whose_code_knows_the_label_is_read_off_draws():
    text = short_yelp.knowing(short_yelp.pairs(here()))
    lines = text.splitlines()
    assert lines[4:] == [
        "| `bn` | shared | informative | 2.60 ±0.14 | 0.750 ±0.014 | 0.770 ±0.014 |",
        "| `skip` | published | informative | 1.40 | 0.700 | 0.700 |",
        "| `skip` | shared | informative | 0.90 | 0.650 | 0.700 |",
        "| `vanilla` | shared | collapsed | 0.00 | 0.600 | 0.660 |",
        "| `bow` | shared | collapsed | 0.00 | 0.600 | 0.620 |",
    ]
    assert "The most common label is 0.600 of test. The same probe on the words of the sentence reads 0.900." in text
    assert "Over 2 collapsed rows, means read 0.620 to 0.660 and draws of z 0.600 to 0.600." in text
    assert "rank correlation" not in text, "of two methods"
    assert short_yelp.SPREAD in text


def test_a_method_counts_once_in_the_correlation_of_information_and_label():
    """That of bn under another protocol would move it."""
    frame = here()
    other = trial("du", 0, rec=41.0, kl=2.0, mi=1.9, **SHARED, **probed(0.7, 0.7))
    own = trial("bn", 0, rec=41.0, kl=9.0, mi=8.0, **OWN, **probed(0.61, 0.7))
    text = short_yelp.knowing(short_yelp.pairs(table(*frame.to_dict("records"), other, own)))
    assert "Over 3 methods that inform under the shared protocol, the rank correlation of mi and" in text
    assert "the probe of draws is 1.00 (Spearman), and " in text
    assert "without any one of their families" in text


def test_relatives_vouch_for_no_correlation():
    """Three of one family lie on a line, and without them there is none; no p-value counts them as apart."""
    posteriors = [("bn", 1.0, 0.61), ("du", 3.0, 0.63), ("vmf", 5.0, 0.65)]
    others = [("skip", 2.0, 0.64), ("control", 2.5, 0.62), ("critic", 2.2, 0.63)]
    least, most = short_yelp.without_a_family([*posteriors, *others])
    assert least == pytest.approx(-1.0)
    assert most > short_yelp.rank_correlation([*posteriors, *others])
    assert short_yelp.without_a_family(posteriors) == (1.0, 1.0)
    assert not re.search(r"\bp 0\.", PAGE)


def test_which_verdicts_turn_with_the_corpus():
    text = short_yelp.by_corpus(short_yelp.pairs(here()), short_yelp.pairs(there()))
    assert text.splitlines() == [
        "1 of 3 methods have another verdict here than in `experiments/all/results.csv`; of 1 of these, seeds disagree "
        "there already:",
        "",
        "- informative there, collapsed here: `bow` (mi 1.20, here 0.00).",
    ]


def test_the_page_names_what_is_missing():
    text = short_yelp.page_lines(here(), there())
    assert text.startswith(
        "7 trials of 5 methods, seeds 0 (0, 1 of `bn`); 1 methods under both protocols. Not run yet: "
    )
    assert "With a recipe, and not run by it yet: `lm`, `vanilla`, `bn`." in text
    assert "| `skip` | published | informative | 1.50 | 1.40 | 42.50 |" in text
    assert short_yelp.page_lines(None, there()) == short_yelp.NOT_RUN


def committed():
    """The means of each finished method by protocol, straight from the file."""
    groups = {}
    with short_yelp.RESULTS.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["status"] == "done":
                groups.setdefault((row["method"], row["training_protocol"]), []).append(row)
    return groups


MEANS = committed()
LINES = [line for line in PAGE.split("### All figures")[1].splitlines() if line.startswith("| `")]
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in LINES]


def test_the_committed_page_has_every_row_of_the_committed_table():
    assert {(row[0].strip("`"), row[1]) for row in ROWS} == set(MEANS)
    assert len(ROWS) == len(MEANS)
    missing = set(REMEDIES) - {name for key in MEANS for name in key[0].split("+")}
    told = re.search(r"Not run yet: ([^.]*)\.", PAGE)
    assert set(re.findall(r"`(\w+)`", told[1] if told else "")) == missing


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]} {row[1]}")
def test_a_cell_is_the_mean_of_the_committed_table(row):
    trials = MEANS[row[0].strip("`"), row[1]]
    for name, cell in zip(short_yelp.FIGURES, row[3:], strict=False):
        values = [float(trial[name]) for trial in trials if trial[name]]
        digits = 3 if name.startswith("probe") else 2
        assert cell.removeprefix("≥") == (f"{sum(values) / len(values):z.{digits}f}" if values else "")


@pytest.mark.parametrize("told", re.findall(r"`(\w+)` \(mi ([^,]+), here ([^)]+)\)", PAGE), ids=lambda told: told[0])
def test_a_verdict_that_turns_with_the_corpus_has_the_figures_of_both(told):
    method, before, now = told
    with short_yelp.EMBEDDED.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["method"] == method and row["status"] == "done"]
    for figure, trials in ((before, rows), (now, MEANS[method, "shared"])):
        values = [float(trial["mi"]) for trial in trials]
        assert figure.removeprefix("≥") == f"{sum(values) / len(values):z.2f}"


@pytest.mark.parametrize(
    "told", re.findall(r"`([\w+]+)` \((shared|published): ([^)]+)\)", PAGE), ids=lambda told: told[0]
)
def test_a_figure_in_a_sentence_is_that_of_the_committed_table(told):
    method, protocol, figures = told
    for name, cell in (figure.split() for figure in re.sub(r"\s+", " ", figures).split(", ")):
        values = [float(trial[name]) for trial in MEANS[method, protocol]]
        assert cell == f"{sum(values) / len(values):z.{3 if name.startswith('probe') else 2}f}"


def test_what_the_dearest_code_of_all_buys():
    """`semi_amortized` as its paper trains it over `scale`: by how much, and how sure that is whatever both share.

    Both are right or wrong on the same sentences, and on how many one alone is right isn't kept. The variance of their
    difference is (b + c - (b - c)^2) / N with b + c from that difference on to all that the two shares leave room for.
    """
    told = re.search(
        r"is ([\d.]+) above the second, which has a standard error between ([\d.]+) and ([\d.]+).* pays (\d+) nats",
        re.sub(r"\s+", " ", PAGE),
    )
    keys = (("linear_anneal+semi_amortized", "published"), ("scale", "shared"), ("vanilla", "shared"))
    (first,), (scale,), (vanilla,) = (MEANS[key] for key in keys)
    better, other = (float(trial["probe_sampled"]) for trial in (first, scale))
    assert told[4] == f"{float(scale['neg_elbo']) - float(vanilla['neg_elbo']):.0f}"
    assert float(first["neg_elbo"]) < float(vanilla["neg_elbo"])
    assert told[1] == f"{better - other:.3f}"
    gap, most = better - other, min(better + other, 2 - better - other)
    least, largest = (((apart - gap**2) / float(scale["sentences"])) ** 0.5 for apart in (gap, most))
    assert (told[2], told[3]) == (f"{least:.3f}", f"{largest:.3f}")
