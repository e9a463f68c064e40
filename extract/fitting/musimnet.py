"""Fitting MuSimNet on the train split: recordings of one label nearer to each other than to any other."""

import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from fmn.errors import InputError
from fmn.item import Item

from ..media.mel import magnitudes, slaney_bank
from ..media.waveform import RATE, waveform
from ..networks.musimnet import PATCH, MusimNet, musimnet
from ..networks.untrained import draw_weights
from ..weights.fitted_on import item_keys
from .epochs import FitReport
from .train_part import TrainPart, fit_on_recordings

WINDOW, HOP, N_FFT, BANDS = 400, 160, 512, 80
CHUNK = 8  # recordings a task
EPOCHS = 30
CLASSES, DRAWS = 8, 4  # of a batch: labels, and patches of each
LEAST_STEPS = 16  # of an epoch
LEARNING_RATE = 1e-3
WEIGHT_DECAY = 1e-4
MARGIN = 0.2  # in cosine


def spectrogram(sound: np.ndarray) -> np.ndarray:
    """[n >= 400] samples at 16 kHz -> [1 + (n - 400) // 160, 80] float32, of mean 0 and deviation 1 over all of it."""
    mel = np.log10(1e4 * (magnitudes(sound, WINDOW, HOP, N_FFT) ** 2 @ slaney_bank(RATE, N_FFT, BANDS)) + 1.0)
    return np.asarray((mel - mel.mean()) / (mel.std() + 1e-6), np.float32)


def spectrogram_of(item: Item) -> np.ndarray:
    """The spectrogram [T, 80] of a recording. Raises BadItem when it cannot be used."""
    return spectrogram(waveform(item.path, item.start, item.end, RATE))


def fit_on_train(part: TrainPart) -> tuple[MusimNet, FitReport, list[str]]:
    """Fit MuSimNet on the train split; (network, report, keys of the recordings)."""
    network, report, items = fit_on_recordings(
        part,
        part.run("mel spectrograms of the train split", spectrogram_of, CHUNK).good,
        lambda seen, labels, held, tell: fit_musimnet(
            seen, labels, held, minutes=part.minutes, seed=part.seed, progress=lambda _, accuracy: tell(accuracy)
        ),
        name="MuSimNet",
        epochs=EPOCHS,
        limit=f"--fit-minutes {part.minutes or 0:g}",
        measure="nearest neighbour right",
        outcome=lambda report: (
            f": the nearest one is of the same label for {100 * (report.accuracy or 0):.1f} % of {report.held_out} "
            f"held out (chance about {100 / report.classes:.1f} %)"
        ),
    )
    return network, report, item_keys(items)


