"""Every fast operation against its plain twin, and the switch between them."""

import importlib
import inspect
import json
import pkgutil
from collections import Counter

import pytest
import torch
from kernels.twin_cases import CASES, numbers
from support import TINY, write_corpus
from torch import nn

import vaecli
import vaecli.kernels
from vaecli.core.errors import UsageError
from vaecli.kernels import lstm
from vaecli.kernels.arithmetic import resolve_precision
from vaecli.kernels.buffers import buffers
from vaecli.kernels.optimizers import SGD, Adam, RMSprop
from vaecli.kernels.output import linear_cross_entropy
from vaecli.kernels.switch import KERNELS, VARIABLE, Kernel, fast, runs_plain

CPU = torch.device("cpu")


@pytest.fixture
def used(monkeypatch):
    """How often each implementation was called."""
    counts = Counter()

    def counted(which, function):
        def call(*args, **options):
            counts[which] += 1
            return function(*args, **options)

        return call

    for name, kernel in list(KERNELS.items()):
        both = (counted((kind, name), getattr(kernel, kind)) for kind in ("fast", "plain"))
        monkeypatch.setitem(KERNELS, name, Kernel(*both))
    return counts


@pytest.mark.parametrize(
    ("name", "compute", "within"),
    [pytest.param(n, f, w, id=f"{n.rpartition('.')[2]}-{f.__name__}") for n, c in CASES.items() for f, w in c],
)
def test_both_agree(name, compute, within, used, monkeypatch):
    monkeypatch.setattr(lstm, "WIDE", 1)
    results = {}
    for kind, value in (("fast", "0"), ("plain", "1")):
        monkeypatch.setenv(VARIABLE, value)
        results[kind] = [x.detach().double() if torch.is_tensor(x) else x for x in compute()]
        assert used[kind, name] > 0
    assert {kind for kind, _ in used} == {"fast", "plain"}
    for ours, expected in zip(results["fast"], results["plain"], strict=True):
        if torch.is_tensor(expected):
            largest = expected.abs().max().item() if expected.numel() else 0.0
            torch.testing.assert_close(ours, expected, rtol=0, atol=within * max(1.0, largest))
        else:
            assert ours == expected


def test_every_fast_operation_is_held_against_its_twin():
    assert set(CASES) == set(KERNELS)


HELPERS = {
    "arithmetic": [
        "arithmetic",
        "autocast_is_open",
        "close_contexts",
        "has_bf16",
        "has_bf16_instructions",
        "open_contexts",
    ],  # the context, those of torch, what the machine has
    "compiled": ["LSTMLibrary", "agrees", "lstm_library", "wanted"],  # the library; its use is in LSTM.forward
    "buffers": ["Buffers"],  # memory of the fast output layers; no twin uses it
    "output": ["OutputLayer", "chunk_rows", "compute_dtype", "logits_into", "lowered", "row_width"],
    "shared_output": ["pays", "systematic_draw"],
}
"""What else the kernels' modules define: parts of a fast operation, or what is plain already."""


def public(module):
    """The public functions of a module, and its classes without a fast method."""
    for name, member in vars(module).items():
        if name.startswith("_") or getattr(member, "__module__", "") != module.__name__:
            continue
        room = f"{module.__name__.removeprefix('vaecli.')}.{name}"
        if callable(member) and not any(key == room or key.startswith(room + ".") for key in KERNELS):
            yield name


def test_nothing_in_kernels_is_without_a_twin():
    for module in pkgutil.iter_modules(vaecli.kernels.__path__):
        if module.name not in ("plain", "switch"):
            rest = set(public(importlib.import_module(f"vaecli.kernels.{module.name}")))
            rest -= {"LBFGS"} if module.name == "optimizers" else set()  # all of it that is fast is `Eager`'s
            assert rest == set(HELPERS.get(module.name, []))


@pytest.mark.parametrize("name", KERNELS)
def test_twins_take_the_same_arguments(name):
    fast_one, plain_one = (inspect.signature(f).parameters for f in (KERNELS[name].fast, KERNELS[name].plain))
    free = {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}
    if not any(p.kind in free for p in plain_one.values()):  # torch's guards hide what they stand around
        assert list(fast_one)[1:] == list(plain_one)[1:]
        assert len(fast_one) == len(plain_one)
        assert [p.default for p in fast_one.values()] == [p.default for p in plain_one.values()]


