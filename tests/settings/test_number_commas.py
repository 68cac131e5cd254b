"""Commas in a value: a list of values, or a number that somebody wrote with one inside."""

import pytest

from vaecli.core.errors import UsageError
from vaecli.settings.resolve import load_settings


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("corpus.train_size=1,000", "1000"),
        ("corpus.train_size=1,500", "1500"),
        ("training.epochs=1,000", "1000"),
        ("training.epochs=1,000,000", "1000000"),
        ("training.learning_rate=0,001", "0.001"),
        ("bn.gamma=1,05", "1.05"),
        ("bn.gamma=0, 05", "0.05"),
    ],
)
def test_a_number_with_a_comma_inside_is_told_how_to_be_written(text, number):
    with pytest.raises(UsageError) as caught:
        load_settings(sets=[text], methods=["bn"])
    assert str(caught.value) == f"--set {text}: commas separate values; for one number write {number}"


def test_what_may_be_a_list_of_numbers_is_one():
    sets = ["training.epochs=1,500", "bn.gamma=1,0.5", "training.learning_rate=0.001,0.01"]
    settings = load_settings(sets=sets, methods=["bn"])
    assert settings.choices["training.epochs"] == (1, 500)
    assert settings.choices["bn.gamma"] == (1, 0.5)
    assert load_settings(sets=["evaluation.probe_labels=5,500"]).config("vanilla", 0).evaluation.probe_labels == (
        5,
        500,
    )
    assert load_settings(sets=["corpus.text_column=1,000"]).config("vanilla", 0).corpus.text_column == "1,000"
