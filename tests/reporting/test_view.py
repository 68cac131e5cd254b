"""Rounding of figures and the escaping of control characters."""

from __future__ import annotations

import pytest

from vaecli.core.messages import printable
from vaecli.reporting.view import decimals, number


@pytest.mark.parametrize(
    ("values", "halves", "name", "expected"),
    [
        ([12.3456], [0.5612], "rec", 2),  # 0.56
        ([12.3], [5.6], "rec", 1),
        ([123.0], [56.0], "rec", 0),
        ([12.3], [0.0001], "rec", 3),  # never more than three
        ([12.3, 1.0, 2.0], [0.5, 0.04, 0.00001], "rec", 3),  # the median, 0.04, decides: 0.040
        ([12.3], [0.0], "rec", 2),  # no spread at all
        ([21.5, 0.004], [], "rec", 2),
        ([21.0, 20.0], [], "rec", 2),  # whole by chance, yet no count
        ([16.0, 0.0], [], "au", 0),
        ([15.5, 0.0], [2.54], "au", 1),
        ([1234.5], [], "ppl_iw", 1),
        ([12345.6], [], "ppl_iw", 0),
        ([float("inf")], [], "ppl_iw", 2),
        ([60.5, 70.25, 60815.48], [], "ppl_iw", 2),  # one run that went astray
        ([], [], "rec", 2),
        ([1.0], [1.7e308, 1.6e308], "ppl_iw", 0),  # whose sum is no float
        ([24.31, 9.7e4], [0.021, 6.1e4], "rec", 3),  # of two methods one that went astray
    ],
)
def test_decimals(values, halves, name, expected):
    assert decimals(values, halves, name) == expected


@pytest.mark.parametrize(
    ("value", "places", "expected"),
    [
        (12.345, 1, "12.3"),
        (-0.001, 2, "0.00"),
        (16.0, 0, "16"),
        (12_345_678.0, 0, "12345678"),
        (4.2e66, 2, "4.2e+66"),
        (float("inf"), 2, "inf"),
    ],
)
def test_number(value, places, expected):
    assert number(value, places) == expected


def test_control_characters_become_escapes():
    assert printable("bn\x1b[31m\n\u202e é") == "bn\\x1b[31m\\n\\u202e é"
