"""What is left of the memory where it has little to go by: few items, wrong labels, odd galleries, pairs.

    python bench/fallbacks.py kitchen-1/cache --out docs/results/fallbacks_kitchen.csv

The train split is thinned or spoilt (the same for every row, five draws), the test split is ranked as it is, or a part
of it. Each row has one setting, nothing is chosen here. mAP and recall, mean of both directions, in [0, 1].
"""

from dataclasses import replace
from pathlib import Path

import click
import numpy as np
import torch

from fmn.cache import FeatureCache
from fmn.retrieval.metrics import evaluate
from fmn.tables import as_csv
from fmn.train.baselines.avlnet import fit_avlnet
from fmn.train.baselines.lda import fit_lda
from fmn.train.baselines.semantic import fit_semantic
from fmn.train.data import Side, load_training_set
from fmn.train.remembering import fit_memory, whole

KS = (1, 10, 25)
SYSTEMS = {
    "FMN": (fit_memory, {}),
    "FMN, gallery indexed": (fit_memory, {}),
    "SM": (fit_semantic, {"strength": 1.0}),
    "Gaussian slots": (fit_lda, {"shrinkage": 0.2, "temperature": 4.0}),
    "AVLnet": (fit_avlnet, {"dropout": 0.7, "common": 512}),
}
torch.set_num_threads(1)


def taken(side, rows):
    rows = np.asarray(rows)
    return Side(side.features[rows], side.codes[rows], [side.ids[row] for row in rows])


def thinned(data, each, random):
    """At most `each[code]` items a category and side."""

    def of(side):
        rows = random.permutation(len(side.ids))
        kept, count = [], {}
        for row in rows:
            code = int(side.codes[row])
            count[code] = count.get(code, 0) + 1
            if count[code] <= each(code):
                kept.append(int(row))
        return taken(side, sorted(kept))

    return replace(data, fit_video=of(data.fit_video), fit_audio=of(data.fit_audio))


def mislabelled(data, share, random):
    """A share of the items of both sides under another category."""

    def of(side):
        codes = side.codes.clone()
        wrong = random.permutation(len(codes))[: round(share * len(codes))]
        moved = random.integers(1, len(data.names), len(wrong))
        codes[wrong] = (codes[wrong] + torch.from_numpy(moved)) % len(data.names)
        return replace(side, codes=codes)

    return replace(data, fit_video=of(data.fit_video), fit_audio=of(data.fit_audio))


def one_to_one(data, random):
    """Each clip with one recording of its label: a category of its own, two items."""
    by_label = {}
    for row in random.permutation(len(data.fit_audio.ids)):
        by_label.setdefault(int(data.fit_audio.codes[row]), []).append(int(row))
    rows = [
        (int(row), by_label[int(data.fit_video.codes[row])].pop())
        for row in random.permutation(len(data.fit_video.ids))
        if by_label.get(int(data.fit_video.codes[row]))
    ]
    codes = torch.arange(len(rows))
    video, audio = taken(data.fit_video, [a for a, _ in rows]), taken(data.fit_audio, [b for _, b in rows])
    return replace(
        data,
        fit_video=replace(video, codes=codes),
        fit_audio=replace(audio, codes=codes),
        names=[f"pair {number}" for number in range(len(rows))],
    )


TRAINS = {
    "all of train": lambda data, random: data,
    "3 items a category": lambda data, random: thinned(data, lambda code: 3, random),
    "1 item a category": lambda data, random: thinned(data, lambda code: 1, random),
    "unbalanced, 1 to 17 items": lambda data, random: thinned(
        data, lambda code: 1 + (code * 7) % 20 * 16 // 19, random
    ),
    "20 % of the labels wrong": lambda data, random: mislabelled(data, 0.2, random),
    "40 % of the labels wrong": lambda data, random: mislabelled(data, 0.4, random),
    "one-to-one pairs": one_to_one,
}


def known(codes, count, random):
    """Rows of `count` categories."""
    chosen = random.choice(np.unique(codes), count, replace=False)
    return np.flatnonzero(np.isin(codes, chosen))


