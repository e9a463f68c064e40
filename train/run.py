"""`train`: a cache in, a run out. What fmn-train calls."""

import datetime
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil
import torch

import fmn
from fmn.cache import FeatureCache
from fmn.device import pick_device
from fmn.errors import InputError
from fmn.files import alone, occupied, sweep
from fmn.parity import write_parity
from fmn.retrieval.network import FeatureMemoryNetwork, FmnConfig
from fmn.retrieval.store import (
    BEGUN,
    BEST_FILE,
    LOCK_FILE,
    RUN_FILE,
    RUN_SCHEMA,
    Config,
    kind_of,
    read_network,
    read_run,
    save_network,
    sums_of,
    write_json,
)
from fmn.stopping import stopping
from fmn.tensors import check_seal

from .checkpoint import LAST_FILE, seal_last
from .data import TrainingSet, load_training_set
from .fit import Fitting, Progress, fit
from .history import CURVE_FILE, HISTORY_FILE
from .settings import TrainSettings, as_named_now

COPIES = 4  # of an FMN while it is fitted: itself, its gradient, and Adam's two moments
MAKES = ("settings", "features", "data_sha256")  # what says of two runs that they are of one fitting


@dataclass(frozen=True)
class TrainedRun:
    """A finished run: where it lies, how it went, and the cache's warnings that every table repeats."""

    path: Path
    fitting: Fitting
    data: TrainingSet
    resumed: bool
    warnings: list[str]

    @property
    def slots(self) -> int:
        """How many slots of the memory were filled in the epoch that is kept."""
        kept = self.fitting.best_epoch
        return next((int(row["slots"]) for row in self.fitting.history if row["epoch"] == kept), 0)


def train(
    cache: FeatureCache,
    run: Path,
    config: FmnConfig | None = None,
    settings: TrainSettings | None = None,
    *,
    encoders: dict[str, str] | None = None,
    device: str = "auto",
    progress: Progress | None = None,
    say: Callable[[str], None] = print,
    without: frozenset[str] = frozenset(),
) -> TrainedRun:
    """Fit an FMN on the train split of `cache`; an unfinished run of the same settings in `run` is gone on with.

    Args:
        cache: the feature cache.
        run: folder to write, made when missing.
        config: the network's shape; its dims are taken from the cache.
        settings: the schedule.
        encoders: modality -> encoder name, needed where the cache holds several.
        device: "auto" (CUDA where there is one), "cpu", "cuda" or "cuda:N".
        progress: called after every epoch.
        say: is told that a signal was heard (Ctrl-C, SIGTERM): the epoch is finished and kept.
        without: labels that are left out of the fitting and of its early stop.

    Raises:
        InputError: nothing to fit on, an unknown device, or `run` holds another or a finished run.
        Stopped: after a signal; the same call goes on.
    """
    settings = settings or TrainSettings()
    if settings.writes == "score" and (config or FmnConfig()).slots == "categories":
        raise InputError(
            "One slot a category is written by label; writing by score goes with slots 'paired' (--slots)."
        )
    chosen = {modality: cache.encoder(modality, (encoders or {}).get(modality)) for modality in ("video", "audio")}
    config = FmnConfig(
        **{**(config or FmnConfig()).to_json(), "video_dim": chosen["video"].dim, "audio_dim": chosen["audio"].dim}
    )
    names = {modality: record.name for modality, record in chosen.items()}
    _check_room(config)
    data = load_training_set(cache, names, settings.validation, torch.device(pick_device(device)), without)
    wanted, config = config, with_room(config, data)
    facts = run_facts(cache, names, data, config, settings.to_json(), settings.seed)
    if config != wanted:
        facts["warnings"].append(
            f"{_categories(data)} categories do not fit into {config.capacity} slots, one each: the memory was written "
            "pair by pair. More slots: --capacity."
        )
    facts["without"] = sorted(without)
    resume = _may_resume(run, facts)
    run.mkdir(parents=True, exist_ok=True)
    with alone(run, LOCK_FILE, f"Another fmn-train is at work on {run}. Wait for it, or name another --run."):
        if resume:
            facts["created"] = str(read_run(run).get("created", facts["created"]))
            _give_checksums(run, config)
        sweep(run)
        write_json(run / RUN_FILE, {**facts, "status": BEGUN})
        with stopping(say) as stop:
            fitting = fit(config, settings, data, run, resume=resume, progress=progress, stop=stop)
        best = {"epoch": fitting.best_epoch, "validation_mAP": fitting.best_map if data.has_validation else None}
        ending = {"status": "finished", "epochs": fitting.epoch, "best": best}
        write_json(run / RUN_FILE, {**facts, **ending, "files": sums_of(run, (HISTORY_FILE, CURVE_FILE))})
    return TrainedRun(run, fitting, data, resume, facts["warnings"])


def _check_room(config: FmnConfig) -> None:
    """Raise InputError where an FMN is too large for this machine."""
    with torch.device("meta"):  # its shape alone
        network = FeatureMemoryNetwork(config)
    tensors = [*network.parameters(), *network.buffers()]
    needed = COPIES * sum(each.numel() * each.element_size() for each in tensors)
    there = psutil.virtual_memory().total
    if needed > there:
        raise InputError(
            f"Fitting an FMN of {config.common} columns and {config.capacity} slots takes {needed / 2**30:.0f} GiB, "
            f"and this machine has {there / 2**30:.0f}. Give a smaller --common or --capacity."
        )


