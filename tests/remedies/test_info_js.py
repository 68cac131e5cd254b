"""Laws of the adversary: its losses by hand, the divergence at its optimum, and two updates that keep apart."""

import math

import pytest
import torch
from support import clock, make_terms, tiny_batch, tiny_model, tiny_shape, tiny_split

from vaecli.config import build_config
from vaecli.core.errors import UsageError
from vaecli.corpus.types import Corpus
from vaecli.model.parameter_groups import group_parameters
from vaecli.model.posterior import DiagonalGaussian
from vaecli.model.prior import StandardNormal
from vaecli.objective import raw_terms
from vaecli.remedies import make_method
from vaecli.remedies.info_js import Critic, InfoJS, critic_loss, deception_loss, fixed_logits, update_critic
from vaecli.training.optimizer import set_learning_rate
from vaecli.training.session import TrainingSession


class Words:
    words = tuple(map(str, range(12)))

    def __len__(self):
        return 12


def session(method="info_js", optimizer="adam", **hyper):
    config = build_config(
        {
            "method": method,
            "model": {"embedding_size": 4, "encoder_size": 5, "decoder_size": 5, "latent_size": 3},
            "training": {"epochs": 1, "batch_size": 5, "optimizer": optimizer, "learning_rate": 1e-2},
        }
    )
    corpus = Corpus("tiny", Words(), tiny_split(20, 0), tiny_split(9, 1), tiny_split(9, 2), "none")
    made = make_method(method, {"info_js": {"hidden": 8, **hyper}})
    model = made.build(tiny_shape(3, embedding_size=4, encoder_size=5, decoder_size=5), 0)
    torch.manual_seed(0)
    return TrainingSession(model, made, corpus, config, torch.device("cpu"))


def snapshot(model):
    mine = {k: v.clone() for k, v in model.state_dict().items() if not k.startswith("aux.info_js")}
    critic = {k: v.clone() for k, v in model.state_dict().items() if k.startswith("aux.info_js")}
    return mine, critic


def moved(before, after):
    return {k for k, v in before.items() if not torch.equal(v, after[k])}


def terms(n=8, **more):
    generator = torch.Generator().manual_seed(0)
    q = DiagonalGaussian(torch.randn(n, 3, generator=generator), torch.randn(n, 3, generator=generator))
    return make_terms(nll=torch.rand(n), posterior=q, aux={"info_js": Critic(3, 4)}, **more)


def test_losses_by_hand():
    # T = log 3 gives s = 3/4, T = 0 gives 1/2. Critic: prior samples at 3/4 and 1/2, -mean(log 3/4 + log 1/2) =
    # (0.2876821 + 0.6931472) / 2 = 0.4904146; codes at 3/4, -log 1/4 = 1.3862944; sum 1.8767090
    logits = torch.tensor([math.log(3), 0.0])
    assert critic_loss(logits, logits[:1]).item() == pytest.approx(1.8767090, abs=1e-6)
    assert deception_loss(logits).tolist() == pytest.approx([0.2876821, 0.6931472], abs=1e-6)


def test_a_critic_that_can_t_tell_pays_2_log_2():
    logits = torch.zeros(7)
    assert critic_loss(logits, logits).item() == pytest.approx(2 * math.log(2))


def test_least_loss_is_2_log_2_less_twice_the_divergence():
    # codes uniform on (0, 2), prior on (1, 3): the best T is -inf, 0, +inf on the three thirds. JS: half of each has
    # log 2 alone and half nothing, so JS = (log 2) / 2 and the least loss is 2 log 2 - log 2 = log 2
    far = torch.tensor([40.0, 0.0])
    assert critic_loss(far, -far).item() == pytest.approx(math.log(2), abs=1e-6)


def test_gradients_do_not_vanish_where_the_critic_is_sure():
    # d/dT -log s(T) = s(T) - 1 = -1 at T = -40, where d/dT log(1 - s(T)) would be 0
    logit = torch.tensor([-40.0], requires_grad=True)
    deception_loss(logit).sum().backward()
    assert logit.grad.item() == pytest.approx(-1)


def test_fixed_logits_are_the_critic_s_with_a_gradient_by_z_alone():
    critic, z = Critic(3, 8), torch.randn(5, 3, requires_grad=True)
    logits = fixed_logits(critic, z)
    assert torch.equal(logits, critic(z))
    logits.sum().backward()
    assert bool((z.grad.abs().sum(1) > 0).all())
    assert all(p.grad is None for p in critic.parameters())
    assert all(p.requires_grad for p in critic.parameters())


def test_the_critic_learns_to_tell_and_then_can_not():
    torch.manual_seed(0)
    critic = Critic(2, 16)
    optimizer = torch.optim.Adam(critic.parameters(), lr=1e-2)
    losses = [update_critic(critic, optimizer, torch.randn(64, 2) + 4, StandardNormal(2)) for _ in range(150)]
    assert losses[0] > 1
    assert losses[-1] < 0.2
    assert critic(torch.zeros(1, 2)) > critic(torch.full((1, 2), 4.0))
    critic = Critic(2, 16)
    optimizer = torch.optim.Adam(critic.parameters(), lr=1e-2)
    losses = [update_critic(critic, optimizer, torch.randn(256, 2), StandardNormal(2)) for _ in range(150)]
    assert torch.stack(losses[50:]).mean().item() == pytest.approx(2 * math.log(2), abs=0.05)


