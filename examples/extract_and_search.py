"""Extract two folders of media, fit a retriever, and ask it with a recording.

    python examples/extract_and_search.py videos/ audio/ audio/pour/anna.wav

The folders hold one sub-folder a label. The cache and the run are left in ./example.
"""

import sys
from pathlib import Path

from fmn.cache import FeatureCache
from fmn.extract import ExtractSettings, encode_query, extract
from fmn.retrieval import load, rank
from fmn.train import remember_cache


def main(videos: Path, audio: Path, query: Path, out: Path = Path("example")) -> None:
    # An untrained video encoder at small frames: it needs no download. Leave the four out to use published weights.
    settings = ExtractSettings(video_weights="random:0", flow="dis", short_side=40, crop=32, fit_minutes=0.1)
    summary = extract(videos, audio, out / "cache", settings)
    print(f"{sum(summary.extracted.values())} items extracted, {len(summary.failures)} failed")

    cache = FeatureCache(out / "cache")
    if not (out / "run").exists():
        remember_cache(cache, out / "run")
    retriever = load(out / "run")

    encoders = {modality: retriever.encoder(modality) for modality in ("video", "audio")}
    asked = encode_query(query, cache, encoders)
    for hit in rank(retriever, cache, asked.modality, asked.features, k=5):
        print(f"{hit.rank}. S = {hit.score:.3f}  {hit.label}  {hit.path}")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*map(Path, sys.argv[1:]))
