"""A run with categories enrolled: a new folder beside the run that it came from, which never changes."""

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import fmn
from fmn.cache import FeatureCache
from fmn.errors import InputError
from fmn.files import alone, occupied

from .enrolment import LABEL, memory_of
from .remembering import MemoryConfig
from .retriever import Retriever
from .store import BEGUN, BEST_FILE, LOCK_FILE, RUN_FILE, read_run, save_enrolled, save_network, write_json


def known_labels(run: Path, cache: FeatureCache) -> set[str]:
    """Labels that a run was fitted on, as its record and the cache's items of those ids tell, and those enrolled."""
    facts = read_run(run)
    labels = {label for label in facts.get("labels", []) if isinstance(label, str)}
    if isinstance(facts["config"], MemoryConfig):
        labels |= {name.removeprefix(LABEL) for name in facts["config"].names if name.startswith(LABEL)}
    for modality, wanted in facts["features"].items():
        fitted = set(facts["fitted_on"][modality])
        labels |= {item.label for item in cache.items(modality, wanted["encoder"]) if item.id in fitted and item.label}
    return labels


def check_out(out: Path, run: Path) -> None:
    """Raise InputError unless `out` is a new or an empty folder, or holds what a killed enrolment into `run` left."""
    if (out / RUN_FILE).is_file():
        found = read_run(out)
        if found.get("status") == BEGUN and found.get("enrolled_from", {}).get("run") == str(run.resolve()):
            return
    if occupied(out, LOCK_FILE):
        raise InputError(f"The new run wants an empty or a new folder; {out} holds other files. Name another --out.")


def write_enrolled_run(run: Path, out: Path, retriever: Retriever, enrolled: Sequence[dict[str, Any]]) -> None:
    """Write `retriever`, the run's with categories enrolled, to `out`; until all is there `run.json` says "running".

    Args:
        run: folder of the run that it came from.
        out: a new or an empty folder, or what a killed one left.
        retriever: from `enrol`.
        enrolled: a JSON object for every label: {"label", "pairs", "new", ...}.

    Raises:
        InputError: `out` holds other files or is being written, or `run` is no run.
    """
    check_out(out, run)
    facts = read_run(run)
    network = memory_of(retriever)
    out.mkdir(parents=True, exist_ok=True)
    now = datetime.datetime.now(datetime.UTC).isoformat()
    source = {"run": str(run.resolve()), "created": facts.get("created")}
    told = {
        "tool": f"fmn {fmn.__version__}",
        "created": now,
        "config": network.config.to_json(),
        "enrolled": [*facts.get("enrolled", []), *enrolled],
        "enrolled_from": source,
    }
    with alone(out, LOCK_FILE, f"Another fmn-enroll is at work on {out}. Wait for it, or name another --out."):
        check_out(out, run)
        write_json(out / RUN_FILE, {**facts, **told, "status": BEGUN})
        save_network(out / BEST_FILE, network)
        save_enrolled(out, retriever.enrolled)
        write_json(out / RUN_FILE, {**facts, **told})
