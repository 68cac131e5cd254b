"""Settings that change nothing beside the others are told, where somebody says them."""

import pytest

from vaecli.config import build_config
from vaecli.core.errors import UsageError
from vaecli.remedies import remedy_class
from vaecli.settings.resolve import load_settings
from vaecli.settings.unused import GROUP_KEYS, idle_settings


def told(*sets, methods=("vanilla",), **arguments):
    return load_settings(sets=sets, methods=methods, **arguments).notes


def test_sizes_of_a_text_that_is_taken_whole_are_said_to_change_nothing(tmp_path):
    own = {"corpus": {"data": str(tmp_path)}}
    note = (
        f"--set corpus.train_size=100 changes nothing: {tmp_path} is no text of the program's own, and is taken whole"
    )
    assert load_settings(options=own, sets=["corpus.train_size=100"]).notes == (note,)
    assert load_settings(sets=["corpus.train_size=100"]).notes == ()
    assert load_settings(options=own).notes == ()


def test_what_says_nothing_of_what_is_idle_is_laid_to_its_remedy(monkeypatch):
    monkeypatch.setattr(remedy_class("beta"), "idle", lambda self, epochs: None)
    with pytest.raises(UsageError, match=r"^'beta': `idle` gives NoneType and has to return Mapping$"):
        told("beta.beta=0.5", methods=["beta"])


@pytest.mark.parametrize(
    ("sets", "methods", "why"),
    [
        ("evaluation.reference=runs/lm", "vanilla", "it goes with evaluation.extra=payoff or samples"),
        ("evaluation.sentences=50", "vanilla", "it goes with evaluation.extra=gaps or reverse_ppl or samples"),
        ("training.patience=1 training.decay_start=6", "vanilla", "before epoch 6 (training.decay_start), of 6"),
        ("training.decay=0.1 training.max_decays=0", "vanilla", "training.max_decays=0 stops at the first stall"),
        ("model.decoder_size=8 model.decoder=oracle", "vanilla", "the decoder that wrote the corpus"),
        ("model.latent_size=4", "bow+di", "the codes of 'di' have a size of their own"),
        ("model.decoder=lstm_output", "cnn", "'cnn' brings a decoder of its own"),
        ("critic.hidden=8", "critic", "form=self has no networks"),
        ("geco.margin=1 geco.kappa=20", "geco", "kappa is set"),
        ("semi_amortized.gradient=first_order semi_amortized.start=prior", "semi_amortized", "start=prior"),
        ("linear_anneal.epochs=5", "linear_anneal", "share=0.25 of the 6 planned epochs is less"),
        ("target_kl.epochs=2", "target_kl", "share=0.25 of the 6 planned epochs is less"),
    ],
)
def test_what_changes_nothing_is_said_with_the_reason(sets, methods, why):
    (note,) = told(*sets.split(), methods=[methods])
    assert note.startswith(f"--set {sets.split()[0]} changes nothing: ")
    assert why in note


@pytest.mark.parametrize(
    ("sets", "methods"),
    [
        ("evaluation.reference=runs/lm evaluation.extra=payoff", "vanilla"),
        ("evaluation.sentences=50 evaluation.posteriors_every=5 model.latent_size=1", "vanilla"),
        ("training.patience=1 training.decay_start=5", "vanilla"),
        ("training.max_decays=0 training.patience=3", "vanilla"),
        ("model.latent_size=4 model.decoder=lstm_output", "cnn,di"),
        ("critic.hidden=8 critic.form=neural", "critic"),
        ("critic.hidden=8 critic.form=self,neural", "critic"),
        ("linear_anneal.epochs=1", "linear_anneal"),
        ("linear_anneal.epochs=5 training.epochs=6,40", "linear_anneal"),
        ("geco.margin=1", "geco"),
    ],
)
def test_what_changes_something_in_a_trial_is_not(sets, methods):
    assert told(*sets.split(), methods=methods.split(",")) == ()


def test_a_list_of_values_that_all_train_the_same_is_said():
    (note,) = told("linear_anneal.epochs=2,5,10", methods=["linear_anneal", "vanilla"])
    assert note.startswith("--set linear_anneal.epochs=2,5,10 changes nothing: share=0.25")


def test_a_recipe_that_gives_a_setting_its_effect_is_known():
    """As its paper has it, the warm-up has the whole run at most."""
    sets = ["linear_anneal.epochs=5"]
    assert told(*sets, methods=["linear_anneal"], options={"training": {"protocol": "published"}}) == ()


def test_all_keys_that_may_be_idle_are_known():
    odd = {
        "corpus": {"data": "somewhere"},
        "model": {"decoder": "oracle"},
        "training": {"epochs": 1, "decay_start": 9},
    }
    keys = idle_settings(build_config({**odd, "method": "di"})) | idle_settings(build_config({"method": "cnn"}))
    assert keys.keys() == GROUP_KEYS
