import json
from statistics import fmean, variance

import pytest
import torch
from metrics.blocks import block_input
from metrics.toys import linear_gaussian
from support import tiny_model, tiny_split

from vaecli.metrics.columns.discrete import effective_number
from vaecli.metrics.extras.dimensions import dimension_lines, dimensions_block, use_lines
from vaecli.metrics.measure import evaluate


def test_the_linear_gaussian_by_hand():
    numbers = [0.1 * n - 2 for n in range(40)]
    model, split = linear_gaussian(numbers, 0.8, 0.6)
    details = dimensions_block(block_input(model, split)).details
    # log 0.6 = -0.5108256
    assert details["kl"] == pytest.approx([fmean(0.5 * ((0.8 * x) ** 2 + 0.36 + 1.0216512 - 1) for x in numbers)])
    assert details["mean_variance"] == pytest.approx([variance([0.8 * x for x in numbers])])
    assert details["posterior_variance"] == pytest.approx([0.36])


def test_they_are_those_of_the_standard_figures():
    model, split = tiny_model(init_range=1.0), tiny_split(20)
    block = block_input(model, split)
    details = dimensions_block(block).details
    standard = evaluate(model, split, block.config, seed=0, device=torch.device("cpu"))
    assert details["kl"] == pytest.approx(standard.per_dimension["kl"])
    assert details["mean_variance"] == pytest.approx(standard.per_dimension["mean_variance"])
    assert sum(details["kl"]) == pytest.approx(standard.values["kl"])
    assert json.loads(json.dumps(details)) == details


def test_lines_are_by_kl_and_mark_the_active():
    details = {"kl": [0.1, 2.0, 0.0], "mean_variance": [0.01, 0.5, 0.0], "posterior_variance": [0.9, 0.25, 1.0]}
    head, first, second, third = dimension_lines(details)
    assert "3 of them" in head
    assert first.split() == ["1", "2.0000", "0.5000", "0.2500", "active"]
    assert second.split() == ["0", "0.1000", "0.0100", "0.9000"]  # 0.01 is not above 0.01
    assert third.split()[0] == "2"
    assert dimension_lines(details, most=1)[-1].strip() == "and 2 more of less kl, in metrics.json"


def test_one_sentence_has_a_kl_and_no_variance_of_means():
    model, split = linear_gaussian([1.0], 0.8, 0.6)
    dimensions = dimensions_block(block_input(model, split))
    assert dimensions.details["mean_variance"] is None
    # (0.64 + 0.36 + 1.0216512 - 1) / 2 = 0.5108
    assert dimensions.lines[1].split() == ["0", "0.5108", "-", "0.3600"]
    none = {"kl": None, "mean_variance": None, "posterior_variance": None}
    assert dimension_lines(none) == ("dimensions: a KL that has no parts, and no variance over one sentence",)


def test_codes_without_a_kl_and_none_at_all():
    dimensions = dimensions_block(block_input(tiny_model("ae"), tiny_split(6), method="ae"))
    assert (dimensions.details["kl"], dimensions.details["posterior_variance"]) == (None, None)
    assert dimensions.lines[1].split()[1:3] == ["-", f"{max(dimensions.details['mean_variance']):.4f}"]
    assert "language model" in dimensions_block(block_input(tiny_model("lm"), tiny_split(4), method="lm")).lines[0]


def test_the_use_of_a_codebook_by_hand():
    # shares 1/2, 1/4, 1/4: H = 1.5 log 2, so 2^1.5 = 2.8284271 entries; all alike 4; one alone 1
    shares = torch.tensor([[0.5, 0.25, 0.25, 0.0], [0.25] * 4, [1.0, 0.0, 0.0, 0.0]])
    assert effective_number(shares).tolist() == pytest.approx([2.8284271, 4.0, 1.0], abs=1e-6)
    told = {"codebook_use": [2.0, 3.0], "classes_used": [3, 4], "variable_information": [0.005, 0.7]}
    assert use_lines(told, 4) == (
        "codebook: 3.5 of 4 classes a variable are some sentence's, as many as "
        "2.5 used alike (exp(H) of their shares); means over 2",
        "variables: 1 of 2 tell more than 0.0050 nats, the most 0.7000",
    )


@pytest.mark.parametrize(("method", "hyper"), [("vq", {"entries": 5, "positions": 2}), ("di", {"classes": 3})])
def test_discrete_codes_have_a_use_and_others_none(method, hyper):
    model, split = tiny_model(method, {method: hyper}, init_range=1.0), tiny_split(30)
    result = dimensions_block(block_input(model, split, method=method, hyper={method: hyper}))
    numbers, most = result.details["codebook_use"], max(hyper.get("entries", 0), hyper.get("classes", 0))
    assert all(1 - 1e-6 <= number <= most + 1e-6 for number in numbers)
    assert result.lines[0].startswith("codebook: ")
    assert json.loads(json.dumps(result.details)) == result.details
    assert result.values["code_perplexity"] == pytest.approx(fmean(numbers))
    assert 1 <= result.values["codes_used"] <= most
    assert "active" not in " ".join(result.lines[2:])  # no dimension is, but variables
    others = dimensions_block(block_input(tiny_model(), split))
    assert "codebook_use" not in others.details
    assert set(others.values.values()) == {None}


def test_with_one_position_the_log_of_the_use_is_the_information():
    model, split = tiny_model("vq", {"vq": {"entries": 4}}, init_range=1.0), tiny_split(30)
    block = block_input(model, split, method="vq", hyper={"vq": {"entries": 4}})
    information = evaluate(model, split, block.config, seed=0, device=torch.device("cpu")).values["mi"]
    (number,) = dimensions_block(block).details["codebook_use"]
    assert torch.tensor(number).log().item() == pytest.approx(information, abs=1e-6)
