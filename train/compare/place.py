"""The folder of a comparison: whose it is, where a unit's file lies, and one comparison at a time."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from fmn.cache import FeatureCache
from fmn.errors import InputError
from fmn.retrieval.network import FmnConfig
from fmn.retrieval.protocol import misses
from fmn.retrieval.store import write_json

from ..settings import TrainSettings
from ..systems import System

SCHEMA = 2
ABOUT_FILE = "compare.json"
LOCK_FILE = ".lock"
RESULT_FILE = "result.json"


def folder_of(out: Path, system: System) -> Path:
    """Where a system's candidates and runs lie."""
    return out / re.sub(r"[^A-Za-z0-9.-]+", "-", system.name).strip("-.")


def candidate_file(out: Path, system: System, candidate: int) -> Path:
    """Where it stands how a candidate did on the validation part."""
    return folder_of(out, system) / f"candidate-{candidate}.json"


def run_folder(out: Path, system: System, seed: int) -> Path:
    """The run of a system's chosen candidate with a seed."""
    return folder_of(out, system) / f"seed-{seed}"


def read_json(path: Path) -> dict[str, Any] | None:
    """A unit's file; None where it is not finished. InputError where it is no JSON object."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(found, dict):
            raise ValueError(type(found).__name__)
    except FileNotFoundError:
        return None
    except (ValueError, OSError) as error:
        raise InputError(
            f"{path} is not readable JSON ({error}). Delete it; the same command makes it again."
        ) from None
    return found


def about(cache: FeatureCache, rows: Mapping[System, Mapping[str, str]], **settings: Any) -> dict[str, Any]:
    """What decides a comparison's numbers, JSON values: of each encoder its fingerprint and the sha256 of its items and
    vectors, of each system its encoders and candidates.

    Args:
        cache: the feature cache.
        rows: system -> modality -> encoder.
        settings: what else decides, JSON values.
    """
    features = {}
    for modality, name in sorted({pair for encoders in rows.values() for pair in encoders.items()}):
        items = [asdict(item) | {"path": "", "extra": {}, "text": ""} for item in cache.items(modality, name)]
        lost = [asdict(each) | {"path": "", "reason": ""} for each in misses(cache, cache.encoder(modality, name))]
        features[f"{modality} features of {name}"] = {
            "fingerprint": cache.fingerprint(modality, name),
            "items": hashlib.sha256(json.dumps([items, lost], sort_keys=True).encode()).hexdigest(),
            "vectors": hashlib.sha256(cache.features(modality, name).tobytes()).hexdigest(),
        }
    systems = {each.name: {"encoders": dict(rows[each]), "candidates": each.settings} for each in rows}
    for each in rows:
        if each.fit is None:  # a candidate of the FMN says what differs from the defaults, which a release may change
            systems[each.name]["defaults"] = FmnConfig().to_json() | TrainSettings().to_json()
    found: dict[str, Any] = json.loads(json.dumps({"features": features, "systems": systems, "settings": settings}))
    return found


def claim(out: Path, wanted: dict[str, Any]) -> None:
    """Make `out` the folder of the comparison of which `about` says `wanted`, or find that it is.

    More systems, features and seeds may come to a comparison; what stands there already may not change.

    Raises:
        InputError: the folder holds a comparison that differs; the sentence names in what.
    """
    path = out / ABOUT_FILE
    found = read_json(path)
    if found is None:
        write_json(path, {"schema": SCHEMA, **wanted})
        return
    if found.get("schema") != SCHEMA:
        raise InputError(
            f"This version goes on with comparisons of schema {SCHEMA}; {path} is of another. Name another --out."
        )
    try:
        differing = [key for key, value in wanted["settings"].items() if found["settings"].get(key) != value]
        for kind in ("features", "systems"):
            for name, facts in wanted[kind].items():
                before = found[kind].get(name, facts)
                differing += [f"the {part} of {name}" for part, value in facts.items() if before.get(part) != value]
        merged = found | {kind: found[kind] | wanted[kind] for kind in ("features", "systems")}
    except (KeyError, AttributeError, TypeError):
        raise InputError(f"{path} is damaged. Restore it, or name another --out.") from None
    if differing:
        raise InputError(
            f"A comparison is gone on with on the same cache and settings; {out} differs in {', '.join(differing)}. "
            "Name another --out, or delete that folder."
        )
    if merged != found:
        write_json(path, merged)


@contextmanager
def alone(out: Path) -> Iterator[None]:
    """Hold the folder against a second comparison; InputError when there is one, or when it holds other files."""
    if out.exists() and not out.is_dir():
        raise InputError(f"A comparison is written into a folder; {out} is a file. Name another --out.")
    new = not (out / ABOUT_FILE).exists()  # looked at before a lock is left in somebody's folder
    if out.exists() and new and any(not entry.name.startswith(".") for entry in out.iterdir()):
        raise InputError(
            f"A new comparison wants an empty or a new folder; {out} holds other files. Name another --out."
        )
    out.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(out / LOCK_FILE, timeout=0):
            yield
    except Timeout:
        raise InputError(
            f"Another fmn-compare or fmn-study is at work in {out}. Wait for it, or name another --out."
        ) from None
