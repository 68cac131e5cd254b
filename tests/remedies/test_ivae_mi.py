"""Laws of the implicit VAE with mutual information: a KL of q(z) alone, and what it makes of the figures."""

import torch
from support import clock, tiny_batch, tiny_model, tiny_split

from vaecli.config import EvaluationConfig
from vaecli.metrics.measure import evaluate
from vaecli.objective import raw_terms
from vaecli.remedies.ivae_mi import IVAEMI
from vaecli.testing.changes import after_updates, session_of


def objective(model, b=8):
    torch.manual_seed(0)
    return IVAEMI().objective(raw_terms(model, tiny_batch(b)), clock())


def test_it_is_0_at_nu_0_and_by_hand_at_a_constant():
    model = tiny_model("ivae_mi")
    with torch.no_grad():
        model.aux["ivae_mi"].layers[4].weight.zero_()
        model.aux["ivae_mi"].layers[4].bias.zero_()
    assert objective(model).kl.flatten().tolist() == [0.0] * 8
    with torch.no_grad():
        model.aux["ivae_mi"].layers[4].bias.fill_(1.0)
    # 1 - e + 1 = -0.7182818
    torch.testing.assert_close(objective(model).kl, torch.full((8, 1), -0.7182818))


def test_nu_sees_the_code_alone():
    model = tiny_model("ivae_mi", init_range=1.0)
    ratio, z = model.aux["ivae_mi"], torch.randn(1, 3, 4)
    torch.testing.assert_close(ratio(torch.zeros(3, 6), z), ratio(torch.randn(3, 6), z))


def test_codes_with_the_prior_s_distribution_cost_nothing_however_much_they_say():
    # two clusters would cost log 2 each in the KL of the ELBO; nu finds nothing where q(z) is p(z)
    session = session_of(IVAEMI(updates=50, learning_rate=0.003))
    head = session.model.head
    with torch.no_grad():  # codes nearly the noise: z = 100 tanh(noise / 100)
        for parameter in head.parameters():
            parameter.zero_()
        head.network[0].weight[:4, -4:] = torch.eye(4) / 100
        head.network[2].weight[:, :4] = torch.eye(4) * 100
    for group in session.optimizers.values():
        for parameters in group.param_groups:
            parameters["lr"] = 0.0
    after_updates(session, session.step, 10)
    values = torch.stack([IVAEMI().objective(raw_terms(session.model, tiny_batch(4)), clock()).kl for _ in range(300)])
    assert values.mean().abs() < 0.25


def test_the_gradient_reaches_the_codes_and_not_nu():
    model = tiny_model("ivae_mi", init_range=1.0)
    objective(model).kl.sum().backward()
    assert model.head.network[0].weight.grad.abs().sum() > 0
    assert all(p.grad is None for p in model.aux["ivae_mi"].parameters())
    assert model.decoder.output.weight.grad is None


def test_it_has_a_reconstruction_and_active_units_and_no_kl():
    config = EvaluationConfig(iw_samples=5, rec_samples=1, batch_size=8)
    model = tiny_model("ivae_mi", init_range=1.0)
    values = evaluate(model, tiny_split(20), config, seed=0, device=torch.device("cpu")).values
    assert values["rec"] > 0
    assert values["au"] is not None
    assert values["kl"] is None
    assert values["mi"] is None
