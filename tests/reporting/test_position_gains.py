"""Gains by position: means over seeds, few sentences left out, and why some have none."""

import pytest
from reporting.experiments import write_runs

from vaecli.core.errors import UsageError
from vaecli.core.files import dump_json
from vaecli.reporting.pictures.position_gains import gains_of, position_gains
from vaecli.reporting.pictures.run_paths import method_runs
from vaecli.reporting.read_results import load_results


def gains(folder):
    results = load_results(folder)
    return position_gains(method_runs(results.frame, results.contexts["e"], "--kind positions"))


def block(counts, own, **others):
    return {"position_counts": counts, "position_nll": {"posterior": own, **others}}


def set_block(folder, method, seed, **blocks):
    path = folder / method / f"seed-{seed}" / "metrics.json"
    path.write_text(dump_json({"values": {"rec": 20.0}, **blocks}))


def test_gains_are_the_other_loss_less_the_own_and_means_over_seeds(tmp_path):
    folder = write_runs(tmp_path, ("bn", 0), ("bn", 1), ("vanilla", 0))
    set_block(folder, "bn", 0, decoder_use=block([9, 9], [1.0, 2.0], shuffled=[4.0, 2.5], prior=[6.0, 3.0]))
    set_block(folder, "bn", 1, decoder_use=block([9, 9], [1.0, 2.0], shuffled=[2.0, 1.5], prior=[2.0, 2.0]))
    bn, vanilla = gains(folder)
    assert bn.gains == {"shuffled": (2.0, 0.0), "prior": (3.0, 0.5)}
    assert bn.seeds == (0, 1)
    assert (vanilla.gains, vanilla.missing) == ({}, "not measured: vae evaluate RUN --decoder-use")


def test_positions_that_few_sentences_reach_are_left_out():
    # 5 of 100 sentences are the twentieth that is enough, 4 are not
    assert gains_of(block([100, 5, 4], [0.0] * 3, shuffled=[1.0, 2.0, 3.0])) == {"shuffled": [1.0, 2.0]}


@pytest.mark.parametrize("wrong", [None, "text", {}, {"position_nll": []}, {"reason": "no code"}, block([], [])])
def test_nothing_comes_of_a_block_without_losses(wrong):
    assert not gains_of(wrong)


def test_nothing_measured_names_the_command_for_a_run(tmp_path):
    folder = write_runs(tmp_path, ("bn", 0))
    with pytest.raises(UsageError, match=r"vae evaluate .*e/bn/seed-0 --decoder-use"):
        gains(folder)
