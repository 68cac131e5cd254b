import json
import math
from dataclasses import replace

import pytest
import torch
from metrics.blocks import block_input
from metrics.toys import linear_gaussian
from support import scoring, split_of, tiny_model, tiny_split

from vaecli.corpus.types import Split
from vaecli.metrics.extras import probe, probe_codes
from vaecli.metrics.extras.probe import (
    PROBE_COLUMNS,
    Field,
    dense_features,
    fit,
    labelled,
    labelled_each,
    majority_accuracy,
    measure_field,
    probe_accuracy,
    probe_block,
    sizes_each,
    word_features,
)
from vaecli.metrics.extras.probe_codes import posterior_codes
from vaecli.metrics.extras.probe_table import in_words
from vaecli.metrics.noise import sentence_noise


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def field(train, test, classes=2):
    return Field("toy", classes, torch.as_tensor(train), torch.as_tensor(test))


def test_separable_codes_are_read_without_an_error():
    # three classes around corners 10 apart, spread 1: no point comes near another class
    train, test = torch.arange(300) % 3, torch.arange(90) % 3
    corners = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]], dtype=torch.float64)
    codes = dense_features(corners[train] + 0.5 * normal(300, 2), corners[test] + 0.5 * normal(90, 2, seed=1))
    assert probe_accuracy(codes, torch.arange(300), field(train, test, 3)) == 1.0


def test_codes_that_say_nothing_give_about_the_majority():
    # 70 % of class 0; 4 noisy features and 2,000 labels: the accuracy is .7 within 3 of its .7 * .3 / 1000 sqrt = .0145
    draws = torch.rand(3000, generator=torch.Generator().manual_seed(2))
    classes = (draws > 0.7).long()
    codes = dense_features(normal(2000, 4), normal(1000, 4, seed=1))
    toy = field(classes[:2000], classes[2000:])
    majority = majority_accuracy(toy.train, toy.test)
    assert majority == pytest.approx(0.7, abs=0.045)
    assert probe_accuracy(codes, torch.arange(2000), toy) == pytest.approx(majority, abs=0.02)


def test_the_scale_of_the_features_has_no_say_and_constant_ones_are_left_out():
    train, test = normal(200, 3), normal(100, 3, seed=1)
    toy = field((train[:, 0] + train[:, 1] > 0).long(), (test[:, 0] + test[:, 1] > 0).long())
    scale, shift = torch.tensor([1e-3, 1.0, 1e4]), torch.tensor([5.0, 0.0, -2.0])
    everything = torch.arange(200)
    plain = probe_accuracy(dense_features(train, test), everything, toy)
    scaled = probe_accuracy(dense_features(train * scale + shift, test * scale + shift), everything, toy)
    assert plain == scaled > 0.95
    # a mean that only rounding moves (1e-8) is no feature, however well it separates
    rounded = 1 + 1e-8 * toy.train.double().unsqueeze(1)
    known, _ = dense_features(rounded, rounded).train(everything)
    assert not known(torch.ones(1, 2, dtype=torch.float64)).any()


def test_the_weights_are_a_minimum():
    """At the minimum the gradients vanish: X'(p - y) / n + W / n = 0, and sum(p - y) = 0 for the bias."""
    x, y = normal(60, 3), torch.arange(60) % 4
    weight, bias = fit(lambda w: x @ w, y, 3, 4)
    error = (x @ weight + bias).softmax(1) - torch.nn.functional.one_hot(y, 4)
    assert (x.T @ error + weight).abs().max() / 60 < 1e-5
    assert error.sum(0).abs().max() / 60 < 1e-5


def test_word_counts_by_hand():
    # word 4 twice and 5 once; an empty choice of weights elsewhere; the second sentence has word 6 once
    split = split_of([4, 5, 4], [6], [5])
    known, predict = word_features(split, split, 12).train(torch.tensor([1, 0]))
    weight = torch.zeros(12, 1, dtype=torch.float64)
    weight[4], weight[5], weight[6] = 1, 10, 100
    assert known(weight).flatten().tolist() == [100, 12]
    # against a second class at 11: 12, 100 and 10 of the first
    both = torch.cat([weight, torch.zeros(12, 1, dtype=torch.float64)], 1)
    assert predict(both, torch.tensor([0.0, 11.0], dtype=torch.float64)).tolist() == [0, 0, 1]