def _give_checksums(run: Path, config: FmnConfig) -> None:
    """What an earlier version, or a process that was killed, left of a run that is gone on with gets what it lacks."""
    best = read_network(run / BEST_FILE, config)
    if not check_seal(run / BEST_FILE):
        save_network(run / BEST_FILE, best)
    seal_last(run / LAST_FILE)  # before run.json is sealed: from then on what has no checksum counts as damaged
    for name in (BEST_FILE, LAST_FILE):
        write_parity(run / name)


def with_room(config: FmnConfig, data: TrainingSet) -> FmnConfig:
    """The same shape; but more categories than slots are written pair by pair."""
    crowded = config.slots == "categories" and _categories(data) > config.capacity
    return replace(config, slots="paired") if crowded else config


def _categories(data: TrainingSet) -> int:
    return len(set(data.fit_video.codes.tolist()) & set(data.fit_audio.codes.tolist()))


def run_facts(
    cache: FeatureCache,
    encoders: dict[str, str],
    data: TrainingSet,
    config: Config,
    settings: dict[str, Any],
    seed: int,
) -> dict[str, Any]:
    """What `run.json` says of any model, but for how its fitting ended.

    Args:
        cache: the feature cache.
        encoders: modality -> encoder name.
        data: what the model is fitted on, read from `cache`.
        config: the model's shape.
        settings: how it is fitted, JSON values.
        seed: of the fitting.
    """
    records = {modality: cache.encoder(modality, encoders[modality]) for modality in ("video", "audio")}
    fitted = {
        "video": sorted({*data.fit_video.ids, *data.held_video.ids}),  # what the early stop has seen too
        "audio": sorted({*data.fit_audio.ids, *data.held_audio.ids}),
    }
    known = {side: set(ids) for side, ids in fitted.items()}
    items = [item for side in known for item in cache.items(side, encoders[side]) if item.id in known[side]]
    return {
        "schema": RUN_SCHEMA,
        "kind": kind_of(config),
        "tool": f"fmn {fmn.__version__}",
        "torch": torch.__version__,
        "config": config.to_json(),
        "settings": settings,
        "seed": seed,
        "cache": str(Path(cache.path).resolve()),
        "features": {
            modality: {"encoder": record.name, "fingerprint": record.fingerprint}
            for modality, record in records.items()
        },
        "fitted_on": fitted,
        "labels": sorted({item.label for item in items if item.label}),
        "validation": {"video": len(data.held_video.ids), "audio": len(data.held_audio.ids)},
        "data_sha256": _content(data),
        "warnings": [*(record.warning for record in records.values() if record.warning), *_left_out(data)],
        "device": str(data.fit_video.features.device),
        "created": datetime.datetime.now(datetime.UTC).isoformat(),
    }


def _left_out(data: TrainingSet) -> list[str]:
    if not any(data.unknown.values()):
        return []
    counts = f"{data.unknown.get('video', 0)} clips and {data.unknown.get('audio', 0)} recordings"
    return [f"{counts} of the train split have neither pair nor label, and were not fitted on."]


def next_run(root: Path = Path("runs")) -> Path:
    """Make and return the first unused folder among `root`/001, `root`/002, ...; two callers never get the same."""
    number = 1 + max((int(path.name) for path in root.glob("[0-9]*") if path.name.isdigit()), default=0)
    while True:
        try:
            (root / f"{number:03d}").mkdir(parents=True)
        except FileExistsError:
            number += 1
        else:
            return root / f"{number:03d}"


def _content(data: TrainingSet) -> str:
    """sha256 of the very vectors that are fitted on, so that a resumed run is known to go on with the same ones."""
    digest = hashlib.sha256()
    for side in data.sides():
        digest.update(side.features.cpu().numpy().tobytes())
        digest.update("\n".join(side.ids).encode())
    return digest.hexdigest()


def check_folder(run: Path, facts: dict[str, Any]) -> None:
    """Raise InputError unless `run` is a new or an empty folder, or holds what the same fitting, killed, left."""
    if (run / RUN_FILE).is_file():
        found = read_run(run)
        if found.get("status") == BEGUN and all(found.get(key) == facts[key] for key in MAKES):
            return
    if occupied(run, LOCK_FILE):
        raise InputError(f"A new run wants an empty or a new folder; {run} holds other files. Name another --run.")


def _may_resume(run: Path, facts: dict[str, Any]) -> bool:
    """True: go on. False: begin. InputError: the folder is something else's."""
    if not (run / RUN_FILE).is_file():
        check_folder(run, facts)
        return False
    found = read_run(run)
    found |= {"config": found["config"].to_json(), "settings": as_named_now(found.get("settings"))}
    differing = [key for key in ("config", *MAKES) if found.get(key) != facts[key]]
    if differing:
        raise InputError(
            f"A run is gone on with under its own settings and features; {run} differs in {', '.join(differing)}. "
            "Name another --run folder."
        )
    if found.get("status") == "finished":
        raise InputError(
            f"{run} is finished ({found.get('epochs')} epochs). Evaluate it with fmn-eval, or name another --run."
        )
    return (run / LAST_FILE).is_file() and (run / BEST_FILE).is_file()
