"""What is still to be done, and what follows from what is: candidates first, then the runs of the chosen one."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fmn.errors import InputError
from fmn.progress import Watcher
from fmn.retrieval.store import BEST_FILE, RUN_FILE

from ..baselines.registry import System
from .experiment_folder import RESULT_FILE, candidate_file, check_result, read_candidate, read_json, run_folder
from .findings import Row
from .units import Unit

TUNING_SEED = 0


class Schedule:
    """The units of a comparison in the folder `out`.

    Args:
        cache: folder of the features.
        out: folder of the comparison.
        encoders: system -> modality -> encoder, of all systems whose features are there.
        rows: the systems that are asked for.
        seeds: of the seeded systems.
        ks: depths of the ranking.
        device: to fit on.
        watcher: is told about every unit.
    """

    def __init__(
        self,
        cache: Path,
        out: Path,
        encoders: Mapping[System, dict[str, str]],
        rows: Sequence[System],
        seeds: int,
        ks: tuple[int, ...],
        device: str,
        watcher: Watcher,
    ) -> None:
        self._cache, self._out, self._encoders = cache, out, encoders
        self._seeds, self._ks, self._device, self._watcher = seeds, ks, device, watcher
        self._begun = [row for row in rows if row in encoders]
        self._errors: dict[tuple[System, int], str] = {}  # (system, candidate)
        self._run_errors: dict[System, str] = {}
        self._chosen: set[System] = set()  # systems whose runs were given out

    def begin(self) -> list[Unit]:
        """The units that may be done at once; the watcher is told how many there will be in all."""
        units = [unit for row in self._begun for unit in self._candidates(row)]
        settled = [row for row in self._begun if not self._candidates(row)]
        units += [unit for row in settled for unit in self._runs_of(row)]
        later = [row for row in self._begun if row not in settled]
        self._watcher.stage("fittings", len(units) + sum(len(self._seeds_of(row)) for row in later))
        return units

    def following(self, unit: Unit, error: InputError | None) -> list[Unit]:
        """Note that a unit is over and return what may be done now."""
        if error is not None:
            self._fail(unit, str(error))
        self._watcher.note(f"{unit.system.name} {unit.place.stem}")
        self._watcher.step(1, int(error is not None))
        if unit.ks:
            return []
        waiting = [each for each in self._candidates(unit.system) if self._index(each) not in self._failed(unit.system)]
        # Two candidates may end at once: the first to be told of finds the file of the other one there already.
        if waiting or unit.system in self._chosen:
            return []
        self._chosen.add(unit.system)
        if self._choice(unit.system) is None:
            skipped = len(self._seeds_of(unit.system))
            self._watcher.step(skipped, skipped)
        return self._runs_of(unit.system)

    def row(self, system: System, error: str) -> Row:
        """What was found of a system; `error`: why it was not begun."""
        if error:
            return Row(system, {}, error=error)
        encoders, failed, setting = self._encoders[system], self._failed(system), self._choice(system)
        if setting is None or system in self._run_errors:
            said = self._run_errors.get(system) or next(iter(failed.values()), "no candidate could be fitted")
            return Row(system, encoders, error=said)
        results = [self._result(system, seed, setting) for seed in self._seeds_of(system)]
        note = f"{len(failed)} of {len(system.settings)} candidates could not be fitted" if failed else ""
        return Row(system, encoders, [result for result in results if result is not None], note=note)

    def _candidates(self, system: System) -> list[Unit]:
        """The candidates that have no file yet."""
        return [
            self._unit(system, setting, TUNING_SEED, place)
            for candidate, setting in enumerate(system.settings)
            if read_json(place := candidate_file(self._out, system, candidate)) is None
        ]

    def _runs_of(self, system: System) -> list[Unit]:
        """The runs of the chosen candidate that are not finished."""
        setting = self._choice(system)
        if setting is None:
            return []
        return [
            self._unit(system, setting, seed, run_folder(self._out, system, seed), self._ks)
            for seed in self._seeds_of(system)
            if self._result(system, seed, setting) is None
        ]

    def _choice(self, system: System) -> dict[str, Any] | None:
        """The setting with the highest validation mAP, the first of equals."""
        best, chosen = -math.inf, None
        for candidate, setting in enumerate(system.settings):
            value = read_candidate(candidate_file(self._out, system, candidate))
            if value is not None and value > best:
                best, chosen = value, setting
        return chosen

    def _result(self, system: System, seed: int, setting: dict[str, Any]) -> dict[str, Any] | None:
        """A finished run's result; one of another setting, or whose run is no longer there, does not count."""
        folder = run_folder(self._out, system, seed)
        found = read_json(folder / RESULT_FILE)
        if found is None or found.get("setting") != json.loads(json.dumps(setting)):
            return None
        if not all((folder / name).is_file() for name in (RUN_FILE, BEST_FILE)):
            return None
        check_result(found, folder / RESULT_FILE, system.name, seed, self._ks)
        return found

    def _seeds_of(self, system: System) -> range:
        return range(self._seeds if system.seeded else 1)

    def _unit(self, system: System, setting: dict[str, Any], seed: int, place: Path, ks: tuple[int, ...] = ()) -> Unit:
        return Unit(system, self._cache, self._encoders[system], setting, seed, self._device, place, ks)

    def _fail(self, unit: Unit, sentence: str) -> None:
        if unit.ks:
            self._run_errors.setdefault(unit.system, sentence)
        else:
            self._errors[unit.system, self._index(unit)] = sentence
        self._watcher.say(f"{unit.system.name}: {sentence}")

    def _failed(self, system: System) -> dict[int, str]:
        return {candidate: said for (of, candidate), said in self._errors.items() if of is system}

    def _index(self, unit: Unit) -> int:
        return int(unit.place.stem.rpartition("-")[2])