def test_beyond_the_bound_the_most_frequent_words_are_counted(monkeypatch):
    monkeypatch.setattr(probe, "WEIGHTS", 6)
    split = split_of([4, 5, 4], [6], [5, 7, 5])
    features = word_features(split, split, 12, classes=2)
    assert features.size == 3  # word 5 three times, 4 twice, 6 once before 7 once
    known, predict = features.train(torch.tensor([0, 1, 2]))
    weight = torch.tensor([[10.0, 0], [1, 0], [100, 0]], dtype=torch.float64)
    assert known(weight)[:, 0].tolist() == [12, 100, 20]
    assert predict(weight, torch.tensor([0.0, 15], dtype=torch.float64)).tolist() == [1, 0, 0]


def test_beyond_the_bound_a_draw_of_the_sentences_is_labelled(monkeypatch):
    monkeypatch.setattr(probe, "LOGITS", 240)
    classes = torch.arange(400) % 2
    features = dense_features(classes[:, None] + 0.01 * normal(400, 1), normal(2, 1))
    seen = []
    counted = replace(features, train=lambda chosen: (seen.append(len(chosen)), features.train(chosen))[1])
    measure_field(field(classes, [0, 1]), {"accuracy": counted, "word_counts": features}, 0)
    assert seen == [100] * 5 + [120]


def test_blocks_of_tested_sentences_do_not_matter(monkeypatch):
    split = split_of(*([4 + n % 5, 9] for n in range(50)))
    weight, bias = normal(12, 3), normal(3)
    whole = [word_features(split, split, 12, 3), dense_features(normal(9, 12), normal(50, 12))]
    before = [features.train(torch.arange(9))[1](weight, bias) for features in whole]
    monkeypatch.setattr(probe, "BLOCK", 12)
    for features, classes in zip(whole, before, strict=True):
        assert torch.equal(features.train(torch.arange(9))[1](weight, bias), classes)


def test_words_that_name_the_class_are_read_from_few_labels():
    classes = torch.arange(400) % 2
    split = split_of(*([4 + int(c), 8] for c in classes))
    toy = field(classes, classes)
    assert probe_accuracy(word_features(split, split, 12), labelled(toy, 100, 0, 0), toy) == 1.0


def test_majority_is_that_of_train():
    # class 1 is most frequent in train; two of the four tested are of it
    assert majority_accuracy(torch.tensor([1, 1, 0]), torch.tensor([0, 0, 1, 1])) == 0.5
    assert majority_accuracy(torch.tensor([1, 1, 0]), torch.tensor([0, 0, 0, 0])) == 0.0


def test_draws_are_nested_differ_and_repeat():
    toy = field(torch.zeros(300, dtype=torch.int64), [0])
    assert torch.equal(labelled(toy, 50, 0, 7), labelled(toy, 200, 0, 7)[:50])
    assert not torch.equal(labelled(toy, 50, 0, 7), labelled(toy, 50, 1, 7))
    assert not torch.equal(labelled(toy, 50, 0, 7), labelled(replace(toy, name="other"), 50, 0, 7))
    assert len(labelled(toy, 200, 0, 7).unique()) == 200


def test_sizes_stop_below_all_of_train():
    train, test = normal(150, 2), normal(50, 2, seed=1)
    toy = field((train[:, 0] > 0).long(), (test[:, 0] > 0).long())
    features = dense_features(train, test)
    accuracies = measure_field(toy, {"accuracy": features, "word_counts": features}, 0, (5, 50, 500))
    assert list(accuracies["accuracy"]) == ["100", "all"]
    assert list(accuracies["each"]["accuracy"]) == ["5", "50"]  # the rarer sign has fewer than 500
    assert set(accuracies["each"]) == {"accuracy"}


def with_labels(split, **labels):
    names = {name: ("no", "yes") for name in labels}
    return Split(split.name, split.tokens, split.offsets, labels, names)


