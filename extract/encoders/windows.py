"""Encoders of one network: an item's windows each become a vector, and their plain mean is the item's."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from fmn.cache import EncoderRecord, Row
from fmn.device import pick_device
from fmn.errors import BadItem, InputError
from fmn.item import Item

from .backbone import Backbone
from .backbone_weights import asked_weights, recorded_network, settle_weights
from .door import EncoderKind, Settling
from .settings import ExtractSettings


class WindowsEncoder:
    """Encodes items one after the other, a window at a time: memory does not grow with an item's length."""

    def __init__(self, backbone: Backbone, network: nn.Module, preprocessing: Mapping[str, Any], device: str) -> None:
        self.backbone, self.preprocessing, self.device = backbone, preprocessing, device
        self.network = network.to(device).eval().requires_grad_(False)

    def encode(self, items: Sequence[Item]) -> list[Row | BadItem]:
        """One row [dim] an item; a BadItem in the place of an item that cannot be used."""
        found: list[Row | BadItem] = []
        for item in items:
            try:
                found.append(self._row(item))
            except BadItem as bad:
                found.append(bad)
        return found

    def _row(self, item: Item) -> Row:
        total = np.zeros(self.backbone.dim, np.float64)
        count = repeated = 0
        seconds = 0.0
        exact = torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)
        with torch.inference_mode(), exact:
            for window in self.backbone.windows(item, self.preprocessing):
                vector = self.network(window.input[None].to(self.device))[0]
                total += vector.double().cpu().numpy()
                count += 1
                repeated += window.repeated
                seconds = window.seconds
        features = (total / max(1, count)).astype(np.float32)
        if not np.isfinite(features).all():
            raise BadItem(f"{item.path}: {self.backbone.title} makes values of it that are not finite.")
        return Row(item, features, seconds=seconds, windows=count, repeated=repeated)


def windows_kind(backbone: Backbone) -> EncoderKind:
    """The registry's entry of a backbone."""

    def asked(settings: ExtractSettings) -> dict[str, Any]:
        return {**asked_weights(backbone, settings), "preprocessing": backbone.preprocessing(settings)}

    def settle(settling: Settling) -> EncoderRecord:
        preprocessing = backbone.preprocessing(settling.settings)
        weights, warning, told = settle_weights(backbone, settling, preprocessing)
        return EncoderRecord(
            modality=backbone.modality,
            name=backbone.name,
            dim=backbone.dim,
            preprocessing=preprocessing,
            weights=weights,
            warning=warning,
            notes={"told": f"{backbone.modality} encoder: {told}", "asked": asked(settling.settings)},
        )

    def opened(record: EncoderRecord, cache: Path, device: str) -> WindowsEncoder:
        picked = pick_device(device)
        if backbone.fixed and dict(record.preprocessing) != backbone.preprocessing(ExtractSettings()):
            raise InputError(
                f"The {backbone.name} features of this cache were made by another version, which showed recordings "
                "otherwise: extract into another --cache."
            )
        return WindowsEncoder(backbone, recorded_network(backbone, record, cache), record.preprocessing, picked)

    return EncoderKind(backbone.modality, backbone.name, backbone.chunk, asked, settle, opened)
