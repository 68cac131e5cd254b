"""Suggestions: near where a name is near, all names where none is."""

import pytest

from vaecli.core.errors import edit_distance, near_names, nearest
from vaecli.remedies import ALIASES, method_names

METHODS = [*method_names(), *ALIASES]


@pytest.mark.parametrize(
    ("one", "other", "distance"),
    [("bn", "bn", 0), ("", "bn", 2), ("bn", "nb", 1), ("beta", "beat", 1), ("kitten", "sitting", 3), ("ca", "abc", 3)],
)
def test_distance_counts_insertions_deletions_replacements_and_swaps(one, other, distance):
    assert edit_distance(one, other) == edit_distance(other, one) == distance


@pytest.mark.parametrize(
    ("wrong", "near"),
    [
        ("BN", ["bn"]),
        ("bm", ["bn"]),
        ("Free-Bits", ["free_bits"]),
        ("freebits", ["free_bits"]),
        ("lagigng", ["lagging"]),
        ("semiamortised", ["semi_amortized"]),
        ("anneal", ["linear_anneal", "sigmoid_anneal", "tanh_anneal"]),
        ("annael", ["linear_anneal", "sigmoid_anneal", "tanh_anneal"]),
        ("transformer", []),
        ("x", []),
        ("gan", []),
        ("", []),
    ],
)
def test_only_what_is_near_is_suggested(wrong, near):
    assert near_names(wrong, METHODS) == near


def test_every_name_is_nearest_to_itself_and_to_itself_in_capitals():
    for name in METHODS:
        assert near_names(name, METHODS)[0] == name
        assert near_names(name.upper(), METHODS) == [name]


def test_the_words_of_a_message():
    assert nearest("bm", ["bn", "beta"]) == "did you mean 'bn'?"
    assert nearest("anneal", ["tanh_anneal", "linear_anneal"]) == "did you mean 'linear_anneal' or 'tanh_anneal'?"
    assert nearest("transformer", ["bn", "beta"]) == "choose from beta, bn"
    assert nearest("x", []) == "there is none"
