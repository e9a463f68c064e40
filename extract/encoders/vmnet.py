"""Audio encoder `vmnet`: statistics of hand-made descriptors, 1035-d. It has no weights and needs no fitting."""

from pathlib import Path
from typing import Any

from fmn.cache import EncoderRecord, Row
from fmn.device import pick_device
from fmn.errors import InputError
from fmn.item import Item

from ..fitting.train_part import TrainPart
from ..media.descriptors import BANDS, CEPSTRA, HOP, LARGEST, MEDIAN, N_FFT, column_names, describe
from ..media.waveform import RATE, waveform
from .door import EncoderEntry, OneByOne, Settled
from .settings import AUTO, ExtractSettings

PREPROCESSING = {
    "rate": RATE,
    "n_fft": N_FFT,
    "hop": HOP,
    "bands": f"{BANDS}, Slaney, harmonic and percussive",
    "median": MEDIAN,
    "cepstra": CEPSTRA,
    "statistics": f"mean, deviation and {LARGEST} largest of each descriptor",
}


def row(item: Item) -> Row:
    """The row [1035] of a recording."""
    sound = waveform(item.path, item.start, item.end, RATE)
    return Row(item, describe(sound), seconds=len(sound) / RATE, windows=1, repeated=0)


def asked(settings: ExtractSettings) -> dict[str, Any]:
    """Nothing decides the features but the recording. InputError where weights are given."""
    if settings.audio_weights not in AUTO:
        raise InputError(
            f"The audio encoder vmnet has no weights: leave --audio-weights out; got {settings.audio_weights!r}."
        )
    return {"weights": "none"}


def decide(settings: ExtractSettings, part: TrainPart) -> Settled:
    """There is nothing to decide."""
    weights = {"source": "none: descriptors", "sha256": {}}
    return Settled(len(column_names()), PREPROCESSING, weights, "descriptors, no weights")


def open_vmnet(record: EncoderRecord, cache: Path, device: str) -> OneByOne:
    """The encoder; a device that is none is refused as elsewhere, and one of another making too."""
    pick_device(device)
    if dict(record.preprocessing) != PREPROCESSING:
        raise InputError("The vmnet features of this cache were made by another version: extract into another --cache.")
    return OneByOne(row)


VMNET = EncoderEntry("audio", "vmnet", chunk=16, asked=asked, decide=decide, open=open_vmnet)
