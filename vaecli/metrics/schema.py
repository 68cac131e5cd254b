"""Every column of a results table, once: its name, unit, direction and meaning.

Figures are in nats per sentence unless the unit says otherwise. A figure that a method has no definition for is
empty, never 0. This module imports nothing heavy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vaecli.core.errors import unknown

Kind = Literal["text", "int", "float"]
Direction = Literal["lower", "higher"]

NATS = "nats/sentence"
PERPLEXITY = "perplexity"
"""The one unit whose figures may be infinite, where a float can't hold them."""


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        name: Its key in every file.
        kind: ``text``, ``int`` or ``float``.
        unit: Empty for names and labels.
        direction: Which way is better; None where neither is.
        meaning: One sentence.
        optional: Whether a table may lack it.
    """

    name: str
    kind: Kind
    unit: str
    direction: Direction | None
    meaning: str
    optional: bool = False


RESULT_COLUMNS: tuple[Column, ...] = (
    Column("experiment", "text", "", None, "name of the experiment"),
    Column("corpus", "text", "", None, "name of the corpus"),
    Column("method", "text", "", None, "remedies, joined with +"),
    Column("seed", "int", "", None, "seed of initialisation, data order and noise"),
    Column("status", "text", "", None, "pending, running, done, diverged, failed or interrupted"),
    Column("split", "text", "", None, "split that the figures are of"),
    Column("sentences", "int", "sentences", None, "sentences N of the split"),
    Column("tokens", "int", "tokens", None, "predicted tokens of the split: </s> counts, <s> does not"),
    Column("rec", "float", NATS, "lower", "reconstruction E_q[-log p(x|z)], z sampled from q(z|x)"),
    Column(
        "kl",
        "float",
        NATS,
        None,
        "KL(q(z|x) || p(z)) over all dimensions; sampled where it has no closed form: noise may take it below 0",
    ),
    Column("neg_elbo", "float", NATS, "lower", "rec + kl at weight 1, an upper bound on -log p(x)"),
    Column(
        "iw_nll", "float", NATS, "lower", "importance-weighted upper bound on -log p(x); exact for a language model"
    ),
    Column("iw_samples", "int", "samples", None, "samples a sentence of iw_nll; empty where it is exact or absent"),
    Column("ppl_elbo", "float", PERPLEXITY, "lower", "exp(N neg_elbo / tokens)"),
    Column("ppl_iw", "float", PERPLEXITY, "lower", "exp(N iw_nll / tokens)"),
    Column("mi", "float", NATS, "higher", "mutual information I_q(x; z) against the aggregate posterior of the split"),
    Column("mi_se", "float", NATS, None, "standard error of mi over sentences"),
    Column("mi_ceiling", "float", NATS, None, "log N, the most that mi can be"),
    Column(
        "mi_batch",
        "float",
        NATS,
        "higher",
        "mi within random batches of 32, at most log 32; not the figure of He et al., whose batches are of one length",
    ),
    Column(
        "marginal_kl", "float", NATS, "lower", "KL(q(z) || p(z)) of the aggregate posterior, from the samples of mi"
    ),
    Column(
        "au",
        "int",
        "dimensions",
        "higher",
        "active units: dimensions with Var_x(E_q[z|x]) > 0.01; of discrete codes variables with I(x; c) > 0.005",
    ),
    Column("kl_weight", "float", "", None, "weight of the KL term in the last update before the best validation"),
    Column("epochs", "float", "epochs", None, "passes over train done, in all phases"),
    Column("steps", "int", "updates", None, "updates done, in all phases"),
    Column("parameters", "int", "numbers", None, "trainable numbers of the model"),
    Column(
        "seconds",
        "float",
        "s",
        "lower",
        "wall time of the run up to its final figures: building, training, validations; all parts of a resumed one",
    ),
    Column("tokens_per_second", "float", "tokens/s", "higher", "predicted training tokens a second of updates"),
    Column("peak_memory_mb", "float", "MiB", "lower", "most memory the process has held; on a GPU, torch"),
    Column("vocabulary", "int", "types", None, "word types V, the special symbols included"),
    Column("unknown", "float", "share", None, "words (or pieces) of the split that are <unk>; </s> is no word"),
    Column("verdict", "text", "", None, "what became of z, by the rule that reports print; empty where it can't tell"),
    Column("fingerprint", "text", "", None, "of the encoded text and its vocabulary: 12 hex digits of a SHA-256"),
    Column("protocol", "text", "", None, "of the settings that all methods share: 12 hex digits of a SHA-256"),
    Column("training_protocol", "text", "", None, "how the method was trained: shared, published or tuned"),
    Column("variant", "text", "", None, "settings of the method's own: hyper-parameters given, and overrides"),
    Column("versions", "text", "", None, "versions of the method's remedies and of the estimators of its figures"),
)
"""The columns of every `results.csv`, in their order."""

OPTIONAL_COLUMNS: tuple[Column, ...] = (
    Column(
        "ppl_word", "float", PERPLEXITY, "lower", "exp(N iw_nll / (white-space words + N)), whatever the tokens", True
    ),
    Column(
        "excess_nll",
        "float",
        NATS,
        "lower",
        "iw_nll - H(x), on a corpus whose entropy is known; less the sentences' own -log p(x) where that is known",
        True,
    ),
    Column("excess_nll_se", "float", NATS, None, "standard error of excess_nll, that of H(x) included", True),
    Column("rec_se", "float", NATS, None, "standard error of rec over sentences", True),
    Column("kl_se", "float", NATS, None, "standard error of kl over sentences", True),
    Column("neg_elbo_se", "float", NATS, None, "standard error of neg_elbo over sentences", True),
    Column("iw_nll_se", "float", NATS, None, "standard error of iw_nll over sentences", True),
    Column(
        "bleu", "float", "0 to 100", "higher", "corpus BLEU-4 of greedy reconstructions from the posterior mean", True
    ),
    Column("bleu_beam", "float", "0 to 100", "higher", "bleu, decoded by a beam of 5", True),
    Column("exact_match", "float", "share", "higher", "sentences that the greedy reconstruction copies whole", True),
    Column(
        "forward_ppl", "float", PERPLEXITY, "lower", "of samples from the prior under a language model of train", True
    ),
    Column("reverse_ppl", "float", PERPLEXITY, "lower", "of the split under a language model of samples alone", True),
    Column("self_bleu", "float", "0 to 100", "lower", "mean BLEU-4 of samples against the other samples", True),
    Column("distinct_1", "float", "share", "higher", "different words over all words of the samples", True),
    Column("distinct_2", "float", "share", "higher", "different word pairs over all word pairs of the samples", True),
    Column("unique_samples", "float", "share", "higher", "different sentences over all samples", True),
    Column(
        "probe_accuracy",
        "float",
        "share",
        "higher",
        "labels that a linear probe on the posterior means gets right",
        True,
    ),
    Column(
        "probe_sampled",
        "float",
        "share",
        "higher",
        "probe_accuracy on a draw of z ~ q(z|x) for each sentence instead of the mean: what the decoder could tell",
        True,
    ),
    Column("probe_accuracy_500", "float", "share", "higher", "probe_accuracy of probes trained on 500 labels", True),
    Column("probe_majority", "float", "share", None, "labels that the most frequent class of train gets right", True),
    Column("probe_bow", "float", "share", None, "labels that a linear probe on the word counts gets right", True),
    *(
        Column(
            f"probe_{labels}_each",
            "float",
            "share",
            "higher",
            f"probe_accuracy of probes trained on {labels} labels of each class; chance is one in so many classes",
            True,
        )
        for labels in (5, 50, 500, 5000)
    ),
    Column(
        "z_gain_prior", "float", NATS, "higher", "-log p(x|z) with z of the prior less rec: what q(z|x) tells", True
    ),
    Column("z_gain_prior_se", "float", NATS, None, "standard error of z_gain_prior over sentences", True),
    Column(
        "z_gain_shuffled", "float", NATS, "higher", "-log p(x|z) with z of another sentence's posterior less rec", True
    ),
    Column("z_gain_shuffled_se", "float", NATS, None, "standard error of z_gain_shuffled over sentences", True),
    Column("z_gain_zero", "float", NATS, "higher", "-log p(x|z) at z = 0 less rec", True),
    Column("z_gain_zero_se", "float", NATS, None, "standard error of z_gain_zero over sentences", True),
    Column(
        "amortisation_gap",
        "float",
        NATS,
        "lower",
        "what the best Gaussian of each sentence gains over the encoder's",
        True,
    ),
    Column("amortisation_gap_se", "float", NATS, None, "standard error of amortisation_gap over sentences", True),
    Column(
        "approximation_gap", "float", NATS, "lower", "iw bound of log p(x) less the ELBO of the best Gaussian", True
    ),
    Column("approximation_gap_se", "float", NATS, None, "standard error of approximation_gap over sentences", True),
    Column("inference_gap", "float", NATS, "lower", "amortisation_gap + approximation_gap", True),
    Column("inference_gap_se", "float", NATS, None, "standard error of inference_gap over sentences", True),
    Column(
        "gradient_snr", "float", "ratio", None, "squared signal-to-noise ratio of the gradient the encoder gets", True
    ),
    Column("gradient_snr_se", "float", "ratio", None, "standard error of gradient_snr over sentences", True),
    Column(
        "code_perplexity",
        "float",
        "classes",
        "higher",
        "of discrete codes: exp(H) of the shares of a variable's classes over the sentences, mean over variables",
        True,
    ),
    Column(
        "codes_used",
        "float",
        "classes",
        "higher",
        "of discrete codes: classes of a variable that some sentence has, mean over variables",
        True,
    ),
)
"""Columns that may follow them."""

COLUMNS: dict[str, Column] = {c.name: c for c in (*RESULT_COLUMNS, *OPTIONAL_COLUMNS)}
"""All columns by name, in their order."""

ESTIMATOR_VERSIONS: dict[str, int] = {
    "noise": 1,
    "rec": 1,
    "kl": 1,
    "neg_elbo": 1,
    "iw_nll": 1,
    "ppl": 1,
    "mi": 1,
    "mi_batch": 2,
    "marginal_kl": 1,
    "au": 1,
    "excess_nll": 1,
}
"""The version of each estimator, raised when its numbers would move; different versions are never averaged."""


def column(name: str, source: str = "") -> Column:
    """The column of a name.

    Args:
        name: As in `results.csv`.
        source: What the user wrote it in, such as ``--columns``.

    Raises:
        UsageError: There is none; names the nearest.
    """
    if name not in COLUMNS:
        raise unknown("column", name, COLUMNS, source)
    return COLUMNS[name]
