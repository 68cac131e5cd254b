"""The training that several papers on LSTM VAEs share, from one code base: He, Li, Zhu and those after them.

SGD without momentum, clipped at 5 over encoder and decoder, batches of 32 sentences of one length; after `patience`
epochs without a better validation, from epoch 15 on, the rate is halved and the best weights come back; at most 100
epochs. He et al. start at rate 1.0 and wait 2 epochs, Li et al. and Zhu et al. at 0.5 and 5.
"""

from __future__ import annotations

from dataclasses import replace

from vaecli.remedies.core.recipe import Epochs, Hyper, Recipe

SAME_LENGTH = "batches hold sentences of about one length, not of exactly one"
STALLS = (
    "its code counts stalls against the validation that made the last decay, not against the best one, makes the first "
    "decay after 16 epochs at the earliest, and ends with the fifth; here the fifth rate is trained at until it stalls"
)

HE = Recipe(
    source="He et al. 2019, arXiv:1901.05534, and its code",
    epochs=100,
    optimizer="sgd",
    learning_rate=1.0,
    clip=5.0,
    batch_size=32,
    decay=0.5,
    patience=2,
    decay_start=Epochs(15),
    max_decays=5,
    reload_best=True,
    init_range=0.01,
    embedding_init_range=0.1,
    left_out=(SAME_LENGTH, STALLS),
)
"""The protocol of He et al. (2019) without a warm-up."""

LI = replace(
    HE,
    source="Li et al. 2019, arXiv:1909.00868, and its code",
    learning_rate=0.5,
    patience=5,
)
"""That of Li et al. (2019) without a warm-up."""

ZHU = replace(
    LI,
    source="Zhu et al. 2020, arXiv:2004.12585, and its code",
    init_range=None,
    embedding_init_range=None,
    left_out=(
        SAME_LENGTH,
        STALLS,
        "its code begins the decoder in U(-0.01, 0.01) and the encoder as torch does; here both do",
    ),
)
"""That of Zhu et al. (2020) without a warm-up."""

WARM_UP: Hyper = {"linear_anneal": {"start": 0.0, "epochs": Epochs(10), "share": 1.0}}
"""The warm-up of all rows of Li et al. and Zhu et al.: from 0 to 1 in the first 10 of 100 epochs."""
WARM_UP_FROM_A_TENTH: Hyper = {"linear_anneal": {"start": 0.1, "epochs": Epochs(10), "share": 1.0}}
"""That of He et al. and Kim et al.: from 0.1."""
ANNEALED = ("linear_anneal",)

IN_ZHU = replace(ZHU, companions=ANNEALED, hyper=WARM_UP)
"""A row of the tables of Zhu et al. (2020): their protocol with the warm-up."""
