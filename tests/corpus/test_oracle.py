"""The corpus `oracle`: its likelihoods against enumeration and a finer grid, its beliefs, its text, its decoder."""

import itertools
import math

import numpy as np
import pytest
import torch

from vaecli.config import CorpusConfig, build_config
from vaecli.core.errors import UsageError
from vaecli.corpus.load import load_corpus
from vaecli.corpus.oracle import Grid, Oracle, OracleTruth, beliefs, oracle_truth, the_oracle, word_types
from vaecli.corpus.types import EOS, collate
from vaecli.metrics.measure import evaluate
from vaecli.remedies import make_method
from vaecli.training.build import build_model

SIZES = {"train_size": 60, "valid_size": 20, "test_size": 30}


@pytest.fixture(scope="module")
def corpus():
    return load_corpus(CorpusConfig(data="oracle", **SIZES))


def every_sentence(words, length):
    return np.array(list(itertools.product(range(words), repeat=length)))


@pytest.mark.parametrize("seed", range(3))
def test_the_probabilities_of_all_sentences_sum_to_one(seed):
    tiny = Oracle.draw(seed, words=4, hidden=3, length=3)
    assert np.exp(-beliefs(tiny, every_sentence(4, 3)).nll).sum() == pytest.approx(1, abs=1e-7)


def test_quadrature_converges_far_below_a_thousandth_of_a_nat():
    words, _ = the_oracle().sample(12, seed=5)
    coarse, ours, fine = (beliefs(the_oracle(), words, Grid.of(step=step)) for step in (0.2, 0.1, 0.05))
    wider = beliefs(the_oracle(), words, Grid.of(radius=8.0))
    assert np.abs(coarse.nll - fine.nll).max() < 1e-3
    assert np.abs(ours.nll - fine.nll).max() < 1e-6
    assert np.abs(ours.kl - fine.kl).max() < 1e-6
    assert np.abs(ours.nll - wider.nll).max() < 1e-4  # of the rarest sentence, 1e-7 on average


def test_a_likelihood_by_hand():
    """One word of two, no recurrence to speak of: p(w | z) = sigmoid(z), whose mean under N(0, 1) is one half."""
    zeros = np.zeros
    one = Oracle(zeros((3, 1)), zeros((4, 1)), zeros((4, 1)), zeros(4), zeros((2, 1)), np.array([[1.0], [0.0]]), 1)
    posteriors = beliefs(one, np.array([[0], [1]]), Grid.of(latent=1))
    assert posteriors.nll.tolist() == pytest.approx([math.log(2)] * 2)
    # E[z sigmoid(z)] / (1/2) = 2 E[sigmoid'(z)] by Stein's lemma, 0.41324 by a Gauss-Hermite rule of 80 points
    points, weights = np.polynomial.hermite_e.hermegauss(80)
    slope = (weights / math.sqrt(2 * math.pi) * (1 / (1 + np.exp(-points))) * (1 / (1 + np.exp(points)))).sum()
    assert posteriors.mean[:, 0].tolist() == pytest.approx([2 * slope, -2 * slope])
    assert 2 * slope == pytest.approx(0.41324, abs=1e-5)
    assert posteriors.covariance[:, 0, 0].tolist() == pytest.approx([1 - (2 * slope) ** 2] * 2)  # E[z^2 | w] = 1


def test_beliefs_are_right_on_average():
    """E_x of the posterior mean is the prior's, and E_x[Cov] + Cov[mean] = I, over all sentences of a tiny one."""
    tiny = Oracle.draw(1, words=3, hidden=2, length=3)
    posteriors = beliefs(tiny, every_sentence(3, 3))
    p = np.exp(-posteriors.nll)
    assert np.abs(p @ posteriors.mean).max() < 1e-7
    second = posteriors.covariance + posteriors.mean[:, :, None] * posteriors.mean[:, None, :]
    assert np.abs(np.einsum("n,nij->ij", p, second) - np.eye(2)).max() < 1e-6
    entropy = float(p @ posteriors.nll)
    assert 0 < float(p @ posteriors.kl) < entropy  # I(x; z) is positive and no larger than H(x)


def test_samples_have_the_probabilities_that_are_claimed():
    tiny = Oracle.draw(2, words=3, hidden=2, length=2)
    words, z = tiny.sample(20_000, seed=0)
    counts = np.bincount(words[:, 0] * 3 + words[:, 1], minlength=9)
    posteriors = beliefs(tiny, every_sentence(3, 2))
    expected = 20_000 * np.exp(-posteriors.nll)
    assert float(((counts - expected) ** 2 / expected).sum()) < 30  # chi squared of 8 degrees; 30 has p 2e-4
    first = (words == [0, 0]).all(1)  # and their codes are those of the posterior
    error = math.sqrt(posteriors.covariance[0, 0, 0] / first.sum())
    assert abs(z[first, 0].mean() - posteriors.mean[0, 0]) < 4 * error


