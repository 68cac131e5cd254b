#!/usr/bin/env bash
# vector-quantize-pytorch 1.32.0: with a `mask`, the entropy loss of `LFQ` is exactly 0 with a gradient of 0: the codes' entropy over the batch, which it
# raises, is taken of each token alone. The commitment loss of a cosine codebook is of other vectors with a mask than without one.
# Guess before: a mask that leaves nothing out changes no loss.
# Seen: LFQ of 64 codes, a mask of all True: entropy of the batch 1.87 as that of a token, where it is 3.95 without the mask; loss 0 for -2.09. Trained by
#       that loss alone from inputs with a mean of 3, 57 codes are in use without the mask, 3 with it. Cosine codebook: loss 0.53 for 0.10, and 8,710 for 0.10
#       with inputs times 100
# What follows for a user: sentences have padding, so that text is where a mask is passed, and there what holds off the collapse of the codebook is switched
# off without a word; the loss breakdown shows it by two equal entropies. With sentences of one length drop the mask, else pass the tokens that are kept as
# one batch without it.
# Here a code is of a sentence, without padding (vaecli/model/codebook.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check vector-quantize-pytorch==1.32.0 torch==2.13.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version

import torch
from vector_quantize_pytorch import LFQ, VectorQuantize

torch.set_num_threads(1)


def lookup_free():
    return LFQ(codebook_size=64, dim=6, entropy_loss_weight=1.0, commitment_loss_weight=0.0).train()


def entropies(**mask):
    """Entropy of a token's code, of the batch's codes, the loss, and its largest gradient."""
    x = torch.randn(4, 10, 6, generator=torch.Generator().manual_seed(0)).requires_grad_()
    result, parts = lookup_free()(x, inv_temperature=1.0, return_loss_breakdown=True, **mask)
    (gradient,) = torch.autograd.grad(result.entropy_aux_loss, x)
    return parts[0].item(), parts[1].item(), result.entropy_aux_loss.item(), gradient.abs().max().item()


def codes_in_use(**mask):
    """After 300 updates of a linear encoder by the entropy loss alone."""
    x = 3 + torch.randn(32, 10, 6, generator=torch.Generator().manual_seed(0))
    encoder, quantizer = torch.nn.Linear(6, 6), lookup_free()
    torch.nn.init.eye_(encoder.weight)
    torch.nn.init.zeros_(encoder.bias)
    optimizer = torch.optim.Adam(encoder.parameters(), lr=0.02)
    for _ in range(300):
        result = quantizer(encoder(x), inv_temperature=1.0, **mask)
        optimizer.zero_grad()
        result.entropy_aux_loss.backward()
        optimizer.step()
    return quantizer(encoder(x)).indices.unique().numel()


def commitment(scale, **mask):
    torch.manual_seed(0)
    x = scale * torch.randn(4, 10, 6, generator=torch.Generator().manual_seed(0))
    return VectorQuantize(6, codebook_size=16, use_cosine_sim=True).train()(x, **mask)[2].item()


kept = torch.ones(4, 10, dtype=torch.bool)
without, with_mask = entropies(), entropies(mask=kept)
used = codes_in_use(), codes_in_use(mask=torch.ones(32, 10, dtype=torch.bool))
cosine = [(commitment(scale), commitment(scale, mask=kept)) for scale in (1, 100)]
print("version", version("vector-quantize-pytorch"), "without a mask", without, "with", with_mask)
print("codes in use", used, "cosine commitment loss without and with", cosine)
assert without[1] - without[0] > 1.5 and without[3] > 1e-3
assert with_mask[1] == with_mask[0] and with_mask[2] == 0 and with_mask[3] < 1e-6, "a mask leaves the entropy loss as it is from now"
assert used[0] > 40 and used[1] < 10
assert abs(cosine[0][0] - cosine[1][0]) < 1e-6 and cosine[0][1] > 3 * cosine[0][0] and cosine[1][1] > 1000
PY
