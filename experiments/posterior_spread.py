"""The figures behind the picture of posteriors: how far the means of an experiment's sentences lie apart, by moment.

``python -m experiments.posterior_spread runs/he2019-toy -o experiments/papers/he2019-toy/spread.csv``
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from vaecli.core.files import write_output
from vaecli.reporting.pictures.posterior_paths import posterior_paths, spread
from vaecli.reporting.pictures.run_paths import method_runs
from vaecli.reporting.read_results import load_results

TOY = Path(__file__).resolve().parent / "papers" / "he2019-toy"
SHOWN = (50, 200, 400)
"""Updates of which the page shows figures."""


def spread_table(folder: Path) -> pd.DataFrame:
    """A row a method and look: standard deviations of both means, and the root mean square of their difference.

    Args:
        folder: Of an experiment that recorded looks.
    """
    results = load_results(folder)
    context = results.contexts[str(results.frame["experiment"].iloc[0])]
    rows = []
    for path in posterior_paths(method_runs(results.frame, context, "spread")):
        for updates, look in path.looks.items():
            found = spread(look)
            figures = {"exact_sd": found.exact, "encoder_sd": found.encoder, "distance": found.distance}
            rows.append({"method": path.label, "seed": path.seed, "updates": updates, **figures})
    return pd.DataFrame(rows).round(4)


def spread_lines(frame: pd.DataFrame) -> str:
    """The table of the page, in Markdown, from the committed figures.

    Args:
        frame: As `spread_table` gives it.
    """
    groups = [f"{name}, {updates:,}" for name in ("exact", "encoder", "distance") for updates in SHOWN]
    lines = ["| method | " + " | ".join(groups) + " |", "|---|" + "---:|" * len(groups)]
    for method, own in frame.groupby("method", sort=False):
        by = own.set_index("updates")
        columns = ("exact_sd", "encoder_sd", "distance")
        cells = [f"{float(by[column][updates]):.2f}" for column in columns for updates in SHOWN]
        lines.append(f"| `{method!s}` | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Writes the table of an experiment."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    asked = parser.parse_args()
    write_output(asked.output, spread_table(asked.folder).to_csv(index=False))


if __name__ == "__main__":
    main()