def test_the_whole_block_on_a_model_whose_code_is_the_number():
    # the posterior mean is half of x; one label is its sign, which a line reads, one is a coin
    numbers = torch.cat([torch.linspace(-4, -1, 75), torch.linspace(1, 4, 75)]).tolist()
    model, split = linear_gaussian(numbers)
    sign = (torch.tensor(numbers) > 0).long()
    coin = torch.randint(0, 2, (150,), generator=torch.Generator().manual_seed(0))
    labelled_split = with_labels(split, sign=sign, coin=coin)
    block = block_input(model, labelled_split)
    words = [f"w{n}" for n in range(150)]
    block = replace(block, corpus=replace(block.corpus, vocabulary=type(block.corpus.vocabulary)(words)))
    evaluation = probe_block(block)
    fields = evaluation.details["fields"]
    assert fields["sign"]["accuracy"]["all"] == 1.0
    assert fields["sign"]["majority"] == 0.5
    assert fields["coin"]["accuracy"]["all"] < 0.7
    assert fields["coin"]["word_counts"]["all"] == 1.0  # every sentence is a word of its own and was seen
    assert evaluation.values["probe_accuracy"] == pytest.approx((1 + fields["coin"]["accuracy"]["all"]) / 2)
    assert evaluation.values["probe_accuracy_500"] is None  # there are 150
    assert evaluation.values["probe_5_each"] == pytest.approx(
        (fields["sign"]["each"]["accuracy"]["5"] + fields["coin"]["each"]["accuracy"]["5"]) / 2
    )
    assert fields["sign"]["each"]["accuracy"]["5"] == 1.0  # five numbers of each sign, 2 apart
    assert evaluation.values["probe_500_each"] is None
    assert any(
        line.startswith("sign: no 500 or 5,000 labels a class, for the rarest has 75") for line in evaluation.lines
    )
    assert json.loads(json.dumps(evaluation.details)) == evaluation.details
    assert evaluation.values == probe_block(block).values


def labelled_block(train, test, names=("a", "b", "c")):
    """The probe of a model whose code is the number, with so many labels of train and of test."""
    numbers = torch.linspace(-4, 4, len(train)).tolist()
    model, split = linear_gaussian(numbers)
    known = Split("train", split.tokens, split.offsets, {"label": torch.tensor(train)}, {"label": names})
    asked = replace(known, name="test", labels={"label": torch.tensor(test)})
    block = block_input(model, asked)
    vocabulary = type(block.corpus.vocabulary)([f"w{n}" for n in range(len(train))])
    return probe_block(replace(block, corpus=replace(block.corpus, train=known, vocabulary=vocabulary)))


def test_sentences_whose_class_train_lacks_are_left_out():
    train = [0] * 60 + [1] * 60
    result = labelled_block(train, [0] * 60 + [2] * 30 + [1] * 30)
    assert result.values["probe_accuracy"] == 1.0  # 30 of class 2 would have made it .75
    assert result.values["probe_majority"] == pytest.approx(60 / 90)
    assert "label: 30 of 120 tested sentences have one that train lacks, left out" in result.lines


@pytest.mark.parametrize(
    ("train", "test", "names", "why"),
    [
        ([0] * 60, [0] * 60, ("x",), "probe: all sentences of train have one label, 'x'"),
        ([0, 1] * 30, [2] * 60, ("x", "y", "z"), "probe: no test sentence has a label that train has"),
        (list(range(300)), list(range(300)), tuple(map(str, range(300))), "probe: label has 300 values in train"),
    ],
)
def test_a_label_that_no_probe_can_tell_has_no_figures(train, test, names, why):
    result = labelled_block(train, test, names)
    assert result.values == dict.fromkeys(PROBE_COLUMNS)
    assert result.details["reason"].startswith(why)


def test_no_labels_or_no_code_no_figures():
    for evaluation, why in (
        (probe_block(block_input(tiny_model(), tiny_split(6))), "no labels"),
        (probe_block(block_input(tiny_model("lm"), tiny_split(6), method="lm")), "language model"),
    ):
        assert evaluation.values == dict.fromkeys(PROBE_COLUMNS)
        assert why in evaluation.details["reason"]


@pytest.mark.parametrize(
    ("accuracy", "drawn", "bag", "said"),
    [
        (0.65, 0.65, 0.9, "the code knows no more of it than chance does"),  # 2 sqrt(.6 .4 / 100) = 0.098
        (0.72, 0.65, 0.9, "the means differ by it, but by so little that no draw of z tells"),
        (0.72, 0.72, 0.9, "40% of what word counts add to it (0.90), 40% by draws"),
        (0.81, 0.72, 0.9, "70% of what word counts add to it (0.90), 40% by draws"),
        (0.72, 0.72, 0.5, "the code knows something of it"),
    ],
)
def test_a_probe_in_words(accuracy, drawn, bag, said):
    figures = {
        "accuracy": {"all": accuracy},
        "sampled": {"all": drawn},
        "majority": 0.6,
        "word_counts": {"all": bag},
    }
    line = in_words("mood", figures, 100, 0.6)
    assert line.startswith(f"mood: {accuracy:.2f} of the classes are read off the means, {drawn:.2f} off draws of z, ")
    assert line.endswith(f"0.60 off the most frequent class: {said}")


