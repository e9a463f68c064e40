"""VM-Net: two branches with a ranking loss between the modalities and a soft structure loss within each.

Hong, Im and Yang 2018, "CBVMR" (arXiv:1704.06761). Over a learned audio embedding in place of descriptors the same
branches are the rows MuSimNet and MusiCNN (Pretet et al. 2021): they are fitted by `fit_vmnet` as well.
"""

from typing import Any

from torch import Tensor
from torch.nn import functional

from fmn.retrieval.towers import TwoTowers

from ..budget import STEPS
from ..data import TrainingSet
from .descent import descend, new_towers
from .vmnet_losses import ranking_loss, structure_loss

SETTINGS: tuple[dict[str, Any], ...] = (
    {"hidden": 512, "dropout": 0.3},
    {"hidden": 512, "most": 5, "structure": 1.0},
    {"hidden": 512},
    {"hidden": 256},
    {"hidden": 512, "margin": 0.5},
    {"hidden": 256, "margin": 0.2, "structure": 0.0},
)


def fit_vmnet(
    data: TrainingSet,
    *,
    seed: int,
    hidden: int = 512,
    common: int = 256,
    dropout: float = 0.5,
    margin: float = 0.8,
    most: int = 10,
    from_video: float = 1.0,
    from_audio: float = 1.0,
    structure: float = 0.2,
    batch: int = 128,
    rate: float = 1e-3,
    decay: float = 1e-4,
    steps: int = STEPS,
) -> TwoTowers:
    """Fit VM-Net's two branches on the fit part; the validation part only chooses the epoch that is kept.

    Each branch has one hidden layer here (the paper's have one to three, and batch normalisation, over 200,000 pairs).

    Args:
        data: the train split.
        seed: of the weights, the batches and dropout.
        hidden, common, dropout: of the branches.
        margin, most: of the ranking loss: in cosine, and how many of the top violating negatives an anchor has.
        from_video, from_audio: weights of the two ranking terms, lambda_1 and lambda_2 (the authors' code: 3 and 1).
        structure: weight of the structure loss of either modality, lambda_3 = lambda_4 (the authors' code: 0.2).
        batch, rate, decay: of `fmn.train.baselines.descent.descend`.
        steps: of the descent in all, see `fmn.train.budget.passes`.

    Raises:
        InputError: settings that are no towers, or the loss is no longer a number.
    """
    towers = new_towers(data, seed, "perceptron", common, hidden, dropout)

    def ranking(video: Tensor, audio: Tensor, video_codes: Tensor, audio_codes: Tensor) -> Tensor:
        return ranking_loss(
            functional.normalize(video, dim=1),
            functional.normalize(audio, dim=1),
            video_codes[:, None] == audio_codes[None, :],
            margin=margin,
            most=most,
            from_video=from_video,
            from_audio=from_audio,
        )

    def within(inputs: Tensor, outputs: Tensor) -> Tensor:
        return structure * structure_loss(inputs, outputs)

    return descend(
        towers,
        data,
        ranking,
        structure=within if structure else None,
        seed=seed,
        steps=steps,
        batch=batch,
        rate=rate,
        decay=decay,
    )
