"""The FMN whose memory is made of remembered items: two banks, read in a whitened cosine, that correct a middle branch.

S = S1^alpha * Max, which ranks as eq. 3 with beta = 1 / alpha. Max is the meeting of both modalities over the slots:
the inner product of their softmaxes at the temperature T. With alpha 0 there is no middle branch and nothing is fitted
by descent: what is remembered is all.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any

import torch
from torch import Tensor, nn

from fmn.checked import checked, rule
from fmn.errors import InputError

from .affinity import SHRINKAGE, affinity, lone
from .bank import KERNELS, MemoryVector, memory_vector
from .gallery import fold_of, read_gallery
from .moments import Moments, moments
from .network import FeatureMemoryNetwork, FmnConfig, Standardiser
from .readout import Readout, write
from .scoring import largest_meeting

MOST = 10_000_000
MODALITIES = ("video", "audio")

Size = Annotated[int, rule(lambda size: 1 <= size <= MOST, f"A memory needs {{name}} from 1 to {MOST}, got {{value}}.")]
_SANE = rule(lambda value: 1e-4 <= value <= 1e4, "The memory's {name} lies in [0.0001, 10000], got {value}.")


@checked("The memory")
class MemoryConfig:
    """The shape of a memory of items, and how it is read. Everything here is saved beside the banks.

    `video_items`, `audio_items`: remembered items. `names`: the categories, one slot each; a code is a place in it.
    `enrolled`: how many of them, the last ones, came without training. `kernel`, `width`: of the memory vector
    (`fmn.retrieval.bank.similarities`; the width is the RBF kernel's). `shrinkage`: of the scatter within categories,
    in [0, 1] (`fmn.retrieval.readout.write`). `temperature`: T of the softmax over slots. `exponent`: alpha, of S1; 0
    leaves the middle branch out, else `middle` says its shape (fields of `FmnConfig`). `gallery_weight`, `folds`: how a
    gallery is absorbed (`fmn.retrieval.gallery`).
    """

    video_dim: Size = 2048
    audio_dim: Size = 2048
    video_items: Size = 1
    audio_items: Size = 1
    names: list[str] = field(default_factory=lambda: [""])
    enrolled: int = 0
    kernel: Annotated[
        str, rule(KERNELS.__contains__, f"The memory's kernel is one of {', '.join(KERNELS)}; got {{value!r}}.")
    ] = "linear"
    width: Annotated[float, _SANE] = 0.3
    shrinkage: Annotated[
        float, rule(lambda share: 0 <= share <= 1, "The scatter's shrinkage lies in [0, 1], got {value}.")
    ] = 0.1
    temperature: Annotated[float, _SANE] = 0.12
    exponent: Annotated[
        float, rule(lambda value: 0 <= value <= 10, "The exponent of S1 lies in [0, 10], got {value}.")
    ] = 0.0
    middle: Mapping[str, Any] | None = None
    gallery_weight: Annotated[float, _SANE] = 0.3
    folds: Annotated[
        int, rule(lambda count: 2 <= count <= 100, "A gallery is absorbed in 2 to 100 folds, got {value}.")
    ] = 4

    def __post_init__(self) -> None:
        if not self.names or len(set(self.names)) < len(self.names):
            raise InputError(f"A memory has categories, each named once; got {len(self.names)}, some of them alike.")
        if not 0 <= self.enrolled <= len(self.names):
            raise InputError(f"Of {len(self.names)} categories so many may be enrolled, got {self.enrolled}.")
        if (self.exponent > 0) != (self.middle is not None):
            raise InputError(
                f"An exponent of S1 above 0 wants a middle branch, and 0 none; got {self.exponent} and "
                f"{'none' if self.middle is None else 'one'}."
            )

    @property
    def categories(self) -> int:
        """How many there are, C."""
        return len(self.names)

    def to_json(self) -> dict[str, Any]:
        """The config as JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class Reader:
    """A modality's memory, ready to be met: derived from the banks, in float64."""

    vector: MemoryVector
    known: Moments
    shrinkage: float
    plain: Readout


def readers_of(banks: Mapping[str, Tensor], codes: Mapping[str, Tensor], config: MemoryConfig) -> dict[str, Reader]:
    """Modality -> its memory, of the banks [n, D] and the codes [n] of both.

    A modality whose categories have hardly more than one item each borrows from those that are alike in both modalities
    (`fmn.retrieval.affinity`).
    """
    exact = {modality: bank.double() for modality, bank in banks.items()}
    vectors = {modality: memory_vector(bank, config.kernel, config.width) for modality, bank in exact.items()}
    remembered = {modality: vectors[modality](bank) for modality, bank in exact.items()}
    labels = {modality: nn.functional.one_hot(each, config.categories).double() for modality, each in codes.items()}
    known = {modality: moments(remembered[modality], labels[modality]) for modality in banks}
    means = [(each.sums / each.counts.clamp_min(1)[:, None], each.counts > 0) for each in known.values()]
    found = {}
    for modality, each in known.items():
        borrowed, shrinkage = reading(codes[modality], config)
        if borrowed:
            each = moments(remembered[modality], labels[modality] @ affinity(means, each.counts > 0))
        found[modality] = Reader(vectors[modality], each, shrinkage, write(each, shrinkage))
    return found


def reading(codes: Tensor, config: MemoryConfig) -> tuple[bool, float]:
    """Whether a modality whose items have these codes [n] borrows its scatter, and the shrinkage that it is given."""
    borrowed = lone(nn.functional.one_hot(codes, config.categories))
    return borrowed, max(config.shrinkage, SHRINKAGE) if borrowed else config.shrinkage


class MemoryNetwork(nn.Module):
    """A memory of items over cached vectors: video [N, video_dim] and audio [M, audio_dim], unnormalised as cached.

    Buffers: `video` [n, video_dim] and `audio` [m, audio_dim], the remembered items, standardised and otherwise as they
    were cached; `video_codes` [n] and `audio_codes` [m] int64 in [0, categories), what each shows; `standard_video` and
    `standard_audio`, how a modality is standardised. Axes, slots and metric follow from these and are not stored.
    """

    video: Tensor
    audio: Tensor
    video_codes: Tensor
    audio_codes: Tensor

    def __init__(self, config: MemoryConfig) -> None:
        super().__init__()
        self.config = config
        self.standard_video, self.standard_audio = Standardiser(config.video_dim), Standardiser(config.audio_dim)
        self.register_buffer("video", torch.zeros(config.video_items, config.video_dim))
        self.register_buffer("audio", torch.zeros(config.audio_items, config.audio_dim))
        self.register_buffer("video_codes", torch.zeros(config.video_items, dtype=torch.int64))
        self.register_buffer("audio_codes", torch.zeros(config.audio_items, dtype=torch.int64))
        self.middle = None if config.middle is None else FeatureMemoryNetwork(FmnConfig(**config.middle))
        self._readers: tuple[tuple[int, ...], dict[str, Reader]] = (), {}

    @torch.no_grad()
    def remember(self, video: Tensor, audio: Tensor, video_codes: Tensor, audio_codes: Tensor) -> None:
        """Fill the banks: video [video_items, video_dim] and audio [audio_items, audio_dim] as cached, and their codes.

        The standardisers are fitted on the very same items.
        """
        for modality, features, codes in (("video", video, video_codes), ("audio", audio, audio_codes)):
            standard = self._standard(modality)
            standard.fit(features)
            getattr(self, modality).copy_(standard(features))
            getattr(self, f"{modality}_codes").copy_(codes)

    def check(self) -> None:
        """Raise InputError where the banks hold what is no number, or codes of no category: they may come from disk."""
        for modality in MODALITIES:
            bank, codes = getattr(self, modality), getattr(self, f"{modality}_codes")
            if not bool(torch.isfinite(bank).all()):
                raise InputError(f"The {modality} bank holds values that are not finite. Train the run again.")
            if bool(((codes < 0) | (codes >= self.config.categories)).any()):
                raise InputError(
                    f"The {modality} bank holds items of no category: the memory has {self.config.categories}, "
                    "numbered from 0. Train the run again."
                )

    @torch.no_grad()
    def similarities(self, modality: str, features: Tensor) -> Tensor:
        """M of a modality, [N, categories] float64 in [-1, 1], of features [N, D] as cached. Each row by itself."""
        reader = self.reader(modality)
        return reader.plain.similarities(self.vectors(modality, features))

    @torch.no_grad()
    def gallery_similarities(self, modality: str, features: Tensor) -> Tensor:
        """M [G, categories] of a whole gallery [G, D], as cached, that the memory has absorbed. Order does not matter.

        What is remembered already is read and not absorbed once more (it is told by its content). Raises nothing for a
        gallery of one fold alone: it is then read by what was remembered before.
        """
        reader, config = self.reader(modality), self.config
        folds = fold_of(features, config.folds).masked_fill(self._remembered(modality, features), -1)
        return read_gallery(
            reader.known,
            reader.plain,
            self.vectors(modality, features),
            folds,
            weight=config.gallery_weight,
            temperature=config.temperature,
            shrinkage=reader.shrinkage,
        )

    @torch.no_grad()
    def score(self, video: Tensor, audio: Tensor, indexed: tuple[str, ...] = ()) -> Tensor:
        """S of every pair, [N, M] float64 in [0, 1], of features as they are cached.

        indexed: modalities that are a gallery, given whole, which the memory absorbs first.
        """
        m_video, m_audio = (
            self.gallery_similarities(modality, features)
            if modality in indexed
            else self.similarities(modality, features)
            for modality, features in (("video", video), ("audio", audio))
        )
        return self.from_similarities(m_video, m_audio, self.s1(video, audio))

    @torch.no_grad()
    def s1(self, video: Tensor, audio: Tensor) -> Tensor | None:
        """S1 [N, M] of the middle branch, of features as cached; None where there is none."""
        if self.middle is None:
            return None
        p_video = self.middle.embed_video(self.middle.standardise_video(video))
        p_audio = self.middle.embed_audio(self.middle.standardise_audio(audio))
        return self.middle.all_s1(p_video, p_audio)

    def from_similarities(self, m_video: Tensor, m_audio: Tensor, s1: Tensor | None) -> Tensor:
        """S [N, M] = S1^alpha * Max of M_v [N, C], M_a [M, C] and S1 [N, M] (None: alpha is 0)."""
        largest = largest_meeting(m_video, m_audio, self.config.temperature)
        return largest if s1 is None else largest * s1.to(largest).pow(self.config.exponent)

    def _standard(self, modality: str) -> Standardiser:
        return self.standard_video if modality == "video" else self.standard_audio

    def _remembered(self, modality: str, features: Tensor) -> Tensor:
        """Which rows of features [N, D] as cached lie in the bank: bool [N]."""
        bank, asked = (
            each.cpu().contiguous().numpy() for each in (getattr(self, modality), self._standard(modality)(features))
        )
        known = {row.tobytes() for row in bank}
        return torch.tensor([row.tobytes() in known for row in asked], dtype=torch.bool, device=features.device)

    def vectors(self, modality: str, features: Tensor) -> Tensor:
        """Memory vectors f [N, d], float64, of features [N, D] as cached."""
        return self.reader(modality).vector(self._standard(modality)(features).double())

    def reader(self, modality: str) -> Reader:
        """A modality's memory as it is to be met now."""
        banks = {each: getattr(self, each) for each in MODALITIES}
        codes = {each: getattr(self, f"{each}_codes") for each in MODALITIES}
        # torch counts what is written into a tensor, but not under inference_mode, where nothing is written.
        state = tuple(
            part
            for each in (*banks.values(), *codes.values())
            for part in (id(each), 0 if each.is_inference() else each._version)
        )
        if self._readers[0] != state:
            self._readers = state, readers_of(banks, codes, self.config)
        return self._readers[1][modality]
