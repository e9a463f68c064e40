"""Fitting one I3D stream on labelled clips: a head on the pooled features first, then the network end to end."""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from fmn.errors import InputError

from ..networks.i3d import InceptionI3d
from ..networks.i3d_fast import inference_dtype
from .classifier import fit_head
from .clips import DecodedClip
from .epochs import Epoch, warm_cosine
from .i3d_settings import FinetuneSettings
from .sources import Source

GRADIENT_NORM = 5.0
MOMENTUM = 0.1  # of the batch norms while fitting; the published 0.01 would lag behind in so few steps


@dataclass(frozen=True)
class FitClips:
    """Who is fitted on and who validates: clips and their classes."""

    fitted: Sequence[DecodedClip]
    classes: Sequence[int]
    validated: Sequence[DecodedClip]
    validated_classes: Sequence[int]
    count: int


class StreamFit:
    """The fitting of one stream, epoch by epoch; `state` and `restore` let it go on in another process."""

    def __init__(
        self,
        network: InceptionI3d,
        stream: str,
        clips: FitClips,
        source: Source,
        how: FinetuneSettings,
        device: str = "cpu",
    ) -> None:
        self.network = network.to(device)
        self.network.dropout.p = how.dropout
        self.stream, self.clips, self.source, self.how, self.device = stream, clips, source, how, device
        kind = torch.device(device)
        self.bf16 = how.precision == "bf16" or (how.precision == "auto" and inference_dtype(kind) == torch.bfloat16)
        self._freeze()
        head = list(network.logits.parameters())
        inside = {id(parameter) for parameter in head}
        trunk = [each for each in network.parameters() if each.requires_grad and id(each) not in inside]
        groups = [{"params": trunk, "scale": 1.0}, {"params": head, "scale": how.head_factor}]
        self.optimiser: torch.optim.Optimizer = (
            torch.optim.AdamW(groups, lr=how.learning_rate, weight_decay=how.weight_decay)
            if how.optimiser == "adamw"
            else torch.optim.SGD(groups, lr=how.learning_rate, momentum=0.9, weight_decay=how.weight_decay)
        )
        self.parameters = [*trunk, *head]
        self.updates = 0
        self.planned = how.epochs
        self.cut = False
        self.epochs: list[Epoch] = []
        self.best: Epoch | None = None
        self.kept: dict[str, Tensor] = {}

    def start(self) -> Epoch:
        """Fit the head on the features of the network as it is: epoch 0, which fitting has to better."""
        began = time.monotonic()
        features = torch.stack([self._pooled(clip) for clip in self.clips.fitted])
        loss = fit_head(self.network.logits, features, torch.tensor(self.clips.classes), self.how.seed)
        return self._close(0, loss, began)

    def run(self, progress: Callable[[Epoch], None]) -> None:
        """Fit until the planned epochs are over, patience is at its end, or the minutes are."""
        spent = sum(epoch.seconds for epoch in self.epochs)
        while len(self.epochs) <= self.planned and not self._weary():
            began = time.monotonic()
            number = len(self.epochs)
            if number:
                loss = self._one_pass(number)
                if not math.isfinite(loss):
                    raise InputError(
                        f"The {self.stream} stream diverged in epoch {number}; give a lower learning rate than "
                        f"{self.how.learning_rate}."
                    )
                epoch = self._close(number, loss, began)
            else:
                epoch = self.start()
            spent += epoch.seconds
            progress(epoch)
            if number:
                # Planned anew after each epoch, so that the learning rate still falls to zero.
                each = sum(one.seconds for one in self.epochs[1:]) / number
                left = 60 * self.how.minutes - spent
                self.planned = min(self.how.epochs, max(number, number + int(left / each)))
                self.cut = self.cut or self.planned < self.how.epochs
        self.network.load_state_dict(self.kept)
        self.network.eval()

    def scores(self) -> Tensor:
        """Log-probabilities [n, classes] of the validation part, the mean over each clip's windows."""
        self.network.eval()
        rows = [self._log_probabilities(clip) for clip in self.clips.validated]
        return torch.stack(rows) if rows else torch.empty(0, self.clips.count)

    def _close(self, number: int, loss: float, began: float) -> Epoch:
        accuracy = validation_loss = None
        if self.clips.validated:
            scores, target = self.scores(), torch.tensor(self.clips.validated_classes)
            accuracy = float((scores.argmax(dim=1) == target).float().mean())
            validation_loss = float(nn.functional.nll_loss(scores, target))
        epoch = Epoch(number, loss, accuracy, validation_loss, time.monotonic() - began)
        self.epochs.append(epoch)
        if self.best is None or epoch.rank >= self.best.rank:
            self.best = epoch
            self.kept = {name: value.detach().clone() for name, value in self.network.state_dict().items()}
        return epoch

    def _weary(self) -> bool:
        return (
            self.best is not None
            and self.best.accuracy is not None
            and len(self.epochs) - 1 - self.best.number >= self.how.patience
        )

    def _one_pass(self, number: int) -> float:
        self._train_mode()
        draw = np.random.default_rng([self.how.seed, self.network.in_channels, number])
        torch.manual_seed(self.how.seed * 100_003 + number)  # dropout
        total = 0.0
        batches = list(self._batches(draw))
        for at, batch in enumerate(batches):
            drawn = [self.source.random(self.clips.fitted[index], draw) for index in batch]
            inputs = torch.stack(drawn).to(self.device).contiguous(memory_format=torch.channels_last_3d)
            target = torch.tensor([self.clips.classes[index] for index in batch], device=self.device)
            with torch.autocast(torch.device(self.device).type, torch.bfloat16, enabled=self.bf16):
                logits = self.network(inputs, self.source.entry)
            loss = cross_entropy(logits.float(), target, label_smoothing=self.how.smoothing)
            (loss / self.how.accumulate).backward()  # type: ignore[no-untyped-call]
            total += float(loss.detach()) * len(batch)
            if (at + 1) % self.how.accumulate == 0 or at + 1 == len(batches):
                self._update(-(-len(batches) // self.how.accumulate))
        return total / sum(map(len, batches))

    def _update(self, an_epoch: int) -> None:
        nn.utils.clip_grad_norm_(self.parameters, GRADIENT_NORM)
        share = warm_cosine(self.updates, self.planned * an_epoch)
        for group in self.optimiser.param_groups:
            group["lr"] = self.how.learning_rate * group["scale"] * share
        self.optimiser.step()
        self.optimiser.zero_grad()
        self.updates += 1

    def _batches(self, draw: np.random.Generator) -> Iterator[list[int]]:
        order = draw.permutation(len(self.clips.fitted)).tolist()
        for start in range(0, len(order), self.how.batch):
            batch = order[start : start + self.how.batch]
            # A batch norm over one clip says too little; the odd one is joined by some that were there already.
            yield batch if len(batch) > 1 else batch + order[: self.how.batch - 1]

    @torch.no_grad()
    def _pooled(self, clip: DecodedClip) -> Tensor:
        self.network.eval()
        rows = [self._of(window, self.network.features) for window in self.source.centre(clip)]
        return torch.cat(rows).mean(dim=0)

    @torch.no_grad()
    def _log_probabilities(self, clip: DecodedClip) -> Tensor:
        rows = [self._of(window, self.network) for window in self.source.centre(clip)]
        return torch.cat(rows).log_softmax(dim=1).mean(dim=0)

    def _of(self, window: Tensor, network: Callable[[Tensor, str], Tensor]) -> Tensor:
        with torch.autocast(torch.device(self.device).type, torch.bfloat16, enabled=self.bf16):
            return network(window[None].to(self.device), self.source.entry).float().cpu()

    def _frozen(self) -> list[nn.Module]:
        names = list(self.network.trunk)
        end = max(names.index(name) if name else 0 for name in (self.how.frozen_until, self.source.entry))
        return [self.network.get_submodule(name) for name in names[:end]]

    def _freeze(self) -> None:
        for module in self._frozen():
            module.requires_grad_(False)

    def _train_mode(self) -> None:
        self.network.train()
        for norm in self.network.modules():
            if isinstance(norm, nn.BatchNorm3d):
                norm.momentum = MOMENTUM
        for module in self._frozen():
            module.eval()


def two_stream_accuracy(scores: Mapping[str, Tensor], classes: Sequence[int]) -> float:
    """Share of clips whose class has the largest sum of both streams' log-probabilities, each [n, classes]."""
    total = torch.stack(list(scores.values())).sum(dim=0)
    return float((total.argmax(dim=1) == torch.tensor(classes)).float().mean())
