"""A plain reference on the demonstration set: semantic matching over the mean frame and MFCC statistics.

Semantic matching (SM, Rasiwasia et al. 2010): one multinomial logistic regression a modality, fitted on the train part;
the score of a video and an utterance is the inner product of their posteriors. It sees neither motion nor order.
"""

import csv
import wave
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
from python_speech_features import mfcc

from fmn.errors import InputError
from fmn.install import hint


@dataclass(frozen=True)
class Reference:
    """Shares in 0 to 1 on the test part: top-1 accuracy of each classifier, hit rate at 1 both ways, and chance."""

    video_accuracy: float
    audio_accuracy: float
    speech_to_video: float
    video_to_speech: float
    chance: float


def mean_frame(path: Path) -> np.ndarray:
    """The average of all frames at 32 x 24 pixels -> [2304] in 0 to 1."""
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    mean = np.mean(np.stack(frames), axis=0, dtype=np.float32)
    return np.asarray(cv2.resize(mean, (32, 24), interpolation=cv2.INTER_AREA).reshape(-1) / 255.0)


def mfcc_statistics(path: Path) -> np.ndarray:
    """Mean and standard deviation over time of 13 MFCC -> [26]."""
    with wave.open(str(path), "rb") as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16)
        frames = mfcc(samples / 32768.0, samplerate=file.getframerate(), numcep=13, nfft=512)
    return np.concatenate([frames.mean(axis=0), frames.std(axis=0)])


def evaluate_reference(kitchen: Path) -> Reference:
    """Fit on the train part of the set in the folder `kitchen` and measure on its test part.

    InputError: no manifest there, or scikit-learn is not installed.
    """
    manifest = Path(kitchen) / "manifest.csv"
    if not manifest.is_file():
        raise InputError(f"There is no manifest.csv in {kitchen}; make the set first with fmn-demo.")
    with manifest.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    posteriors, labels, accuracy = {}, {}, {}
    for modality, describe in (("video", mean_frame), ("audio", mfcc_statistics)):
        items = [row for row in rows if row["modality"] == modality]
        features = np.stack([describe(Path(kitchen) / row["path"]) for row in items])
        names = np.array([row["label"] for row in items])
        train = np.array([row["split"] == "train" for row in items])
        posteriors[modality], classes = _posteriors(features[train], names[train], features[~train])
        labels[modality] = names[~train]
        accuracy[modality] = float(np.mean(classes[posteriors[modality].argmax(axis=1)] == names[~train]))
    score = posteriors["audio"] @ posteriors["video"].T
    relevant = labels["audio"][:, None] == labels["video"][None, :]
    return Reference(
        video_accuracy=accuracy["video"],
        audio_accuracy=accuracy["audio"],
        speech_to_video=_hit_at_1(score, relevant),
        video_to_speech=_hit_at_1(score.T, relevant.T),
        chance=float(relevant.mean()),
    )


def _posteriors(train: np.ndarray, names: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    try:
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
    except ImportError:
        raise InputError(f"The reference needs scikit-learn, which is not installed: {hint('demo')}") from None
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)).fit(train, names)
    return model.predict_proba(test), model.classes_


def _hit_at_1(score: np.ndarray, relevant: np.ndarray) -> float:
    return float(np.mean(relevant[np.arange(len(score)), score.argmax(axis=1)]))
