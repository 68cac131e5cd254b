"""The figures of probes a second time, for `metrics.test_brute_force`, by regressions on matrices written out."""

from collections import Counter
from statistics import fmean

import numpy as np
import torch
from metrics.oracle import regression, standard

from vaecli.metrics.extras.probe import Field, labelled
from vaecli.metrics.noise import sentence_noise


def probe_figures(posteriors, listed, labels, seed):
    """Accuracies of multinomial regressions fitted by another optimiser on matrices that are written out.

    Args:
        posteriors: Mean and logarithm of the variance of each sentence.
        listed: The sentences, which are the test split; twenty times over they are train.
        labels: Of a sentence, its classes in two fields.
        seed: Of the noise and of the choice of labels.
    """
    means = np.stack([mean for mean, _ in posteriors])
    deviations = np.stack([np.exp(0.5 * logvar) for _, logvar in posteriors])
    counts = np.array([[words.count(4), words.count(5)] for words in listed], dtype=float)
    codes = np.tile(means, (20, 1)), means
    drawn = tuple(
        np.tile(means, (times, 1)) + np.tile(deviations, (times, 1)) * own_noise(purpose, times * len(listed), seed)
        for purpose, times in (("probe_train", 20), ("probe_test", 1))
    )
    table = {}

    def put(name, value):
        table.setdefault(name, []).append(value)

    for column, name in enumerate(("first", "length")):
        test = np.array([labels(words)[column] for words in listed])
        train = np.tile(test, 20)
        every = np.arange(len(train))
        field = Field(name, int(test.max()) + 1, torch.from_numpy(train), torch.from_numpy(test))

        def accuracy(features, places, train=train, test=test):
            return regression(standard(*features, places), train, test, places)

        put("probe_accuracy", accuracy(codes, every))
        put("probe_sampled", accuracy(drawn, every))
        draws = [labelled(field, 500, draw, seed).numpy() for draw in range(5)]
        put("probe_accuracy_500", fmean(accuracy(codes, places) for places in draws))
        put("probe_bow", regression((np.tile(counts, (20, 1)), counts), train, test, every))
        put("probe_majority", fmean(test == Counter(train.tolist()).most_common(1)[0][0]))
        orders = [labelled(field, len(train), draw, seed).numpy() for draw in range(5)]
        for size in (5, 50, 500, 5000):
            if size <= min(Counter(train.tolist()).values()):
                chosen = [first_of_each(order, train, size) for order in orders]
                put(f"probe_{size}_each", fmean(accuracy(codes, places) for places in chosen))
    # a sentence at the border may fall to either side: one of 62 in one of two fields, or in one draw of the only field
    close = {name: (fmean(values), 1 / 123 if name != "probe_majority" else 1e-12) for name, values in table.items()}
    return close | {"probe_5000_each": (None, 0)}


def own_noise(purpose, count, seed):
    """(count, 2) of the streams of as many sentences."""
    return sentence_noise(seed, purpose, torch.arange(count), 1, 2)[0].numpy()


def first_of_each(order, classes, size):
    """The places of the first sentences of each class in an order."""
    return np.array([index for kind in set(classes.tolist()) for index in order[classes[order] == kind][:size]])
