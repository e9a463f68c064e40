"""What is compared: the rows of the FMN and of the baselines, which features a row is fitted on, and the very command
that makes those that a cache lacks."""

import shlex
from collections.abc import Sequence
from typing import Any

import torch

from fmn.cache import EncoderRecord, FeatureCache
from fmn.errors import InputError

from ..baselines.registry import BASELINES, System
from ..choosing import choosing_sets
from ..remembering import SETTINGS, fit_memory
from ..settings import AS_PRINTED

MAIN_VIDEO, MAIN_AUDIO = "i3d", "bilstm"
MANIFEST = "manifest.csv"  # fmn-extract leaves the resolved manifest in the cache folder under this name

LINEAR_SETTINGS: tuple[dict[str, Any], ...] = tuple(
    {"shrinkage": shrinkage, "temperature": temperature}
    for temperature in (0.12, 0.2)
    for shrinkage in (0.02, 0.1, 0.4)
)
"""Gaussian slots met by the cosine alone: what is left of the FMN without another kernel to choose."""
WITHOUT_SETTINGS: tuple[dict[str, Any], ...] = tuple(
    {"beta": 0.0, **change}
    for change in (
        {},
        {"fusion": "both"},
        {"dropout": 0.5},
        {"ranking": 2.0},  # in place of the temperature, which nothing sees without memory
        {"batch": 128},
        {"projection": "linear", "dropout": 0.5},
    )
)
PRINTED_SETTINGS: tuple[dict[str, Any], ...] = tuple(
    {**AS_PRINTED, **change}
    for change in (
        {"learning_rate": 1e-3, "dropout": 0.3},
        {"learning_rate": 1e-3, "dropout": 0.0},
        {"dropout": 0.5},
        {"learning_rate": 1e-3, "dropout": 0.3, "common": 512},
        {"learning_rate": 1e-3, "dropout": 0.3, "t1": 0.8},
        {"learning_rate": 1e-3, "dropout": 0.3, "capacity": 200},
    )
)

_FMN = "feature memory network"
SYSTEMS = (
    *BASELINES,
    System("FMN (linear)", _FMN, "", LINEAR_SETTINGS, fit_memory, seeded=False, ours=True),
    System("FMN", _FMN, "", SETTINGS, fit_memory, seeded=False, ours=True),
    System("FMN without memory (beta 0)", _FMN, "", WITHOUT_SETTINGS, None, ours=True),
    System("FMN as printed", f"{_FMN}, eq. 3 as printed", "", PRINTED_SETTINGS, None, ours=True),
)
NAMES = tuple(system.name for system in SYSTEMS)
OWN_AUDIO = tuple(dict.fromkeys(system.audio for system in SYSTEMS if system.audio))


def known_systems(names: Sequence[str] = NAMES) -> list[System]:
    """The systems of these names, in the table's order; case does not count. InputError for a name that is none."""
    asked = {name.casefold() for name in names}
    unknown = sorted(asked - {name.casefold() for name in NAMES})
    if unknown or not asked:
        raise InputError(f"The comparison knows {', '.join(NAMES)}; got {', '.join(map(repr, unknown)) or 'none'}.")
    return [system for system in SYSTEMS if system.name.casefold() in asked]


def main_encoders(cache: FeatureCache, video: str | None = None, audio: str | None = None) -> dict[str, str]:
    """Modality -> encoder of the rows that ask for none of their own.

    Args:
        cache: the feature cache.
        video: named by the user; None takes i3d, or the only one.
        audio: named by the user; None takes bilstm, or the only one that is not a certain row's own.

    Raises:
        InputError: a named encoder is not there, or none was named and several remain.
    """
    found = {record.modality: [each.name for each in cache.encoders(record.modality)] for record in cache.encoders()}
    if video is None and MAIN_VIDEO in found.get("video", ()):
        video = MAIN_VIDEO
    if audio is None:
        others = [name for name in found.get("audio", ()) if name not in OWN_AUDIO]
        if found.get("audio") and MAIN_AUDIO not in others and len(others) != 1:
            raise InputError(
                f"The comparison needs one main audio encoder; {cache.path} holds {', '.join(found['audio'])}. Name "
                "one with --audio-encoder."
            )
        audio = MAIN_AUDIO if MAIN_AUDIO in others or not others else others[0]
    return {"video": cache.encoder("video", video).name, "audio": cache.encoder("audio", audio).name}


def encoders_of(system: System, main: dict[str, str], cache: FeatureCache) -> dict[str, str]:
    """Modality -> encoder of a row; InputError with the command that makes the features where the cache lacks them."""
    wanted = {**main, "audio": system.audio or main["audio"]}
    if wanted["audio"] not in {record.name for record in cache.encoders("audio")}:
        raise InputError(
            f"{system.name} is fitted on audio features of encoder {wanted['audio']}, which {cache.path} lacks. "
            f"Make them with: {extraction(cache, cache.encoder('video', main['video']), wanted['audio'])}"
        )
    return wanted


def check_validation(cache: FeatureCache, encoders: dict[str, str], fraction: float) -> int:
    """How many parts of the train split settings are chosen on, each of about `fraction` of it.

    Raises:
        InputError: no match can be held out.
    """
    parted = choosing_sets(cache, encoders, fraction, torch.device("cpu"))
    data = parted[0]
    if not data.has_validation:
        raise InputError(
            "Settings are compared on a validation part of the train split, but too little can be held out of "
            f"{cache.path}: {len(data.held_video.ids)} videos and {len(data.held_audio.ids)} recordings, and no match "
            "among them. Extract more items."
        )
    return len(parted)


def extraction(cache: FeatureCache, video: EncoderRecord, audio: str) -> str:
    """The command that adds the features of an audio encoder to a cache.

    The video encoder is asked for in the words that the cache remembers, so that its features are found to be there.
    """
    asked = video.notes.get("asked", {})
    words = ["fmn-extract", "--manifest", str(cache.path / MANIFEST), "--cache", str(cache.path)]
    words += ["--video-encoder", video.name]
    shape = asked.get("preprocessing", {})
    keys = ("short_side", "crop", "window", "fps")
    sizes = asked.get("sizes", [shape.get(key) for key in keys])
    options = {"--video-weights": asked.get("weights", "auto"), "--flow": asked.get("flow", "auto")}
    options |= {f"--{key.replace('_', '-')}": size for key, size in zip(keys, sizes, strict=True)}
    options |= {"--seed": cache.protocol.get("seed", 0)}
    for option, value in options.items():
        if value not in (None, "auto") and (option, value) != ("--seed", 0):
            words += [option, str(value)]
    return shlex.join([*words, "--audio-encoder", audio])