def fit_musimnet(
    spectrograms: Sequence[np.ndarray],
    labels: Sequence[str],
    held_out: Sequence[bool],
    *,
    minutes: float | None,
    seed: int,
    epochs: int = EPOCHS,
    progress: Callable[[int, float | None], None] | None = None,
) -> tuple[MusimNet, FitReport]:
    """Fit by all triplets of a batch (Hermans, Beyer and Leibe 2017); the caller passes recordings of the train split.

    Args:
        spectrograms: each [T_i, 80]; labels, one each ("" = none); held_out marks the validation part, which chooses
            the epoch and is not fitted on.
        minutes: no further epoch is begun that would end after them; None for all epochs. seed: of weights and draws.
        progress: called after an epoch with its number and accuracy.

    Raises:
        InputError: the arguments do not match, or the fitting diverged.
    """
    if not len(spectrograms) == len(labels) == len(held_out):
        raise InputError(
            f"Fitting needs one label and one held-out mark a recording, not {len(labels)} and {len(held_out)} for "
            f"{len(spectrograms)}."
        )
    began = time.monotonic()
    network = musimnet()
    draw_weights(network, seed)
    method, members = _classes(labels, held_out)
    validated = [at for at, out in enumerate(held_out) if out and method == "labels" and labels[at] in members]
    fitted = sum(map(len, members.values()))
    if len(members) < 2:
        warning = "audio encoder: untrained MuSimNet, for there were fewer than two recordings to fit it on."
        return network, FitReport("none", len(members), 0, 0, 0, 0, None, False, time.monotonic() - began, warning)
    warning = (
        ""
        if method == "labels"
        else (
            "audio encoder: MuSimNet was fitted without labels (fewer than two are there): it tells single recordings "
            "apart, and those of the same meaning need not come close."
        )
    )
    optimiser = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    draw = np.random.default_rng(seed)
    steps = max(LEAST_STEPS, -(-fitted // (CLASSES * DRAWS)))
    kept = {name: value.clone() for name, value in network.state_dict().items()}
    best, best_epoch, done, cut = -1.0, 0, 0, False
    for epoch in range(1, epochs + 1):
        network.train()
        for _ in range(steps):
            batch, classes = _batch(spectrograms, members, draw)
            loss = triplet_loss(F.normalize(network(batch), dim=1), classes)
            if not torch.isfinite(loss):
                raise InputError(f"MuSimNet diverged in epoch {epoch} of its fitting; give another --seed.")
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        network.eval()
        accuracy = _accuracy(network, spectrograms, labels, members, validated)
        done = epoch
        if accuracy is None or accuracy >= best:
            best, best_epoch = (-1.0 if accuracy is None else accuracy), epoch
            kept = {name: value.clone() for name, value in network.state_dict().items()}
        if progress:
            progress(epoch, accuracy)
        elapsed = time.monotonic() - began
        if minutes is not None and epoch < epochs and elapsed * (epoch + 1) / epoch > 60 * minutes:
            cut = True
            break
    network.load_state_dict(kept)
    found = None if best < 0 else best
    seconds = time.monotonic() - began
    unused = len(labels) - fitted - len(validated) if method == "labels" else 0
    report = FitReport(
        method, len(members), fitted, len(validated), done, best_epoch, found, cut, seconds, warning, unused
    )
    return network.eval().requires_grad_(False), report


def triplet_loss(embedded: Tensor, classes: Tensor) -> Tensor:
    """Mean over all triplets that are not satisfied yet of cos(a, n) - cos(a, p) + margin.

    Args:
        embedded: [B, D], of length 1. classes: [B] whole numbers.

    Returns:
        A number, 0 where no triplet is left (or there is none).
    """
    cosine = embedded @ embedded.T
    same = classes[:, None] == classes
    positive = same & ~torch.eye(len(classes), dtype=torch.bool)
    losses = F.relu(cosine[:, None, :] - cosine[:, :, None] + MARGIN)
    losses = losses * (positive[:, :, None] & ~same[:, None, :])
    return losses.sum() / (losses > 0).sum().clamp(min=1)


def _classes(labels: Sequence[str], held_out: Sequence[bool]) -> tuple[str, dict[str, list[int]]]:
    """The method, and class -> indices of its fitted recordings."""
    members: dict[str, list[int]] = {}
    for at, (label, out) in enumerate(zip(labels, held_out, strict=True)):
        if label and not out:
            members.setdefault(label, []).append(at)
    if len(members) >= 2:
        return "labels", dict(sorted(members.items()))
    return "items", {str(at): [at] for at, out in enumerate(held_out) if not out}


def _batch(
    spectrograms: Sequence[np.ndarray], members: dict[str, list[int]], draw: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Patches [B, 128, 80] of some classes, several of each, and their classes [B]."""
    names = list(members)
    chosen = draw.choice(len(names), min(CLASSES, len(names)), replace=False)
    found, classes = [], []
    for number in chosen.tolist():
        mine = members[names[number]]
        for at in draw.choice(len(mine), DRAWS, replace=len(mine) < DRAWS).tolist():
            found.append(_patch(spectrograms[mine[at]], draw))
            classes.append(number)
    return torch.from_numpy(np.stack(found)), torch.tensor(classes)


def _patch(spectrogram: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """128 frames from a random one on, beginning again at the end where the recording is shorter; louder or softer."""
    length = len(spectrogram)
    start = int(draw.integers(0, max(1, length - PATCH + 1))) if length > PATCH else int(draw.integers(0, length))
    shown = spectrogram[(start + np.arange(PATCH)) % length]
    noise = draw.normal(scale=0.1, size=shown.shape)
    return np.asarray(shown * draw.uniform(0.8, 1.25) + noise, np.float32)


def _accuracy(
    network: MusimNet,
    spectrograms: Sequence[np.ndarray],
    labels: Sequence[str],
    members: dict[str, list[int]],
    validated: Sequence[int],
) -> float | None:
    if not validated:
        return None
    fitted = [at for mine in members.values() for at in mine]
    with torch.inference_mode():
        every = torch.cat([network(_first(spectrograms[at])) for at in (*fitted, *validated)])
    nearest = (every[len(fitted) :] @ every[: len(fitted)].T).argmax(dim=1).tolist()
    right = sum(labels[fitted[near]] == labels[at] for at, near in zip(validated, nearest, strict=True))
    return float(right / len(validated))


def _first(spectrogram: np.ndarray) -> Tensor:
    return torch.from_numpy(spectrogram[np.arange(PATCH) % len(spectrogram)][None])
