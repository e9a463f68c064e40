"""The folder of a comparison or a study: whose it is, one at a time, and what the files in it must hold."""

import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from fmn.cache import FeatureCache
from fmn.errors import InputError
from fmn.files import alone, sweep, write_durably
from fmn.retrieval.network import FmnConfig
from fmn.retrieval.protocol import DIRECTIONS, misses
from fmn.retrieval.store import LOCK_FILE, sums_of, write_json
from fmn.sealed import read_sealed
from fmn.tables import as_csv

from ..baselines.registry import System
from ..settings import TrainSettings, as_named_now

SCHEMA = 2
ABOUT_FILE = "compare.json"
RESULT_FILE = "result.json"
AGAIN = "Delete it; the same command makes it again."

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Number = Annotated[float, Field(allow_inf_nan=False)]


class OneWay(BaseModel):
    """The metrics of one direction; the keys of `recall` and `hit_rate` are depths."""

    model_config = ConfigDict(strict=True)
    recall: dict[str, Share]
    hit_rate: dict[str, Share]
    mAP: Share  # noqa: N815
    MedR: Annotated[float, Field(ge=1, allow_inf_nan=False)]


class Part(BaseModel):
    """The numbers of a run's system on another of `findings.PARTS`."""

    model_config = ConfigDict(strict=True)
    directions: dict[str, OneWay]


class Result(BaseModel):
    """What a run leaves in result.json, as far as a table is made from it."""

    model_config = ConfigDict(strict=True)
    system: str
    seed: int
    validation_mAP: Number  # noqa: N815
    seconds: Number
    warnings: list[str]
    directions: dict[str, OneWay]
    parts: dict[str, Part]


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
        found, _ = read_sealed(path)
    except FileNotFoundError:
        return None
    except (ValueError, OSError) as error:
        raise InputError(f"{path} is not readable JSON ({error}). {AGAIN}") from None
    return dict(as_named_now(found))


def read_candidate(path: Path) -> float | None:
    """The validation mAP in a candidate's file; None where it is not finished. InputError where there is none."""
    found = read_json(path)
    try:
        return None if found is None else TypeAdapter(Share).validate_python(found.get("validation_mAP"), strict=True)
    except ValidationError:
        raise InputError(f"{path} has no validation mAP. {AGAIN}") from None


def check_result(found: dict[str, Any], path: Path, system: str, seed: int, ks: Sequence[int]) -> None:
    """Refuse what is not the result of `system` with `seed`, ranked at `ks`: it may be damaged, or from elsewhere.

    Raises:
        InputError: something is missing, of another run, or no number of its range; the sentence says what to do.
    """
    wrong: set[int | str] = set()
    try:
        result = Result.model_validate(found)
        judged = [result.directions, *(part.directions for part in result.parts.values())]
        depths = [sides[name].recall.keys() & sides[name].hit_rate.keys() for sides in judged for name in DIRECTIONS]
        if not all(depth >= set(map(str, ks)) for depth in depths):
            raise KeyError("a depth")
    except ValidationError as error:
        wrong = {each["loc"][0] for each in error.errors()}
    except KeyError:  # of a direction, or of a depth
        wrong = {"directions"}
    if missing := Result.model_fields.keys() - found.keys():
        raise InputError(f"{path} lacks {', '.join(sorted(missing))}. {AGAIN}")
    if wrong & {"system", "seed"} or (found["system"], found["seed"]) != (system, seed):
        raise InputError(
            f"{path} is of {found['system']!r} with seed {found['seed']!r}, and not of its folder. {AGAIN}"
        )
    if "warnings" in wrong:
        raise InputError(f"{path} has warnings that are no list of sentences. {AGAIN}")
    if wrong:
        raise InputError(f"{path} does not hold the run's numbers. {AGAIN}")


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


@contextmanager
def claimed(out: Path, wanted: dict[str, Any]) -> Iterator[None]:
    """Make `out` the folder of the comparison of which `about` says `wanted`, or find that it is, and hold it.

    More systems, features and seeds may come to a comparison; what stands there already may not change.

    Raises:
        InputError: another comparison is at work there, or the folder holds other files, or a comparison that differs;
            the sentence names in what.
    """
    if out.exists() and not out.is_dir():
        raise InputError(f"A comparison is written into a folder; {out} is a file. Name another --out.")
    new = not (out / ABOUT_FILE).exists()  # looked at before a lock is left in somebody's folder
    if out.exists() and new and any(not entry.name.startswith(".") for entry in out.iterdir()):
        raise InputError(
            f"A new comparison wants an empty or a new folder; {out} holds other files. Name another --out."
        )
    out.mkdir(parents=True, exist_ok=True)
    taken = f"Another fmn-compare or fmn-study is at work in {out}. Wait for it, or name another --out."
    with alone(out, LOCK_FILE, taken):
        sweep(out)
        _claim(out, wanted)
        yield


def _claim(out: Path, wanted: dict[str, Any]) -> None:
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
        for part in ("features", "systems"):
            for name, facts in wanted[part].items():
                before = found[part].get(name, facts)
                differing += [f"the {fact} of {name}" for fact, value in facts.items() if before.get(fact) != value]
        merged = found | {part: found[part] | wanted[part] for part in ("features", "systems")}
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
def listing(out: Path, names: Sequence[str]) -> Iterator[None]:
    """Put the checksums of the tables that the block writes into compare.json, which says nothing of them meanwhile."""
    path = out / ABOUT_FILE
    found = read_json(path)
    if found is None:
        yield
        return
    facts = {key: value for key, value in found.items() if key != "tables"}
    write_json(path, facts)
    yield
    write_json(path, {**facts, "tables": sums_of(out, names)})


def write_csv(out: Path, name: str, lines: Sequence[Mapping[str, Any]]) -> None:
    """Write lines with the columns of all of them, NaN as nothing, atomically."""
    columns = list(dict.fromkeys(key for line in lines for key in line))
    rows = ({key: "" if _is_nan(value) else value for key, value in line.items()} for line in lines)
    write_durably(out, name, as_csv(columns, rows, newline="\n").encode("utf-8", "surrogateescape"))


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)
