"""Recall of FMN on several caches of one set: what another encoder, other weights or another flow are worth.

    python bench/encoders.py random=demo-data/cache fitted=fitted-data/cache --seeds 3 --out docs/results/encoders.csv

Each CACHE is NAME=FOLDER. All have the same test split; nothing is chosen on it.
"""

import tempfile
from pathlib import Path

import click
import torch

from fmn.cache import FeatureCache
from fmn.errors import InputError
from fmn.retrieval import FmnConfig, load
from fmn.retrieval.protocol import evaluate_cache
from fmn.tables import as_csv
from fmn.train.run import train
from fmn.train.settings import TrainSettings

KS = (1, 10, 25)
torch.set_num_threads(1)  # as fmn-train does: its steps are small


@click.command()
@click.argument("caches", nargs=-1, required=True)
@click.option("--seeds", default=3, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), required=True)
def main(caches, seeds, out):
    named = {name: FeatureCache(Path(folder)) for name, _, folder in (each.partition("=") for each in caches)}
    tested = [set(cache.ids("video")[cache.splits("video") == "test"]) for cache in named.values()]
    if any(ids != tested[0] for ids in tested):
        raise InputError("The caches have different test splits, so their recall cannot be compared.")
    lines = []
    for name, cache in named.items():
        for seed in range(seeds):
            with tempfile.TemporaryDirectory() as folder:
                trained = train(cache, Path(folder) / "run", FmnConfig(), TrainSettings(seed=seed))
                report = evaluate_cache(cache, load(Path(folder) / "run"), KS)
            line = {"features": name, "seed": seed, "validation_mAP": round(trained.fitting.best_map, 4)}
            for direction, result in report.directions.items():
                line |= {f"{direction} hit_rate@{k}": round(result["hit_rate"][str(k)], 4) for k in KS}
                line[f"{direction} mAP"] = round(result["mAP"], 4)
            lines.append(line)
            click.echo(line)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(as_csv(list(lines[0]), lines, newline="\n"), encoding="utf-8")


if __name__ == "__main__":
    main()
