"""The settings of a run: typed groups, read from a preset, then a TOML file, then options, then ``--set``.

Each field says in its description what it is; no command prints these, the presets and `--set` name the same keys.
Unknown keys are refused, and all problems of a configuration are reported together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationError, field_validator

from vaecli.core.checked import Checked, shown
from vaecli.core.errors import UsageError, nearest


class SettingsGroup(Checked):
    """A frozen group of settings that refuses unknown keys."""


class CorpusConfig(SettingsGroup):
    """Which text, and how it becomes ids."""

    data: str = Field("synthetic", description="`synthetic` or a folder with train.txt, valid.txt and test.txt")
    tokenizer: str = Field(
        "split",
        description="`split` at white space; rules for English: basic_english, moses, toktok or spacy; "
        "subwords learned on train: bpe or unigram",
    )
    max_vocab: int = Field(
        0, ge=0, description="keep the most frequent words only; 0 keeps all. For bpe and unigram: pieces, 0 for 8,000"
    )
    min_freq: int = Field(1, ge=1, description="words or pieces seen fewer times in train are unknown")
    max_length: int = Field(200, ge=1, description="longer sentences are cut to this many words or pieces")
    text_column: str = Field(
        "", description="field that is the sentence, where a line has several: its number from 1, or its name"
    )
    label_column: str = Field(
        "auto",
        description="field that is the label: its number or name, `none`, or `auto` where it is short and repeated",
    )
    unknown_words: str = Field(
        "", description="words that stand for an unknown one, blanks between, such as `_UNK`; `<unk>` always does"
    )
    train_size: int = Field(16_000, ge=2, description="synthetic corpus: sentences in train")
    valid_size: int = Field(2_000, ge=2, description="synthetic corpus: sentences in valid")
    test_size: int = Field(2_000, ge=2, description="synthetic corpus: sentences in test")
    corpus_seed: int = Field(0, ge=0, description="synthetic corpus: seed of the sentences")


class ModelConfig(SettingsGroup):
    """Sizes, dropout and initialisation, the same for every method."""

    embedding_size: int = Field(64, ge=1, description="word embeddings of encoder and decoder")
    encoder_size: int = Field(64, ge=1, description="hidden units of the encoder LSTM")
    decoder_size: int = Field(64, ge=1, description="hidden units of the decoder LSTM")
    latent_size: int = Field(16, ge=1, description="dimensions Z of the latent variable")
    embedding_dropout: float = Field(0.0, ge=0, lt=1, description="dropout on the decoder's word embeddings")
    output_dropout: float = Field(0.0, ge=0, lt=1, description="dropout on the decoder's hidden states")
    init_range: float | None = Field(None, gt=0, description="weights from U(-r, r); unset: torch's own initialisation")
    embedding_init_range: float | None = Field(
        None, gt=0, description="embeddings from U(-r, r); unset: torch's own initialisation"
    )


class TrainingConfig(SettingsGroup):
    """Optimiser, decay and stopping, the same for every method."""

    epochs: int = Field(6, ge=1, description="passes over train at most")
    batch_size: int = Field(64, ge=2, description="sentences a batch")
    optimizer: Literal["adam", "sgd"] = Field("adam", description="adam, or sgd without momentum")
    learning_rate: float = Field(8e-3, gt=0, description="initial learning rate")
    clip: float = Field(5.0, gt=0, description="largest global norm of the gradient")
    decay: float = Field(0.5, gt=0, lt=1, description="factor on the learning rate when validation stalls")
    patience: int = Field(2, ge=1, description="evaluations without a better validation neg_elbo before a decay")
    decay_start: int = Field(0, ge=0, description="epochs before the first decay may happen")
    max_decays: int = Field(5, ge=0, description="stop at the stall after this many decays")
    reload_best: bool = Field(False, description="go back to the best weights at a decay")
    seed: int = Field(0, ge=0, description="seed of initialisation, data order and noise")
    device: str = Field("auto", pattern=r"^(auto|cpu|cuda(:\d+)?)$", description="auto, cpu or cuda")
    precision: Literal["auto", "fp32", "bf16"] = Field("auto", description="arithmetic of training; fp32 is exact")
    threads: int = Field(0, ge=0, le=4096, description="CPU threads; 0 lets torch choose")


class EvaluationConfig(SettingsGroup):
    """How the reported figures are estimated."""

    iw_samples: int = Field(50, ge=0, description="samples of the importance-weighted NLL; 0 skips it")
    rec_samples: int = Field(1, ge=1, description="samples of z a sentence for rec")
    batch_size: int = Field(128, ge=1, description="sentences a batch")
    precision: Literal["auto", "fp32", "bf16"] = Field(
        "auto",
        description="arithmetic of the decoder in rec and iw_nll, fp32 being exact; all else is float32 or more",
    )
    split: Literal["valid", "test"] = Field("test", description="the split of the final figures")
    extra: tuple[str, ...] = Field((), description="further evaluations after the final one, as in `vae evaluate`")
    sentences: int = Field(0, ge=0, description="sentences of those that take a sample of them; 0 is their own number")
    reference: str = Field("", description="folder of a finished run of method lm, for `payoff` and `samples`")

    @field_validator("extra", mode="before")
    @classmethod
    def _split_names(cls, value: Any) -> Any:
        """One text may hold several names with commas between; each counts once."""
        if isinstance(value, str):
            value = [name.strip() for name in value.split(",") if name.strip()]
        if isinstance(value, list | tuple) and all(isinstance(name, str) for name in value):
            return tuple(dict.fromkeys(value))
        return value


class RunConfig(SettingsGroup):
    """Everything that decides the numbers of one run."""

    experiment: str = Field("default", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$", description="its name")
    method: str = Field("vanilla", description="a remedy, or several joined with +")
    preset: str = Field("quick", description="the preset that the settings started from")
    hyper: dict[str, dict[str, bool | int | float | str]] = Field(
        default_factory=dict, description="hyper-parameters of the method's remedies, by remedy"
    )
    corpus: CorpusConfig = CorpusConfig()
    model: ModelConfig = ModelConfig()
    training: TrainingConfig = TrainingConfig()
    evaluation: EvaluationConfig = EvaluationConfig()


GROUPS: dict[str, type[SettingsGroup]] = {
    "corpus": CorpusConfig,
    "model": ModelConfig,
    "training": TrainingConfig,
    "evaluation": EvaluationConfig,
}
"""The groups that a preset, a TOML file and ``--set`` may fill."""


def problems(error: ValidationError, known: type[BaseModel], prefix: str = "") -> list[str]:
    """One line for each problem that pydantic found, with the nearest name for an unknown key."""
    lines = []
    for item in error.errors():
        path = [str(part) for part in item["loc"]]
        where = ".".join([prefix, *path]) if prefix else ".".join(path)
        if item["type"] == "extra_forbidden":
            owner = known
            for part in path[:-1]:
                annotation = owner.model_fields[part].annotation if part in owner.model_fields else None
                if isinstance(annotation, type) and issubclass(annotation, BaseModel):
                    owner = annotation
            lines.append(f"{where}: unknown key; {nearest(path[-1], owner.model_fields)}")
        elif item["type"] == "value_error":
            lines.append(f"{where}: {item['ctx']['error']}")
        else:
            lines.append(f"{where}: {item['msg'].lower()}, got {shown(item['input'])}")
    return lines


def build_config(values: Mapping[str, Any], place: str = "configuration") -> RunConfig:
    """Validates nested values into a `RunConfig`.

    Raises:
        UsageError: With every problem on a line of its own, each naming its key.
    """
    try:
        return RunConfig.model_validate(dict(values))
    except ValidationError as error:
        raise UsageError(f"{place}: " + "\n  ".join(problems(error, RunConfig))) from None


def merge(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Deep merge of nested mappings, later layers winning."""
    result: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            if isinstance(value, Mapping) and isinstance(result.get(key), Mapping):
                result[key] = merge(result[key], value)
            else:
                result[key] = merge(value) if isinstance(value, Mapping) else value
    return result
