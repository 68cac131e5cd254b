"""Settings of which a text of one's own makes no use."""

from vaecli.settings.resolve import load_settings


def test_sizes_of_a_text_that_is_taken_whole_are_said_to_change_nothing(tmp_path):
    own = {"corpus": {"data": str(tmp_path)}}
    note = (
        f"--set corpus.train_size=100 changes nothing: {tmp_path} is no text of the program's own, and is taken whole"
    )
    assert load_settings(options=own, sets=["corpus.train_size=100"]).notes == (note,)
    assert load_settings(sets=["corpus.train_size=100"]).notes == ()
    assert load_settings(options=own).notes == ()
