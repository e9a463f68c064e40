"""Fit two retrievers on one cache, with a memory and without one, and compare them on the test split.

    python examples/train_and_evaluate.py cache/

The runs are left in ./example-runs; a run that is there already is not fitted again.
"""

import sys
from pathlib import Path

from fmn.cache import FeatureCache
from fmn.retrieval import FmnConfig, evaluate_cache, load
from fmn.train import TrainSettings, remember_cache, train


def main(path: Path, out: Path = Path("example-runs"), epochs: int = 100) -> None:
    cache = FeatureCache(path)
    if not (out / "with-memory").exists():
        remember_cache(cache, out / "with-memory")
    if not (out / "without-memory").exists():
        train(cache, out / "without-memory", FmnConfig(beta=0.0), TrainSettings(epochs=epochs))
    for name in ("with-memory", "without-memory"):
        report = evaluate_cache(cache, load(out / name), ks=(1, 10))
        for direction, found in report.directions.items():
            print(
                f"{name:15} {direction:14} hit@1 {found['hit_rate']['1']:.3f}  mAP {found['mAP']:.3f} "
                f"(chance {found['mAP_chance']:.3f}, ceiling {found['mAP_ceiling']:.3f})"
            )


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
