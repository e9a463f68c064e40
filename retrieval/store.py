"""How a retriever is kept: `run.json` and `best.safetensors` in a run folder. No pickle."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load_file as load_arrays
from safetensors.numpy import save as save_arrays
from safetensors.torch import load_file, save

from fmn.errors import InputError, first_line
from fmn.files import read_whole
from fmn.parity import write_healable, write_parity
from fmn.sealed import read_sealed, sealed
from fmn.tensors import BLANK, KEY, check_seal, shapes, write_sealed

from .network import FeatureMemoryNetwork, FmnConfig
from .remembering import MemoryConfig, MemoryNetwork
from .retriever import Model, Retriever
from .towers import TowersConfig, TwoTowers

RUN_SCHEMA = 3
RUN_FILE = "run.json"
BEST_FILE = "best.safetensors"
ENROLLED_FILE = "enrolled.safetensors"
LOCK_FILE = ".lock"
"""Whoever writes into a run, or into a folder of several, holds it."""

Config = MemoryConfig | FmnConfig | TowersConfig

BEGUN = "running"
"""The status of a run of which not all is there yet."""

_CONFIGS: dict[str, type[MemoryConfig] | type[FmnConfig] | type[TowersConfig]] = {
    "memory": MemoryConfig,
    "fmn": FmnConfig,
    "towers": TowersConfig,
}

Of = TypeVar("Of")


class _Checked(BaseModel):
    model_config = ConfigDict(strict=True)


class _Features(_Checked):
    encoder: str
    fingerprint: str


class _Sides(_Checked, Generic[Of]):
    video: Of
    audio: Of


class _RunFile(_Checked):
    """What `run.json` must say, and the types of what it may; the rest is told as it stands."""

    kind: str
    config: dict[str, Any]
    features: _Sides[_Features]
    fitted_on: _Sides[list[str]]
    enrolled: list[Any] = []
    enrolled_from: dict[str, Any] = {}
    best: dict[str, Any] = {}
    files: dict[str, str] = {}
    labels: list[Any] = []
    warnings: list[Any] = []


def kind_of(config: Config) -> str:
    """The name of a config's kind of model in `run.json`."""
    return next(name for name, cls in _CONFIGS.items() if isinstance(config, cls))


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write JSON, sealed (`fmn.sealed`), so that a reader sees the old file or the new one, never half of either."""
    write_healable(path, sealed(value, sort_keys=True))


def sums_of(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """Name -> sha256 of files that were just written, and that can be healed from now on (`fmn.parity`)."""
    found = {}
    for name in names:
        found[name] = hashlib.sha256(read_whole(folder / name)).hexdigest()
        write_parity(folder / name)
    return found


def network_of(config: Config) -> Model:
    """A network of a config's kind and shape, not fitted."""
    if isinstance(config, MemoryConfig):
        return MemoryNetwork(config)
    return FeatureMemoryNetwork(config) if isinstance(config, FmnConfig) else TwoTowers(config)


def save_network(path: Path, network: Model) -> None:
    """Write weights and memory banks to a safetensors file with a checksum, durably."""
    state = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in network.state_dict().items()}
    write_sealed(path, save(state, metadata={KEY: BLANK}))


def read_network(path: Path, config: Config, *, must_be_sealed: bool = False) -> Model:
    """Read weights and memory banks written by `save_network`.

    must_be_sealed: whether the file was written with a checksum, as its run tells.

    Raises InputError when they are not those of `config`, not finite, or have changed since they were written.
    """
    try:
        if not check_seal(path) and must_be_sealed:
            raise ValueError("its checksum is missing")
        _check_shapes(path, config)
        network = network_of(config)
        network.load_state_dict(load_file(path))
        if odd := [name for name, value in network.state_dict().items() if not bool(torch.isfinite(value).all())]:
            raise ValueError(f"{odd[0]} holds values that are not finite")
    except FileNotFoundError:
        raise InputError(f"A run holds {path.name}; {path.parent} has none. Train it to its first epoch.") from None
    except (SafetensorError, RuntimeError, OSError, ValueError) as error:
        raise InputError(
            f"{path} does not hold the network that its run.json describes: {_said(error)}. `fmn-cache repair "
            f"{path.parent}` heals it where it can; else train the run again."
        ) from None
    if isinstance(network, MemoryNetwork):
        network.check()
    return network


def _said(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) and error.strerror else first_line(error)).rstrip(".")


def _check_shapes(path: Path, config: Config) -> None:
    """Raise ValueError where the tensors of a file are not those of a config, before any memory is taken for either."""
    with torch.device("meta"):
        wanted = {name: tuple(value.shape) for name, value in network_of(config).state_dict().items()}
    found = {name: shape for name, (_, shape) in shapes(path).items()}
    if wanted != found:
        name = next(each for each in sorted(wanted.keys() | found.keys()) if wanted.get(each) != found.get(each))
        told = [list(shape) if shape is not None else "missing" for shape in (found.get(name), wanted.get(name))]
        raise ValueError(f"{name} is {told[0]} there and {told[1]} by the config")


def read_run(run: str | Path) -> dict[str, Any]:
    """The validated contents of `run.json`; InputError in a sentence when there is no such run."""
    return _read_run(run)[0]


