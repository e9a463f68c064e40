"""`compare`: a cache in, a table of all systems out. What fmn-compare calls."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fmn.cache import FeatureCache
from fmn.device import pick_device
from fmn.errors import InputError
from fmn.progress import Silence, Watcher
from fmn.retrieval.protocol import Report, evaluate_cache
from fmn.workers import check_workers

from ..baselines.descent import STEPS
from ..baselines.registry import System
from .comparison_files import write_files
from .comparison_schedule import Schedule
from .experiment_folder import about, claimed
from .findings import PARTS, Comparison
from .systems import NAMES, check_validation, encoders_of, known_systems, main_encoders
from .units import HELD_OUT, work_all

MOST_SEEDS = 1000


class _EqualScores:
    """The scorer whose every number is chance."""

    def score(self, video: NDArray[np.float32], audio: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.zeros((len(video), len(audio)), np.float32)


def compare(
    cache: FeatureCache,
    out: Path,
    *,
    systems: Sequence[System] | None = None,
    only: Sequence[str] = (),
    seeds: int = 5,
    ks: Sequence[int] = (1, 10, 25),
    workers: int = 2,
    device: str = "auto",
    video_encoder: str | None = None,
    audio_encoder: str | None = None,
    watcher: Watcher | None = None,
) -> Comparison:
    """Fit, choose and judge every system on one cache, and leave the tables in `out`.

    Each candidate of each system is fitted (seed 0) and measured on the validation part of the train split, or on
    several where no encoder has seen the split (`fmn.train.choosing`). The best one is fitted with every seed, and only
    those runs see the test split, once each. What is finished is not done again when the same comparison is asked for
    in the same folder, with more systems or seeds too.

    Args:
        cache: the feature cache.
        out: folder to write, made when missing: `SYSTEM/candidate-N.json`, the runs `SYSTEM/seed-N` with
            `result.json`, and table.csv, summary.csv, table.tex, table.png.
        systems: the rows; those of `fmn.train.experiments.systems` by default.
        only: names of the rows that are wanted, all by default.
        seeds: of the final runs: 0, 1, ..., seeds - 1.
        ks: depths of the ranking.
        workers: processes of one thread each. A script must call this under `if __name__ == "__main__":`.
        device: "auto" (CUDA where there is one), "cpu", "cuda" or "cuda:N".
        video_encoder, audio_encoder: of the rows that ask for none of their own.
        watcher: is told about the progress.

    Returns:
        The comparison. A system that could not be fitted, or whose features the cache lacks, is a row with `error`.

    Raises:
        InputError: an unknown system, no main features, a train split too small to hold a part of it out, or an `out`
            that holds something else.
    """
    if not 1 <= seeds <= MOST_SEEDS:
        raise InputError(f"A comparison takes --seeds from 1 to {MOST_SEEDS}, got {seeds}.")
    check_workers(workers)
    rows = _asked(systems, only)
    main = main_encoders(cache, video_encoder, audio_encoder)
    pick_device(device)
    parts = check_validation(cache, main, HELD_OUT)
    chance = evaluate_cache(cache, _EqualScores(), ks, video_encoder=main["video"], audio_encoder=main["audio"])
    fitted, errors = {}, {}
    for system in rows:
        try:
            fitted[system] = encoders_of(system, main, cache)
        except InputError as error:
            errors[system.name] = str(error)
    watcher = watcher or Silence()
    several = {"parts": parts} if parts > 1 else {}
    with claimed(out, about(cache, fitted, recall=list(ks), validation=HELD_OUT, steps=STEPS, **several)):
        schedule = Schedule(Path(cache.path), out, fitted, rows, seeds, tuple(ks), device, watcher)
        for sentence in errors.values():
            watcher.say(sentence)
        work_all(schedule.begin(), schedule.following, workers, watcher.say)
        comparison = _gathered(chance, schedule, rows, errors, ks, {"encoders": main, "seeds": seeds, "parts": parts})
        write_files(comparison, out)
    return comparison


def _asked(systems: Sequence[System] | None, only: Sequence[str]) -> list[System]:
    if systems is None:
        return known_systems(only or NAMES)
    wanted = {name.casefold() for name in only}
    return [system for system in systems if not wanted or system.name.casefold() in wanted]


def _gathered(
    chance: Report,
    schedule: Schedule,
    systems: Sequence[System],
    errors: dict[str, str],
    ks: Sequence[int],
    how: dict[str, Any],
) -> Comparison:
    found = [schedule.row(system, errors.get(system.name, "")) for system in systems]
    rows = [*found, *(each for part in PARTS[1:] for row in found if (each := row.on(part)))]
    warnings = [*chance.warnings, *(said for row in rows for result in row.results for said in result["warnings"])]
    return Comparison(
        rows=rows,
        chance=chance.directions,
        ks=list(ks),
        facts={
            "cache": chance.facts["cache"],
            "relevant": chance.relevant,
            "items": dict(chance.items),
            "failed": len(chance.failed),
            **how,
            "candidates": max(len(system.settings) for system in systems),
        },
        warnings=list(dict.fromkeys(warnings)),
    )