TESTS = {
    "whole": lambda codes, random: np.arange(len(codes)),
    "20 items": lambda codes, random: random.choice(len(codes), 20, replace=False),
    "5 of 20 categories": lambda codes, random: known(codes, 5, random),
}


def without(data, random):
    """Train without five categories, and which of them were left out."""
    lost = set(random.choice(len(data.names), 5, replace=False).tolist())

    def of(side):
        return taken(side, [row for row in range(len(side.ids)) if int(side.codes[row]) not in lost])

    return replace(data, fit_video=of(data.fit_video), fit_audio=of(data.fit_audio)), lost


def measured(model, name, test, rows, asked=None):
    """mAP and recall of both directions; the gallery is `rows` of the modality, the queries are all, or `asked`."""
    found = []
    for query, gallery in (("audio", "video"), ("video", "audio")):
        given = {gallery: test[gallery][0][rows[gallery]], query: test[query][0]}
        codes = {gallery: test[gallery][1][rows[gallery]], query: test[query][1]}
        indexed = ((gallery,),) if name.endswith("indexed") else ()
        score = model.score(given["video"], given["audio"], *indexed).detach().double().numpy()
        table = score.T if query == "audio" else score
        match = codes[query][:, None] == codes[gallery][None, :]
        kept = match.any(1) & (np.isin(codes[query], asked) if asked is not None else True)
        found.append(evaluate(table[kept], match[kept], KS, samples=1))
    return {
        "mAP": np.mean([each["mAP"] for each in found]),
        **{f"recall@{k}": np.mean([each["recall"][str(k)] for each in found]) for k in KS},
    }


@click.command()
@click.argument("cache", type=click.Path(path_type=Path))
@click.option("--draws", default=5, show_default=True)
@click.option("--audio-encoder", default="bilstm", show_default=True)
@click.option("--out", type=click.Path(path_type=Path), required=True)
def main(cache, draws, audio_encoder, out):
    held = FeatureCache(cache)
    encoders = {"video": "i3d", "audio": audio_encoder}
    data = whole(load_training_set(held, encoders, 0.2, torch.device("cpu")))
    coding = {name.removeprefix("label "): code for code, name in enumerate(data.names)}
    test = {}
    for modality, encoder in encoders.items():
        items = held.items(modality, encoder, split="test")
        features = torch.from_numpy(np.array(held.features(modality, encoder, split="test")))
        test[modality] = features, np.array([coding[item.label] for item in items])
    every = {modality: np.arange(len(codes)) for modality, (_, codes) in test.items()}
    lines = []

    def note(what, part, name, draw, numbers):
        lines.append({"train": what, "gallery": part, "system": name, "draw": draw, **numbers})
        click.echo(lines[-1])

    for draw in range(draws):
        for what, change in TRAINS.items():
            if what == "all of train" and draw:
                continue
            random = np.random.default_rng([draw, len(what)])
            spoilt = change(data, random)
            for name, (fit, setting) in SYSTEMS.items():
                note(what, "whole", name, draw, measured(fit(spoilt, seed=0, **setting), name, test, every))
        for part, choose in TESTS.items():
            random = np.random.default_rng([draw, len(part)])
            rows = {modality: choose(codes, random) for modality, (_, codes) in test.items()}
            for name, (fit, setting) in SYSTEMS.items():
                if part != "whole":
                    model = fit(data, seed=0, **setting)
                    note("all of train", part, name, draw, measured(model, name, test, rows))
        less, lost = without(data, np.random.default_rng([draw, 5]))
        for part, asked in (
            ("5 of 20 unknown, asked for the 15 known", sorted(set(range(len(data.names))) - lost)),
            ("5 of 20 unknown, asked for them", sorted(lost)),
        ):
            for name, (fit, setting) in SYSTEMS.items():
                note("15 of 20", part, name, draw, measured(fit(less, seed=0, **setting), name, test, every, asked))
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(as_csv(list(lines[0]), lines, newline="\n"), encoding="utf-8")


if __name__ == "__main__":
    main()
