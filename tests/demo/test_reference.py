"""The plain reference: features against plain loops, and better than chance on a small set."""

import av
import numpy as np
import pytest

from fmn.demo.kitchen import make_kitchen
from fmn.demo.reference import evaluate_reference, mean_frame, mfcc_statistics
from fmn.errors import InputError


@pytest.fixture(scope="module")
def kitchen(tmp_path_factory):
    return make_kitchen(tmp_path_factory.mktemp("reference") / "kitchen", videos=4, utterances=6, train=0.6)


def test_mean_frame_is_the_average_of_the_frames(kitchen):
    path = sorted(kitchen.path.glob("videos/*/*.mp4"))[0]
    total, count = np.zeros((120, 160, 3)), 0
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            total += frame.to_ndarray(format="rgb24")
            count += 1
    cells = (total / count / 255).reshape(24, 5, 32, 5, 3).mean(axis=(1, 3))
    assert np.allclose(mean_frame(path), cells.reshape(-1), atol=1e-4)


def test_mfcc_statistics_have_26_columns(kitchen):
    paths = sorted(kitchen.path.glob("audio/*/*.wav"))[:2]
    first, second = (mfcc_statistics(path) for path in paths)
    assert first.shape == (26,) and np.isfinite(first).all() and not np.allclose(first, second)


def test_better_than_chance_and_not_at_the_ceiling(kitchen):
    result = evaluate_reference(kitchen.path)
    assert result.chance == pytest.approx(0.05)
    assert result.video_accuracy > 0.2 and result.audio_accuracy > 0.1
    assert 0.05 < result.speech_to_video < 0.9 and 0.05 < result.video_to_speech < 0.9


def test_a_folder_without_a_set_is_named(tmp_path):
    with pytest.raises(InputError, match=r"no manifest\.csv"):
        evaluate_reference(tmp_path)