def test_the_critic_s_update_leaves_no_gradient_behind():
    critic, z = Critic(3, 8), torch.randn(5, 3, requires_grad=True)
    update_critic(critic, torch.optim.Adam(critic.parameters()), z, StandardNormal(3))
    assert z.grad is None
    assert all(p.grad is None for p in critic.parameters())


def test_the_main_update_moves_all_but_the_critic():
    s = session()
    mine, critic = snapshot(s.model)
    batch = tiny_batch(5)
    s.update(s.loss(batch).loss)
    new, new_critic = snapshot(s.model)
    assert moved(mine, new) == set(mine)
    assert moved(critic, new_critic) == set()


def test_the_critic_s_update_moves_the_critic_alone():
    s = session()
    critic = s.model.aux["info_js"]
    z = s.loss(tiny_batch(5)).z
    mine, before = snapshot(s.model)
    update_critic(critic, s.own_optimizers["info_js"], z, s.model.prior)
    new, after = snapshot(s.model)
    assert moved(mine, new) == set()
    assert moved(before, after) == set(before)


def test_a_step_makes_both_updates_on_the_same_codes(monkeypatch):
    seen = []
    monkeypatch.setattr("vaecli.remedies.info_js.update_critic", lambda critic, optimizer, z, prior: seen.append(z))
    s = session()
    made = s.step(tiny_batch(5))
    assert len(seen) == 1
    assert seen[0] is made.z


def test_a_step_moves_everything():
    s = session()
    mine, critic = snapshot(s.model)
    s.step(tiny_batch(5))
    new, new_critic = snapshot(s.model)
    assert moved(mine, new) == set(mine)
    assert moved(critic, new_critic) == set(critic)


def test_clipping_and_the_main_optimisers_leave_the_critic_out():
    s = session()
    critic = set(s.model.aux["info_js"].parameters())
    for group, optimizer in s.optimizers.items():
        assert not critic & set(group_parameters(s.model, group))
        assert not critic & {p for g in optimizer.param_groups for p in g["params"]}
    own = s.own_optimizers["info_js"]
    assert {p for g in own.param_groups for p in g["params"]} == critic
    assert own.param_groups[0]["betas"] == (0.5, 0.999)
    assert "own.info_js" in s.all_optimizers


def critic_rate(s):
    return s.own_optimizers["info_js"].param_groups[0]["lr"]


def test_the_critic_has_the_model_s_rate_decays_included():
    # one rate for both, as in the authors' code: 1e-2, then 5e-3 after a decay
    s = session()
    assert critic_rate(s) == s.optimizers["encoder"].param_groups[0]["lr"] == 1e-2
    set_learning_rate(s.optimizers, 5e-3)
    s.step(tiny_batch(5))
    assert critic_rate(s) == 5e-3


def test_a_first_update_of_the_critic_moves_its_bias_by_the_rate():
    # Adam's first step is the rate times the sign of the gradient: 0.01, where 5e-4 moved it by 0.0005
    s = session()
    before = s.model.aux["info_js"].layers[2].bias.item()
    s.step(tiny_batch(5))
    assert abs(s.model.aux["info_js"].layers[2].bias.item() - before) == pytest.approx(1e-2, rel=1e-3)


def test_the_critic_s_rate_may_be_its_own_and_is_adam_s_beside_sgd():
    s = session(learning_rate=3e-4)
    set_learning_rate(s.optimizers, 5e-3)
    s.step(tiny_batch(5))
    assert critic_rate(s) == 3e-4
    s = session(optimizer="sgd")
    assert s.adam_rate is None
    s.step(tiny_batch(5))
    assert critic_rate(s) == 5e-4


def test_alpha_1_is_the_adversarial_autoencoder():
    t = terms()
    new = InfoJS(alpha=1, scaling=10).objective(t, clock())
    expected = t.nll + 10 * deception_loss(t.context.aux["info_js"](t.z))
    assert new.loss.item() == pytest.approx(expected.mean().item(), rel=1e-6)


def test_alpha_0_and_lambda_1_is_the_vae():
    t = terms()
    assert torch.equal(InfoJS(alpha=0, scaling=1).objective(t, clock()).loss, t.loss)


def test_the_kl_weight_acts_on_what_is_left_of_the_kl():
    t = terms(kl_weight=0.5)
    value = deception_loss(t.context.aux["info_js"](t.z))
    new = InfoJS(alpha=-1, scaling=5).objective(t, clock())
    assert new.loss.item() == pytest.approx((t.nll + 0.5 * 2 * t.kl.sum(-1) + 3 * value).mean().item(), rel=1e-6)


def test_with_denoising_it_is_daae_and_with_bn_it_trains():
    for other in ("denoising", "bn"):
        s = session(f"info_js+{other}")
        assert math.isfinite(s.step(tiny_batch(5)).loss.item())
    model = tiny_model("denoising+info_js")
    assert model.encoder_noise is not None
    assert raw_terms(model, tiny_batch(5)).z.shape == (5, 4)


def test_pushing_away_from_the_prior_is_refused():
    with pytest.raises(UsageError, match=r"info_js.*alpha \+ scaling must be at least 1"):
        make_method("info_js", {"info_js": {"alpha": 0.2, "scaling": 0.5}})
