"""The units of work: a candidate tried on the validation part, and a run of the chosen one judged on the test split;
and all of them in several processes."""

import shutil
import tempfile
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import torch

from fmn.cache import FeatureCache
from fmn.device import pick_device
from fmn.errors import InputError, NotWritten
from fmn.parity import remove_parity
from fmn.retrieval.indexing import IndexedRetriever
from fmn.retrieval.network import FmnConfig
from fmn.retrieval.protocol import DIRECTIONS, Report, Scorer, evaluate_cache
from fmn.retrieval.remembering import MemoryNetwork
from fmn.retrieval.retriever import Model, Retriever
from fmn.retrieval.store import BEST_FILE, RUN_FILE, load, read_network, read_run, save_network, write_json
from fmn.retrieval.towers import TwoTowers
from fmn.stopping import stopping
from fmn.threads import one_thread
from fmn.workers import processes

from ..baselines.descent import passes
from ..baselines.registry import System
from ..checkpoint import LAST_FILE
from ..choosing import choosing_sets
from ..data import TrainingSet, load_training_set, validation_map, validation_metrics
from ..fit import fit
from ..remembering import whole
from ..run import run_facts, train, with_room
from ..settings import MemorySettings, TrainSettings, parted
from .experiment_folder import RESULT_FILE
from .findings import ALL, GALLERY

HELD_OUT = TrainSettings().validation
POLL = 1.0  # seconds between two looks at whether somebody asked to stop
SHOWN = (1, 10, 25)  # depths that a candidate's file tells


@dataclass(frozen=True)
class Unit:
    """One fitting. `ks` is empty for a candidate, which sees the train split only; `place` is what it leaves: the file
    of a candidate, the folder of a run."""

    system: System
    cache: Path
    encoders: dict[str, str]
    setting: dict[str, Any]
    seed: int
    device: str
    place: Path
    ks: tuple[int, ...] = ()


Following = Callable[[Unit, InputError | None], list[Unit]]
"""Is told that a unit is over, and why it failed; returns the units that may be done now."""


def work_all(units: list[Unit], following: Following, workers: int, say: Callable[[str], None] = print) -> None:
    """Do `units` and what follows from them, in `workers` processes; one worker is this process itself.

    After a first signal (Ctrl-C, SIGTERM) the units that are being done are finished and no more are begun. On an
    exception, such as that of a second one, the processes end at once. Finished units are kept.

    say: is told of the signal.

    Raises:
        WorkerDied: a process was lost.
        NotWritten: the disk is full, for instance.
        Stopped: after a signal.
    """
    waiting = deque(units)
    with stopping(say) as stop:
        if workers == 1:
            while waiting and not stop():
                unit = waiting.popleft()
                waiting += following(unit, _outcome(partial(work, unit)))
            return
        with processes(workers) as pool:
            at: dict[Future[None], Unit] = {}
            while at or (waiting and not stop()):
                while waiting and not stop() and len(at) < workers:  # what a pool was given cannot be taken back
                    unit = waiting.popleft()
                    at[pool.submit(work, unit)] = unit
                for future in wait(at, timeout=POLL, return_when=FIRST_COMPLETED).done:
                    waiting += following(at.pop(future), _outcome(future.result))


def _outcome(call: Callable[[], None]) -> InputError | None:
    try:
        call()
    except NotWritten:  # no fault of the system's
        raise
    except InputError as error:
        return error
    return None


def work(unit: Unit) -> None:
    """Do a unit on one thread and leave its JSON, durably and last. What a killed one has left is thrown away.

    Raises:
        InputError: the system cannot be fitted on this cache, or gives scores that are no numbers.
    """
    with one_thread():
        torch.manual_seed(unit.seed)
        try:
            (_judge if unit.ks else _try)(unit)
        except (np.linalg.LinAlgError, torch.linalg.LinAlgError) as error:  # type: ignore[attr-defined]
            raise InputError(
                f"{unit.system.name} cannot be solved on this cache with {unit.setting}: {error}"
            ) from None


def _try(unit: Unit) -> None:
    parted = choosing_sets(FeatureCache(unit.cache), unit.encoders, HELD_OUT, torch.device(pick_device(unit.device)))
    _check(unit, parted[0])
    seconds = 0.0
    each: list[dict[str, Any]] = []
    for data in parted:
        began = time.monotonic()
        model = _fitted(unit, data)
        seconds += (time.monotonic() - began) / len(parted)
        each += validation_metrics(model, data, SHOWN, unit.system.indexed).values()
    shown = {"mAP": fmean(result["mAP"] for result in each)}
    for metric in ("hit_rate", "recall"):
        shown |= {f"{metric}@{k}": fmean(result[metric][str(k)] for result in each) for k in SHOWN}
    found = {"validation_mAP": shown["mAP"], "seconds": seconds, "parts": len(parted), "validation": shown}
    unit.place.parent.mkdir(parents=True, exist_ok=True)
    write_json(unit.place, {"setting": unit.setting, **found})