def test_the_corpus_is_of_its_seed_and_knows_its_words(corpus):
    assert corpus.name == "oracle"
    assert corpus.vocabulary.words[4:] == tuple(word_types())
    assert set(corpus.train.lengths.tolist()) == {6}
    assert corpus.train.label_names["quadrant"] == ("++", "+-", "-+", "--")
    again = load_corpus(CorpusConfig(data="oracle", **SIZES))
    other = load_corpus(CorpusConfig(data="oracle", **SIZES, corpus_seed=1))
    assert corpus.fingerprint == again.fingerprint != other.fingerprint


def test_the_truth_of_a_split_is_that_of_its_sentences(corpus):
    nll = corpus.truth.nll(corpus.test)
    assert corpus.truth.log_prob(corpus.vocabulary.decode(corpus.test.sentence(3))) == pytest.approx(-nll[3])
    assert corpus.truth.log_prob(["w001"] * 4) == corpus.truth.log_prob(["w001"] * 4 + ["film"]) == -math.inf


def test_entropy_and_information_of_drawn_sentences():
    truth = OracleTruth(the_oracle(), sentences=200)
    assert abs(truth.entropy - 21.4) < 4 * truth.entropy_se < 2
    information, error = truth.mutual_information["z"]
    assert 1.5 < information - 3 * error < information + 3 * error < 3.5
    assert oracle_truth() is oracle_truth()


@pytest.mark.parametrize(
    ("key", "value"),
    [("max_vocab", 500), ("min_freq", 2), ("max_length", 4), ("tokenizer", "moses"), ("unknown_words", "5")],
)
def test_settings_that_would_take_words_away_are_refused(key, value):
    with pytest.raises(UsageError, match=f"corpus.{key}: the corpus oracle is taken whole"):
        load_corpus(CorpusConfig(data="oracle", **SIZES, **{key: value}))


def oracle_model(method="vanilla", corpus=None, **model):
    config = build_config({"corpus": {"data": "oracle"}, "model": {"decoder": "oracle", "latent_size": 2, **model}})
    words = 1_004 if corpus is None else len(corpus.vocabulary)
    return build_model(make_method(method), words, 60, config)


def test_the_decoder_is_the_oracle(corpus):
    """-log p(x|z) of the model is the oracle's in float64; ``</s>`` is certain at its end, and impossible before."""
    model, oracle = oracle_model(corpus=corpus, init_range=0.1), the_oracle()
    batch = collate(corpus.test, torch.arange(30))
    z = torch.randn(30, 2)
    words = batch.targets[:, :5].numpy() - 4
    logits, rows = oracle.state_logits(words)
    shift = z.double().numpy() @ oracle.code_weight.T
    expected = np.zeros(30)
    for t in range(5):
        row = logits[t][rows[t]] + shift
        expected += np.logaddexp.reduce(row, axis=1) - row[np.arange(30), words[:, t]]
    assert model.nll(z, batch).tolist() == pytest.approx(expected.tolist(), abs=1e-3)
    assert (model.token_nll(z, batch)[:, 5] == 0).all()
    log_p = torch.log_softmax(model.decoder.output.logits(model.decoder.hidden(z, batch.inputs)), -1)
    assert (log_p[:, :5, :4].exp() == 0).all()
    assert (log_p[:, 5, EOS] == 0).all()


def test_it_learns_nothing_and_cannot_be_changed():
    model = oracle_model()
    assert not [p for p in model.decoder.parameters() if p.requires_grad]
    assert [p for p in model.encoder.parameters() if p.requires_grad]
    for method in ("skip", "cnn", "lm"):
        with pytest.raises(UsageError, match=f"'{method}' changes the decoder, which model.decoder=oracle fixes"):
            oracle_model(method)
    with pytest.raises(UsageError, match=r"model.latent_size 2, got 1,000 words and 3"):
        oracle_model(latent_size=3)


def test_the_true_posterior_as_proposal_has_no_excess(corpus):
    """A head that gives Gaussians of the true mean and covariance's diagonal: the excess of iw_nll is almost 0."""

    model = oracle_model(corpus=corpus)
    posteriors = corpus.truth.beliefs(corpus.test)
    mean = torch.from_numpy(posteriors.mean).float()
    logvar = torch.from_numpy(np.diagonal(posteriors.covariance, axis1=1, axis2=2).copy()).float().log()
    head = model.head

    class Known(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.kind = type(head(model.encode(collate(corpus.test, torch.arange(2)))))

        def forward(self, encoding):
            return self.kind(mean[self.rows], logvar[self.rows])

    known = Known()
    encode = model.encode

    def remembered(batch):
        known.rows = batch.index
        return encode(batch)

    model.encode, model.head = remembered, known
    config = build_config({"evaluation": {"iw_samples": 200, "precision": "fp32"}}).evaluation
    values = evaluate(model, corpus.test, config, seed=0, device=torch.device("cpu"), truth=corpus.truth).values
    assert abs(values["excess_nll"]) < 0.03
    assert values["neg_elbo"] - (values["iw_nll"] - values["excess_nll"]) > 0