@pytest.mark.parametrize(("value", "plain"), [("", False), ("0", False), ("1", True)])
def test_the_switch(value, plain, monkeypatch):
    monkeypatch.setenv(VARIABLE, value)
    assert runs_plain() is plain
    monkeypatch.delenv(VARIABLE)
    assert not runs_plain()


def test_another_value_is_one_line(monkeypatch):
    monkeypatch.setenv(VARIABLE, "yes")
    with pytest.raises(UsageError, match="VAE_PLAIN_KERNELS=yes: give 1"):
        linear_cross_entropy(numbers(1, 2), numbers(3, 2), torch.tensor([0]))


def test_bf16_and_the_plain_twins_exclude_each_other(monkeypatch):
    monkeypatch.setenv(VARIABLE, "1")
    with pytest.raises(UsageError, match="VAE_PLAIN_KERNELS=1 computes in fp32"):
        resolve_precision("bf16", CPU, 10**9)


@pytest.mark.parametrize("make", [SGD, lambda p, lr: Adam(p, lr=lr, fused=True), RMSprop])
def test_a_training_may_go_on_with_the_other_implementation(make, monkeypatch):
    """The optimisers' states, which checkpoints hold, are the same."""

    def moved(*values):
        monkeypatch.setenv(VARIABLE, "0")
        torch.manual_seed(0)
        layer, x = nn.Linear(3, 2), numbers(5, 3)
        state = make(layer.parameters(), lr=0.1).state_dict()
        for value in values:
            monkeypatch.setenv(VARIABLE, value)
            optimizer = make(layer.parameters(), lr=0.1)
            optimizer.load_state_dict(state)
            optimizer.zero_grad()
            layer(x).square().sum().backward()
            optimizer.step()
            state = optimizer.state_dict()
        return list(layer.parameters())

    torch.testing.assert_close(moved("0", "1", "0", "1"), moved("0", "0", "0", "0"))


def test_an_operation_has_one_name():
    with pytest.raises(AssertionError, match=r"kernels\.optimizers\.SGD\.step"):
        fast(len, "kernels.optimizers.SGD.step")(len)


SETTINGS = {**TINY, "training.optimizer": "sgd", "evaluation.iw_samples": 40}
OF_A_TRAINING = {
    "corpus.batches.prefetched",
    "corpus.words.TextNumbering.text",
    "kernels.arithmetic.exact_products",
    "kernels.arithmetic.resolve_precision",
    "kernels.dropout.Dropout.forward",
    "kernels.lstm.LSTM.forward",
    "kernels.optimizers.Eager.add_param_group",
    "kernels.optimizers.Eager.state_dict",
    "kernels.optimizers.SGD.step",
    "kernels.output.linear_cross_entropy",
    "metrics.columns.mi.against_all",
    "metrics.inference.sampled_nll",
    "model.posterior.DiagonalGaussian.batchwise_log_prob",
    "model.posterior.DiagonalGaussian.pairwise_log_prob",
    "training.optimizer.clip_gradients",
}


def test_training_and_evaluation_on_the_twins_give_the_same_figures(used, tmp_path, monkeypatch):
    """The switch is read at each call, so that one process can run both; nothing is read from a cache."""
    monkeypatch.setenv("VAE_CACHE", "off")
    write_corpus(tmp_path)
    figures, corpora = {}, set()
    for kind, value in (("fast", "0"), ("plain", "1")):
        used.clear()
        buffers.held.clear()
        monkeypatch.setenv(VARIABLE, value)
        run = vaecli.train("bn", tmp_path, settings=SETTINGS, out=tmp_path / kind)
        figures[kind] = run.figures
        corpora.add(json.loads((run.path / "run.json").read_text())["corpus"]["fingerprint"])
        assert set(used) >= {(kind, name) for name in OF_A_TRAINING}
        assert {k for k, _ in used} == {kind}
        assert bool(buffers.held) == (kind == "fast")
    assert len(corpora) == 1
    values = {name: value for name, value in figures["fast"].items() if value is not None}
    assert {name for name, value in figures["plain"].items() if value is not None} == set(values)
    for name in set(values) - {"seconds", "tokens_per_second", "peak_memory_mb"}:
        assert figures["plain"][name] == pytest.approx(values[name], rel=1e-4, abs=1e-5), name
