"""A fitting's state in its folder, one file a stream, so that a killed one goes on; and its history for people."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from fmn.errors import InputError
from fmn.files import write_durably

from .epochs import Epoch
from .stream_fit import StreamFit

COLUMNS = ("stream", "epoch", "loss", "validation_accuracy", "validation_loss", "seconds")


class FolderKeeper:
    """Keeps each stream's network, best network, optimiser and epochs in `state-<stream>.safetensors`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def restore(self, fit: StreamFit) -> None:
        """Put `fit` back to its last finished epoch; nothing when there is none. InputError for a damaged file."""
        path = self._path(fit)
        if not path.is_file():
            return
        try:
            with safe_open(path, framework="pt") as file:
                about = json.loads((file.metadata() or {})["fmn"])
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
            fit.network.load_state_dict(_part(tensors, "network."))
            fit.kept = {name: value.to(fit.device) for name, value in _part(tensors, "kept.").items()}
            moments: dict[int, dict[str, Tensor]] = {}
            for name, value in _part(tensors, "optimiser.").items():
                index, _, key = name.partition(".")
                moments.setdefault(int(index), {})[key] = value
            groups = fit.optimiser.state_dict()["param_groups"]
            fit.optimiser.load_state_dict({"state": moments, "param_groups": groups})
            fit.epochs = [Epoch(**epoch) for epoch in about["epochs"]]
            fit.best = fit.epochs[int(about["best"])]
            fit.updates, fit.planned, fit.cut = int(about["updates"]), int(about["planned"]), bool(about["cut"])
        except (SafetensorError, RuntimeError, OSError, KeyError, IndexError, TypeError, ValueError) as error:
            raise InputError(
                f"{path} is no state of this fitting and cannot be resumed ({str(error).splitlines()[0]}). Delete it "
                "to begin this stream again, or name another --out."
            ) from None

    def keep(self, fit: StreamFit, epoch: Epoch) -> None:
        """Write the state after `epoch`, durably."""
        tensors = {f"network.{name}": value for name, value in fit.network.state_dict().items()}
        tensors |= {f"kept.{name}": value for name, value in fit.kept.items()}
        for index, moments in fit.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{index}.{name}": torch.as_tensor(value) for name, value in moments.items()}
        assert fit.best is not None
        about = {
            "epochs": [asdict(each) for each in fit.epochs],
            "best": fit.best.number,
            "updates": fit.updates,
            "planned": fit.planned,
            "cut": fit.cut,
        }
        flat = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
        write_durably(self.folder, self._path(fit).name, save(flat, metadata={"fmn": json.dumps(about)}))

    def forget(self, streams: Sequence[str]) -> None:
        """The fitting is over and its weights are written: the states are not needed any more."""
        for stream in streams:
            (self.folder / f"state-{stream}.safetensors").unlink(missing_ok=True)

    def _path(self, fit: StreamFit) -> Path:
        return self.folder / f"state-{fit.stream}.safetensors"


def write_history(folder: Path, epochs: Mapping[str, Sequence[Epoch]], best: Mapping[str, int]) -> None:
    """Write `history.csv` (one row an epoch and stream) and `curve.png` (accuracy over epochs, the kept one marked)."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for stream, passed in epochs.items():
        for epoch in passed:
            found = [epoch.loss, epoch.accuracy, epoch.validation_loss, epoch.seconds]
            writer.writerow([stream, epoch.number, *("" if value is None else f"{value:.6g}" for value in found)])
    write_durably(folder, "history.csv", text.getvalue().encode())
    write_durably(folder, "curve.png", _curve(epochs, best))


def _curve(epochs: Mapping[str, Sequence[Epoch]], best: Mapping[str, int]) -> bytes:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (upper, lower) = pyplot.subplots(2, 1, figsize=(7, 6), sharex=True, layout="constrained")
    for stream, passed in epochs.items():
        numbers = [epoch.number for epoch in passed]
        upper.plot(numbers[1:], [epoch.loss for epoch in passed[1:]], label=stream)
        (line,) = lower.plot(numbers, [100 * (epoch.accuracy or 0.0) for epoch in passed], label=stream)
        lower.axvline(best[stream], color=line.get_color(), linestyle=":", label=f"kept, {stream}: {best[stream]}")
    upper.set_ylabel("training loss")
    lower.set_ylabel("validation accuracy (%)")
    lower.set_xlabel("epoch (0: a head on the network as it began)")
    upper.legend()
    lower.legend()
    picture = io.BytesIO()
    figure.savefig(picture, dpi=120, format="png")
    pyplot.close(figure)
    return picture.getvalue()


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
