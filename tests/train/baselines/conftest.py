"""Small train splits of two separable modalities."""

import pytest
import torch

from fmn.train.data import Side, TrainingSet

DIM = 12


def toy_side(codes, shift, seed):
    """One vector a code: noise and 4 in the column that the code has in this modality."""
    generator = torch.Generator().manual_seed(seed)
    codes = torch.tensor(codes, dtype=torch.int64)
    places = (codes % 5 + shift) % DIM
    features = torch.randn(len(codes), DIM, generator=generator) + 4 * torch.nn.functional.one_hot(places, DIM)
    return Side(features, codes, [f"{shift}/{i}" for i in range(len(codes))])


def toy_set(fit_video, fit_audio, held_video=(), held_audio=()):
    """A train split with the given codes in its four parts."""
    sides = ((fit_video, 0, 0), (fit_audio, 6, 1), (held_video, 0, 2), (held_audio, 6, 3))
    names = [f"label {code}" for code in range(1 + max(map(max, filter(None, map(list, (side[0] for side in sides))))))]
    return TrainingSet(*(toy_side(list(codes), shift, seed) for codes, shift, seed in sides), names=names)


CATEGORIES = [0, 1, 2] * 4
SETS = {
    "three categories, ten a side": toy_set(CATEGORIES[:10], CATEGORIES[2:], [0, 1, 2] * 2, [2, 1, 0] * 2),
    "no validation part": toy_set(CATEGORIES, CATEGORIES),
    "categories missing on one side": toy_set([0, 1, 1, 2, 7], [1, 0, 3, 3, 9, 1], [0, 1, 8], [1, 0]),
    "one-to-one": toy_set(range(12), range(12), range(12, 18), range(12, 18)),
    "one common category": toy_set([4, 4, 4], [4, 4]),
    "a single pair": toy_set([0], [0]),
}


@pytest.fixture(params=SETS)
def train_split(request):
    return SETS[request.param]


@pytest.fixture
def easy():
    """Five categories that both modalities show plainly, 40 items a side, and a validation part."""
    codes = [0, 1, 2, 3, 4] * 8
    return toy_set(codes, codes, codes[:15], codes[:15])


@pytest.fixture
def lopsided():
    """Category 2 is shown and never said, category 3 is said and never shown."""
    return toy_set([0, 1, 2] * 4, [0, 1, 3] * 4)


@pytest.fixture
def many_pairs():
    """One-to-one, and more pairs than semantic matching takes as classes."""
    return toy_set(range(2001), range(2001))
