"""The benchmarks compare equal work, count operations rightly and take batches that stand for all lengths."""

import math
import mmap
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from support import scoring, split_of, tiny_split

from experiments.benchmarks import memory, rows_evaluation, rows_program, rows_training, shapes
from experiments.benchmarks.floors import FORWARD, flop_per_sample_token, flop_per_token, gemm_gflops
from experiments.benchmarks.reference import (
    equal_length_batch,
    equal_length_groups,
    importance_weighted_nll,
    mutual_information_terms,
    read_text,
)
from experiments.benchmarks.results import paired_row
from experiments.benchmarks.shapes import Shapes, make_corpus
from experiments.benchmarks.subjects import (
    Options,
    UnequalWorkError,
    check_equal_work,
    make_reference,
    make_session,
    predicted,
    reference_batches,
    reference_trainer,
)
from experiments.benchmarks.timing import Pairs, interleave
from vaecli.config import ModelConfig
from vaecli.corpus.types import collate
from vaecli.metrics.columns import iw, mi
from vaecli.metrics.columns.elbo import elbo_terms
from vaecli.metrics.noise import sentence_noise

CPU = torch.device("cpu")
TINY = Shapes("tiny", 12, ModelConfig(embedding_size=5, encoder_size=6, decoder_size=7, latent_size=4), batch_size=3)
QUICK = Options(quick=True, repeats=1)


def tiny_corpus(n=12):
    split = tiny_split(n)
    return make_corpus("tiny", split, split, split, 12)


def tiny_session():
    return make_session(TINY, tiny_corpus(), Options())


# equal work


def test_reference_and_ours_agree_on_every_sentence():
    session = tiny_session()
    assert check_equal_work(session, make_reference(session), session.corpus.test, count=12) < 1e-4
    assert session.model.training


@pytest.mark.parametrize("value", [0.5, math.nan])
@pytest.mark.parametrize("name", ["output.weight", "logvar.weight", "encoder.weight_hh_l0", "initial.weight"])
def test_any_other_weight_is_unequal_work(name, value):
    session = tiny_session()
    reference = make_reference(session)
    with torch.no_grad():
        dict(reference.named_parameters())[name][:2, :2] += value
    with pytest.raises(UnequalWorkError, match="differ by"):
        check_equal_work(session, reference, session.corpus.test)


def test_one_update_moves_every_weight_to_the_same_place():
    session = tiny_session()
    trainer = reference_trainer(session)
    group = max(equal_length_groups(session.corpus.train, 3), key=len)
    before = {n: p.detach().clone() for n, p in trainer.model.named_parameters()}
    torch.manual_seed(1)
    loss = trainer.step(equal_length_batch(session.corpus.train, group))
    torch.manual_seed(1)
    terms = session.step(collate(session.corpus.train, torch.tensor(group)))
    assert float(terms.loss.detach()) == pytest.approx(loss, abs=1e-4)
    expected = make_reference(session)
    for (name, ours), theirs in zip(expected.named_parameters(), trainer.model.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-4, msg=lambda m, n=name: f"{n}: {m}")
        assert not torch.equal(theirs, before[name]), name


def test_importance_weighted_bounds_agree_on_equal_noise():
    session = tiny_session()
    reference, split = make_reference(session).eval(), session.corpus.test
    how = scoring(split, 4)
    ours = iw.importance_weighted_nll(session.model, how, elbo_terms(session.model, how).posterior, 7)
    for n in range(len(split)):
        noise = sentence_noise(0, "iw", torch.tensor([n]), 7, 4)[:, 0].float()
        for chunk in (3, 100):
            x = equal_length_batch(split, [n])
            assert importance_weighted_nll(reference, x, 7, chunk, noise) == pytest.approx(float(ours[n]), abs=1e-3)


def test_mutual_information_of_two_sentences():
    # codes 100 standard deviations apart: q(z_n) = (1 + 0) / 2 of q(z_n|x_n), so each term is log 2
    mean = torch.tensor([[0.0], [100.0]])
    assert mutual_information_terms(mean, torch.zeros(2, 1), mean, [0, 1]) == pytest.approx([math.log(2)] * 2)
    # equal posteriors: q(z) = q(z|x), so each term is log 1
    assert mutual_information_terms(torch.zeros(2, 1), torch.zeros(2, 1), mean, [0, 1]) == pytest.approx([0, 0])


