"""`study`: a cache in, a table of the FMN's variants out. What fmn-study calls."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fmn.cache import FeatureCache
from fmn.errors import InputError

from ..budget import STEPS
from ..compare.features import check_validation, main_encoders
from ..compare.place import about, alone, claim, folder_of, read_json
from ..compare.pool import work_all
from ..compare.statistics import Estimate, difference, estimate
from ..compare.unit import HELD_OUT, Unit
from ..compare.watcher import Watcher
from ..run import pick_device
from .variants import VARIANTS, Variant

MEASURES = ("mAP", "hit_rate@1", "recall@10", "recall@25")


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
    for name, value in (("seeds", seeds), ("workers", workers)):
        if not 1 <= value <= 1000:
            raise InputError(f"A study takes --{name} from 1 to 1000, got {value}.")
    encoders = main_encoders(cache, video_encoder, audio_encoder)
    pick_device(device)
    check_validation(cache, encoders, HELD_OUT)
    rows = {variant: variant.system for variant in variants}
    errors: dict[str, str] = {}
    with alone(out):
        claim(out, about(cache, dict.fromkeys(rows.values(), encoders), validation=HELD_OUT, steps=STEPS, study=True))
        units = [
            Unit(system, Path(cache.path), encoders, system.settings[0], seed, device, place)
            for seed in range(seeds)  # seed by seed, so that an early stop leaves a whole table
            for system in rows.values()
            if read_json(place := folder_of(out, system) / f"seed-{seed}.json") is None
        ]
        if watcher is not None:
            watcher.stage("fittings", len(units))

        def following(unit: Unit, error: InputError | None) -> list[Unit]:
            if error is not None:
                errors[unit.system.name] = str(error)
            if watcher is not None:
                watcher.note(f"{unit.system.name}, seed {unit.seed}")
                watcher.step(1, int(error is not None))
            return []

        work_all(units, following, workers)
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
