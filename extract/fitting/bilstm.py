"""Fitting the Bi-LSTM on the labels of the train split: no published weights of it exist."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Annotated, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from fmn.checked import checked, rule
from fmn.errors import InputError
from fmn.item import Item

from ..media.mfcc import mfcc
from ..media.waveform import RATE, waveform
from ..networks.bilstm import BiLstm, pad, stacked, untrained
from ..weights.fitted_on import item_keys
from .augment import Augmentation, augment
from .clips import balanced
from .epochs import Epoch, FitReport, warm_cosine
from .train_part import TrainPart, fit_on_recordings

CHUNK = 16  # recordings a task
GRADIENT_NORM = 1.0
RECORDINGS, HEARD = 1500, 9000.0
"""The work where no minutes are given: recordings that are fitted on, and seconds of sound over all passes. On two
cores without bf16 it is a quarter of an hour."""
UNBOUNDED = 100_000.0  # minutes
MOST_UNITS = 8192  # which take 2 GB
LEAST_VARIANTS = 256  # of an epoch: a small set is gone through several times, for else it would have too few steps


Count = Annotated[int, rule(lambda v: v >= 1, "Fitting needs {name} of at least 1, not {value}.")]
Positive = Annotated[float, rule(lambda v: v > 0, "Fitting needs {name} above 0, not {value}.")]


@checked("Fitting")
class FitSettings:
    """How the Bi-LSTM is fitted.

    epochs: passes over the items (a pass makes at least 256 variants). batch: items a step.
    learning_rate: Adam's highest, reached after a tenth of the steps and falling to zero along a half cosine.
    minutes: where the epochs would take longer, fewer are run.
    smoothing: of the labels.
    bf16: run the LSTM in bfloat16 (None: where the processor computes in it).
    units, stack, pooling: of the BiLstm.
    """

    epochs: Count = 10
    batch: Count = 16
    learning_rate: Positive = 1e-3
    weight_decay: Annotated[float, rule(lambda v: v >= 0, "Fitting needs {name} of at least 0, not {value}.")] = 1e-2
    smoothing: Annotated[float, rule(lambda v: 0 <= v < 1, "Fitting needs {name} in [0, 1), not {value}.")] = 0.1
    minutes: Positive = 2.5
    seed: int = 0
    units: Annotated[
        int, rule(lambda v: 1 <= v <= MOST_UNITS, f"A Bi-LSTM has 1 to {MOST_UNITS} {{name}} each way, not {{value}}.")
    ] = 1024
    stack: int = 4
    pooling: str = "mean"
    bf16: bool | None = None
    augmentation: Augmentation = field(default_factory=Augmentation)

    def as_stored(self) -> dict[str, Any]:
        """As the headers of weights files and `finetune.json` spell it since their schema 1."""
        stored = asdict(self)
        return stored | {"lr": stored.pop("learning_rate")}


def mfcc_of(item: Item) -> tuple[np.ndarray, float]:
    """(MFCC [T, 39], seconds) of a recording. Raises BadItem when it cannot be used."""
    sound = waveform(item.path, item.start, item.end, RATE)
    return mfcc(sound), len(sound) / RATE


def fit_on_train(part: TrainPart, how: FitSettings | None = None) -> tuple[BiLstm, str]:
    """Fit a Bi-LSTM on the train split; (network, warning or ""). `how` None: defaults, within the part's minutes.

    Without minutes the work is bounded: at most `RECORDINGS`, an equal number of each label, and as many passes as make
    `HEARD` seconds of sound, from 2 to the default.
    """
    bounded = how is not None or part.minutes is not None
    if how is None:
        how = FitSettings(seed=part.seed) if part.minutes is None else FitSettings(minutes=part.minutes, seed=part.seed)
    chosen = list(part.items) if bounded else balanced(part.items, part.seed)[:RECORDINGS]
    found = part.run("MFCC of the train split", mfcc_of, CHUNK, chosen).good
    if not bounded:
        sound = sum(seconds for _, seconds in found.values())
        how = replace(how, minutes=UNBOUNDED, epochs=min(how.epochs, max(2, int(HEARD / max(sound, 1.0)))))
        if len(chosen) < len(part.items):
            part.watcher.say(f"The Bi-LSTM is fitted on {len(chosen)} of {len(part.items)} recordings.")
    network, report, items = fit_on_recordings(
        part,
        {name: frames for name, (frames, _) in found.items()},
        lambda frames, labels, held, tell: fit_bilstm(frames, labels, held, how, lambda epoch: tell(epoch.accuracy)),
        name="Bi-LSTM",
        epochs=how.epochs,
        limit=f"{how.minutes:g} minutes",
        measure="validation accuracy",
        outcome=lambda report: (
            f", validation accuracy {100 * (report.accuracy or 0):.1f} % (chance {100 / report.classes:.1f} %)"
        ),
    )
    if network.fitted_on:
        network.fitted_on |= {"content": item_keys(items), "warning": report.warning}
    return network, report.warning


def fit_bilstm(
    mfccs: Sequence[np.ndarray],
    labels: Sequence[str],
    held_out: Sequence[bool],
    settings: FitSettings | None = None,
    progress: Callable[[Epoch], None] | None = None,
) -> tuple[BiLstm, FitReport]:
    """Fit a Bi-LSTM on utterances of the train split; the caller passes no others.

    mfccs: each [T_i, 39]. labels: one each ("" = none). held_out: marks the validation part, which chooses the epoch
    and is not fitted on. Where fewer than two labels are there to tell apart, every utterance is its own class, known
    by its variants (Dosovitskiy et al. 2014, exemplar networks); with fewer than two utterances the weights stay
    random. Both with a warning. Deterministic for a seed on one machine unless the report says `cut`.
    Raises InputError when the arguments do not match.
    """
    how = settings or FitSettings()
    if not len(mfccs) == len(labels) == len(held_out):
        raise InputError(
            f"Fitting needs one label and one held-out mark an utterance, not {len(labels)} labels and {len(held_out)} "
            f"marks for {len(mfccs)} utterances."
        )
    began = time.monotonic()
    model = untrained(how.seed, how.units, how.stack, how.pooling)
    task = _task(labels, held_out)
    if task.classes < 2:
        warning = "The Bi-LSTM is untrained: there were fewer than two utterances to fit it on."
        report = FitReport("none", task.classes, 0, 0, 0, 0, None, False, time.monotonic() - began, warning)
        return model, report
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(how.seed)
        fitting = _Fitting(model, mfccs, task, how)
        best = fitting.run(began, progress)
    model.eval().requires_grad_(False)
    model.fitted_on = {
        "method": task.method,
        "classes": task.classes,
        "items": len(task.fitted),
        "held_out": len(task.validated),
        "best_epoch": best.number,
        "accuracy": best.accuracy,
        "epochs": len(fitting.epochs),
        "cut": fitting.cut,
        "settings": how.as_stored() | {"bf16": fitting.bf16},
    }
    report = FitReport(
        task.method,
        task.classes,
        len(task.fitted),
        len(task.validated),
        len(fitting.epochs),
        best.number,
        best.accuracy,
        fitting.cut,
        time.monotonic() - began,
        task.warning,
        task.unused,
    )
    return model, report


@dataclass(frozen=True)
class _Task:
    """Who is fitted on (index -> class), who validates, and what the classes are."""

    method: str
    fitted: dict[int, int]
    validated: dict[int, int]
    classes: int
    unused: int
    warning: str


def _task(labels: Sequence[str], held_out: Sequence[bool]) -> _Task:
    names = sorted({label for label, out in zip(labels, held_out, strict=True) if label and not out})
    if len(names) < 2:
        # No validation: a held-out utterance belongs to none of these classes.
        items = {i: k for k, i in enumerate(i for i, out in enumerate(held_out) if not out)}
        warning = (
            "The Bi-LSTM was fitted without labels (fewer than two are there): it tells single utterances apart, "
            "and those of the same meaning need not come close."
        )
        return _Task("items", items, {}, len(items), 0, warning)
    number = {name: k for k, name in enumerate(names)}
    fitted = {i: number[label] for i, label in enumerate(labels) if label and not held_out[i]}
    validated = {i: number[label] for i, label in enumerate(labels) if held_out[i] and label in number}
    unused = len(labels) - len(fitted) - len(validated)
    return _Task("labels", fitted, validated, len(names), unused, "")


class _Fitting:
    """The state of one fitting."""

    def __init__(self, model: BiLstm, mfccs: Sequence[np.ndarray], task: _Task, how: FitSettings) -> None:
        self.model, self.mfccs, self.task, self.how = model, mfccs, task, how
        self.head = nn.Linear(model.dim, task.classes)
        self.norm = nn.LayerNorm(model.dim)
        self.parameters = [*model.parameters(), *self.norm.parameters(), *self.head.parameters()]
        self.optimiser = torch.optim.AdamW(self.parameters, lr=how.learning_rate, weight_decay=how.weight_decay)
        self.items = list(task.fitted.items()) * -(-LEAST_VARIANTS // len(task.fitted))
        self.planned = how.epochs
        self.cut = False
        self.step = 0
        self.bf16 = _has_bf16() if how.bf16 is None else how.bf16
        self.epochs: list[Epoch] = []

    def run(self, began: float, progress: Callable[[Epoch], None] | None) -> Epoch:
        """All epochs; leaves the best weights in the model and returns their epoch."""
        best: Epoch | None = None
        kept: dict[str, Tensor] = {}
        limit = 60 * self.how.minutes
        while len(self.epochs) < self.planned:
            number = len(self.epochs) + 1
            start = time.monotonic()
            loss = self.one_pass(number)
            if not np.isfinite(loss):
                raise InputError(
                    f"The Bi-LSTM diverged in epoch {number} of its fitting; give a lower learning rate than "
                    f"{self.how.learning_rate}."
                )
            accuracy, validation_loss = self.validate()
            epoch = Epoch(number, loss, accuracy, validation_loss, time.monotonic() - start)
            self.epochs.append(epoch)
            if best is None or epoch.rank >= best.rank:
                best = epoch
                kept = {name: tensor.clone() for name, tensor in self.model.state_dict().items()}
            if progress:
                progress(epoch)
            # Planning anew after each epoch, not stopping at the limit, lets the learning rate still fall to zero.
            possible = int(limit / (time.monotonic() - began) * number)
            self.planned = min(self.how.epochs, max(number, possible))
            self.cut = self.cut or self.planned < self.how.epochs
        self.model.load_state_dict(kept)
        assert best is not None
        return best

    def one_pass(self, number: int) -> float:
        """One epoch over the fitted items, each in a fresh variant; returns the mean loss."""
        self.model.train()
        draw = np.random.default_rng([self.how.seed, number])
        total = 0.0
        for batch in self.batches(draw):
            steps, lengths = pad([variant for variant, _ in batch])
            target = torch.tensor([label for _, label in batch])
            with torch.autocast("cpu", torch.bfloat16, enabled=self.bf16):
                embedding = self.model(steps, lengths)
            loss = cross_entropy(self.head(self.norm(embedding)), target, label_smoothing=self.how.smoothing)
            self.optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(self.parameters, GRADIENT_NORM)
            share = warm_cosine(self.step, self.planned * -(-len(self.items) // self.how.batch))
            for group in self.optimiser.param_groups:
                group["lr"] = self.how.learning_rate * share
            self.optimiser.step()
            self.step += 1
            total += float(loss.detach()) * len(batch)
        return total / len(self.items)

    def batches(self, draw: np.random.Generator) -> Iterator[list[tuple[np.ndarray, int]]]:
        """Variants of all fitted items in random order, items of similar length together, so that little is padding."""
        items = [self.items[k] for k in draw.permutation(len(self.items))]
        size = self.how.batch
        pool: list[list[tuple[np.ndarray, int]]] = []
        for start in range(0, len(items), 8 * size):
            made = [(self.variant(i, draw), label) for i, label in items[start : start + 8 * size]]
            made.sort(key=lambda one: len(one[0]))
            pool.extend(made[k : k + size] for k in range(0, len(made), size))
        yield from (pool[k] for k in draw.permutation(len(pool)))

    def variant(self, index: int, draw: np.random.Generator) -> np.ndarray:
        frames = augment(self.mfccs[index], self.how.augmentation, draw)
        return stacked(frames, self.model.input_dim, self.model.stack)

    def validate(self) -> tuple[float | None, float | None]:
        """Accuracy and mean loss of the classifier on the validation part; None when there is none."""
        if not self.task.validated:
            return None, None
        self.model.eval()
        embedded = torch.from_numpy(self.model.embed([self.mfccs[i] for i in self.task.validated]))
        target = torch.tensor(list(self.task.validated.values()))
        with torch.inference_mode():
            scores = self.head(self.norm(embedded))
            right = (scores.argmax(dim=1) == target).float().mean()
            return float(right), float(cross_entropy(scores, target))


def _has_bf16() -> bool:
    """Whether this processor multiplies bfloat16 natively; elsewhere it would be slower than float32."""
    return bool(getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)())