def test_mutual_information_agrees_with_ours():
    posterior, z = rows_evaluation.random_posteriors(40, 10, CPU)
    ours = mi.mutual_information(posterior, z)
    theirs = mutual_information_terms(posterior.mean.float(), posterior.logvar.float(), z.float(), range(40))
    assert ours.terms.tolist() == pytest.approx(theirs, abs=1e-4)
    assert 0.5 < ours.value < ours.ceiling - 0.5  # neither independent nor at the ceiling


def test_mutual_information_within_batches_agrees_with_ours_and_unequal_work_is_not_timed(monkeypatch):
    row = rows_evaluation.batch_mi_row(200, 3, QUICK)
    assert row.name == "batch-mi"
    assert row.detail["difference_nats"] < 1e-4
    monkeypatch.setattr(mi, "batch_mutual_information", lambda posterior, z, seed: 0.0)
    with pytest.raises(UnequalWorkError):
        rows_evaluation.batch_mi_row(200, 3, QUICK)


def test_groups_are_of_one_length_and_keep_the_left_over():
    split = split_of([4, 5], [6], [7, 8], [9, 10], [11, 4, 5])
    # lengths in words 2 1 2 2 3: one sentence of 1, two and one of 2, one of 3
    assert equal_length_groups(split, 2) == [[1], [0, 2], [3], [4]]
    assert equal_length_batch(split, [0, 2]).tolist() == [[1, 4, 5, 2], [1, 7, 8, 2]]
    # predicted tokens are the words and </s>: 2 + (3 + 3) + 3 + 4 = 15
    assert predicted(reference_batches(split, 2, 100, CPU)) == 15 == split.predicted_tokens


def test_reference_reader(tmp_path):
    (tmp_path / "train.txt").write_text("b a\n\na <unk> b c\n")
    (tmp_path / "valid.txt").write_text("c d\n")
    (tmp_path / "test.txt").write_text("b\n")
    vocabulary, splits = read_text(tmp_path)
    # four special symbols, then words as they come: b 4, a 5, c 6; d is unknown
    assert splits == {"train": [[4, 5], [5, 3, 4, 6]], "valid": [[6, 3]], "test": [[4]]}
    assert vocabulary == {"<pad>": 0, "<s>": 1, "</s>": 2, "<unk>": 3, "b": 4, "a": 5, "c": 6}


def test_reader_rows(tmp_path):
    folder = shapes.write_text(tiny_corpus(), tmp_path) if not shapes.ptb_folder() else None
    if folder is None:
        for part in ("train", "valid", "test"):
            (tmp_path / f"{part}.txt").write_text("a b c\nb a\n")
    before = set(Path(os.environ["VAE_CACHE"]).glob("corpus-*"))
    rows = rows_program.reader_rows(tmp_path, QUICK)
    assert [r.name for r in rows] == ["reader", "reader-cached"]
    assert all(r.ours > 0 and r.reference > 0 for r in rows)
    # the environment is as before: this session's own cache folder, to which nothing came
    assert set(Path(os.environ["VAE_CACHE"]).glob("corpus-*")) == before


# rows


def test_training_elbo_and_bound_rows_at_tiny_shapes():
    corpus = tiny_corpus()
    rows = [
        rows_training.training_row(TINY, corpus, QUICK, 2, 4.0),
        rows_training.remedy_row("bn", TINY, corpus, QUICK, 2),
        rows_evaluation.elbo_row(TINY, corpus, QUICK, 3),
        rows_evaluation.iw_row(TINY, corpus, QUICK, 5, 2, size=2),
        rows_evaluation.mi_row(30, 3, 10, QUICK),
    ]
    assert [r.name for r in rows] == ["train-tiny", "remedy-bn", "elbo-tiny", "iw-tiny", "mi"]
    assert all(math.isfinite(r.figure) and r.figure > 0 and r.ours > 0 for r in rows)
    assert rows[0].detail["fraction_of_floor"] > 0
    assert rows[0].detail["largest_difference_nats"] < 1e-4
    assert [r.at_least for r in rows] == [True, False, True, True, True]


