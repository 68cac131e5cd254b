"""When a collapse, or a rate that informs of nothing, is announced while a model trains."""

import pytest

from vaecli.metrics.validation_alarm import alarms, state_of


def rows(*figures, weight=1.0):
    """Validations by kl and mi, or by kl, mi and KL weight."""
    return [
        {"epoch": n + 1, "kl": f[0], "mi": f[1], "au": 0, "kl_weight": f[2] if len(f) > 2 else weight}
        for n, f in enumerate(figures)
    ]


def told(*figures, epochs=20, **more):
    return [(alarm.epoch, alarm.state) for alarm in alarms(rows(*figures, **more), 2000, epochs)]


@pytest.mark.parametrize(
    ("kl", "mi", "sentences", "state"),
    [
        (0.01, 0.0, 2000, "collapsed"),
        (3.0, 0.01, 2000, "ignored"),
        (3.0, 0.5, 2000, "ignored"),
        (3.0, 2.0, 2000, "informative"),
        (0.4, 0.2, 2000, "informative"),
        (60.0, 7.6, 2000, "informative"),  # at the ceiling log 2000, where mi bounds no share of the rate
        (60.0, 7.6, None, "ignored"),
        (None, None, 2000, None),  # a language model, an autoencoder
        (3.0, 0.0, 1, None),
    ],
)
def test_a_validation_shows_what_the_verdict_says(kl, mi, sentences, state):
    (row,) = rows((kl, mi))
    assert state_of(row, sentences) == state


def test_a_collapse_is_announced_once_at_its_second_validation():
    assert told((0.0, 0.0), (0.0, 0.0), (0.0, 0.0), (0.0, 0.0)) == [(2, "collapsed")]


def test_one_validation_is_a_beginning_unless_it_is_the_last():
    assert told((0.02, 0.02), (0.63, 0.35), (1.1, 0.7)) == []  # info_mmd on the embedded corpus
    assert told((0.0, 0.0)) == []
    assert told((0.0, 0.0), epochs=1) == [(1, "collapsed")]


def test_a_rate_that_informs_of_nothing_takes_three():
    assert told((2.8, 0.7), (3.6, 1.3), (3.6, 1.5)) == []  # free_bits on the embedded corpus
    assert told((3.0, 0.1), (3.0, 0.2), (3.0, 0.2), (3.0, 0.2)) == [(3, "ignored")]


def test_recovery_is_announced_and_so_is_what_follows():
    figures = [(0.0, 0.0)] * 3 + [(0.4, 0.3)] * 2 + [(0.0, 0.0)] * 2
    assert told(*figures) == [(2, "collapsed"), (5, "informative"), (7, "collapsed")]
    assert told((0.0, 0.0), (0.0, 0.0), (0.4, 0.3), (0.0, 0.0), (0.4, 0.3), (0.0, 0.0)) == [(2, "collapsed")]


def test_nothing_is_said_while_the_weight_rises_or_is_zero():
    rising = [(0.0, 0.0, n / 4) for n in range(5)]  # 0 to 1
    assert told(*rising) == [(5, "collapsed")]
    assert told(*rising[:4], (0.5, 0.4, 1.0), (0.5, 0.4, 1.0)) == []
    assert told((0.0, 0.0), (0.0, 0.0), (0.0, 0.0), weight=0.0) == []


def test_a_constant_weight_below_one_is_not_rising():
    assert told((0.0, 0.0), (0.0, 0.0), weight=0.4) == [(2, "collapsed")]


def test_a_baseline_without_a_rate_is_left_alone():
    assert told(*[(None, None)] * 5) == []
    assert told(*[(None, 7.6)] * 5, weight=0.0) == []
