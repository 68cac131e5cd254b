"""KL by dimension: the mean over seeds of the sorted figures, and why some have none."""

import pytest
from reporting.experiments import write_runs

from vaecli.core.errors import UsageError
from vaecli.core.files import dump_json
from vaecli.reporting.pictures.dimension_costs import dimension_costs
from vaecli.reporting.pictures.run_paths import method_runs
from vaecli.reporting.read_results import load_results


def costs_of(folder):
    results = load_results(folder)
    return dimension_costs(method_runs(results.frame, results.contexts["e"], "--kind dimensions"))


def set_metrics(folder, method, seed, **blocks):
    path = folder / method / f"seed-{seed}" / "metrics.json"
    path.write_text(dump_json({"values": {"rec": 20.0, "kl": 2.0, "au": 2}, **blocks}))


def test_dimensions_are_sorted_before_they_are_averaged(tmp_path):
    folder = write_runs(tmp_path, ("bn", 0), ("bn", 1), ("vanilla", 0))
    set_metrics(folder, "bn", 0, dimensions={"kl": [0.1, 2.0, 0.3]})
    set_metrics(folder, "bn", 1, dimensions={"kl": [1.0, 0.5, 0.1]})
    bn, vanilla = costs_of(folder)
    assert bn.kl == pytest.approx((1.5, 0.4, 0.1))
    assert bn.seeds == (0, 1)
    assert (vanilla.kl, vanilla.missing) == ((), "not measured: vae evaluate RUN --dimensions")


@pytest.mark.parametrize(
    ("blocks", "reason"),
    [
        ({"dimensions": {"kl": None}}, "its KL has no parts"),
        ({"dimensions": {"reason": "dimensions: a language model has no code"}}, "a language model has no code"),
        ({"values": {"rec": 20.0, "kl": None, "au": None}}, "has no code"),
        ({"values": {"rec": 20.0, "kl": None, "au": 16}}, "has no KL"),
    ],
)
def test_why_there_is_none(tmp_path, blocks, reason):
    folder = write_runs(tmp_path, ("bn", 0), ("lm", 0), dimensions={"kl": [1.0]})
    set_metrics(folder, "lm", 0, **blocks)
    assert [row.missing for row in costs_of(folder)] == ["", reason]


def test_nothing_measured_names_the_command_for_a_run(tmp_path):
    folder = write_runs(tmp_path, ("bn", 0))
    with pytest.raises(UsageError, match=r"vae evaluate .*e/bn/seed-0 --dimensions"):
        costs_of(folder)


def test_seeds_with_other_sizes_are_no_mean(tmp_path):
    folder = write_runs(tmp_path, ("bn", 0), ("bn", 1), ("vanilla", 0), dimensions={"kl": [1.0]})
    set_metrics(folder, "bn", 1, dimensions={"kl": [1.0, 2.0]})
    assert costs_of(folder)[0].missing == "its seeds differ in the number of dimensions"