def test_rows_of_rates():
    # the reference does 10 units in 2 and 4 s, ours 30 in 1 and 2 s: 5 and 2.5 against 30 and 15 a second, 6x twice
    made = paired_row("a", "t", Pairs((2.0, 4.0), (1.0, 2.0)), (10.0, 30.0), "tokens/s", 4.0)
    assert made.figure == pytest.approx(6)
    assert made.spread == (pytest.approx(6), pytest.approx(6))
    assert (made.reference, made.ours) == (pytest.approx(10 / 3), pytest.approx(20))
    assert made.met


def test_runs_alternate_after_the_warm_up():
    calls, now = [], [0.0]

    def spend(name, seconds):
        calls.append(name)
        now[0] += seconds

    pairs = interleave(lambda: spend("reference", 6.0), lambda: spend("ours", 2.0), 2, warmup=1, clock=lambda: now[0])
    assert calls == ["reference", "ours"] * 3
    assert pairs == Pairs((6.0, 6.0), (2.0, 2.0))
    assert pairs.speedup == 3


def test_median_of_pairs_ignores_one_disturbed_pair():
    assert Pairs((4.0, 4.0, 40.0), (2.0, 2.0, 2.0)).speedup == 2


def test_operations_a_token():
    # 6 (10000 * 256 + 4 * 256 * (256 + 32 + 256) + 4 * 256 * (256 + 256)) = 6 (2,560,000 + 557,056 + 524,288)
    assert flop_per_token(10_000, shapes.PTB.model) == 21_848_064
    assert flop_per_token(10_000, shapes.PTB.model, FORWARD) == 21_848_064 // 3
    # 2 (10000 * 256 + 4 * 256 * 256) = 2 (2,560,000 + 262,144)
    assert flop_per_sample_token(10_000, shapes.PTB.model) == 5_644_288
    assert gemm_gflops(32, 64, "fp32", "cpu", repeats=1, rows=8) > 0


def test_memory_is_the_most_held_since_the_reset():
    if not memory.STATUS.exists():
        pytest.skip("the system keeps no high-water mark that can be read")
    memory.reset_peak(CPU)
    before = memory.current_mb(CPU)
    # pages of their own: an allocator may have room that is in memory already
    with mmap.mmap(-1, 64 * 2**20) as held:
        held.write(b"1" * len(held))
    assert memory.peak_mb(CPU) - before > 60


# shapes


def test_stored_lengths_are_those_of_the_penn_treebank():
    assert [len(shapes.ptb_lengths(part)) for part in ("train", "valid", "test")] == [42_068, 3_370, 3_761]
    assert shapes.ptb_lengths("train").sum() == 887_521
    folder = shapes.ptb_folder()
    if folder is not None:
        for part in ("valid", "test"):
            lines = (folder / f"{part}.txt").read_text(encoding="utf-8").splitlines()
            words = sorted(len(line.split()) for line in lines if line.split())
            assert np.array_equal(shapes.ptb_lengths(part), words)


def test_yahoo_lengths():
    lengths = shapes.yahoo_lengths(20_000)
    assert lengths.min() >= 20
    assert lengths.max() <= 200
    assert abs(lengths.mean() - 80) < 2


def test_zipf_words_are_ordinary_and_falling():
    ids = shapes.zipf_ids(20_000, 104, np.random.default_rng(0))
    assert ids.min() == 4
    assert ids.max() <= 103
    # 100 types: p(first) = 1 / H_100 = 1 / 5.187, p(second) half of it
    assert (ids == 4).mean() == pytest.approx(1 / 5.187, abs=0.02)
    assert (ids == 5).mean() == pytest.approx(0.5 / 5.187, abs=0.02)


def test_few_batches_stand_for_all_lengths():
    lengths = torch.arange(100)
    batches = torch.arange(100).flip(0).split(10)
    chosen = shapes.spread(batches, lengths, 2)
    # ten batches in order of length, of which the third (2.5) and the eighth (7.5)
    assert [max(batch) for batch in chosen] == [29, 79]
    assert len(shapes.spread(batches, lengths, 50)) == 10


def test_subset_keeps_words_and_order():
    split = shapes.subset(split_of([4, 5], [6], [7, 8, 9]), [2, 0])
    assert [split.sentence(n) for n in range(2)] == [[7, 8, 9], [4, 5]]
