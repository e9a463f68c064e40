"""The one registry of encoders: a name for each way to turn an item into a vector.

A new encoder is one file that offers an `EncoderEntry` and its place in `ENCODERS`.
"""

import functools
from collections.abc import Sequence
from pathlib import Path

from fmn.cache import EncoderRecord, Row
from fmn.errors import BadItem, InputError
from fmn.item import Item

from .bilstm import BILSTM
from .c3d import C3D
from .door import Encoder, EncoderEntry
from .i3d import I3D
from .musicnn import MUSICNN
from .musimnet import MUSIMNET
from .pytorchvideo_zoo import ZOO
from .vggish import VGGISH
from .vmnet import VMNET

ENCODERS = {
    (entry.modality, entry.name): entry
    for entry in (
        I3D,
        *ZOO,
        C3D,
        BILSTM,
        MUSICNN,
        VGGISH,
        MUSIMNET,
        VMNET,
    )
}  # fmt: skip


def encoder_entry(modality: str, name: str) -> EncoderEntry:
    """The registered encoder; InputError naming the choices when there is none of that name."""
    if (modality, name) not in ENCODERS:
        choices = ", ".join(sorted(known for kind, known in ENCODERS if kind == modality))
        raise InputError(f"The {modality} encoder is one of: {choices}. Got {name!r}.")
    return ENCODERS[modality, name]


def open_encoder(record: EncoderRecord, cache: Path, device: str) -> Encoder:
    """The encoder that made a cache's features, from the cache's own record of it.

    Args:
        record: from `FeatureCache.encoder(modality)`.
        cache: the cache folder, where fitted weights lie.
        device: "auto", "cpu", "cuda" or "cuda:N".
    """
    return encoder_entry(record.modality, record.name).open(record, cache, device)


@functools.lru_cache(maxsize=2)
def _opened(record: EncoderRecord, cache: Path, device: str) -> Encoder:
    return open_encoder(record, cache, device)


def encode_on_worker(items: Sequence[Item], *, record: EncoderRecord, cache: Path, device: str) -> list[Row | BadItem]:
    """The task of the item graph; a worker opens the encoder once."""
    return _opened(record, cache, device).encode(items)