def _judge(unit: Unit) -> None:
    found, seconds, epochs = _fit(unit, unit.place)
    cache, retriever = FeatureCache(unit.cache), load(unit.place)
    retriever.check(cache)
    report = _ranked(unit, cache, retriever)
    parts = {ALL: {"directions": dict(_ranked(unit, cache, everything := _on_all(unit, cache, epochs)).directions)}}
    if isinstance(everything.network, MemoryNetwork):
        indexed = {
            name: _ranked(unit, cache, IndexedRetriever(everything, (gallery,))).directions[name]
            for name, (_, gallery) in DIRECTIONS.items()
        }
        parts[GALLERY] = {"directions": indexed}
    result = {
        "system": unit.system.name,
        "seed": unit.seed,
        "setting": unit.setting,
        "encoders": unit.encoders,
        "validation_mAP": found,
        "seconds": seconds,
        "relevant": report.relevant,
        "items": dict(report.items),
        "failed": len(report.failed),
        "directions": dict(report.directions),
        "parts": parts,
        "warnings": list(dict.fromkeys([*report.warnings, *read_run(unit.place)["warnings"]])),
    }
    write_json(unit.place / RESULT_FILE, result)


def _ranked(unit: Unit, cache: FeatureCache, scorer: Scorer) -> Report:
    names = {f"{modality}_encoder": name for modality, name in unit.encoders.items()}
    return evaluate_cache(cache, scorer, unit.ks, **names)  # type: ignore[arg-type]


def _fit(unit: Unit, folder: Path) -> tuple[float, float, int]:
    """Leave a run in `folder`; (validation mAP in [0, 1], seconds of fitting, epochs kept or 0)."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    cache = FeatureCache(unit.cache)
    return (_fit_fmn if unit.system.fit is None else _fit_model)(unit, cache, folder)


def _on_all(unit: Unit, cache: FeatureCache, epochs: int) -> Retriever:
    """The same setting fitted on all of the train split, by descent in just so many epochs; it leaves no run."""
    data = whole(load_training_set(cache, unit.encoders, HELD_OUT, torch.device(pick_device(unit.device))))
    return Retriever(_fitted(unit, data, max(1, epochs) if unit.system.fit is None else epochs), {})


def _fitted(unit: Unit, data: TrainingSet, exactly: int = 0) -> Model:
    """The unit's system on `data`, in eval(), by descent in `exactly` so many epochs if above 0; it leaves no run."""
    if unit.system.fit is not None:
        given = {"epochs": exactly} if exactly else {}
        return unit.system.fit(data, seed=unit.seed, **unit.setting, **given).eval()
    config, settings = _descent(unit, data)
    if exactly:
        settings = replace(settings, epochs=exactly)
    config = with_room(config, data)
    with tempfile.TemporaryDirectory() as folder:
        fit(config, settings, data, Path(folder), resume=False)
        return read_network(Path(folder) / BEST_FILE, config)


def _descent(unit: Unit, data: TrainingSet) -> tuple[FmnConfig, TrainSettings]:
    """An FMN's shape and schedule, with as many steps as every system has."""
    dims = {"video_dim": data.fit_video.features.shape[1], "audio_dim": data.fit_audio.features.shape[1]}
    shape, schedule = parted({**unit.setting, **dims})
    epochs, patience = passes(data, schedule.get("batch", TrainSettings.batch))
    given = {"epochs": epochs, "patience": patience, **schedule}
    return FmnConfig(**shape), TrainSettings(seed=unit.seed, **given)


def _check(unit: Unit, data: TrainingSet) -> None:
    if not data.has_validation:
        raise InputError(
            f"The validation part of the {unit.encoders['audio']} features holds no match with that of the "
            f"{unit.encoders['video']} features: extract the items that are missing."
        )


def _fit_fmn(unit: Unit, cache: FeatureCache, folder: Path) -> tuple[float, float, int]:
    config, settings = _descent(unit, load_training_set(cache, unit.encoders, HELD_OUT, torch.device("cpu")))
    fitting = train(cache, folder, config, settings, encoders=unit.encoders, device=unit.device).fitting
    (folder / LAST_FILE).unlink()  # three times the run's size, and of use to nobody who does not resume it
    remove_parity(folder / LAST_FILE)
    facts = read_run(folder)
    write_json(folder / RUN_FILE, {**facts, "config": facts["config"].to_json(), "system": unit.system.name})
    return fitting.best_map, sum(row["seconds"] for row in fitting.history), fitting.best_epoch


def _fit_model(unit: Unit, cache: FeatureCache, folder: Path) -> tuple[float, float, int]:
    assert unit.system.fit is not None
    data = load_training_set(cache, unit.encoders, HELD_OUT, torch.device(pick_device(unit.device)))
    _check(unit, data)
    began = time.monotonic()
    model = _fitted(unit, data)
    seconds = time.monotonic() - began
    found = validation_map(model, data)
    folder.mkdir()
    settings = unit.setting
    if isinstance(model, MemoryNetwork):
        settings = asdict(MemorySettings(HELD_OUT, everything=False)) | {"given": unit.setting}
    facts = run_facts(cache, unit.encoders, data, model.config, settings, unit.seed)
    save_network(folder / BEST_FILE, model)
    ending = {"system": unit.system.name, "status": "finished", "best": {"validation_mAP": found}}
    write_json(folder / RUN_FILE, {**facts, **ending})
    return found, seconds, model.epochs if isinstance(model, TwoTowers) else 0
