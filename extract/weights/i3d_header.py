"""A fitted I3D stream as a file: the published names in safetensors, and a header that says how it was fitted."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from fmn.errors import InputError
from fmn.files import write_durably

from ..media.two_streams import VideoSettings
from ..networks.i3d import InceptionI3d
from .sniff import is_safetensors

KIND = "fmn.i3d"
SCHEMA = 1


@dataclass(frozen=True)
class FittedI3d:
    """What the header of a fitted stream says.

    stream: "rgb" or "flow". classes: the labels in the order of the head. shown: the frames and flow that it was fitted
    for. began_from: the weights before. fitted_on: JSON values, among them "content", the keys of the items
    (`fitted_on.item_key`). told: one phrase for tables.
    """

    stream: str
    classes: tuple[str, ...]
    shown: VideoSettings
    began_from: str
    fitted_on: Mapping[str, Any]

    @property
    def keys(self) -> list[str]:
        """Keys of the items that the stream was fitted and validated on."""
        return list(self.fitted_on["content"])


def to_bytes(network: InceptionI3d, about: FittedI3d) -> bytes:
    """The weights file. Equal weights and facts give equal bytes."""
    header = {
        "kind": KIND,
        "schema": SCHEMA,
        "stream": about.stream,
        "classes": list(about.classes),
        "shown": asdict(about.shown),
        "began_from": about.began_from,
        "fitted_on": dict(about.fitted_on),
    }
    tensors = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
    return save(tensors, metadata={"fmn": json.dumps(header, sort_keys=True)})


def write_fitted(folder: Path, name: str, network: InceptionI3d, about: FittedI3d) -> None:
    """Write `folder/name`, durably."""
    write_durably(folder, name, to_bytes(network, about))


def read_about(path: str | Path) -> FittedI3d | None:
    """The header of a stream that was fitted here; None for other weights. InputError for a damaged header."""
    path = Path(path)
    if not path.is_file() or not is_safetensors(path):
        return None
    try:
        with safe_open(path, framework="pt") as file:
            header = (file.metadata() or {}).get("fmn")
        about = json.loads(header) if header else None
    except (SafetensorError, OSError, json.JSONDecodeError) as error:
        raise InputError(f"{path} cannot be read as safetensors ({error}); give another file.") from None
    if not isinstance(about, dict) or about.get("kind") != KIND:
        return None
    if about.get("schema") != SCHEMA:
        raise InputError(f"{path} has schema {about.get('schema')} and this tool reads schema {SCHEMA}; fit it again.")
    try:
        shown, keys, classes = about["shown"], about["fitted_on"]["content"], about["classes"]
        if about["stream"] not in ("rgb", "flow") or not all(isinstance(each, str) for each in [*keys, *classes]):
            raise ValueError("a stream, class names and item keys are needed")
        settings = VideoSettings(
            flow=str(shown["flow"]),
            short_side=int(shown["short_side"]),
            crop=int(shown["crop"]),
            window=int(shown["window"]),
            fps=float(shown["fps"]),
            dtype=str(shown["dtype"]),
        )
        return FittedI3d(about["stream"], tuple(classes), settings, str(about["began_from"]), dict(about["fitted_on"]))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"The header of {path} is damaged ({error}); fit the stream again.") from None
