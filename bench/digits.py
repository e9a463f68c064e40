"""Spoken digits of unseen speakers: a linear probe on Bi-LSTM vectors, untrained, fitted, and fitted with less.

    python bench/digits.py fsdd/ --seeds 3 --out docs/results/digits.csv

`fsdd/` holds the recordings of the Free Spoken Digit Dataset (`7_theo_12.wav`: digit, speaker, take). The speakers theo
and yweweler are the test part and are never fitted on. The probe is a regularised logistic regression on standardised
vectors, fitted on the other four speakers' 2,000 recordings; so is the Bi-LSTM, all epochs, and nothing is chosen on
the test part.
"""

import csv
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fmn.extract.fitting.augment import Augmentation
from fmn.extract.fitting.bilstm import FitSettings, fit_bilstm
from fmn.extract.media.mfcc import mfcc
from fmn.extract.media.waveform import RATE, waveform
from fmn.extract.networks.bilstm import untrained

UNSEEN = ("theo", "yweweler")
NOTHING = Augmentation(speed=(1.0, 1.0), warp=0.0, noise=0.0, time_masks=0, band_masks=0)
FULL = Augmentation()
ROWS = {
    "fitted, no augmentation": NOTHING,
    "fitted + speed": replace(NOTHING, speed=FULL.speed),
    "fitted + pitch (spectral warp)": replace(NOTHING, warp=FULL.warp),
    "fitted + noise": replace(NOTHING, noise=FULL.noise),
    "fitted + masks": replace(NOTHING, time_masks=FULL.time_masks, band_masks=FULL.band_masks),
    "fitted, all of these (the default)": FULL,
}
torch.set_num_threads(1)


def probe(network, frames, digits, unseen):
    vectors = network.embed(frames)
    classifier = make_pipeline(StandardScaler(), LogisticRegression(C=1e-3, max_iter=1000))
    classifier.fit(vectors[~unseen], digits[~unseen])
    return float(classifier.score(vectors[unseen], digits[unseen]))


@click.command()
@click.argument("fsdd", type=click.Path(path_type=Path))
@click.option("--seeds", default=3, show_default=True, help="Seeds 0 to this, less one.")
@click.option("--epochs", default=6, show_default=True)
@click.option("--row", "chosen", multiple=True, help="Only these rows.")
@click.option("--out", type=click.Path(path_type=Path), required=True)
def main(fsdd, seeds, epochs, chosen, out):
    files = sorted(fsdd.rglob("*_*_*.wav"))
    digits = np.array([path.stem.split("_")[0] for path in files])
    unseen = np.array([path.stem.split("_")[1] in UNSEEN for path in files])
    frames = [mfcc(waveform(path, None, None, RATE)) for path in files]
    seen = np.flatnonzero(~unseen)
    plan = FitSettings(epochs=epochs, minutes=1e4)
    for seed in range(seeds):
        if not chosen:
            network = untrained(seed, plan.units, plan.stack, plan.pooling)
            write(out, "untrained", seed, probe(network, frames, digits, unseen), len(seen), int(unseen.sum()))
        for row, augmentation in ROWS.items():
            if chosen and row not in chosen:
                continue
            network, _ = fit_bilstm(
                [frames[k] for k in seen],
                digits[seen].tolist(),
                [False] * len(seen),
                replace(plan, seed=seed, augmentation=augmentation),
            )
            write(out, row, seed, probe(network, frames, digits, unseen), len(seen), int(unseen.sum()))


def write(out, row, seed, right, fitted, tested):
    out.parent.mkdir(parents=True, exist_ok=True)
    begun = out.is_file()
    with out.open("a", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        if not begun:
            writer.writerow(["features", "seed", "right", "fitted_on", "tested_on"])
        writer.writerow([row, seed, round(right, 4), fitted, tested])
    click.echo(f"{row}, seed {seed}: {100 * right:.1f} %")


if __name__ == "__main__":
    main()
