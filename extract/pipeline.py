"""`extract`: media in, a feature cache out. What fmn-extract calls."""

import functools
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fmn.cache import CacheWriter, EncoderRecord
from fmn.errors import BadItem, InputError
from fmn.item import Item
from fmn.progress import Silence, Watcher
from fmn.stopping import Stop, stopping

from .encoders.door import EncoderEntry
from .encoders.registry import encode_on_worker, encoder_entry
from .encoders.settings import ExtractSettings
from .fitting.train_part import Map, TrainPart
from .graph import mapper
from .items.manifest import check_place, find_items, write_plan
from .resume import (
    begun,
    check_continuation,
    check_features,
    check_seed,
    describe,
    forget_failures_of_absent_items,
    held_items,
    lacks_weights,
    split_beside,
)
from .weights.fitted_on import item_keys, named, record_keys, seen_test_items

AUDIO_FIRST = ("audio", "video")  # the quick stage first: its mistakes are seen before the slow one begins


@dataclass
class Summary:
    """Counts of one extraction. `media_seconds`: duration of the media that was read; `seconds`: time it took.

    `set_aside`: files of a known type that are no items (no partner, doubled names ...); `ignored`: other files.
    `failures`: (id, modality, reason). `repeated`: ids of clips shorter than a window, whose frames were repeated.
    """

    cache: Path
    set_aside: list[str] = field(default_factory=list)
    ignored: int = 0
    warnings: list[str] = field(default_factory=list)
    extracted: Counter[str] = field(default_factory=Counter)
    reused: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[str, str, str]] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)
    media_seconds: float = 0.0
    seconds: float = 0.0

    def cache_bytes(self) -> int:
        """Size of the cache's shards and fitted weights on disk."""
        return sum(path.stat().st_size for pattern in ("*.h5", "*.safetensors") for path in self.cache.glob(pattern))


def extract(
    videos: Path | None,
    audio: Path | None,
    cache: Path,
    settings: ExtractSettings,
    *,
    manifest: Path | None = None,
    watcher: Watcher | None = None,
) -> Summary:
    """Extract the features of every item that the cache does not hold yet.

    Args:
        videos: folder of clips; None with a manifest.
        audio: folder of recordings; None takes the manifest's, or the clips' own sound tracks.
        cache: folder of the cache, made when missing, continued when there.
        settings: encoders, weights, sizes, split and workers.
        manifest: CSV in place of the folders.
        watcher: is told about the progress.

    Returns:
        What was done and what failed. Failed items stand in the cache's failure list and are tried again next time.

    Raises:
        InputError: nothing to extract, no audio for any video, an unknown encoder, unusable weights, or a cache whose
            features were made differently.
    """
    began = time.monotonic()
    watcher = watcher or Silence()
    entries = {
        "video": encoder_entry("video", settings.video_encoder),
        "audio": encoder_entry("audio", settings.audio_encoder),
    }
    asked = {modality: entry.asked(settings) for modality, entry in entries.items()}  # before anything is begun
    found = find_items(videos, audio, manifest)
    for notice in found.notices:
        watcher.say(notice)
    check_place(cache)
    summary = Summary(cache=cache, set_aside=list(found.set_aside), ignored=found.ignored)
    how = (settings.workers, settings.limits, settings.scheduler, cache, watcher)
    with CacheWriter(cache) as writer, mapper(*how) as run:
        held = held_items(cache)
        for modality, entry in entries.items():
            check_features(writer, modality, entry.name, asked[modality])
        check_seed(writer, settings, held)
        check_continuation(cache, found.items, held)
        items = split_beside(cache, found.items, settings, held)
        # From here on the set is accepted, and what is said of it is written down.
        describe(writer, found, settings, begun(cache), watcher)
        write_plan(writer, items)
        if absent := len(held.keys() - {(item.modality, item.id) for item in items}):
            watcher.say(f"{absent} items of the cache are not in this set; they stay in the cache as they are.")
        forget_failures_of_absent_items(writer, items)
        for modality in AUDIO_FIRST:
            mine = [item for item in items if item.modality == modality]
            entry = entries[modality]
            record = writer.record(modality, entry.name)
            lost = record is not None and lacks_weights(record, writer.path)
            if record is None or lost or record.notes.get("asked", {}) != asked[modality]:
                train = [item for item in mine if item.split in ("train", "val")]
                part = TrainPart(writer.path, train, run, watcher, settings.seed, settings.fit_minutes, settings.device)
                settled = entry.settle(settings, part)
                if record is None or not lost or record.fingerprint != settled.fingerprint:
                    record = settled
            # What cannot be opened is said once, not by every worker.
            entry.open(record, cache.resolve(), settings.device)
            _check_seen(record, cache.resolve(), mine, watcher)
            writer.declare(record)
            told = record.notes.get("told")
            summary.warnings += [record.warning] if record.warning else []
            watcher.say(record.warning or f"The {told}.")
            done = writer.done(modality, entry.name)
            todo = [item for item in mine if item.id not in done]
            summary.reused[modality] = len(mine) - len(todo)
            if todo:
                watcher.stage(f"{modality} -> {entry.name}", len(todo))
                with stopping(watcher.say) as stop:
                    _encode(writer, entry, record, todo, settings.device, run, watcher, summary, stop)
    summary.seconds = time.monotonic() - began
    return summary


def _check_seen(record: EncoderRecord, cache: Path, items: Sequence[Item], watcher: Watcher) -> None:
    """Refuse weights that were fitted on items of this test split; copies of a file on both sides are only named."""
    keys = record_keys(record, cache)
    found = seen_test_items(keys, items)
    copies = set(seen_test_items(item_keys(item for item in items if item.split != "test"), items)) if found else set()
    if found and set(found) <= copies:
        watcher.say(
            f"{len(found)} {record.modality} items of the test split are copies of train items: {named(found)}."
        )
    elif found:
        raise InputError(
            f"An encoder must not be fitted on the test split, but the weights of {record.name} were fitted on "
            f"{len(found)} of its items ({named(found)}). Fit them with the same folders, --train and --seed, or with "
            "this cache's own split (--manifest CACHE/manifest.csv), or give others."
        )


def _encode(
    writer: CacheWriter,
    entry: EncoderEntry,
    record: EncoderRecord,
    items: Sequence[Item],
    device: str,
    run: Map,
    watcher: Watcher,
    summary: Summary,
    stop: Stop,
) -> None:
    task = functools.partial(encode_on_worker, record=record, cache=writer.path.resolve(), device=device)
    for batch in run(task, items, entry.chunk, stop):
        rows = [result for _, result in batch if not isinstance(result, BadItem)]
        writer.add(entry.name, rows)
        for item, result in batch:
            if isinstance(result, BadItem):
                writer.fail(item, str(result))
                summary.failures.append((item.id, item.modality, str(result)))
        watcher.step(len(batch), len(batch) - len(rows))
        summary.extracted[entry.modality] += len(rows)
        summary.media_seconds += sum(row.seconds for row in rows)
        summary.repeated += [row.item.id for row in rows if row.repeated]
