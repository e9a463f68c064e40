"""MFCC frames -> one vector an utterance: a bidirectional LSTM, stacked frames, masked pooling."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from fmn.errors import InputError

POOLINGS = ("mean", "final")
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


def untrained(seed: int, units: int = 1024, stack: int = 3, pooling: str = "mean") -> BiLstm:
    """A Bi-LSTM with random weights, the same for the same seed. Torch's global generator is left alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return BiLstm(units=units, stack=stack, pooling=pooling).eval()


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
