"""Numbers out of all range are refused by name, or taken by a program that can work with them; nothing else happens."""

import pytest

from vaecli.config import GROUPS, CorpusConfig, build_config
from vaecli.core.checked import scalar_kinds
from vaecli.core.errors import UsageError
from vaecli.corpus.load import load_corpus
from vaecli.remedies import method_names, remedy_class
from vaecli.settings import machine_limits
from vaecli.settings.resolve import load_settings
from vaecli.training.fit import build_problem

LARGE = ["1" + "0" * 9, "1" + "0" * 12, "1" + "0" * 20, "-1", "1e308", "1e38", "inf", "nan"]


def numeric(kind):
    fields = {name: scalar_kinds(field.annotation) for name, field in kind.model_fields.items()}
    return [name for name, kinds in fields.items() if kinds and kinds & {int, float}]


SETTINGS = [(group, name) for group, kind in GROUPS.items() for name in numeric(kind)]
HYPER = [(name, key) for name in method_names() for key in numeric(remedy_class(name))]


@pytest.fixture(scope="module")
def corpus():
    return load_corpus(CorpusConfig(train_size=20, valid_size=5, test_size=5))


def resolved(methods, text):
    """The settings, or why there are none."""
    try:
        return load_settings(methods=methods, sets=[text]), ""
    except UsageError as error:
        return None, str(error)


@pytest.mark.parametrize(("group", "key"), SETTINGS + HYPER)
def test_a_number_out_of_range_is_refused_by_name_or_can_be_built_with(group, key, corpus):
    methods = [] if group in GROUPS else [group]
    refused = 0
    for text in LARGE:
        made, said = resolved(methods, f"{group}.{key}={text}")
        if made is None:
            assert f"--set {group}.{key}={text}: {group}.{key}: " in said or said.startswith(f"{group}: "), said
            refused += 1
        else:
            problem = build_problem(made.config(made.methods[0], made.seeds[0]), corpus)
            assert not problem or "sizes" in problem
    assert refused >= 3  # nothing takes 10^20, infinity or what is no number


@pytest.mark.parametrize(("group", "name"), SETTINGS)
def test_every_whole_number_has_an_end(group, name):
    if scalar_kinds(GROUPS[group].model_fields[name].annotation) != {int}:
        return
    (most,) = (rule.le for rule in GROUPS[group].model_fields[name].metadata if hasattr(rule, "le"))
    with pytest.raises(UsageError, match=rf"{group}\.{name}: must be at most {most} in size, got"):
        build_config({group: {name: most + 1}})
    assert getattr(getattr(build_config({group: {name: most}}), group), name) == most


def test_more_threads_than_the_machine_is_good_for(monkeypatch):
    monkeypatch.setattr(machine_limits, "cores", lambda: 20)
    with pytest.raises(UsageError) as caught:
        load_settings(sets=["training.threads=81"])
    assert str(caught.value) == (
        "--set training.threads=81: training.threads: must be at most 80, got 81: this machine has 20 cores; "
        "0 lets torch choose"
    )
    assert load_settings(sets=["training.threads=80"]).groups["training"]["threads"] == 80
    build_config({"training": {"threads": 81}})  # as a run that a larger machine made says it


def test_a_synthetic_corpus_larger_than_the_memory(monkeypatch):
    monkeypatch.setattr(machine_limits, "memory", lambda: 8 * 2**30)
    with pytest.raises(UsageError, match=r"corpus.train_size: must be at most 8,589,934 sentences here, got 9,000,000"):
        load_settings(sets=["corpus.train_size=9000000"])
    load_settings(sets=["corpus.train_size=8000000"])
    monkeypatch.setattr(machine_limits, "memory", lambda: 0)  # a system that doesn't say
    load_settings(sets=["corpus.train_size=9000000"])


def test_an_override_is_held_to_the_machine_too(tmp_path):
    file = tmp_path / "a.toml"
    file.write_text('methods = ["vanilla", "bn"]\n[override.bn.training]\nthreads = 1000\n')
    with pytest.raises(UsageError, match=r"a\.toml:3: override\.bn\.training\.threads: must be at most \d+, got 1000"):
        load_settings(file)
