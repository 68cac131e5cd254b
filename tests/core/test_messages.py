import pytest

from vaecli.core.messages import counted, escaped, printable


def test_nothing_in_a_name_steers_a_terminal_or_forges_a_line():
    assert printable("a\x1b[31mb\nc\x9bd\u202ee") == "a\\x1b[31mb\\nc\\x9bd\\u202ee"
    assert escaped("no folder a\nvae: all is well") == "no folder a\\nvae: all is well"


def test_a_message_keeps_its_own_lists_and_every_script():
    assert escaped("2 problems:\n  one\n  two\x07 \u8a9e \u00e9") == "2 problems:\n  one\n  two\\x07 \u8a9e \u00e9"


@pytest.mark.parametrize(("count", "words"), [(0, "0 trials"), (1, "1 trial"), (2, "2 trials"), (2000, "2,000 trials")])
def test_a_number_agrees_with_its_noun(count, words):
    assert counted(count, "trial") == words
