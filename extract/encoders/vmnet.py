"""Audio encoder `vmnet`: statistics of hand-made descriptors, 1035-d. It has no weights and needs no fitting."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fmn.cache import EncoderRecord, Row
from fmn.device import pick_device
from fmn.errors import BadItem, InputError
from fmn.item import Item

from ..media.descriptors import BANDS, CEPSTRA, HOP, LARGEST, MEDIAN, N_FFT, column_names, describe
from ..media.waveform import RATE, waveform
from .door import EncoderKind, Settling
from .settings import ExtractSettings

PREPROCESSING = {
    "rate": RATE,
    "n_fft": N_FFT,
    "hop": HOP,
    "bands": f"{BANDS}, Slaney, harmonic and percussive",
    "median": MEDIAN,
    "cepstra": CEPSTRA,
    "statistics": f"mean, deviation and {LARGEST} largest of each descriptor",
}


class VmnetEncoder:
    """Encodes recordings one after the other, on the CPU."""

    def encode(self, items: Sequence[Item]) -> list[Row | BadItem]:
        """One row [1035] an item; a BadItem in the place of an item that cannot be used."""
        found: list[Row | BadItem] = []
        for item in items:
            try:
                sound = waveform(item.path, item.start, item.end, RATE)
                found.append(Row(item, describe(sound), seconds=len(sound) / RATE, windows=1, repeated=0))
            except BadItem as bad:
                found.append(bad)
        return found


def asked(settings: ExtractSettings) -> dict[str, Any]:
    """Nothing decides the features but the recording. InputError where weights are given."""
    if settings.audio_weights not in ("", "auto"):
        raise InputError(
            f"The audio encoder vmnet has no weights: leave --audio-weights out; got {settings.audio_weights!r}."
        )
    return {"weights": "none"}


def settle(settling: Settling) -> EncoderRecord:
    """There is nothing to settle."""
    return EncoderRecord(
        modality="audio",
        name="vmnet",
        dim=len(column_names()),
        preprocessing=PREPROCESSING,
        weights={"source": "none: descriptors", "sha256": {}},
        notes={"told": "audio encoder: descriptors, no weights", "asked": asked(settling.settings)},
    )


def open_vmnet(record: EncoderRecord, cache: Path, device: str) -> VmnetEncoder:
    """The encoder; a device that is none is refused as elsewhere, and one of another making too."""
    pick_device(device)
    if dict(record.preprocessing) != PREPROCESSING:
        raise InputError("The vmnet features of this cache were made by another version: extract into another --cache.")
    return VmnetEncoder()


VMNET = EncoderKind(modality="audio", name="vmnet", chunk=16, asked=asked, settle=settle, open=open_vmnet)
