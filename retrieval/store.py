"""How a retriever is kept: `run.json` and `best.safetensors` in a run folder. No pickle."""

import json
import os
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from fmn.errors import InputError
from fmn.files import write_durably

from .content import read_enrolled
from .models import Config, Model, make_config, make_model
from .retriever import Retriever

RUN_SCHEMA = 3
RUN_FILE = "run.json"
BEST_FILE = "best.safetensors"


def write_json(path: Path, value: Any) -> None:
    """Write JSON so that a reader sees the old file or the new one, never half of either."""
    text = json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n"
    write_durably(path.parent, path.name, text.encode())


def save_network(path: Path, network: Model) -> None:
    """Write weights and memory banks to a safetensors file, atomically."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    state = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in network.state_dict().items()}
    save_file(state, temporary)
    os.replace(temporary, path)


def read_network(path: Path, config: Config) -> Model:
    """Read weights and memory banks written by `save_network`; InputError when they are not those of `config`."""
    network = make_model(config)
    try:
        network.load_state_dict(load_file(path))
    except FileNotFoundError:
        raise InputError(f"A run holds {path.name}; {path.parent} has none. Train it to its first epoch.") from None
    except (SafetensorError, RuntimeError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{path} does not hold the network that its run.json describes: {reason}") from None
    return network


def read_run(run: str | Path) -> dict[str, Any]:
    """The validated contents of `run.json`; InputError in a sentence when there is no such run."""
    path = Path(run) / RUN_FILE
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"A run is a folder with {RUN_FILE}, written by fmn-train; {run} is none.") from None
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise InputError(f"{path} is not readable JSON. Restore it, or train the run again.") from None
    if not isinstance(facts, dict) or facts.get("schema") != RUN_SCHEMA:
        found = facts.get("schema") if isinstance(facts, dict) else type(facts).__name__
        raise InputError(
            f"This version reads runs of schema {RUN_SCHEMA}; {path} is of schema {found}. Train it again."
        )
    try:
        for modality in ("video", "audio"):
            fitted = facts["fitted_on"][modality]
            if not isinstance(fitted, list) or not all(isinstance(item, str) for item in fitted):
                raise TypeError("fitted_on")
            for key in ("encoder", "fingerprint"):
                if not isinstance(facts["features"][modality][key], str):
                    raise TypeError(key)
        if not isinstance(facts.get("enrolled", []), list):
            raise TypeError("enrolled")
        if not isinstance(facts.get("enrolled_from", {}), dict):
            raise TypeError("enrolled_from")
        if not isinstance(facts.get("best", {}), dict):
            raise TypeError("best")
        if not isinstance(facts.get("labels", []), list):
            raise TypeError("labels")
        if not isinstance(facts.get("warnings", []), list):
            raise TypeError("warnings")
        facts["config"] = make_config(facts["kind"], facts["config"])
    except (KeyError, TypeError) as error:
        raise InputError(f"{path} lacks or garbles what a run must say ({error}). Train the run again.") from None
    return facts


def load(run: str | Path) -> Retriever:
    """Load the best checkpoint of a run.

    Args:
        run: folder written by fmn-train.

    Returns:
        A retriever on the CPU, with `.score(video [N, D], audio [M, D]) -> [N, M]`.

    Raises:
        InputError: the folder holds no run, one of another schema, or weights that do not fit it.
    """
    facts = read_run(run)
    network = read_network(Path(run) / BEST_FILE, facts["config"])
    keep = ["status", "kind", "system", "warnings", "created", "settings", "cache", "best", "config", "without"]
    keep += ["enrolled", "enrolled_from"]
    return Retriever(
        network=network.eval(),
        features=facts["features"],
        fitted_on=facts["fitted_on"],
        enrolled=read_enrolled(Path(run), facts["config"]) if facts.get("enrolled") else {},
        facts={
            **({"system": facts["system"]} if isinstance(facts.get("system"), str) else {}),
            "folder": Path(run).name,
            "seed": facts.get("seed"),
            "epochs": facts.get("epochs"),
            "kept epoch": (facts.get("best") or {}).get("epoch"),
            **({"enrolled categories": len(facts["config"].enrolled)} if facts.get("enrolled") else {}),
            **({} if facts.get("status") == "finished" else {"state": "UNFINISHED, interrupted or still at work"}),
            "about": {key: facts[key] for key in keep if key in facts} | {"config": facts["config"].to_json()},
        },
    )


def newest_run(root: str | Path = "runs") -> Path:
    """The run under `root` that was begun last and has a checkpoint; InputError when there is none."""
    found: list[tuple[str, str, Path]] = []
    for path in sorted(Path(root).glob(f"*/{RUN_FILE}")):
        if (path.parent / BEST_FILE).is_file():
            try:
                created = json.loads(path.read_text(encoding="utf-8")).get("created", "")
            except (json.JSONDecodeError, UnicodeDecodeError, AttributeError):
                continue  # a broken run is reported when it is named; the search for the newest passes over it
            found.append((str(created), path.parent.name, path.parent))
    if not found:
        raise InputError(f"No trained run under {root}/. Run `fmn-train CACHE` first, or name one with --run.")
    return max(found)[2]
