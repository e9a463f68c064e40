"""A cache of drawn vectors: categories as clusters, in a train and a test split."""

import numpy as np
import pytest

from fmn.cache import CacheWriter, EncoderRecord, FeatureCache, Row
from fmn.item import Item

DIMS = {"video": 24, "audio": 18}


def _clusters(path, categories=6, videos=10, sounds=12, tests=4, noise=0.8, same_clips=False, seed=0):
    """`videos` and `sounds` train items a category and `tests` test items of both. same_clips: a test clip is a train
    clip under another name."""
    random = np.random.default_rng(seed)
    with CacheWriter(path) as writer:
        for modality, encoder, count in (("video", "i3d", videos), ("audio", "bilstm", sounds)):
            centres = random.normal(size=(categories, DIMS[modality]))
            writer.declare(EncoderRecord(modality, encoder, DIMS[modality], {}, {"source": "drawn", "sha256": {}}))
            rows = []
            for category in range(categories):
                for index in range(count + tests):
                    part = "train" if index < count else "test"
                    vector = centres[category] + noise * random.normal(size=DIMS[modality])
                    if same_clips and modality == "video" and part == "test":
                        vector = rows[-1].features.astype(float)
                    name = f"category {category}"
                    item = Item(f"{name}/{index}", modality, f"/{name}/{index}", label=name, split=part)
                    rows.append(Row(item, vector.astype(np.float32), 1.0, 1, 0))
            writer.add(encoder, rows)
    return FeatureCache(path)


@pytest.fixture(scope="session")
def clusters():
    """clusters(path, ...) writes such a cache and gives it back."""
    return _clusters
