"""Categories left out of the fitting and enrolled afterwards: how much of "learning new categories" the memory can do;
as a table, a CSV file and a curve."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from rich import box
from rich.table import Table

from fmn.cache import FeatureCache
from fmn.errors import InputError
from fmn.retrieval.enrolment import enrol
from fmn.retrieval.protocol import DIRECTIONS, evaluate_cache
from fmn.retrieval.report import write_text
from fmn.retrieval.retriever import Retriever
from fmn.retrieval.store import RUN_FILE, load, read_run
from fmn.retrieval.updating import statistics
from fmn.tables import as_csv

from ..history import picture
from ..memory_run import remember_cache
from ..settings import MemorySettings

STEPS = (0, 1, 2, 5, 10)  # enrolled pairs of each new category
PROTOCOL = (
    "Categories drawn by the seed are left out of the fitting; pairs of theirs, drawn by the seed from the train "
    "split, are then enrolled. Queries and gallery are the test split; the gallery is whole (all categories) for new "
    "and old queries."
)
COLUMNS = ("seed", "categories", "pairs", "queries", "direction", "metric", "k", "value", "sd", "chance")
KEYS = ("direction", "queries", "metric", "k", "pairs")


@dataclass(frozen=True)
class NewCategories:
    """What `new_categories` found.

    `rows`: one a seed, step, group of queries, direction, metric and k, with the keys seed, pairs (enrolled a
    category), queries ("new" or "old" categories), direction, metric, k ("" for mAP), value and chance, rates in
    [0, 1]. `categories`: seed -> the labels left out. `warnings`: sentences that belong with the table.
    """

    rows: list[dict[str, Any]]
    categories: dict[int, list[str]]
    warnings: list[str] = field(default_factory=list)


def new_categories(
    cache: FeatureCache,
    reading: dict[str, Any],
    settings: MemorySettings,
    encoders: dict[str, str],
    held_out: int,
    work: Path,
    *,
    seeds: int = 3,
    ks: Sequence[int] = (1, 10, 25),
    steps: Sequence[int] = STEPS,
    say: Callable[[str], None] = lambda text: None,
) -> NewCategories:
    """Remember without some categories, enrol pairs of them step by step, and evaluate new and old ones at each step.

    Every seed, 0 to `seeds` - 1, draws other categories and other pairs. The pairs of a step contain those of the step
    before. A run that stands finished in `work` is not made again.

    Args:
        cache: with a train and a test split, and labels.
        reading: how the memories are read, fields of `MemoryConfig`. settings: how they are filled.
        encoders: modality -> encoder name.
        held_out: how many categories are left out.
        work: folder of the fitted runs.
        say: is told what is begun.

    Raises:
        InputError: numbers below 1, too few categories with enough pairs in the train split, or a cache whose items
            match by pairs and not by labels.
    """
    if held_out < 1 or seeds < 1:
        raise InputError(
            f"The experiment leaves out at least 1 category in at least 1 seed; got {held_out} and {seeds}."
        )
    categories = _categories(cache, encoders, max(steps))
    if held_out >= len(categories):
        raise InputError(
            f"{held_out} categories cannot be left out: {cache.path} has {len(categories)} labels with {max(steps)} "
            "clips and recordings in the train split and some in the test split, and one must stay to fit on."
        )
    rows: list[dict[str, Any]] = []
    chosen: dict[int, list[str]] = {}
    for seed in range(seeds):
        lots = np.random.default_rng(seed)
        new = sorted(lots.choice(categories, size=held_out, replace=False).tolist())
        chosen[seed] = new
        say(f"Seed {seed}: without {', '.join(new)}.")
        retriever = _remembered(cache, reading, settings, encoders, frozenset(new), work)
        pairs = _train_pairs(cache, encoders, new, max(steps), lots)
        old = sorted({label for modality in encoders for label in cache.labels(modality, encoders[modality])} - {*new})
        for step in steps:
            learnt = retriever
            if step:
                video, audio = (np.concatenate([pairs[m][label][:step] for label in new]) for m in ("video", "audio"))
                learnt, _ = enrol(retriever, video, audio, [label for label in new for _ in range(step)])
            for name, labels in (("new", new), ("old", old)):
                rows += _measured(cache, learnt, encoders, ks, labels, {"seed": seed, "pairs": step, "queries": name})
    return NewCategories(rows, chosen, [*_warnings(cache, encoders)])


def _categories(cache: FeatureCache, encoders: dict[str, str], least: int) -> list[str]:
    """Labels with at least `least` items a modality in the train split and one in the test split, sorted."""
    enough: list[set[str]] = []
    for modality, encoder in encoders.items():
        items = cache.items(modality, encoder)
        if any(item.pair for item in items):
            raise InputError(f"New categories are labels, but the items of {cache.path} match by pairs, one to one.")
        count = Counter((item.label, item.split) for item in items if item.label)
        enough.append({label for label, _ in count if count[label, "train"] >= least and count[label, "test"]})
    return sorted(set.intersection(*enough))


def _remembered(
    cache: FeatureCache,
    reading: dict[str, Any],
    settings: MemorySettings,
    encoders: dict[str, str],
    without: frozenset[str],
    work: Path,
) -> Retriever:
    """Remember, or load what was in the same words on the same vectors: the folder's name is their digest."""
    about: list[Any] = [reading, asdict(settings), sorted(without), cache.protocol.get("seed")]
    for modality, name in encoders.items():
        splits = zip(cache.ids(modality, name), cache.labels(modality, name), cache.splits(modality, name), strict=True)
        about += [cache.fingerprint(modality, name), [list(row) for row in splits], cache.groups(modality, name)]
        about.append(hashlib.sha256(cache.features(modality, name).tobytes()).hexdigest())
    run = work / hashlib.sha256(json.dumps(about).encode()).hexdigest()[:12]
    if not ((run / RUN_FILE).is_file() and read_run(run).get("status") == "finished"):
        remember_cache(cache, run, settings, given=reading, encoders=encoders, device="cpu", without=without)
    return load(run)