def _read_run(run: str | Path) -> tuple[dict[str, Any], bool]:
    """`read_run`, and whether the run was written with checksums."""
    path = Path(run) / RUN_FILE
    try:
        facts, has_seal = read_sealed(path)
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"A run is a folder with {RUN_FILE}, written by fmn-train; {run} is none.") from None
    except (ValueError, OSError) as error:
        raise InputError(
            f"{path} is not readable JSON of a run ({_said(error)}). `fmn-cache repair {run}` heals it where it can; "
            "else restore it, or train the run again."
        ) from None
    if facts.get("schema") != RUN_SCHEMA:
        found = f"{facts.get('schema')!r:.80}"
        raise InputError(
            f"This version reads runs of schema {RUN_SCHEMA}; {path} is of schema {found}. Train it again."
        )
    try:
        _RunFile.model_validate(facts)
        return {**facts, "config": _config(facts["kind"], facts["config"])}, has_seal
    except ValidationError as error:
        said = ".".join(map(str, error.errors(include_url=False)[0]["loc"]))
    except InputError as error:
        said = str(error).rstrip(".")
    raise InputError(f"{path} lacks or garbles what a run must say ({said}). Train the run again.")


def _config(kind: str, values: dict[str, Any]) -> Config:
    if kind not in _CONFIGS:
        raise InputError(f"A run holds a model of kind {', '.join(_CONFIGS)}; got {kind!r}.")
    if kind == "fmn" and values.get("enrolled") == {}:  # runs made before only a memory of items could enrol
        values = {key: value for key, value in values.items() if key != "enrolled"}
    if values.get("slots") == "kinds":  # what runs made before categories had that one name say
        values = {**values, "slots": "categories"}
    return _CONFIGS[kind](**values)


def load(run: str | Path) -> Retriever:
    """Load the best checkpoint of a run.

    Args:
        run: folder written by fmn-train.

    Returns:
        A retriever on the CPU, with `.score(video [N, D], audio [M, D]) -> [N, M]`.

    Raises:
        InputError: the folder holds no run, one of another schema, or weights that do not fit it.
    """
    facts, has_seal = _read_run(run)
    network = read_network(Path(run) / BEST_FILE, facts["config"], must_be_sealed=has_seal)
    keep = ["status", "kind", "system", "warnings", "created", "settings", "cache", "best", "config", "without"]
    keep += ["enrolled", "enrolled_from"]
    return Retriever(
        network=network.eval(),
        features=facts["features"],
        fitted_on=facts["fitted_on"],
        enrolled=_read_enrolled(Path(run), facts["config"], has_seal) if _has_enrolled(facts) else {},
        facts={
            **({"system": facts["system"]} if isinstance(facts.get("system"), str) else {}),
            "folder": Path(run).name,
            "seed": facts.get("seed"),
            "epochs": facts.get("epochs"),
            "kept epoch": (facts.get("best") or {}).get("epoch"),
            **({"enrolled categories": facts["config"].enrolled} if facts.get("enrolled") else {}),
            **({} if facts.get("status") == "finished" else {"state": "UNFINISHED, interrupted or still at work"}),
            "about": {key: facts[key] for key in keep if key in facts} | {"config": facts["config"].to_json()},
        },
    )


def _has_enrolled(facts: dict[str, Any]) -> bool:
    return bool(facts.get("enrolled")) or getattr(facts["config"], "enrolled", 0) > 0


def _read_enrolled(run: Path, config: Config, must_be_sealed: bool) -> dict[str, NDArray[np.float32]]:
    """Modality -> features of the enrolled pairs of a run; InputError when they are missing or garbled."""
    path = run / ENROLLED_FILE
    try:
        if not check_seal(path) and must_be_sealed:
            raise ValueError("its checksum is missing")
        found = load_arrays(path)
    except (OSError, SafetensorError, ValueError, TypeError, KeyError) as error:
        raise InputError(
            f"A run with enrolled categories holds {ENROLLED_FILE}; that of {run} cannot be read ({_said(error)}). "
            f"`fmn-cache repair {run}` heals it where it can; else enrol again."
        ) from None
    for modality, dim in (("video", config.video_dim), ("audio", config.audio_dim)):
        each = found.get(modality)
        if each is None or each.dtype != np.float32 or each.ndim != 2 or each.shape[1] != dim or not len(each):
            raise InputError(f"{path} does not hold {modality} features [n, {dim}]. Enrol again.")
        if not np.isfinite(each).all():
            raise InputError(f"{path} holds {modality} features that are not finite. Enrol again.")
    return {modality: found[modality] for modality in ("video", "audio")}


def save_enrolled(run: Path, enrolled: dict[str, NDArray[np.float32]]) -> None:
    """Write the features [n, D] of the enrolled pairs of a run, modality by modality, with a checksum, durably."""
    write_sealed(run / ENROLLED_FILE, save_arrays(enrolled, metadata={KEY: BLANK}))


def newest_run(root: str | Path = "runs") -> Path:
    """The run under `root` that was begun last and has a checkpoint; InputError when there is none."""
    found: list[tuple[str, str, Path]] = []
    for path in sorted(Path(root).glob(f"*/{RUN_FILE}")):
        if (path.parent / BEST_FILE).is_file():
            try:
                created = read_sealed(path)[0].get("created", "")
            except (ValueError, OSError):
                continue  # a broken run is reported when it is named; the search for the newest passes over it
            found.append((str(created), path.parent.name, path.parent))
    if not found:
        raise InputError(f"No trained run under {root}/. Run `fmn-train CACHE` first, or name one with --run.")
    return max(found)[2]
