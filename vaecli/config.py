"""The settings of a run: typed groups, read from a preset, then a TOML file, then options, then ``--set``.

Each field says in its description what it is; those with an option of their own are said in
`vaecli.core.option_settings`, for commands print them. The presets and ``--set`` name the same keys.
Unknown keys are refused, and all problems of a configuration are reported together.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator

from vaecli.core.checked import Checked, problems, shown
from vaecli.core.errors import UsageError
from vaecli.core.names import name_problem
from vaecli.core.option_settings import OPTION_SETTINGS

MANY = 1_000_000
"""More than any experiment has epochs, sentences a batch or units a layer; what a typing error gives is mostly more."""

MOST_SENTENCES = 100_000_000
MOST_THREADS = 1024


class SettingsGroup(Checked):
    """A frozen group of settings that refuses unknown keys."""


def with_option(key: str) -> Any:
    """The field of a setting that has an option of its own; default, description and range are those of the option.

    Args:
        key: Of `OPTION_SETTINGS`.
    """
    setting = OPTION_SETTINGS[key]
    return Field(setting.default, ge=setting.least, le=setting.most, description=setting.description)


DEVICE = re.compile(r"auto|cpu|cuda(:[0-9]{1,3})?")
SEVERAL_DEVICES = re.compile(r"cuda:[0-9]+(,(cuda:)?[0-9]+)+")


def check_device(name: str) -> str:
    """The name of a device.

    Raises:
        ValueError: It is none, whatever the machine has.
    """
    if SEVERAL_DEVICES.fullmatch(name):
        raise ValueError(
            f"a model takes one device, got {shown(name)}: of a batch that is split, BatchNorm, mutual information and "
            "every objective over the batch would no longer be exact; several GPUs are for several trials"
        )
    if not DEVICE.fullmatch(name):
        raise ValueError(f"must be auto, cpu, cuda or one GPU such as cuda:1, got {shown(name)}")
    return name


class CorpusConfig(SettingsGroup):
    """Which text, and how it becomes ids."""

    data: str = with_option("corpus.data")
    tokenizer: str = with_option("corpus.tokenizer")
    max_vocab: int = with_option("corpus.max_vocab")
    min_freq: int = with_option("corpus.min_freq")
    max_length: int = with_option("corpus.max_length")
    text_column: str = with_option("corpus.text_column")
    label_column: str = with_option("corpus.label_column")
    unknown_words: str = with_option("corpus.unknown_words")
    train_size: int = Field(16_000, ge=2, le=MOST_SENTENCES, description="embedded corpora: sentences in train")
    valid_size: int = Field(2_000, ge=2, le=MOST_SENTENCES, description="embedded corpora: sentences in valid")
    test_size: int = Field(2_000, ge=2, le=MOST_SENTENCES, description="embedded corpora: sentences in test")
    corpus_seed: int = Field(0, ge=0, le=2**32 - 1, description="seed of an embedded corpus, and of splitting one file")
    noise: float = Field(
        0.0, ge=0, lt=1, description="synthetic and mixture: share of words that a filler without meaning follows"
    )


class ModelConfig(SettingsGroup):
    """Sizes, dropout and initialisation, the same for every method."""

    embedding_size: int = Field(64, ge=1, le=MANY, description="word embeddings of encoder and decoder")
    encoder_size: int = Field(64, ge=1, le=MANY, description="hidden units of the encoder LSTM")
    decoder_size: int = Field(64, ge=1, le=MANY, description="hidden units of the decoder LSTM")
    latent_size: int = Field(16, ge=1, le=MANY, description="dimensions Z of the latent variable")
    decoder: Literal["lstm", "lstm_output", "oracle"] = Field(
        "lstm",
        description="lstm: z in the initial state and every input; lstm_output: z beside the state that the output "
        "layer reads, and nowhere else; oracle: the fixed decoder that wrote the corpus oracle",
    )
    embedding_dropout: float = Field(0.0, ge=0, lt=1, description="dropout on the decoder's word embeddings")
    output_dropout: float = Field(0.0, ge=0, lt=1, description="dropout on the decoder's hidden states")
    init_range: float | None = Field(
        None, gt=0, le=1e3, description="weights from U(-r, r); unset: torch's own initialisation"
    )
    embedding_init_range: float | None = Field(
        None, gt=0, le=1e3, description="embeddings from U(-r, r); unset: torch's own initialisation"
    )


class TrainingConfig(SettingsGroup):
    """Optimiser, decay and stopping, the same for every method."""

    protocol: Literal["shared", "published", "tuned"] = with_option("training.protocol")
    epochs: int = with_option("training.epochs")
    batch_size: int = Field(64, ge=2, le=MANY, description="sentences a batch")
    optimizer: Literal["adam", "sgd"] = Field("adam", description="adam, or sgd without momentum")
    learning_rate: float = Field(8e-3, gt=0, le=1e3, description="initial learning rate")
    clip: float = Field(5.0, gt=0, description="largest global norm of the gradient")
    decay: float = Field(0.5, gt=0, lt=1, description="factor on the learning rate when validation stalls")
    patience: int = Field(
        2, ge=1, le=MANY, description="evaluations without a better validation neg_elbo before a decay"
    )
    decay_start: int = Field(0, ge=0, le=MANY, description="epochs before the first decay may happen")
    max_decays: int = Field(5, ge=0, le=MANY, description="stop at the stall after this many decays")
    reload_best: bool = Field(False, description="go back to the best weights at a decay")
    seed: int = with_option("training.seed")
    device: str = with_option("training.device")
    precision: Literal["auto", "fp32", "bf16"] = with_option("training.precision")
    save_every: float = with_option("training.save_every")
    threads: int = Field(0, ge=0, le=MOST_THREADS, description="CPU threads; 0 lets torch choose")
    early_warning: bool = Field(True, description="say after 100 updates where a run is likely to collapse")

    @field_validator("device")
    @classmethod
    def _check_device(cls, value: str) -> str:
        return check_device(value)


def names_in(value: Any) -> Any:
    """Names as a tuple; one text may hold several with commas between, and each counts once."""
    if isinstance(value, str):
        value = [name.strip() for name in value.split(",") if name.strip()]
    if isinstance(value, list | tuple) and all(isinstance(name, str) for name in value):
        return tuple(dict.fromkeys(value))
    return value


def numbers_in(value: Any) -> Any:
    """Whole numbers as a tuple in ascending order, each once; a text may hold several with commas between."""
    if isinstance(value, str):
        value = [item.strip() for item in value.split(",") if item.strip()]
        value = [int(item) if item.isdecimal() else item for item in value]
    if isinstance(value, int) and not isinstance(value, bool):
        value = [value]
    if isinstance(value, list | tuple) and all(isinstance(n, int) and not isinstance(n, bool) for n in value):
        return tuple(sorted(set(value)))
    return value


class EvaluationConfig(SettingsGroup):
    """How the reported figures are estimated."""

    iw_samples: int = with_option("evaluation.iw_samples")
    rec_samples: int = Field(1, ge=1, le=100_000, description="samples of z a sentence for rec")
    batch_size: int = Field(128, ge=1, le=MANY, description="sentences a batch")
    precision: Literal["auto", "fp32", "bf16"] = Field(
        "auto",
        description="arithmetic of the decoder in rec and iw_nll, fp32 being exact; all else is float32 or more",
    )
    split: Literal["valid", "test"] = Field("test", description="the split of the final figures")
    extra: tuple[str, ...] = Field((), description="further evaluations after the final one, as in `vae evaluate`")
    sentences: int = Field(
        0, ge=0, le=MANY, description="sentences of those that take a sample of them; 0 is their own number"
    )
    probe_labels: tuple[Annotated[int, Field(strict=True, ge=1, le=MANY)], ...] = Field(
        (5, 50, 500, 5000), description="labels a class of the probes beside those on other numbers, in `probe`"
    )
    reference: str = Field("", description="folder of a finished run of method lm, for `payoff` and `samples`")
    posteriors_every: int = Field(
        0,
        ge=0,
        le=MANY,
        description="updates between looks at the means of q(z|x) and of the exact p(z|x), at latent size 1; 0 is none",
    )

    _split = field_validator("extra", mode="before")(names_in)
    _sizes = field_validator("probe_labels", mode="before")(numbers_in)


class TrackingConfig(SettingsGroup):
    """Where the figures of a run are sent besides its folder; decides none of them."""

    tracker: tuple[str, ...] = Field((), description=OPTION_SETTINGS["tracking.tracker"].description)

    _split = field_validator("tracker", mode="before")(names_in)


class RunConfig(SettingsGroup):
    """Everything that decides the numbers of one run."""

    experiment: str = Field("default", description="its name")
    method: str = Field("vanilla", description="a remedy, or several joined with +")
    preset: str = Field("quick", description="the preset that the settings started from")
    hyper: dict[str, dict[str, bool | int | float | str]] = Field(
        default_factory=dict, title="method", description="hyper-parameters of the method's remedies, by remedy"
    )
    corpus: CorpusConfig = CorpusConfig()
    model: ModelConfig = ModelConfig()
    training: TrainingConfig = TrainingConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    tracking: TrackingConfig = TrackingConfig()

    @field_validator("experiment")
    @classmethod
    def _check_name(cls, value: str) -> str:
        if problem := name_problem("experiment", value):
            raise ValueError(problem)
        return value


GROUPS: dict[str, type[SettingsGroup]] = {
    "corpus": CorpusConfig,
    "model": ModelConfig,
    "training": TrainingConfig,
    "evaluation": EvaluationConfig,
    "tracking": TrackingConfig,
}
"""The groups that a preset, a TOML file and ``--set`` may fill."""


def build_config(values: Mapping[str, Any], source: str = "configuration") -> RunConfig:
    """Validates nested values into a `RunConfig`.

    Args:
        values: By the names of its fields.
        source: Where they come from, for the messages.

    Raises:
        UsageError: With every problem on a line of its own, each naming its key.
    """
    try:
        return RunConfig.model_validate(dict(values))
    except ValidationError as error:
        raise UsageError(f"{source}: " + "\n  ".join(problems(error, RunConfig))) from None
