"""How a run was fitted, to fit others alike."""

from dataclasses import replace
from pathlib import Path

from fmn.errors import InputError
from fmn.retrieval.network import FmnConfig
from fmn.retrieval.store import read_run

from .settings import TrainSettings


def settings_of_run(run: Path) -> tuple[FmnConfig, TrainSettings, dict[str, str]]:
    """The network's shape as it was before any enrolment, the schedule, and modality -> encoder name.

    Raises InputError where there is no run, or that of another model than an FMN, or its settings are not those of this
    version.
    """
    facts = read_run(run)
    config = facts["config"]
    if not isinstance(config, FmnConfig):
        raise InputError(f"Only an FMN learns new categories; {run} holds a model of kind {facts['kind']}.")
    source = facts.get("enrolled_from")
    if isinstance(source, dict) and isinstance(source.get("slots"), int):
        config = replace(config, capacity=source["slots"], enrolled={})
    try:
        settings = TrainSettings(**facts["settings"])
    except (KeyError, TypeError) as error:
        raise InputError(f"{run} does not say how it was fitted ({error}). Train it again with this version.") from None
    return config, settings, {modality: facts["features"][modality]["encoder"] for modality in ("video", "audio")}
