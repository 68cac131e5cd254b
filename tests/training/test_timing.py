"""What a run will cost, at the limits of what can be timed."""

from support import TINY

from vaecli.settings.resolve import load_settings
from vaecli.training.timing import seconds_per_epoch


def test_an_epoch_of_one_update_takes_time():
    """The update that warms up is none of those that are timed, so that those of the next epochs are."""
    values = {**TINY, "corpus.train_size": 20, "corpus.valid_size": 4, "corpus.test_size": 4}
    config = load_settings(methods=["vanilla"], values={**values, "training.batch_size": 64}).config("vanilla", 0)
    parameters, seconds = seconds_per_epoch(config)
    assert parameters > 0
    assert seconds > 0