def test_one_tested_class_tells_nothing():
    """Half of the sentences of the rarer class are guessed right by a coin, and none by the most frequent class."""
    figures = {"accuracy": {"all": 0.5}, "sampled": {"all": 0.5}, "majority": 0.0, "word_counts": {"all": 0.5}}
    line = in_words("mood", figures, 100, 1.0)
    assert line.endswith(
        "0.00 off the most frequent class of train, 1.00 off that of the tested sentences: the tested sentences are of "
        "one class, so that no figure tells what the code knows of it"
    )


def test_chance_is_the_commonest_of_the_tested_classes():
    """Train has a class in 7 of 10 sentences, the tested in 3: a coin of train's shares is right .7 * .3 + .3 * .7."""
    coin = 0.7 * 0.3 + 0.3 * 0.7
    figures = {"accuracy": {"all": coin}, "sampled": {"all": coin}, "majority": 0.3, "word_counts": {"all": 0.8}}
    line = in_words("mood", figures, 100, 0.7)
    assert line.endswith(
        "0.30 off the most frequent class of train, 0.70 off that of the tested sentences: "
        "the code knows no more of it than chance does"
    )


def posterior_block(numbers, classes, slope, scale, **options):
    """The probe of N(slope x, scale^2) on the numbers, the same sentences in train and test, with a class each."""
    model, split = linear_gaussian(numbers, slope, scale)
    names = tuple(map(str, range(max(classes) + 1)))
    split = Split("test", split.tokens, split.offsets, {"label": torch.tensor(classes)}, {"label": names})
    block = block_input(model, split, **options)
    return replace(block, corpus=replace(block.corpus, vocabulary=type(block.corpus.vocabulary)(words(len(numbers)))))


def words(count):
    return [f"w{n}" for n in range(count)]


def phi(x):
    return 0.5 * (1 + math.erf(x / 2**0.5))


@pytest.mark.parametrize("distance", [1.0, 2.0, 3.0])
def test_draws_of_two_gaussians_have_the_bayes_accuracy(distance):
    """N(-d/2, 1) and N(d/2, 1), as many of each: no rule does better than Phi(d / 2); the means tell them all apart."""
    count = 4000
    classes = [n % 2 for n in range(count)]
    accuracies = probe_block(posterior_block([distance * (c - 0.5) for c in classes], classes, 1.0, 1.0)).values
    bayes = phi(distance / 2)
    error = (bayes * (1 - bayes) / count) ** 0.5
    assert accuracies["probe_accuracy"] == 1.0
    assert accuracies["probe_sampled"] == pytest.approx(bayes, abs=4 * error)


def test_a_collapsed_posterior_gives_the_majority_and_its_means_may_not():
    """q = N(1e-3 x, 1) against the prior N(0, 1): kl is 1e-6 nats, the means are separable and no draw is."""
    count, draw = 4000, torch.Generator().manual_seed(0)
    classes = (torch.rand(count, generator=draw) > 0.6).long().tolist()
    accuracies = probe_block(posterior_block([2.0 * c - 1 for c in classes], classes, 1e-3, 1.0)).values
    majority = accuracies["probe_majority"]
    assert majority == pytest.approx(0.6, abs=0.03)
    assert accuracies["probe_accuracy"] == 1.0
    assert accuracies["probe_sampled"] == pytest.approx(majority, abs=4 * (majority * (1 - majority) / count) ** 0.5)


def test_the_very_prior_for_every_sentence_gives_the_majority_to_the_letter():
    # means are constant, so they are no feature, and the classifier has its bias alone
    classes = [0] * 70 + [1] * 50
    accuracies = probe_block(posterior_block([float(n) for n in range(120)], classes, 0.0, 1.0)).values
    assert accuracies["probe_accuracy"] == accuracies["probe_majority"] == 70 / 120
    assert accuracies["probe_sampled"] == pytest.approx(70 / 120, abs=4 * (70 * 50 / 120**3) ** 0.5)


def test_well_separated_posteriors_are_read_as_well_from_draws():
    classes = [n % 3 for n in range(300)]
    numbers = [10.0 * c + 0.01 * n for n, c in enumerate(classes)]
    evaluation = probe_block(posterior_block(numbers, classes, 1.0, 0.1))
    assert evaluation.values["probe_sampled"] == evaluation.values["probe_accuracy"] == 1.0
    # five labels a class, on either side of the borders: 15 sentences, read as well
    assert evaluation.details["fields"]["label"]["each"]["sampled"]["50"] == 1.0


