"""The compiled LSTM: torch's function, row by row, and what happens where there is no compiler."""

import ctypes
import os
import tomllib
from pathlib import Path

import pytest
import torch
from support import fast_only

from vaecli.core.errors import UsageError
from vaecli.kernels import compiled
from vaecli.kernels import lstm as module
from vaecli.kernels.lstm import LSTM

pytestmark = fast_only
E, H, T = 6, 40, 5  # 40 units: one block of four vectors and one of one


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    if torch.backends.cpu.get_cpu_capability() not in ("AVX2", "AVX512"):
        pytest.skip("the processor can't run it")
    built = compiled._built(tmp_path_factory.mktemp("kernels"))
    if built is None:
        pytest.skip("no C compiler here")
    return compiled.LSTMLibrary(built)


def problem(rows, words=None, hidden=H, constant=3, seed=0):
    """A layer, (B', T, E) input, an initial state of B rows and a constant input; all ask for gradients."""
    torch.manual_seed(seed)
    layer = LSTM(E + constant, hidden)
    x = torch.randn(words or rows, T, E, requires_grad=True)
    state = tuple(torch.randn(1, rows, hidden, requires_grad=True) for _ in range(2))
    return layer, x, state, torch.randn(rows, constant, requires_grad=True) if constant else None


def results(layer, x, state, constant, library):
    """States, last state and all gradients of a sum in which every number has a weight of its own."""
    if library is None:
        joined = x.repeat(state[0].shape[1] // len(x), 1, 1)
        if constant is not None:
            joined = torch.cat([joined, constant.unsqueeze(1).expand(-1, T, -1)], -1)
        states, last = torch.nn.LSTM.forward(layer, joined, state)
    else:
        states, last = layer.by_library(library, x, state, constant)
    made = [states, *last]
    generator = torch.Generator().manual_seed(1)
    total = sum((t * torch.randn(t.shape, generator=generator)).sum() for t in made)
    inputs = [x, *state, *([] if constant is None else [constant]), *layer.parameters()]
    return [*made, *torch.autograd.grad(total, inputs)]


@pytest.mark.parametrize("constant", [0, 3])
@pytest.mark.parametrize("hidden", [8, 16, 24, 40, 160])
@pytest.mark.parametrize(("rows", "words"), [(1, 1), (2, 2), (7, 7), (6, 2), (50, 50)])
def test_is_torchs_lstm(rows, words, hidden, constant, library):
    arguments = problem(rows, words, hidden, constant)
    for ours, expected in zip(results(*arguments, library), results(*arguments, None), strict=True):
        torch.testing.assert_close(ours, expected, rtol=1e-5, atol=2e-5)


def test_without_gradients_it_is_the_same_to_the_last_bit(library):
    arguments = problem(6, 2)
    with torch.no_grad():
        states, (h, c) = arguments[0].by_library(library, *arguments[1:])
    for ours, expected in zip((states, h, c), results(*arguments, library)[:3], strict=True):
        assert torch.equal(ours, expected)


def test_by_hand(library):
    # all sums are 0 but the candidate's, 1/2 g = tanh(atanh(1/2)), and i = f = o = 1/2; from c = 1:
    # c = 1/2 + 1/2 * 1/2 = 3/4, h = tanh(3/4) / 2
    zero = torch.zeros(8 * 4, 8)
    inputs = torch.zeros(1, 1, 32)
    inputs[..., 16:24] = 0.549306144334055  # atanh(1/2)
    states, cells = torch.zeros(2, 1, 8), torch.ones(2, 1, 8)
    library.forward(zero, inputs, None, states, cells, inputs)
    assert cells[1].tolist() == [[pytest.approx(0.75, abs=1e-7)] * 8]
    assert states[1].tolist() == [[pytest.approx(0.317574476, abs=1e-7)] * 8]


def test_rows_do_not_depend_on_their_company_or_on_threads(library):
    layer, x, state, constant = problem(50)
    before = torch.get_num_threads()
    made = {}
    try:
        for threads in (1, 2, 5):
            torch.set_num_threads(threads)
            made[threads] = layer.by_library(library, x, state, constant)[0]
    finally:
        torch.set_num_threads(before)
    assert torch.equal(made[1], made[2])
    assert torch.equal(made[1], made[5])
    # the steps of a row alone, from the sums that it had in the batch
    inputs, w = torch.randn(T, 50, 4 * H), layer.weight_hh_l0.detach()
    together, cells = torch.zeros(T + 1, 50, H), torch.zeros(50, H)
    library.forward(w, inputs, None, together, cells, None)
    for row in (0, 1, 2, 17, 48, 49):
        alone = torch.zeros(T + 1, 1, H)
        library.forward(w, inputs[:, row : row + 1].contiguous(), None, alone, torch.zeros(1, H), None)
        assert torch.equal(alone[:, 0], together[:, row])


@pytest.mark.parametrize("size", [1e-6, 1e-3, 0.1, 1.0, 8.0, 100.0, 1e30])
def test_functions_of_all_sizes(size, library):
    # without recurrent weights and from c = 0: c = sigmoid(a) tanh(b), h = sigmoid(d) tanh(c)
    sums = (torch.linspace(-1, 1, 8 * 4 * 9) * size).view(1, 9, 32)
    states, cells = torch.zeros(2, 9, 8), torch.zeros(2, 9, 8)
    library.forward(torch.zeros(32, 8), sums, None, states, cells, sums.clone())
    i, _, g, o = sums.double()[0].chunk(4, 1)
    c = i.sigmoid() * g.tanh()
    torch.testing.assert_close(cells[1].double(), c, rtol=4e-7, atol=1e-9)
    torch.testing.assert_close(states[1].double(), o.sigmoid() * c.tanh(), rtol=5e-7, atol=1e-9)


def test_nan_and_inf_are_not_hidden(library):
    layer, x, state, constant = problem(7)
    x = x.detach().clone()
    x[3, 2, 0] = float("nan")
    states, _ = layer.by_library(library, x, state, constant)
    assert states[3, 2:].isnan().all()
    assert not states[3, :2].isnan().any()
    assert not states[[0, 1, 2, 4, 5, 6]].isnan().any()


@pytest.fixture
def fresh(monkeypatch, tmp_path):
    """A process that has loaded nothing yet, on a processor that takes the library."""
    compiled._library.cache_clear()
    monkeypatch.setenv("VAE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    yield tmp_path / "cache" / "kernels"
    compiled._library.cache_clear()


def test_is_compiled_once_and_kept(library, fresh, monkeypatch):
    assert compiled.lstm_library() is not None
    (kept,) = fresh.iterdir()
    compiled._library.cache_clear()
    monkeypatch.setattr(compiled.subprocess, "run", lambda *a, **k: pytest.fail("compiled twice"))
    assert compiled.lstm_library() is not None
    assert kept.stat().st_mode & 0o077 == 0


def test_a_damaged_library_is_compiled_anew(library, fresh, monkeypatch):
    assert compiled.lstm_library() is not None
    (good,) = fresh.iterdir()
    other = fresh.parent.parent / "other"  # for a path that is loaded already is not read again
    monkeypatch.setenv("VAE_CACHE", str(other))
    kept = other / "kernels" / good.name
    kept.parent.mkdir(mode=0o700, parents=True)
    kept.write_bytes(b"not a library")
    compiled._library.cache_clear()
    assert compiled.lstm_library() is not None
    assert kept.read_bytes() != b"not a library"


@pytest.mark.parametrize("what", ["folder", "file"])
def test_nothing_is_loaded_that_others_may_write(what, library, fresh, monkeypatch):
    assert compiled.lstm_library() is not None
    (kept,) = fresh.iterdir()
    (fresh if what == "folder" else kept).chmod(0o777)
    loaded = []
    monkeypatch.setattr(ctypes, "CDLL", lambda path: loaded.append((path, os.stat(path).st_mode & 0o022)))
    compiled._loaded()
    assert all(not writable for _, writable in loaded)
    if what == "folder":
        assert all(not path.startswith(str(fresh)) for path, _ in loaded)


@pytest.mark.parametrize("fault", ["no compiler", "it fails", "wrong results", "another processor", "switched off"])
def test_without_it_torchs_runs(fault, library, fresh, monkeypatch):
    if fault == "no compiler":
        monkeypatch.setattr(compiled.shutil, "which", lambda name: None)
    elif fault == "it fails":
        monkeypatch.setattr(compiled, "FLAGS", ("--no-such-flag",))
    elif fault == "wrong results":
        monkeypatch.setattr(compiled, "AGREEMENT", -1.0)
    elif fault == "another processor":
        monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "DEFAULT")
    else:
        monkeypatch.setenv(compiled.VARIABLE, "0")
    assert compiled.lstm_library() is None
    layer, x, state, constant = problem(6, 2)
    expected = results(layer, x, state, constant, None)[0]
    assert torch.equal(layer(x, state, constant)[0], expected)


def test_serves_float32_of_whole_vectors_alone(library, monkeypatch):
    calls = []
    monkeypatch.setattr(LSTM, "by_library", lambda self, *args: calls.append(self.hidden_size) or (None, None))
    monkeypatch.setattr(torch.nn.LSTM, "forward", lambda self, x, state=None: (x, (x, x)))
    monkeypatch.setattr(module, "lstm_library", lambda: library)
    for hidden, dtype in ((8, torch.float32), (12, torch.float32), (8, torch.float64)):
        LSTM(E, hidden).to(dtype)(torch.randn(2, T, E, dtype=dtype))
    with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
        LSTM(E, 16)(torch.randn(2, T, E))
    assert calls == [8]


def test_another_value_of_the_switch_is_refused(monkeypatch):
    monkeypatch.setenv(compiled.VARIABLE, "yes")
    with pytest.raises(UsageError, match="VAE_COMPILED_KERNELS=yes: give 0"):
        compiled.lstm_library()


def test_its_source_is_in_the_wheel():
    project = tomllib.loads((Path(compiled.__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    assert "kernels/*.c" in project["tool"]["setuptools"]["package-data"]["vaecli"]
