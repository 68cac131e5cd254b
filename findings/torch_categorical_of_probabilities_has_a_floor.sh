#!/usr/bin/env bash
# torch 2.13.0: Categorical(probs=p), OneHotCategorical, Multinomial and Bernoulli take log p of p clamped to the dtype's epsilon, so that in float32
# no word costs more than 15.94 nats (-log 1.2e-7; float64: 36.04), and its gradient is 0 below. Categorical(logits=...) of the same softmax has no floor.
# The KL of two Categoricals has the floor too, but is infinite where a probability is exactly 0.
# Guess before: the log of a float32 probability, so about -69 for 1e-30, whichever way the distribution is made.
# Seen: log p of 1e-30: -15.942 (float64: -36.044), gradient 0; mean NLL of 2,000 words under 10,000 logits of deviation 4: 14.705 by probs, 16.797 by logits;
#       KL of (1/2, 1/2) to softmax(0, -30): 7.278 by probs, 14.307 by logits, inf to (1, 0)
# What follows for a user: a perplexity below the truth, most so for a model that is confidently wrong, and no gradient from the words that it gets most wrong.
# Here NLLs come from log_softmax of the logits, never from probabilities.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check torch==2.13.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
import math

import torch
from torch.distributions import Bernoulli, Categorical, Multinomial, OneHotCategorical, kl_divergence

print("version", torch.__version__)
first = torch.tensor(0)
rare = torch.tensor([1e-30, 1.0], requires_grad=True)
log_p = Categorical(probs=rare).log_prob(first)
log_p.backward()
double = Categorical(probs=torch.tensor([1e-30, 1.0], dtype=torch.float64)).log_prob(first).item()
print(f"log p of 1e-30: {log_p.item():.3f}, float64 {double:.3f}; gradient {rare.grad.tolist()}")
assert log_p.item() > -16, "the floor is gone"
assert double > -37
assert rare.grad.tolist() == [0.0, 0.0], "it has a gradient from now"
chosen = torch.tensor([1.0, 0.0])
others = [OneHotCategorical(probs=rare), Multinomial(1, probs=rare)]
values = [d.log_prob(chosen).item() for d in others] + [Bernoulli(probs=torch.tensor(1e-30)).log_prob(torch.tensor(1.0)).item()]
print("OneHotCategorical, Multinomial, Bernoulli:", [round(value, 3) for value in values])
assert min(values) > -16

torch.manual_seed(0)
logits, words = 4 * torch.randn(2000, 10_000), torch.randint(10_000, (2000,))
by_logits = -Categorical(logits=logits).log_prob(words).mean().item()
by_probs = -Categorical(probs=logits.softmax(-1)).log_prob(words).mean().item()
print(f"mean NLL: {by_probs:.3f} by probs, {by_logits:.3f} by logits")
assert by_logits - by_probs > 1, "both ways are alike from now"

even = torch.tensor([0.5, 0.5])
far = torch.tensor([0.0, -30.0])
kls = [
    kl_divergence(Categorical(probs=even), other).item()
    for other in (Categorical(probs=far.softmax(-1)), Categorical(logits=far), Categorical(probs=torch.tensor([1.0, 0.0])))
]
print("KL by probs, by logits, to a probability of 0:", [round(value, 3) for value in kls])
assert kls[1] - kls[0] > 7 and math.isinf(kls[2])
PY
