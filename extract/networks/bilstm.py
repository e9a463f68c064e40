"""MFCC frames -> one vector an utterance: a bidirectional LSTM, stacked frames, masked pooling."""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_safetensors
from torch import Tensor, nn

from fmn.errors import InputError

KIND = "fmn.bilstm"
SCHEMA = 1
POOLINGS = ("mean", "final")
LARGEST = 65_536  # of the sizes in a weights file: what is above was not written by us
EMBED_STEPS = 4096  # steps of one batch in embed(), padding included: about 100 MB of activations


class BiLstm(nn.Module):
    """One bidirectional LSTM layer over stacked MFCC frames (Graves and Schmidhuber 2005).

    input_dim: columns of a frame. units: units each way; an embedding has 2 * units columns. stack: consecutive
    frames that make one step. pooling: "mean" of the outputs over time, or the "final" state of each direction.
    fitted_on: JSON values, what the weights were fitted on; {} is "untrained".

    The two directions are two padded LSTMs, the second fed with each item reversed within its own length: exact for
    items of different lengths, and several times faster on a CPU than packed sequences, which oneDNN does not take.
    """

    def __init__(
        self,
        input_dim: int = 39,
        units: int = 1024,
        stack: int = 3,
        pooling: str = "mean",
        fitted_on: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        if pooling not in POOLINGS:
            raise InputError(f"The pooling of a Bi-LSTM is one of {', '.join(POOLINGS)}, not {pooling!r}.")
        if min(input_dim, units, stack) < 1:
            raise InputError(
                f"input_dim, units and stack of a Bi-LSTM are at least 1, not {input_dim}, {units}, {stack}."
            )
        self.input_dim, self.units, self.stack, self.pooling = input_dim, units, stack, pooling
        self.fitted_on: dict[str, Any] = dict(fitted_on or {})
        self.ahead = nn.LSTM(input_dim * stack, units, batch_first=True)
        self.back = nn.LSTM(input_dim * stack, units, batch_first=True)

    @property
    def dim(self) -> int:
        """Columns of an embedding."""
        return 2 * self.units

    def forward(self, steps: Tensor, lengths: Tensor) -> Tensor:
        """steps [B, S, input_dim * stack] padded at the end, lengths [B] in 1..S -> [B, 2 * units].

        What stands in the padding does not matter.
        """
        place = torch.arange(steps.shape[1])
        inside = place < lengths[:, None]
        mirrored = torch.where(inside, lengths[:, None] - 1 - place, place)
        ahead, _ = self.ahead(steps)
        back, _ = self.back(steps.gather(1, mirrored[:, :, None].expand_as(steps)))
        if self.pooling == "final":
            last = (lengths - 1)[:, None, None].expand(-1, 1, self.units)
            return torch.cat([ahead.gather(1, last), back.gather(1, last)], dim=2).squeeze(1).float()
        # The mean over time is the same in either order, so the second direction need not be turned round again.
        weights = (inside / lengths[:, None]).to(ahead.dtype)[:, None]
        return torch.cat([weights @ ahead, weights @ back], dim=2).squeeze(1).float()

    def embed(self, mfccs: Sequence[np.ndarray]) -> np.ndarray:
        """One vector an utterance: list of [T_i, input_dim] -> [B, 2 * units] float32, in the order given.

        Items are batched with others of similar length; an embedding does not depend on its batch mates (within
        float32 rounding, 1e-5). Where T_i is no multiple of `stack`, the last frame is repeated to fill the last step.
        Raises InputError for an item of another shape, an empty one or one that is not finite.
        """
        items = [stacked(frames, self.input_dim, self.stack) for frames in mfccs]
        order = sorted(range(len(items)), key=lambda i: len(items[i]))
        result = np.empty((len(items), self.dim), dtype=np.float32)
        with torch.inference_mode():
            while order:
                longest = len(items[order[-1]])
                batch = order[-max(1, EMBED_STEPS // longest) :]
                del order[-len(batch) :]
                result[batch] = self(*pad([items[i] for i in batch])).numpy()
        return result

    def to_bytes(self) -> bytes:
        """The weights file: safetensors, the settings as JSON in its header. Equal weights give equal bytes."""
        about = {
            "kind": KIND,
            "schema": SCHEMA,
            "input_dim": self.input_dim,
            "units": self.units,
            "stack": self.stack,
            "pooling": self.pooling,
            "fitted_on": self.fitted_on,
        }
        tensors = {name: tensor.detach().float().contiguous() for name, tensor in self.state_dict().items()}
        return to_safetensors(tensors, metadata={"fmn": json.dumps(about, sort_keys=True)})

    def sha256(self) -> str:
        """sha256 (hex) of the weights file, whether or not it was written."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    def save(self, path: str | Path) -> str:
        """Write the weights file (temporary name, fsync, rename) and return its sha256."""
        path = Path(path)
        content = self.to_bytes()
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        try:
            with temporary.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        return hashlib.sha256(content).hexdigest()


def untrained(seed: int, units: int = 1024, stack: int = 3, pooling: str = "mean") -> BiLstm:
    """A Bi-LSTM with random weights, the same for the same seed. Torch's global generator is left alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return BiLstm(units=units, stack=stack, pooling=pooling).eval()


def load_bilstm(path: str | Path) -> BiLstm:
    """Read a weights file that BiLstm.save wrote. Raises InputError when it is missing or is something else."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"There is no Bi-LSTM weights file at {path}; give the path of one that fmn-extract saved.")
    try:
        with safe_open(path, framework="pt") as file:
            header = (file.metadata() or {}).get("fmn", "{}")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
        about = json.loads(header)
    except (SafetensorError, json.JSONDecodeError, OSError) as error:
        raise InputError(f"{path} cannot be read as safetensors ({error}); give another file.") from error
    if not isinstance(about, dict) or about.get("kind") != KIND:
        raise InputError(
            f"{path} is a safetensors file but not Bi-LSTM weights of this tool (its header does not say {KIND!r}); "
            "give a file that fmn-extract saved."
        )
    if about.get("schema") != SCHEMA:
        raise InputError(f"{path} has schema {about.get('schema')} and this tool reads schema {SCHEMA}; fit it again.")
    with torch.device("meta"):
        model = _described(about, path)
    wanted = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    if wanted != found:
        differ = sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
        listed = ", ".join(f"{name} {found.get(name, 'missing')} for {wanted.get(name, 'none')}" for name in differ[:4])
        raise InputError(f"The tensors of {path} do not fit its header ({listed}); the file is damaged, fit it again.")
    if not all(tensor.dtype == torch.float32 and bool(tensor.isfinite().all()) for tensor in tensors.values()):
        raise InputError(f"{path} holds weights that are not finite float32; the file is damaged, fit it again.")
    model.load_state_dict(tensors, assign=True)
    return model.eval()


def _described(about: Mapping[str, Any], path: Path) -> BiLstm:
    """The network that the header of a weights file describes."""
    sizes = {name: about.get(name) for name in ("input_dim", "units", "stack")}
    whole = {name: size for name, size in sizes.items() if isinstance(size, int) and 0 < size <= LARGEST}
    pooling, fitted_on = about.get("pooling"), about.get("fitted_on")
    if whole.keys() != sizes.keys() or pooling not in POOLINGS or not isinstance(fitted_on, dict):
        raise InputError(
            f"The header of {path} has no sound input_dim, units, stack, pooling and fitted_on; the file is damaged."
        )
    return BiLstm(**whole, pooling=pooling, fitted_on=fitted_on)


def stacked(frames: np.ndarray, input_dim: int, stack: int) -> np.ndarray:
    """[T, input_dim] -> [ceil(T / stack), input_dim * stack] float32; the last frame repeated fills the last step."""
    if frames.ndim != 2 or frames.shape[1] != input_dim or len(frames) == 0:
        raise InputError(f"An utterance is an array [frames >= 1, {input_dim}], not one of shape {frames.shape}.")
    if not np.isfinite(frames).all():
        raise InputError("The frames of an utterance hold NaN or infinity; extract them again.")
    filled = np.pad(frames, ((0, -len(frames) % stack), (0, 0)), mode="edge")
    return filled.reshape(-1, input_dim * stack).astype(np.float32)


def pad(items: Sequence[np.ndarray]) -> tuple[Tensor, Tensor]:
    """List of [S_i, k] -> ([B, longest, k] with zeros behind the end, lengths [B])."""
    lengths = torch.tensor([len(item) for item in items])
    batch = torch.zeros(len(items), int(lengths.max()), items[0].shape[1])
    for row, item in enumerate(items):
        batch[row, : len(item)] = torch.from_numpy(item)
    return batch, lengths
