"""The sweep of learning rates and lengths: what a table says by hand, and what the committed page says of its own."""

import re
from pathlib import Path

import pandas as pd
from reporting.frames import table, trial

from experiments.protocols.rate_sweep import outcomes, page_lines, read_sweep, sentence, turns_with

PAGE = (Path(__file__).parents[1] / "docs" / "findings_by_protocol.md").read_text(encoding="utf-8")


def swept(method, epochs, rate, mi):
    settings = f"training.epochs={epochs}, training.learning_rate={rate}"
    return trial(method, 0, rec=20.0, kl=max(mi, 0.0), mi=mi, variant=settings)


def by_hand():
    return table(
        *(swept("vanilla", epochs, rate, 0.0) for epochs in (20, 6) for rate in (0.008, 0.0005)),
        *(swept("beta", epochs, rate, 0.0 if rate > 0.001 else 2.0) for epochs in (6, 20) for rate in (0.0005, 0.008)),
        *(swept("mim", epochs, rate, 0.0 if epochs == 6 else 3.0) for epochs in (6, 20) for rate in (0.0005, 0.008)),
        *(swept("skip", 6, rate, 2.0) for rate in (0.0005, 0.008)),
        *(swept("skip", 20, rate, 2.0 * (rate > 0.001)) for rate in (0.0005, 0.008)),
    )


def test_whose_verdict_turns_with_what():
    sweep = outcomes(by_hand())
    assert list(sweep["vanilla"]) == [6, 20]
    assert list(sweep["vanilla"][6]) == [0.0005, 0.008]
    assert {method: turns_with(lengths) for method, lengths in sweep.items()} == {
        "vanilla": (False, False),
        "beta": (True, False),
        "mim": (False, True),
        "skip": (True, True),
    }
    assert sentence("beta", sweep["beta"]) == (
        "- `beta`: after 6 epochs informative at 0.0005; collapsed at 0.008; "
        "after 20 epochs informative at 0.0005; collapsed at 0.008."
    )


def test_of_several_seeds_the_lowest_counts():
    other = by_hand().assign(seed=1, mi=9.0, kl=9.0)
    assert page_lines(pd.concat([other, by_hand()], ignore_index=True)) == page_lines(by_hand())


def test_the_page_tells_methods_apart_by_what_turns_them():
    text = page_lines(by_hand())
    assert (
        "16 trials of 4 methods, seed 0, at the rates 0.0005, 0.008 of Adam: 1 methods have one verdict in all" in text
    )
    assert "- collapsed at every rate and length: `vanilla`." in text
    assert (
        "**It turns with the length**\n\n- `mim`: after 6 epochs collapsed at all rates; after 20 epochs informative"
        in text
    )
    assert "| `skip` | collapsed 0.00 / 20.00 | informative 2.00 / 22.00 |" in text
    assert page_lines(None).startswith("Not run yet: `vae compare experiments/protocols/sweep.toml`")


def test_a_trial_that_is_missing_leaves_its_cell_empty():
    frame = by_hand()
    partial = frame[~((frame["method"] == "mim") & frame["variant"].str.contains("epochs=20, .*0.008"))]
    assert "| `mim` | informative 3.00 / 23.00 |  |" in page_lines(partial)


def test_the_sentences_of_the_committed_page_are_those_of_its_table():
    """Each ``verdict at rates`` beside the cells of the same method and length."""
    frame = read_sweep()
    lines = re.findall(r"^- `(\w+)`: (after 6 .*)\.$", PAGE.split("<!-- sweep: begin -->")[1], re.MULTILINE)
    sweep = outcomes(frame)
    assert lines
    for method, told in lines:
        assert sentence(method, sweep[method]) == f"- `{method}`: {told}."
        for length, words in re.findall(r"after (\d+) epochs (.*?)(?=; after|$)", told):
            cells = {rate: row["verdict"] for rate, row in sweep[method][int(length)].items()}
            for part in words.split("; "):
                name, _, rates = part.partition(" at ")
                chosen = list(cells) if rates == "all rates" else [float(rate) for rate in rates.split(", ")]
                assert {cells[rate] for rate in chosen} == {name}
