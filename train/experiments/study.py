"""The study of what the FMN needs: one change at a time from its defaults, measured on the validation part. What
fmn-study calls."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fmn.cache import FeatureCache
from fmn.device import pick_device
from fmn.errors import InputError
from fmn.progress import Silence, Watcher
from fmn.workers import check_workers

from ..baselines.descent import STEPS
from ..baselines.lda import fit_lda
from ..baselines.registry import Fit, System
from ..remembering import fit_memory
from ..settings import AS_PRINTED
from .experiment_folder import about, claimed, folder_of, read_json
from .findings import Estimate, difference, estimate
from .systems import check_validation, main_encoders
from .units import HELD_OUT, Unit, work_all

MEASURES = ("mAP", "hit_rate@1", "recall@10", "recall@25")
_SOURCE = "feature memory network, a variant"


@dataclass(frozen=True, eq=False)
class Variant:
    """`setting`: what differs from the defaults, arguments of `fit`; None is an FMN by descent, whose settings are
    fields of `FmnConfig` and `TrainSettings`. `indexed`: the gallery is absorbed before it is ranked."""

    factor: str
    value: str
    setting: dict[str, Any]
    fit: Fit | None = fit_memory
    indexed: bool = False

    @property
    def name(self) -> str:
        """Such as "kernel = rbf"."""
        return f"{self.factor} = {self.value}" if self.value else self.factor

    @property
    def system(self) -> System:
        """The variant as a row that can be fitted."""
        return System(self.name, _SOURCE, "", (self.setting,), self.fit, ours=True, indexed=self.indexed)


DEFAULT = Variant("default", "", {})


def _each(factor: str, field: str, *values: Any, **more: Any) -> list[Variant]:
    return [Variant(factor, str(value), {field: value}, **more) for value in values]


VARIANTS: tuple[Variant, ...] = (
    DEFAULT,
    Variant("metric", "Gaussian slots, no cosine", {"shrinkage": 0.2, "temperature": 4.0}, fit_lda),
    Variant("metric", "cosine, no scatter", {"shrinkage": 1.0}),
    *_each("shrinkage", "shrinkage", 0.02, 0.2, 0.4),
    Variant("kernel", "rbf, width 0.3", {"kernel": "rbf"}),
    Variant("kernel", "rbf, width 1", {"kernel": "rbf", "width": 1.0}),
    Variant("kernel", "arc-cosine", {"kernel": "arc-cosine"}),
    *_each("temperature", "temperature", 0.06, 0.2, 0.3),
    *_each("exponent of S1", "exponent", 0.25, 0.5, 1.0),
    *_each("gallery weight", "gallery_weight", 0.1, 0.3, 1.0, indexed=True),
    *_each("gallery folds", "folds", 2, 8, indexed=True),
    Variant("without memory", "", {"beta": 0.0}, None),
    Variant("as printed", "", AS_PRINTED, None),
    Variant("as printed", "writes by score", {**AS_PRINTED, "writes": "score"}, None),
)
"""One change at a time; the first is none."""


def chosen_variants(factors: str) -> list[Variant]:
    """The variants of some factors, named with commas ("" = all), after the default.

    Raises:
        InputError: a name that is no factor.
    """
    asked = {name.strip().casefold() for name in factors.split(",")} if factors else set()
    known = list(dict.fromkeys(variant.factor for variant in VARIANTS))
    unknown = asked - {name.casefold() for name in known}
    if unknown:
        raise InputError(f"The study has the factors {', '.join(known)}; got {', '.join(map(repr, sorted(unknown)))}.")
    return [each for each in VARIANTS if each is DEFAULT or not asked or each.factor.casefold() in asked]


@dataclass(frozen=True)
class StudyRow:
    """A variant on the validation part, mean of both directions in [0, 1]: `values` maps each of MEASURES to one number
    a seed; none with an `error`. `seconds`: of each fitting."""

    variant: Variant
    values: dict[str, list[float]]
    seconds: list[float]
    error: str = ""

    def mean(self, measure: str) -> Estimate:
        """Over the seeds."""
        return estimate(self.values[measure])

    def against(self, other: "StudyRow", measure: str) -> Estimate:
        """This minus the other, paired over seeds."""
        return difference(self.values[measure], other.values[measure])


@dataclass(frozen=True)
class Study:
    """`rows` begin with the default. `warnings`: of the encoders."""

    rows: list[StudyRow]
    warnings: list[str]


def study(
    cache: FeatureCache,
    out: Path,
    *,
    variants: Sequence[Variant] = VARIANTS,
    seeds: int = 5,
    workers: int = 2,
    device: str = "auto",
    video_encoder: str | None = None,
    audio_encoder: str | None = None,
    watcher: Watcher | None = None,
) -> Study:
    """Fit every variant with every seed and measure it on the validation part; the test split is not touched.

    Args:
        cache: the feature cache.
        out: folder to write, made when missing: `VARIANT/seed-N.json`. What is finished is not done again.
        variants: the first is what the others are measured against.
        seeds: 0, 1, ..., seeds - 1.
        workers: processes of one thread each.
        device: "auto" (CUDA where there is one), "cpu", "cuda" or "cuda:N".
        video_encoder, audio_encoder: which features, as in `compare`.
        watcher: is told about the progress.

    Raises:
        InputError: seeds or workers below 1, no features, an unknown device, a train split too small to hold a part of
            it out, or an `out` that holds something else.
    """
    if not 1 <= seeds <= 1000:
        raise InputError(f"A study takes --seeds from 1 to 1000, got {seeds}.")
    check_workers(workers)
    encoders = main_encoders(cache, video_encoder, audio_encoder)
    pick_device(device)
    check_validation(cache, encoders, HELD_OUT)
    rows = {variant: variant.system for variant in variants}
    errors: dict[str, str] = {}
    watcher = watcher or Silence()
    facts = about(cache, dict.fromkeys(rows.values(), encoders), validation=HELD_OUT, steps=STEPS, study=True)
    with claimed(out, facts):
        units = [
            Unit(system, Path(cache.path), encoders, system.settings[0], seed, device, place)
            for seed in range(seeds)  # seed by seed, so that an early stop leaves a whole table
            for system in rows.values()
            if read_json(place := folder_of(out, system) / f"seed-{seed}.json") is None
        ]
        watcher.stage("fittings", len(units))

        def following(unit: Unit, error: InputError | None) -> list[Unit]:
            if error is not None:
                errors[unit.system.name] = str(error)
            watcher.note(f"{unit.system.name}, seed {unit.seed}")
            watcher.step(1, int(error is not None))
            return []

        work_all(units, following, workers, watcher.say)
        found = [_row(out, variant, seeds, errors.get(variant.name, "")) for variant in variants]
    warnings = [cache.encoder(modality, name).warning for modality, name in encoders.items()]
    return Study(found, [warning for warning in warnings if warning])


def _row(out: Path, variant: Variant, seeds: int, error: str) -> StudyRow:
    if error:
        return StudyRow(variant, {}, [], error)
    values: dict[str, list[float]] = {name: [] for name in MEASURES}
    seconds = []
    for seed in range(seeds):
        path = folder_of(out, variant.system) / f"seed-{seed}.json"
        try:
            found = read_json(path) or {}
            for name in MEASURES:
                values[name].append(float(found["validation"][name]))
            seconds.append(float(found["seconds"]))
        except (KeyError, TypeError, ValueError):
            raise InputError(
                f"{path} lacks what a fitting leaves. Delete it; the same command makes it again."
            ) from None
    return StudyRow(variant, values, seconds)
