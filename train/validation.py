"""How well a model ranks the validation part: what every choice of a training rests on."""

from collections.abc import Sequence
from typing import Any

import torch

from fmn.retrieval.metrics import evaluate
from fmn.retrieval.protocol import DIRECTIONS
from fmn.retrieval.retriever import Model

from .data import TrainingSet


@torch.no_grad()
def validation_metrics(network: Model, data: TrainingSet, ks: Sequence[int]) -> dict[str, dict[str, Any]]:
    """Direction -> the dict of `metrics.evaluate` on the validation part, without intervals. Leaves eval() mode."""
    network.eval()
    held_video, held_audio = data.held_video, data.held_audio
    table = network.score(held_video.features, held_audio.features).cpu().numpy()
    match = (held_video.codes[:, None] == held_audio.codes[None, :]).numpy()
    asked = {
        name: (table.T, match.T) if query == "audio" else (table, match) for name, (query, _) in DIRECTIONS.items()
    }
    return {name: evaluate(rows, hits, ks, samples=1) for name, (rows, hits) in asked.items()}


def validation_map(network: Model, data: TrainingSet) -> float:
    """Mean average precision on the validation part, mean of both directions, in [0, 1]."""
    both = [result["mAP"] for result in validation_metrics(network, data, [1]).values()]
    return float(sum(both)) / len(both)
