"""`remember_cache`: a cache in, a run out whose memory holds the whole train split. What fmn-train calls by default."""

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from fmn.cache import FeatureCache
from fmn.device import pick_device
from fmn.errors import InputError
from fmn.files import alone, sweep
from fmn.progress import Silence, Watcher
from fmn.retrieval.remembering import reading
from fmn.retrieval.store import BEGUN, BEST_FILE, LOCK_FILE, RUN_FILE, save_network, write_json

from .choosing import choosing_sets, marked
from .data import TrainingSet
from .remembering import SETTINGS, choose, remember, whole
from .run import check_folder, run_facts
from .settings import READING, MemorySettings


@dataclass(frozen=True)
class RememberedRun:
    """A finished run. `candidates`: the settings tried and the validation mAP of each (NaN where nothing was held out),
    `chosen` among them; `data`: the parts that they were tried on, the first of `parts` such; `held_from`: "train
    split", or "val split" where the manifest marks one; `items`: remembered, modality -> how many."""

    path: Path
    candidates: list[tuple[dict[str, Any], float]]
    chosen: int
    data: TrainingSet
    parts: int
    items: dict[str, int]
    slots: int
    held_from: str
    seconds: float
    warnings: list[str]


def remember_cache(
    cache: FeatureCache,
    run: Path,
    settings: MemorySettings | None = None,
    *,
    given: dict[str, Any] | None = None,
    encoders: dict[str, str] | None = None,
    device: str = "auto",
    watcher: Watcher | None = None,
    without: frozenset[str] = frozenset(),
) -> RememberedRun:
    """Choose how the memory is read on the validation part, remember the train split, and leave a run in `run`.

    Args:
        cache: the feature cache.
        run: folder to write, made when missing.
        settings: what is held out, and remembered in the end.
        given: fields of `MemoryConfig` that are not to be chosen, of `READING`; candidates that differ in nothing else
            fall together.
        encoders: modality -> encoder name, needed where the cache holds several.
        device: "auto" (CUDA where there is one), "cpu", "cuda" or "cuda:N".
        watcher: is told about the candidates.
        without: labels that are left out altogether.

    Raises:
        InputError: nothing to remember, a setting that is none, an unknown device, or `run` holds something.
    """
    began = time.monotonic()
    settings, watcher, fixed = settings or MemorySettings(), watcher or Silence(), given or {}
    if unknown := sorted(fixed.keys() - set(READING)):
        raise InputError(f"A memory is read by {', '.join(READING)}; got {', '.join(unknown)}.")
    names = {m: cache.encoder(m, (encoders or {}).get(m)).name for m in ("video", "audio")}
    parted = choosing_sets(cache, names, settings.validation, torch.device(pick_device(device)), without)
    data = parted[0]
    candidates = list({tuple(sorted(each.items())): each for each in ({**one, **fixed} for one in SETTINGS)}.values())
    watcher.stage("candidates", len(candidates))
    chosen, found = choose(parted, tuple(candidates), watcher.step)
    network = remember(whole(data) if settings.everything else data, **candidates[chosen])
    facts = run_facts(cache, names, data, network.config, asdict(settings) | {"given": fixed}, 0)
    facts["without"] = sorted(without)
    # Where items are lone the scatter is borrowed, and shrunk more than was asked for.
    facts["read"] = {
        modality: dict(zip(("borrowed", "shrinkage"), reading(codes, network.config), strict=True))
        for modality, codes in (("video", network.video_codes), ("audio", network.audio_codes))
    }
    check_folder(run, facts)
    run.mkdir(parents=True, exist_ok=True)
    with alone(run, LOCK_FILE, f"Another fmn-train is at work on {run}. Wait for it, or name another --run."):
        sweep(run)
        write_json(run / RUN_FILE, {**facts, "status": BEGUN})
        save_network(run / BEST_FILE, network)
        tried = [
            {"setting": each, "validation_mAP": _number(value)} for each, value in zip(candidates, found, strict=True)
        ]
        best = {"candidate": chosen, "setting": candidates[chosen], "validation_mAP": _number(found[chosen])}
        write_json(
            run / RUN_FILE, {**facts, "status": "finished", "candidates": tried, "parts": len(parted), "best": best}
        )
    return RememberedRun(
        path=run,
        candidates=list(zip(candidates, found, strict=True)),
        chosen=chosen,
        data=data,
        parts=len(parted),
        items={"video": network.config.video_items, "audio": network.config.audio_items},
        slots=network.config.categories,
        held_from="val split" if marked(cache, names) else "train split",
        seconds=time.monotonic() - began,
        warnings=facts["warnings"],
    )


def _number(value: float) -> float | None:
    return value if value == value else None