def _train_pairs(
    cache: FeatureCache, encoders: dict[str, str], labels: Sequence[str], count: int, lots: np.random.Generator
) -> dict[str, dict[str, Any]]:
    """Modality -> label -> features [count, D] of items of the train split in a random order: row i is pair i."""
    found: dict[str, dict[str, Any]] = {}
    for modality, encoder in encoders.items():
        items, features = cache.items(modality, encoder), cache.features(modality, encoder)
        found[modality] = {}
        for label in labels:
            rows = [row for row, item in enumerate(items) if item.label == label and item.split == "train"]
            found[modality][label] = features[lots.permutation(rows)[:count]]
    return found


def _measured(
    cache: FeatureCache,
    retriever: Retriever,
    encoders: dict[str, str],
    ks: Sequence[int],
    labels: Sequence[str],
    about: dict[str, Any],
) -> list[dict[str, Any]]:
    report = evaluate_cache(
        cache,
        retriever,
        ks,
        video_encoder=encoders["video"],
        audio_encoder=encoders["audio"],
        samples=1,
        asked=frozenset(labels),
    )
    rows = []
    for direction, result in report.directions.items():
        shared = {**about, "direction": direction}
        for metric in ("hit_rate", "recall"):
            for k, value in result[metric].items():
                chance = result[f"{metric}_chance"][k]
                rows.append({**shared, "metric": metric, "k": int(k), "value": value, "chance": chance})
        rows.append({**shared, "metric": "mAP", "k": "", "value": result["mAP"], "chance": result["mAP_chance"]})
    return rows


def _warnings(cache: FeatureCache, encoders: dict[str, str]) -> list[str]:
    found = []
    for modality, name in encoders.items():
        record = cache.encoder(modality, name)
        if "fitted_on" in record.notes or str(record.weights.get("source", "")).startswith("fitted here"):
            found.append(
                f"The {modality} encoder {name} was fitted here on the train split and may have seen the labels that "
                "are left out; the retriever and its memory have not. The numbers of new categories may thereby be too "
                "good."
            )
        found += [record.warning] if record.warning else []
    return found


