"""The registry of what is compared: a name for each system, which features it wants, its candidates and its fitting."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any

from fmn.errors import InputError
from fmn.retrieval.towers import TwoTowers

from .data import TrainingSet
from .settings import AS_PRINTED

Fit = Callable[..., TwoTowers]
"""(data: TrainingSet, *, seed: int, **setting) -> fitted towers, in eval(). It is called in other processes, so it
must be importable by its name."""


@dataclass(frozen=True, eq=False)
class System:
    """A row of the comparison.

    `source`: the reference. `audio`: name of the audio encoder that the row wants, "" for the comparison's main one.
    `settings`: the candidates, of which the validation part chooses one; every system has equally many. `fit`: None for
    an FMN, whose settings are fields of `FmnConfig` and `TrainSettings`. `seeded`: False where nothing is left to
    chance, so that one fitting says all.
    """

    name: str
    source: str
    audio: str
    settings: tuple[dict[str, Any], ...]
    fit: Fit | None
    seeded: bool = True


FMN_SETTINGS: tuple[dict[str, Any], ...] = (
    {},
    {"fusion": "both"},
    {"dropout": 0.5},
    {"temperature": 0.2},
    {"batch": 128},
    {"projection": "linear", "dropout": 0.5},
)
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
        {"rate": 1e-3, "dropout": 0.3},
        {"rate": 1e-3, "dropout": 0.0},
        {"dropout": 0.5},
        {"rate": 1e-3, "dropout": 0.3, "common": 512},
        {"rate": 1e-3, "dropout": 0.3, "t1": 0.8},
        {"rate": 1e-3, "dropout": 0.3, "capacity": 200},
    )
)

_DESIGN = "Prétet et al. 2021, Cross-Modal Music-Video Recommendation: A Study of Design Choices"
# Name, module in fmn.train.baselines, function, audio encoder, seeded, reference.
_BASELINES = (
    ("CCA", "cca", "fit_cca", "", False, "Hotelling 1936, Relations Between Two Sets of Variates"),
    ("KCCA", "kcca", "fit_kcca", "", True, "Hardoon et al. 2004, Canonical Correlation Analysis: An Overview"),
    ("DCCA", "dcca", "fit_dcca", "", True, "Andrew et al. 2013, Deep Canonical Correlation Analysis"),
    ("MuSimNet", "vmnet", "fit_vmnet", "musimnet", True, _DESIGN),
    ("MusiCNN", "vmnet", "fit_vmnet", "musicnn", True, _DESIGN),
    ("VM-Net", "vmnet", "fit_vmnet", "vmnet", True, "Hong et al. 2018, CBVMR: Content-Based Video-Music Retrieval"),
    ("CFA", "cfa", "fit_cfa", "", False, "Li et al. 2003, Multimedia Content Processing by Cross-Modal Association"),
    ("SM", "semantic", "fit_semantic", "", False, "Rasiwasia et al. 2010, Cross-Modal Multimedia Retrieval"),
    ("AVLnet", "avlnet", "fit_avlnet", "", True, "Rouditchenko et al. 2020, AVLnet"),
)
_FMN = "feature memory network"
_FMNS = (
    System("FMN", _FMN, "", FMN_SETTINGS, None),
    System("FMN without memory (beta 0)", _FMN, "", WITHOUT_SETTINGS, None),
    System("FMN as printed", f"{_FMN}, eq. 3 as printed", "", PRINTED_SETTINGS, None),
)
OWN_AUDIO = tuple(dict.fromkeys(audio for *_, audio, _, _ in _BASELINES if audio))
NAMES = (*(name for name, *_ in _BASELINES), *(system.name for system in _FMNS))


def known_systems(names: Sequence[str] = NAMES) -> list[System]:
    """The systems of these names, in the table's order; case does not count. InputError for a name that is none."""
    asked = {name.casefold() for name in names}
    unknown = sorted(asked - {name.casefold() for name in NAMES})
    if unknown or not asked:
        raise InputError(f"The comparison knows {', '.join(NAMES)}; got {', '.join(map(repr, unknown)) or 'none'}.")
    found = [_baseline(*line) for line in _BASELINES if line[0].casefold() in asked]
    return [*found, *(system for system in _FMNS if system.name.casefold() in asked)]


def _baseline(name: str, module: str, function: str, audio: str, seeded: bool, source: str) -> System:
    settings = import_module(f"fmn.train.baselines.{module}").SETTINGS
    return System(name, source, audio, tuple(settings), partial(_fitted, module, function), seeded)


def _fitted(module: str, function: str, data: TrainingSet, *, seed: int, **setting: Any) -> TwoTowers:
    towers: TwoTowers = getattr(import_module(f"fmn.train.baselines.{module}"), function)(data, seed=seed, **setting)
    return towers
