"""Speech by espeak-ng, through ctypes: the library and its data come from the PyPI package `espeakng-loader`.

espeak-ng keeps its pitch flutter, its noise and its random numbers in static variables, so a sentence sounds slightly
different after another one, even after `espeak_Terminate`. Therefore each sentence loads the library afresh, sets its
random seed and unloads it (4 ms): the same arguments give the same samples, whatever was spoken before.
"""

import _ctypes
import ctypes
import sys
import threading
from pathlib import Path
from types import ModuleType

import numpy as np

from fmn.errors import InputError
from fmn.install import hint

SAMPLE_RATE = 22_050
"""What espeak-ng produces, in Hz."""

_AUDIO_OUTPUT_SYNCHRONOUS = 2
_INITIALIZE_DONT_EXIT = 0x8000
_CHARS_UTF8 = 1
_RATE, _PITCH, _RANGE = 1, 3, 4
_lock = threading.Lock()  # the library is global to the process
_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


def speak(text: str, voice: str, rate: int = 170, pitch: int = 50, pitch_range: int = 50) -> tuple[np.ndarray, int]:
    """Say `text` -> (samples [n] int16 mono, 22,050 Hz).

    voice: espeak-ng's name of a language and, after `+`, of a voice variant, such as `en-us+f3`;
    rate: words a minute, 80 to 450; pitch and pitch_range: 0 to 100.
    InputError: a value out of range, an unknown voice, nothing that makes a sound, or no `espeakng-loader` installed.
    """
    for name, value, low, high in (
        ("rate", rate, 80, 450),
        ("pitch", pitch, 0, 100),
        ("pitch_range", pitch_range, 0, 100),
    ):
        if not low <= value <= high:
            raise InputError(
                f"The {name} of a voice lies between {low} and {high}, but it is {value}; give one in that range."
            )
    if not text.strip():
        raise InputError("The sentence to speak is empty; give at least one word.")
    loader = _loader()
    with _lock:
        samples = _synthesise(loader, text, voice, {_RATE: rate, _PITCH: pitch, _RANGE: pitch_range})
    if not samples.any():
        raise InputError(f"espeak-ng made no sound from {text!r}; give at least one word that can be pronounced.")
    return samples, SAMPLE_RATE


def _loader() -> ModuleType:
    try:
        import espeakng_loader
    except ImportError:
        raise InputError(
            f"Speech needs the package espeakng-loader, which is not installed. Install it with: {hint('speech')}"
        ) from None
    module: ModuleType = espeakng_loader
    return module


def _synthesise(loader: ModuleType, text: str, voice: str, parameters: dict[int, int]) -> np.ndarray:
    """One sentence from a freshly loaded library. The caller holds the lock."""
    pieces: list[np.ndarray] = []

    def collect(wave: "ctypes._Pointer[ctypes.c_short]", count: int, _events: int) -> int:
        if wave and count > 0:
            pieces.append(np.ctypeslib.as_array(wave, (count,)).copy())
        return 0

    callback = _Callback(collect)  # kept alive while the library may call it
    try:
        library = ctypes.CDLL(loader.get_library_path())
    except OSError as error:
        raise InputError(f"The speech library cannot be loaded: {error}; reinstall it with: {hint('speech')}") from None
    try:
        library.espeak_ng_SetRandSeed(ctypes.c_long(1))
        data = str(loader.get_data_path()).encode()
        rate = library.espeak_Initialize(_AUDIO_OUTPUT_SYNCHRONOUS, 0, data, _INITIALIZE_DONT_EXIT)
        if rate != SAMPLE_RATE:
            raise InputError(f"espeak-ng did not start (answer {rate}); reinstall it with: {hint('speech')}")
        library.espeak_SetSynthCallback(callback)
        # espeak-ng passes over an unknown variant in silence and speaks with the plain voice.
        _, plus, variant = voice.partition("+")
        known = not plus or (Path(loader.get_data_path()) / "voices" / "!v" / variant).is_file()
        if not known or library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise InputError(f"espeak-ng has no voice {voice!r}; give a language and a variant such as 'en-us+f3'.")
        for parameter, value in parameters.items():
            library.espeak_SetParameter(parameter, value, 0)
        encoded = text.encode()
        status = library.espeak_Synth(encoded, ctypes.c_size_t(len(encoded) + 1), 0, 1, 0, _CHARS_UTF8, None, None)
        if status != 0:
            raise InputError(f"espeak-ng could not speak {text!r} (status {status}); try plainer words.")
        library.espeak_Synchronize()
        library.espeak_Terminate()
    finally:
        _unload(library)
    return np.concatenate(pieces) if pieces else np.zeros(0, np.int16)


def _unload(library: ctypes.CDLL) -> None:
    if sys.platform == "win32":
        _ctypes.FreeLibrary(library._handle)
    else:
        _ctypes.dlclose(library._handle)
