"""Fitting an FMN on cached vectors: the epoch, the early stop, and what is kept."""

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fmn.errors import InputError
from fmn.retrieval.memory import remember_categories
from fmn.retrieval.network import FeatureMemoryNetwork, FmnConfig
from fmn.retrieval.store import BEST_FILE, save_network
from fmn.stopping import never

from .checkpoint import LAST_FILE, load_last, save_last
from .data import TrainingSet, matching_batches, validation_map
from .history import CURVE_FILE, HISTORY_FILE, draw_curve, write_history
from .losses import matching_loss, ranking_loss, triplet_loss
from .settings import TrainSettings

SAVE_SECONDS = 10.0  # a killed fitting repeats at most so much

Progress = Callable[[dict[str, float], int], None]  # (the epoch's row, the best epoch so far)


@dataclass
class Fitting:
    """Where a fitting stands. `best_map` is the validation mAP (both directions, mean) of `best_epoch`."""

    epoch: int = 0
    best_epoch: int = 0
    best_map: float = -1.0
    history: list[dict[str, float]] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {"epoch": self.epoch, "best_epoch": self.best_epoch, "best_map": self.best_map, "history": self.history}


def fit(
    network_config: FmnConfig,
    settings: TrainSettings,
    data: TrainingSet,
    run: Path,
    *,
    resume: bool,
    progress: Progress | None = None,
    stop: Callable[[], bool] = never,
) -> Fitting:
    """Fit an FMN and leave `best.safetensors`, `last.safetensors`, `history.csv` and `curve.png` in `run`.

    Every epoch draws its chance from (seed, epoch), so that a fitting that was stopped and resumed ends, on the same
    machine, in the very weights of one that was not.

    Args:
        network_config: the network's shape.
        settings: the schedule.
        data: vectors on the training device.
        run: existing folder.
        resume: go on from `run/last.safetensors`.
        progress: called after every epoch.
        stop: asked after every epoch; once it says so the fitting is left where it stands, to be gone on with.

    Returns:
        The finished fitting, or where it stopped. Without a validation part the last epoch is kept.

    Raises:
        InputError: the checkpoint to resume from does not fit, or the loss is no longer a number.
    """
    torch.manual_seed(settings.seed)
    network = FeatureMemoryNetwork(network_config).to(data.fit_video.features.device)
    network.fit_standardiser(data.fit_video.features, data.fit_audio.features)
    optimizer = torch.optim.Adam(
        network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay, foreach=True
    )
    state = Fitting(**load_last(run / LAST_FILE, network, optimizer)) if resume else Fitting()
    best: dict[str, Tensor] | None = None
    saved = time.monotonic()

    def save() -> None:
        if best is not None:
            keeper = FeatureMemoryNetwork(network_config)
            keeper.load_state_dict(best)
            save_network(run / BEST_FILE, keeper)
        save_last(run / LAST_FILE, network, optimizer, state.to_json())
        write_history(run / HISTORY_FILE, state.history)

    while not stop() and state.epoch < settings.epochs and not _patience_is_out(state, settings, data):
        began = time.monotonic()
        state.epoch += 1
        row = _epoch(network, optimizer, settings, data, state.epoch)
        row["validation_mAP"] = validation_map(network, data) if data.has_validation else float("nan")
        row["seconds"] = time.monotonic() - began
        state.history.append(row)
        if not data.has_validation or row["validation_mAP"] > state.best_map:
            state.best_epoch = state.epoch
            state.best_map = row["validation_mAP"] if data.has_validation else -1.0
            best = copy.deepcopy(network.state_dict())
        if time.monotonic() - saved > SAVE_SECONDS or state.epoch == 1:
            save()
            best, saved = None, time.monotonic()
        if progress is not None:
            progress(row, state.best_epoch)
    if stop() and not state.epoch:
        return state
    save()
    draw_curve(run / CURVE_FILE, state.history, state.best_epoch)
    return state


def _patience_is_out(state: Fitting, settings: TrainSettings, data: TrainingSet) -> bool:
    if not data.has_validation or settings.patience == 0:
        return False
    return state.epoch - state.best_epoch >= settings.patience


def _epoch(
    network: FeatureMemoryNetwork,
    optimizer: torch.optim.Optimizer,
    settings: TrainSettings,
    data: TrainingSet,
    epoch: int,
) -> dict[str, float]:
    """One pass over the matched pairs; the row of the history but for validation and seconds."""
    torch.manual_seed(settings.seed * 1_000_003 + epoch)
    lots = torch.Generator().manual_seed(settings.seed * 1_000_003 + epoch)
    device = data.fit_video.features.device
    network.train()
    sums = torch.zeros(4, device=device)
    steps = 0
    by_category = network.config.slots == "categories"
    for video_rows, audio_rows in matching_batches(data.fit_video.codes, data.fit_audio.codes, settings.batch, lots):
        match = (data.fit_video.codes[video_rows][:, None] == data.fit_audio.codes[audio_rows][None, :]).to(device)
        video = network.standardise_video(data.fit_video.features[video_rows.to(device)])
        audio = network.standardise_audio(data.fit_audio.features[audio_rows.to(device)])
        scores, s1, p_video, p_audio = network(video, audio)
        matching = matching_loss(scores, match)
        triplet = ranking = matching.new_zeros(())  # what weighs nothing is not computed
        if settings.triplet:
            triplet = triplet_loss(p_video, p_audio, match, settings.margin, settings.negatives)
        if settings.ranking:
            ranking = ranking_loss(p_video, p_audio, match, settings.scale)
        loss = matching + settings.triplet * triplet + settings.ranking * ranking
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        optimizer.step()
        sums += torch.stack([loss.detach(), matching.detach(), triplet.detach(), ranking.detach()])
        steps += 1
        if by_category:
            continue
        # Remembered after the step: a pair that met its own copy in the bank would teach the head to trust copies.
        network.memory.update(video, audio, s1.diagonal().detach(), match.diagonal())
        if settings.writes == "score" and len(video) > 1:  # and each clip with the next one's recording
            others = torch.arange(1, len(video) + 1, device=device) % len(video)
            network.memory.update(video, audio[others], s1.detach()[torch.arange(len(video)), others])
    if by_category:
        _remember_categories(network, data)
    means = (sums / max(1, steps)).tolist()
    if not all(value == value for value in means):
        raise InputError(
            f"The loss is no longer a number in epoch {epoch}. Train again with a smaller --learning-rate."
        )
    slots = int(network.memory.filled.sum())
    parts = dict(zip(("loss", "matching", "triplet", "ranking"), means, strict=True))
    return {"epoch": epoch, **parts, "slots": slots}


@torch.no_grad()
def _remember_categories(network: FeatureMemoryNetwork, data: TrainingSet) -> None:
    network.eval()  # dropout would be in the scores
    video = network.standardise_video(data.fit_video.features)
    audio = network.standardise_audio(data.fit_audio.features)
    s1 = network.all_s1(network.embed_video(video), network.embed_audio(audio))
    remember_categories(network.pairs, video, audio, data.fit_video.codes, data.fit_audio.codes, s1)
