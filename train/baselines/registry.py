"""The registry of the baselines: a name for each, which features it wants, its candidates and its fitting."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fmn.retrieval.retriever import Model

from . import avlnet, cca, cfa, dcca, kcca, lda, semantic, vmnet

Fit = Callable[..., Model]
"""(data: TrainingSet, *, seed: int, **setting) -> a fitted model, in eval(). It is called in other processes, so it
must be importable by its name. One that descends takes `epochs`, too: exactly so many, and 0 for what it finds."""


@dataclass(frozen=True, eq=False)
class System:
    """A row of the comparison.

    `source`: the reference. `audio`: name of the audio encoder that the row wants, "" for the comparison's main one.
    `settings`: the candidates, of which the validation part chooses one; every system has equally many. `fit`: None for
    an FMN by descent, whose settings are fields of `FmnConfig` and `TrainSettings`. `seeded`: False where nothing is
    left to chance, so that one fitting says all. `ours`: a form of the FMN, to which the others are peers.
    `ingredient`: what the FMN is made of, standing alone. `indexed`: candidates are measured in a gallery that the
    memory has absorbed.
    """

    name: str
    source: str
    audio: str
    settings: tuple[dict[str, Any], ...]
    fit: Fit | None
    seeded: bool = True
    ours: bool = False
    ingredient: bool = False
    indexed: bool = False


_HOTELLING = "Hotelling 1936, Relations Between Two Sets of Variates"
_HARDOON = "Hardoon et al. 2004, Canonical Correlation Analysis: An Overview"
_ANDREW = "Andrew et al. 2013, Deep Canonical Correlation Analysis"
_DESIGN = "Prétet et al. 2021, Cross-Modal Music-Video Recommendation: A Study of Design Choices"
_HONG = "Hong et al. 2018, CBVMR: Content-Based Video-Music Retrieval"
_LI = "Li et al. 2003, Multimedia Content Processing by Cross-Modal Association"
_FISHER = "Fisher 1936; Rao 1948, linear discriminant analysis"
_RASIWASIA = "Rasiwasia et al. 2010, Cross-Modal Multimedia Retrieval"

BASELINES = (
    System("CCA", _HOTELLING, "", cca.SETTINGS, cca.fit_cca, seeded=False),
    System("KCCA", _HARDOON, "", kcca.SETTINGS, kcca.fit_kcca),
    System("DCCA", _ANDREW, "", dcca.SETTINGS, dcca.fit_dcca),
    System("MuSimNet", _DESIGN, "musimnet", vmnet.SETTINGS, vmnet.fit_vmnet),
    System("MusiCNN", _DESIGN, "musicnn", vmnet.SETTINGS, vmnet.fit_vmnet),
    System("VM-Net", _HONG, "vmnet", vmnet.SETTINGS, vmnet.fit_vmnet),
    System("CFA", _LI, "", cfa.SETTINGS, cfa.fit_cfa, seeded=False),
    System("SM", _RASIWASIA, "", semantic.SETTINGS, semantic.fit_semantic, seeded=False),
    System("Gaussian slots", _FISHER, "", lda.SETTINGS, lda.fit_lda, seeded=False, ingredient=True),
    System("AVLnet", "Rouditchenko et al. 2020, AVLnet", "", avlnet.SETTINGS, avlnet.fit_avlnet),
)
"""In the order of the table. A new baseline is a file with its candidates and its fitting, and a line here."""
