import pytest
import torch
from metrics.toys import CPU
from support import fast_only, scoring, tiny_model, tiny_split

from vaecli.config import EvaluationConfig
from vaecli.core.errors import UsageError
from vaecli.metrics import scoring as scoring_module
from vaecli.metrics.scoring import EXACT, Scoring, ScoringPrecision


def test_batches_hold_every_sentence_once_at_its_index():
    split = tiny_split(11)
    seen = []
    for index, batch in scoring(split, 4).batches():
        assert torch.equal(index, batch.index)
        assert torch.equal(batch.lengths, split.lengths[index])
        seen.append(index)
    assert [len(index) for index in seen] == [4, 4, 3]
    assert sorted(torch.cat(seen).tolist()) == list(range(11))
    assert [len(index) for index, _ in scoring(split, 4).batches(6)] == [6, 5]


@fast_only
@pytest.mark.parametrize(("asked", "shares"), [("fp32", False), ("auto", True)])
def test_standard_columns_have_the_precision_of_the_settings_and_no_other_figure(asked, shares):
    model, split, config = tiny_model(), tiny_split(3), EvaluationConfig(precision=asked, batch_size=9)
    standard = Scoring.standard(model, split, config, 5, CPU)
    assert (standard.batch_size, standard.seed, standard.device, standard.split) == (9, 5, CPU, split)
    assert standard.precision == ScoringPrecision("fp32", shares)
    assert Scoring.exact(split, config, 5, CPU).precision == EXACT
    assert Scoring.standard(model.double(), split, config, 5, CPU).precision == EXACT


def test_bf16_where_there_is_none(monkeypatch):
    def refuse(*_):
        raise UsageError("no bf16 here")

    monkeypatch.setattr(scoring_module, "resolve_precision", refuse)
    with pytest.raises(UsageError, match="no bf16"):
        Scoring.standard(tiny_model(), tiny_split(3), EvaluationConfig(precision="bf16"), 0, CPU)
