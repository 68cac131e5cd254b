import subprocess
import sys

import pytest
import torch
from support import fast_only
from torch import nn

from vaecli.kernels.optimizers import LBFGS, SGD, Adam, RMSprop
from vaecli.training.optimizer import clip_gradients

WORDS = torch.tensor([[1, 1, 3], [4, 1, 0]])


def model(sparse):
    torch.manual_seed(0)
    return nn.ModuleList([nn.Embedding(6, 2, padding_idx=0, sparse=sparse), nn.Linear(2, 1)])


def updated(sparse, clip, optimizer):
    layers = model(sparse)
    loss = layers[1](layers[0](WORDS)).square().sum()
    loss.backward()
    norm = clip_gradients(layers.parameters(), clip)
    optimizer(layers.parameters()).step()
    return norm, [p.detach() for p in layers.parameters()]


@pytest.mark.parametrize("clip", [0.1, 100.0])
def test_sparse_gradients_are_clipped_and_moved_like_dense_ones(clip):
    """Word 1 occurs three times and padding once: the norm is of the summed rows, padding stays."""
    norm, ours = updated(True, clip, lambda p: SGD(p, lr=0.5))
    layers = model(False)
    layers[1](layers[0](WORDS)).square().sum().backward()
    expected = nn.utils.clip_grad_norm_(layers.parameters(), clip)
    torch.optim.SGD(layers.parameters(), lr=0.5).step()
    torch.testing.assert_close(norm, expected)
    torch.testing.assert_close(ours, [p.detach() for p in layers.parameters()])


def test_clip_by_hand():
    # gradients 3 and 4: norm 5, halved to 2.5
    a, b = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))
    a.grad, b.grad = torch.tensor([3.0]), torch.tensor([4.0])
    assert float(clip_gradients([a, b], 2.5)) == 5.0
    assert [a.grad.item(), b.grad.item()] == pytest.approx([1.5, 2.0])
    assert float(clip_gradients([a, b], 10.0)) == pytest.approx(2.5)
    assert [a.grad.item(), b.grad.item()] == pytest.approx([1.5, 2.0])


def test_without_gradients_the_norm_is_zero():
    assert float(clip_gradients([nn.Parameter(torch.zeros(1))], 1.0)) == 0.0


@fast_only
@pytest.mark.parametrize("method", ["vanilla", "mdr", "info_js"])
def test_training_leaves_the_compiler_alone(method, tmp_path):
    # torch's optimisers load it, a second and 70 MB in every process, for guards that nothing here needs
    for part in ("train", "valid", "test"):
        (tmp_path / f"{part}.txt").write_text("the cat sat\na dog ran off\n" * 8, encoding="utf-8")
    code = (
        "import sys; from vaecli.cli.app import app\n"
        f"app(['train', '--method', {method!r}, '--data', {str(tmp_path)!r}, '--epochs', '1',"
        f" '--out', {str(tmp_path / 'runs')!r}, '--quiet'], standalone_mode=False)\n"
        "assert 'torch' in sys.modules and 'torch._dynamo' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@fast_only
@pytest.mark.parametrize("kind", [Adam, RMSprop, LBFGS])
def test_unguarded_optimisers_are_torchs(kind):
    def trained(kind):
        torch.manual_seed(0)
        layer, x = nn.Linear(3, 2), torch.randn(5, 3)
        optimizer = kind(layer.parameters(), lr=0.1)

        def closure():
            optimizer.zero_grad()
            loss = layer(x).square().sum()
            loss.backward()
            return loss

        for _ in range(3):
            optimizer.step(closure)
        return layer.state_dict(), optimizer.state_dict()

    torch.testing.assert_close(trained(kind), trained(getattr(torch.optim, kind.__name__)), rtol=0, atol=0)
