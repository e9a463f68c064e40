"""All matched pairs of two sides as few rows: the same means and covariances as every video with every utterance."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fmn.errors import InputError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class PairRows:
    """Rows whose sums of products are those of all matched pairs, centred on the pairs' means.

    Let a code c have n_c videos and m_c utterances, which make n_c m_c pairs (x, y). Summed over those, with a bar for
    the mean of a code,

        sum x x^T = n m xbar xbar^T + m sum_i (x_i - xbar)(x_i - xbar)^T,      the same for y with n and m exchanged,
        sum x y^T = n m xbar ybar^T.

    So one shared row sqrt(n m) (xbar, ybar) a code, a row sqrt(m) (x_i - xbar, 0) a video and a row sqrt(n)
    (0, y_j - ybar) an utterance say exactly what all pairs say: thousands of rows where the pairs are millions.

    `shared_video` [C, p] and `shared_audio` [C, q], C codes that both sides have; `own_video` [n, p] and `own_audio`
    [m, q], without the items that are alone in their code (their row would be 0); `video_mean` [p] and `audio_mean`
    [q] over the pairs; `pairs`, how many there are.
    """

    shared_video: Floats
    shared_audio: Floats
    own_video: Floats
    own_audio: Floats
    video_mean: Floats
    audio_mean: Floats
    pairs: int

    def stacked(self) -> tuple[Floats, Floats]:
        """All rows of both sides, [R, p] and [R, q], the other side's own rows being 0."""
        blank_video = np.zeros((len(self.own_audio), self.own_video.shape[1]))
        blank_audio = np.zeros((len(self.own_video), self.own_audio.shape[1]))
        video = np.concatenate([self.shared_video, self.own_video, blank_video])
        audio = np.concatenate([self.shared_audio, blank_audio, self.own_audio])
        return video, audio


def common_codes(video_codes: NDArray[Any], audio_codes: NDArray[Any]) -> NDArray[Any]:
    """The codes that both sides have, sorted. InputError where they are fewer than two."""
    codes = np.intersect1d(video_codes, audio_codes)
    if len(codes) < 2:
        raise InputError(
            f"Correlation needs at least two labels or pairs that both sides have; the part to fit on has {len(codes)}."
            " Extract more items, or hold fewer out."
        )
    return codes


def pair_rows(video: Floats, audio: Floats, video_codes: NDArray[Any], audio_codes: NDArray[Any]) -> PairRows:
    """The rows of video [n, p] with codes [n] and audio [m, q] with codes [m]; equal codes belong together.

    Raises:
        InputError: fewer than two codes on both sides, or a side whose matched vectors are all the same.
    """
    codes = common_codes(video_codes, audio_codes)
    count, means, own = {}, {}, {}
    for side, features, of in (("video", video, video_codes), ("audio", audio, audio_codes)):
        kept = np.isin(of, codes)
        place = np.searchsorted(codes, of[kept])
        count[side] = np.bincount(place, minlength=len(codes)).astype(np.float64)
        sums = np.zeros((len(codes), features.shape[1]))
        np.add.at(sums, place, features[kept])
        means[side] = sums / count[side][:, None]
        some = count[side][place] > 1
        own[side] = (features[kept] - means[side][place])[some], place[some]
        if not np.ptp(features[kept], axis=0).any():
            raise InputError(
                f"Correlation needs {side} vectors that differ; all {int(kept.sum())} that have a match are the same. "
                "Look at the cache with `fmn-cache inspect`."
            )
    weight = count["video"] * count["audio"]
    centre = {side: weight @ means[side] / weight.sum() for side in means}
    root = np.sqrt(weight)[:, None]

    def own_rows(side: str, other: str) -> Floats:
        deviations, place = own[side]
        return np.asarray(np.sqrt(count[other][place])[:, None] * deviations)

    return PairRows(
        shared_video=root * (means["video"] - centre["video"]),
        shared_audio=root * (means["audio"] - centre["audio"]),
        own_video=own_rows("video", "audio"),
        own_audio=own_rows("audio", "video"),
        video_mean=centre["video"],
        audio_mean=centre["audio"],
        pairs=int(weight.sum()),
    )
