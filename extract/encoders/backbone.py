"""What an encoder of one network consists of: how an item is cut into windows, and the network that sees them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from fmn.errors import InputError
from fmn.item import Item

from ..weights.folder import weights_folder
from ..weights.i3d_file import read_state
from .settings import ExtractSettings


class Window(NamedTuple):
    """One window of an item as the network wants it (float32, without the batch's axis).

    `repeated`: frames at its end that were added by repeating; `seconds`: of the item that were read so far.
    """

    input: Tensor
    repeated: int
    seconds: float


def nowhere() -> Path | None:
    """No further place where weights may lie."""
    return None


@dataclass(frozen=True)
class Backbone:
    """A network that makes windows of an item into vectors [dim]; the item's vector is their mean.

    modality, name: as the registry knows it. title: as a sentence calls it.
    build: the network with any weights; called with [B, ...] windows it returns [B, dim] float32.
    load: the network with the weights of a file, in eval mode; InputError for a wrong one.
    preprocessing: JSON that says how items are shown, from the settings; InputError for settings that do not fit.
    windows: the windows of an item shown so; BadItem when it cannot be used.
    names: file names (or folders) of published weights in the weights folder. elsewhere: another place to look in.
    origin: where to get them, as the end of a sentence.
    """

    modality: str
    name: str
    title: str
    dim: int
    build: Callable[[], nn.Module]
    load: Callable[[Path], nn.Module]
    preprocessing: Callable[[ExtractSettings], dict[str, Any]]
    windows: Callable[[Item, Mapping[str, Any]], Iterator[Window]]
    names: tuple[str, ...]
    origin: str
    elsewhere: Callable[[], Path | None] = nowhere
    chunk: int = 1

    @property
    def fixed(self) -> bool:
        """Whether the preprocessing is the same for all settings: frames come in the user's size, sounds do not."""
        return self.modality == "audio"

    def found(self) -> Path | None:
        """Published weights on this machine: in the weights folder, else elsewhere."""
        here = (weights_folder() / name for name in self.names)
        return next((path for path in here if path.exists()), None) or self.elsewhere()


def load_state(network: nn.Module, path: Path, title: str, head: tuple[str, ...] = ()) -> None:
    """Put the weights of a file (torch's or .safetensors) into `network`, strictly, leaving out the file's head.

    Args:
        title: the network's name for sentences.
        head: beginnings of names that the file may have and the features do not need, such as "fc8.".

    Raises:
        InputError: missing, unreadable, of another network (by names or shapes), or not finite.
    """
    raw = read_state(path)
    state = {name.removeprefix("module."): value for name, value in raw.items()}
    state = {name: value for name, value in state.items() if not (head and name.startswith(head))}
    wanted = network.state_dict()
    optional = {name for name in wanted if name.endswith(".num_batches_tracked")}
    missing = sorted(wanted.keys() - optional - state.keys())
    unexpected = sorted(state.keys() - wanted.keys())
    if missing or unexpected:
        first = f"no {missing[0]}" if missing else f"an unknown {unexpected[0]}"
        raise InputError(
            f"{path} does not hold the weights of {title}: there is {first} in it ({len(missing)} names are missing, "
            f"{len(unexpected)} unknown)."
        )
    for name, value in state.items():
        if value.shape != wanted[name].shape:
            raise InputError(
                f"{path}: {name} must be {list(wanted[name].shape)} for {title} and is {list(value.shape)}: the file "
                "is of another network."
            )
        if not torch.isfinite(value).all():
            raise InputError(f"{path}: {name} holds values that are not finite: the file is damaged.")
    network.load_state_dict(state, strict=False)  # names were checked; num_batches_tracked is missing in old files
