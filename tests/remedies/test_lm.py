import pytest
import torch
from support import clock, tiny_batch, tiny_model

from vaecli.core.errors import UsageError
from vaecli.objective import raw_terms
from vaecli.remedies import REMEDIES, make_method
from vaecli.remedies.beta import Beta
from vaecli.remedies.core.compose import compose
from vaecli.remedies.core.remedy import Need, Part
from vaecli.remedies.lm import LM


def test_no_latent_variable_anywhere():
    model = tiny_model("lm")
    assert (model.encoder, model.head, model.has_latent, model.latent_size) == (None, None, False, 0)
    assert all(name.startswith("decoder.") for name, _ in model.named_parameters())
    terms = raw_terms(model, tiny_batch(3))
    assert (terms.kl.shape, terms.z.shape, terms.nll.shape) == ((3, 0), (3, 0), (3,))
    assert model.prior.sample(torch.zeros(3, model.prior.noise_size)).shape == (3, 0)


def test_loss_is_the_mean_nll():
    terms = make_method("lm").objective(raw_terms(tiny_model("lm"), tiny_batch(5)), clock())
    assert torch.equal(terms.loss, terms.nll.mean())


def test_uniform_logits_by_hand():
    # log 12 nats for each predicted token, </s> included: lengths * 2.484907
    model, batch = tiny_model("lm"), tiny_batch(5)
    torch.nn.init.zeros_(model.decoder.output.weight)
    assert torch.allclose(raw_terms(model, batch).nll, batch.lengths * 2.484907)


def test_vae_decoder_without_its_maps_of_z_is_the_language_model():
    batch, z = tiny_batch(5), torch.randn(5, 4)
    vae, lm = tiny_model("vanilla").decoder, tiny_model("lm").decoder
    with torch.no_grad():
        vae.initial.weight.zero_()
        vae.lstm.weight_ih_l0[:, 5:] = 0
        lm.lstm.weight_ih_l0.copy_(vae.lstm.weight_ih_l0[:, :5])
        for name in ("weight_hh_l0", "bias_ih_l0", "bias_hh_l0"):
            getattr(lm.lstm, name).copy_(getattr(vae.lstm, name))
        lm.embedding.weight.copy_(vae.embedding.weight)
        lm.output.weight.copy_(vae.output.weight)
    ours = lm.token_nll(torch.zeros(5, 0), batch.inputs, batch)
    torch.testing.assert_close(vae.token_nll(z, batch.inputs, batch), ours)


def test_dropout_is_that_of_the_vae():
    sizes = {"embedding_dropout": 0.3, "output_dropout": 0.5}
    lm, vae = tiny_model("lm", **sizes).decoder, tiny_model("vanilla", **sizes).decoder
    assert (
        (lm.embedding_dropout.p, lm.output_dropout.p) == (vae.embedding_dropout.p, vae.output_dropout.p) == (0.3, 0.5)
    )


def test_layers_that_it_shares_with_the_vae_start_equal():
    lm, vae = tiny_model("lm", seed=4), tiny_model("vanilla", seed=4)
    assert torch.equal(lm.decoder.embedding.weight, vae.decoder.embedding.weight)
    assert torch.equal(lm.decoder.output.weight, vae.decoder.output.weight)


def test_undefined_figures_have_reasons():
    of_the_code = {"kl", "kl_weight", "mi", "mi_se", "mi_ceiling", "mi_batch", "marginal_kl", "au"}
    assert set(LM.undefined) == {*of_the_code, "iw_samples"}
    assert make_method("lm+word_dropout").undefined == LM.undefined


@pytest.mark.parametrize(
    "other", [name for name in REMEDIES if name not in ("lm", "vanilla", "word_dropout", "historyless")]
)
def test_composes_with_nothing_that_needs_a_latent_variable(other):
    with pytest.raises(UsageError, match=f"(?s)'lm'.*{other}|{other}.*'lm'"):
        make_method(f"lm+{other}")


def test_composes_with_no_added_term_that_needs_a_latent_variable():
    class Term(Beta):
        name = "term_of_another_package"
        owns = frozenset({Part.TERM})
        needs = frozenset({Need.LATENT})

    with pytest.raises(UsageError, match="needs a latent variable, which 'lm' takes away"):
        compose([LM(), Term()])


def test_composes_with_decoder_input():
    assert make_method("word_dropout+lm").name == "lm+word_dropout"
    assert Part.DECODER_INPUT not in LM.owns