def test_draws_are_each_sentences_own_and_by_hand():
    """z = a x + s e with the sentence's own e: whatever the batch, and another in train than in test."""
    numbers = [0.5 * n for n in range(40)]
    model, split = linear_gaussian(numbers, 0.8, 0.6)
    for size in (3, 40):
        means, draws = posterior_codes(model, scoring(split, size, seed=7), "probe_test")
        noise = sentence_noise(7, "probe_test", torch.arange(40), 1, 1)[0]
        assert means.flatten().tolist() == pytest.approx([0.8 * x for x in numbers])
        assert torch.allclose(draws, 0.8 * torch.tensor(numbers, dtype=torch.float64)[:, None] + 0.6 * noise)
    _, other = posterior_codes(model, scoring(split, 40, seed=7), "probe_train")
    assert not torch.isclose(other, draws).any()


def test_a_probe_of_draws_by_hand(monkeypatch):
    """Means -2, 1, -1, 2 of classes 0, 0, 1, 1, and the draws -1, -1, 1, 1 that noise 1, -2, 2, -1 makes of them.

    The classes mirror each other, so both borders are at 0: on its right side are two of the means and all draws.
    """
    noise = torch.tensor([1.0, -2, 2, -1], dtype=torch.float64).view(1, 4, 1)
    monkeypatch.setattr(probe_codes, "sentence_noise", lambda seed, purpose, index, samples, size: noise[:, index])
    model, split = linear_gaussian([-2.0, 1, -1, 2], 1.0, 1.0)
    means, draws = posterior_codes(model, scoring(split, 4), "probe_test")
    toy = field([0, 0, 1, 1], [0, 0, 1, 1])
    assert draws.flatten().tolist() == [-1, -1, 1, 1]
    assert probe_accuracy(dense_features(draws, draws), torch.arange(4), toy) == 1.0
    assert probe_accuracy(dense_features(means, means), torch.arange(4), toy) == 0.5


def test_the_setting_says_how_many_labels_a_class_and_columns_have_theirs():
    classes = [n % 2 for n in range(80)]
    evaluation = probe_block(posterior_block([2.0 * c for c in classes], classes, 1.0, 0.5, probe_labels=(3, 5)))
    assert list(evaluation.details["fields"]["label"]["each"]["accuracy"]) == ["3", "5"]
    assert evaluation.values["probe_5_each"] == 1.0
    assert evaluation.values["probe_50_each"] is None


def test_balanced_draws_are_nested_and_hold_as_many_of_each():
    toy = field([0] * 90 + [1] * 20, [0])
    few, many = (labelled_each(toy, size, 0, 7) for size in (5, 20))
    assert toy.train[few].bincount().tolist() == [5, 5]
    assert toy.train[many].bincount().tolist() == [20, 20]
    assert set(few.tolist()) < set(many.tolist())
    assert not torch.equal(few, labelled_each(toy, 5, 1, 7))
    assert sizes_each(toy, (5, 20, 21)) == [5, 20]


def test_more_labels_of_each_class_than_the_logits_allow_are_left_out(monkeypatch):
    monkeypatch.setattr(probe, "LOGITS", 79)
    toy = field([0, 1] * 50, [0])
    assert sizes_each(toy, (5, 19, 20)) == [5, 19]  # 2 * 20 sentences times 2 classes are 80


def test_few_labels_read_by_hand():
    """One feature, +-1 by class but for a tenth of the sentences: the border is 0 and 90 % are right."""
    classes = torch.arange(2000) % 2
    flipped = torch.arange(2000) % 20 < 2
    codes = (2.0 * classes - 1) * (1 - 2.0 * flipped)
    features = dense_features(codes[:, None].double(), codes[:, None].double())
    accuracies = measure_field(field(classes, classes), {"accuracy": features}, 0, (500,))
    assert accuracies["each"]["accuracy"]["500"] == pytest.approx(0.9)


def test_each_missing_number_of_labels_has_its_reason():
    classes = torch.arange(150).repeat(600)
    few, many = probe._rare("genre", Field("genre", 150, classes, classes), (5, 500, 5000))
    assert few == "genre: no 5,000 labels a class, for the rarest has 600 sentences in train"
    assert many == "genre: 500 labels a class of 150 are more than 10,000,000 logits allow"
