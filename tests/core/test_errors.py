"""Suggestions: near where a name is near, all names where none is."""

import pytest

from vaecli.core.errors import LISTED, UsageError, edit_distance, listed, most_alike, near_names, nearest, unknown
from vaecli.metrics.schema import column
from vaecli.remedies import ALIASES, canonical, method_names
from vaecli.settings.known_keys import check_key
from vaecli.settings.layers import parse_methods
from vaecli.settings.resolve import load_settings

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


def test_a_long_list_is_not_told_but_what_is_most_alike_and_what_lists_all():
    names = [f"name_{n:03}" for n in range(LISTED)]
    assert nearest("zzz", names, "vae names") == "choose from " + ", ".join(names)
    assert nearest("zzz", [*names, "other"], "vae names") == "none is like it; `vae names` lists all"
    assert nearest("my_name_001x2", [*names, "other"], "vae names") == (
        "most alike: 'name_001', 'name_002', 'name_000'; `vae names` lists all"
    )
    told = nearest("brotherhood", [*names, "other", "zzz"])
    assert told == f"choose from {', '.join(names[:11])}, other and 2 more"
    assert listed(names) == ", ".join(names)
    assert listed([*names, "other"]) == ", ".join(names) + " and 1 more"


def test_letters_in_common_by_hand():
    """Of ab and abcd two letters are in common: 2 * 2 / (2 + 4) = 0.67; of ab and xb one: 2 / 4."""
    assert most_alike("ab", ["xb", "ABCD"]) == ["ABCD"]
    assert most_alike("ab", ["xb", "abcd"], share=0.5) == ["abcd", "xb"]
    assert most_alike("ab", ["xb", "abcd"], count=1, share=0.0) == ["abcd"]


@pytest.mark.parametrize("name", ["nosuch", "kl_annealing", "bm"])
def test_an_unknown_method_is_told_in_a_line_with_its_way_out(name):
    with pytest.raises(UsageError) as caught:
        canonical(name, "--method")
    told = str(caught.value)
    assert told.startswith(f"unknown method '{name}' (--method): ")
    assert len(told) < 130
    assert told.endswith("`vae methods` lists all") or "did you mean 'bn'?" in told


def test_no_message_of_the_registries_lists_more_names_than_a_line_holds():
    """Whatever a user misspells: groups and remedies, keys, columns, methods, commands."""
    told = []
    for fault in (
        lambda: check_key("nosuch.key"),
        lambda: check_key("training.nosuch"),
        lambda: check_key("training"),
        lambda: column("nosuch", "--columns"),
        lambda: parse_methods([","]),
        lambda: load_settings(None, sets=["nosuch.x=1", "training.zzz=1"], environment={}),
    ):
        with pytest.raises(UsageError) as caught:
            fault()
        told += str(caught.value).splitlines()
    assert len(told) == 8
    assert all(line.count(", ") <= LISTED for line in told)


def test_the_place_and_the_kind_are_told():
    assert str(unknown("format", "pdf", ["csv"], "--format")) == "unknown format 'pdf' (--format): choose from csv"
