"""What the kitchen set lets anybody reach: an oracle that knows every clip's category and hears every word.

    python bench/kitchen_words.py demo-data/kitchen/manifest.csv --out docs/results/kitchen_words.csv

Some utterances say "it" for the subject, and then fit several categories ("cut it with the knife"). The oracle scores a
clip and an utterance by the share of the clip's category in the categories that the words fit. No system can know more
on average, so the numbers are the true ceiling of the set, below the one that counts items alone. Nothing is fitted.
"""

import csv
from pathlib import Path

import click
import numpy as np

from fmn.demo.categories import CATEGORIES
from fmn.demo.sentences import TEMPLATES
from fmn.demo.utterance import sentence
from fmn.retrieval.metrics import evaluate

KS = (1, 10, 25)


def meanings():
    """Sentence of the test part -> the labels that it fits."""
    found = {}
    for category in CATEGORIES:
        for template in TEMPLATES["test"]:
            for phrase in (category.full, category.short):
                found.setdefault(sentence(category, template, phrase), set()).add(category.label)
    return found


@click.command()
@click.argument("manifest", type=click.Path(path_type=Path, exists=True))
@click.option("--out", type=click.Path(path_type=Path), required=True)
def main(manifest, out):
    with manifest.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "test"]
    clips = [row["label"] for row in rows if row["modality"] == "video"]
    spoken = [row for row in rows if row["modality"] == "audio"]
    known = meanings()
    fits = [known[row["text"]] for row in spoken]
    scores = np.array([[(label in labels) / len(labels) for labels in fits] for label in clips])
    match = np.array([[label == row["label"] for row in spoken] for label in clips])
    click.echo(f"{sum(len(labels) > 1 for labels in fits)} of {len(fits)} test utterances fit more than one category.")
    lines = []
    for direction, table, truth in (("speech->video", scores.T, match.T), ("video->speech", scores, match)):
        result = evaluate(table, truth, KS, samples=1)
        for metric in ("hit_rate", "recall"):
            for k in map(str, KS):
                value, ceiling = result[metric][k], result[f"{metric}_ceiling"][k]
                lines.append([direction, metric, k, round(value, 4), round(ceiling, 4), round(value / ceiling, 4)])
        lines.append([direction, "mAP", "", round(result["mAP"], 4), 1.0, round(result["mAP"], 4)])
    with out.open("w", newline="") as file:
        csv.writer(file).writerows([["direction", "metric", "k", "value", "ceiling", "share"], *lines])
    for line in lines:
        click.echo("  ".join(map(str, line)))


if __name__ == "__main__":
    main()
