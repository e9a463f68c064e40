"""FMN on the demonstration set over seeds: with memory, without (beta = 0), as printed; and the plain reference.

    python bench/demo_seeds.py demo-data --seeds 3 --out docs/results/demo.csv

Every choice (the epoch that is kept, the defaults) was made on the validation part of the train split; the test split
is ranked once a row at the end. The plain reference is semantic matching on frame averages and MFCC statistics.
"""

import tempfile
import time
from pathlib import Path

import click
import torch

from fmn.cache import FeatureCache
from fmn.demo.reference import evaluate_reference
from fmn.retrieval import FmnConfig, load
from fmn.retrieval.protocol import evaluate_cache
from fmn.tables import as_csv
from fmn.train.memory_run import remember_cache
from fmn.train.run import train
from fmn.train.settings import AS_PRINTED, TrainSettings, parted

ROWS = {
    "FMN": None,
    "FMN without memory (beta 0)": {"beta": 0.0},
    "FMN as printed": {**AS_PRINTED, "learning_rate": 1e-3, "dropout": 0.3},
}
KS = (1, 10, 25)
torch.set_num_threads(1)  # as fmn-train does: its steps are small


def row(system, seed, validation, seconds, directions):
    line = {"system": system, "seed": seed, "validation_mAP": validation, "seconds": seconds}
    for name, result in directions.items():
        for metric in ("hit_rate", "recall"):
            line |= {f"{name} {metric}@{k}": round(result[metric][str(k)], 4) for k in KS}
        line[f"{name} mAP"] = round(result["mAP"], 4)
    return line


def fit(cache, run, setting, seed):
    """Leave a run; its validation mAP."""
    if setting is None:
        made = remember_cache(cache, run)
        return made.candidates[made.chosen][1]
    shape, schedule = parted(setting)
    return train(cache, run, FmnConfig(**shape), TrainSettings(seed=seed, **schedule)).fitting.best_map


@click.command()
@click.argument("demo", type=click.Path(path_type=Path))
@click.option("--seeds", default=3, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), required=True)
def main(demo, seeds, out):
    cache = FeatureCache(demo / "cache")
    lines = []
    for system, setting in ROWS.items():
        for seed in range(seeds if setting else 1):  # nothing is left to chance in a memory of items
            with tempfile.TemporaryDirectory() as folder:
                began = time.monotonic()
                validation = fit(cache, Path(folder) / "run", setting, seed)
                seconds = round(time.monotonic() - began, 1)
                report = evaluate_cache(cache, load(Path(folder) / "run"), KS)
            lines.append(row(system, seed, round(validation, 4), seconds, report.directions))
            click.echo(lines[-1])
    plain = evaluate_reference(demo / "kitchen")
    lines.append(
        {
            "system": "plain reference (SM on frame averages and MFCC statistics)",
            "speech->video hit_rate@1": round(plain.speech_to_video, 4),
            "video->speech hit_rate@1": round(plain.video_to_speech, 4),
        }
    )
    click.echo(lines[-1])
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(as_csv(list(lines[0]), lines, newline="\n"), encoding="utf-8")


if __name__ == "__main__":
    main()