def summary(found: NewCategories) -> Iterator[dict[str, Any]]:
    """Mean, sd (n - 1, over seeds) and mean chance of every cell, rates in [0, 1]."""
    cells: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in found.rows:
        cells.setdefault(tuple(row[key] for key in KEYS), []).append(row)
    for key, rows in cells.items():
        numbers = statistics([row["value"] for row in rows])
        chance = statistics([row["chance"] for row in rows])["mean"]
        yield dict(zip(KEYS, key, strict=True)) | {"value": numbers["mean"], "sd": numbers["sd"], "chance": chance}


def table(found: NewCategories, direction: str) -> Table:
    """One direction in percent: a row a metric and group of queries, a column a number of enrolled pairs."""
    cells = [row for row in summary(found) if row["direction"] == direction]
    steps = sorted({row["pairs"] for row in cells})
    seeds = len(found.categories)
    title = f"{direction}: % mean ± sd of {seeds} seed{'s' * (seeds != 1)}, by enrolled pairs a category"
    drawn = Table(
        title=title, box=box.SIMPLE, padding=(0, 1, 0, 0), title_justify="left", pad_edge=False, show_edge=False
    )
    drawn.add_column("queries", no_wrap=True)
    for step in steps:
        drawn.add_column(str(step), justify="right", no_wrap=True)
    drawn.add_column("chance", justify="right", no_wrap=True, style="dim")
    for queries in ("new", "old"):
        lines: dict[tuple[str, Any], dict[int, dict[str, Any]]] = {}
        for row in cells:
            if row["queries"] == queries:
                lines.setdefault((row["metric"], row["k"]), {})[row["pairs"]] = row
        for (metric, k), line in lines.items():
            name = f"{queries} {metric.replace('_', ' ')}" + (f" @{k}" if k else "")
            values = [f"{100 * line[step]['value']:.1f}" for step in steps]
            if seeds > 1:
                values = [f"{value}±{100 * line[step]['sd']:.1f}" for value, step in zip(values, steps, strict=True)]
            drawn.add_row(name, *values, f"{100 * line[steps[0]]['chance']:.1f}")
    return drawn


def write_csv(found: NewCategories, path: Path) -> None:
    """Every seed's rows, then those of all seeds (seed "mean") with their sd; rates in [0, 1]. A file is written
    atomically; `categories` are parted by " | ", as labels may hold spaces."""
    rows = [{**row, "categories": " | ".join(found.categories[row["seed"]])} for row in found.rows]
    rows += [{**row, "seed": "mean"} for row in summary(found)]
    write_text(path, as_csv(COLUMNS, rows, newline="\n"))


def draw(found: NewCategories, path: Path, k: int) -> None:
    """Recall at k of new and old categories over the enrolled pairs, one panel a direction, as PNG, atomically."""
    rows = [row for row in summary(found) if row["metric"] == "recall" and row["k"] == k]
    path.parent.mkdir(parents=True, exist_ok=True)
    with picture(path, 1, 2, figsize=(9, 4), sharey=True) as panels:
        for panel, direction in zip(panels, DIRECTIONS, strict=True):
            for queries, style in (("new", "-o"), ("old", "--s")):
                line = sorted(
                    (row for row in rows if row["direction"] == direction and row["queries"] == queries),
                    key=lambda row: int(row["pairs"]),
                )
                steps = [row["pairs"] for row in line]
                values, spread = ([100 * row[name] for row in line] for name in ("value", "sd"))
                panel.errorbar(steps, values, yerr=spread, fmt=style, capsize=3, label=f"{queries} categories")
                if queries == "new":
                    panel.plot(steps, [100 * row["chance"] for row in line], ":", color="grey", label="chance")
            panel.set_title(direction)
            panel.set_xlabel("enrolled pairs a new category")
        panels[0].set_ylabel(f"recall at {k} (%)")
        panels[0].set_ylim(bottom=0)
        panels[0].legend()
