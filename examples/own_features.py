"""Put features of your own into a cache: what `fmn-train`, `fmn-eval` and `fmn-search` need is only that.

    python examples/own_features.py own-cache/

Here the features are drawn: three labels, of which each has a direction that both modalities share.
"""

import sys
from pathlib import Path

import numpy as np

from fmn.cache import CacheWriter, EncoderRecord, FeatureCache, Row
from fmn.item import Item

DIMS = {"video": 24, "audio": 16}
LABELS = ("circle", "square", "star")


def main(path: Path, each: int = 20) -> None:
    draw = np.random.default_rng(0)
    with CacheWriter(path) as writer:
        for modality, dim in DIMS.items():
            # What made the features; features whose records differ are never compared.
            writer.declare(
                EncoderRecord(modality, "drawn", dim, preprocessing={}, weights={"source": "none", "sha256": {}})
            )
            rows = []
            for k, label in enumerate(LABELS):
                for i in range(each):
                    split = "train" if i < 0.7 * each else "test"
                    item = Item(f"{label}-{i}", modality, f"/nowhere/{label}-{i}", label=label, split=split)
                    rows.append(
                        Row(item, 5 * np.eye(dim)[k] + draw.normal(size=dim), seconds=1.0, windows=1, repeated=0)
                    )
            writer.add("drawn", rows)
    cache = FeatureCache(path)
    print(f"{cache.features('video').shape} videos, {cache.features('audio').shape} recordings. Next: fmn-train {path}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
