"""What made the features: the encoder, its preprocessing and its weights."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from pydantic import StrictInt

from fmn.item import MODALITIES

ENCODER_NAME = re.compile(r"[a-z0-9][a-z0-9_.+-]{0,63}")


@dataclass(frozen=True)
class EncoderRecord:
    """One encoder of one modality, as it stands in the cache's index.

    `preprocessing`, `weights` and `notes` are JSON objects. `weights` says where the weights come from ("source"),
    their checksums ("sha256", by role) and those kept with the cache ("files", by role, relative to the cache folder).
    `warning` is one sentence shown with every table made from these features, "" if there is nothing to warn of.
    `notes` is anything else worth knowing (what was fitted on what) and no part of the fingerprint.

    Raises ValueError for an unknown modality, a name that cannot be part of a file name, a dim below 1, a value that is
    not JSON, or a weights file outside the cache.
    """

    modality: str
    name: str
    dim: StrictInt
    preprocessing: Mapping[str, Any] = field(default_factory=dict, hash=False)
    weights: Mapping[str, Any] = field(default_factory=dict, hash=False)
    warning: str = ""
    notes: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if self.modality not in MODALITIES:
            raise ValueError(f"The modality must be one of {MODALITIES}, not {self.modality!r}.")
        if not ENCODER_NAME.fullmatch(self.name):
            raise ValueError(
                f"An encoder's name is 1 to 64 of a-z, 0-9, _, ., + and -, beginning with a letter or digit, "
                f"not {self.name!r}."
            )
        if isinstance(self.dim, bool) or not isinstance(self.dim, int) or self.dim < 1:
            raise ValueError(f"The dim of encoder {self.name} must be a whole number above 0, not {self.dim!r}.")
        for name in ("preprocessing", "weights", "notes"):
            # Through JSON and back: a record equals itself after it was saved (tuples are lists, keys are text).
            object.__setattr__(self, name, as_json_object(getattr(self, name), f"{name} of encoder {self.name}"))
        self._check_files()

    @property
    def fingerprint(self) -> str:
        """Return the sha256 (hex) of all that decides the features' values: equal means that they may be compared."""
        facts = [self.modality, self.name, self.dim, self.preprocessing, self.weights.get("sha256")]
        text = json.dumps(facts, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def differences(self, other: "EncoderRecord") -> list[str]:
        """Say, fact by fact, why the fingerprints of this record and another one of the same name differ."""
        found = [] if self.dim == other.dim else [f"dim {self.dim} / {other.dim}"]
        for key in sorted({*self.preprocessing, *other.preprocessing}):
            mine, theirs = self.preprocessing.get(key), other.preprocessing.get(key)
            if mine != theirs:
                found.append(f"{key} {json.dumps(mine)} / {json.dumps(theirs)}")
        if self.weights.get("sha256") != other.weights.get("sha256"):
            found.append(f"weights {_weights_text(self)} / {_weights_text(other)}")
        return found

    def _check_files(self) -> None:
        for role, name in as_json_object(self.weights.get("files", {}), f"weights files of {self.name}").items():
            if not isinstance(name, str) or not lies_within(name):
                raise ValueError(
                    f"The {role} weights of encoder {self.name} must lie in the cache folder, not {name!r}."
                )


def lies_within(name: str) -> bool:
    """Whether a file of this name, relative to a folder, lies in that folder."""
    return bool(name) and "\0" not in name and not PurePosixPath(name).is_absolute() and ".." not in name.split("/")


def as_json_object(value: object, what: str) -> dict[str, Any]:
    """Return a deep copy of a mapping as JSON keeps it. Raises ValueError naming `what` where it is not JSON."""
    if not isinstance(value, Mapping):
        raise ValueError(f"The {what} must be a JSON object, not {value!r}.")
    try:
        copied: dict[str, Any] = json.loads(json.dumps(dict(value), allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"The {what} must hold JSON values only ({error}).") from error
    return copied


def _weights_text(record: EncoderRecord) -> str:
    sums = record.weights.get("sha256")
    short = {key: str(value)[:12] for key, value in sums.items()} if isinstance(sums, dict) else sums
    return f"{record.weights.get('source', 'of unknown source')} {json.dumps(short)}"
