"""`extract`: media in, a feature cache out. What fmn-extract calls."""

import functools
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from distributed import Client

from fmn.cache import CacheWriter, EncoderRecord
from fmn.errors import BadItem, InputError
from fmn.item import Item
from fmn.progress import Silence, Watcher
from fmn.workers import Task

from .encoders.door import EncoderKind, Settling
from .encoders.registry import encode_on_worker, encoder_kind
from .encoders.settings import ExtractSettings
from .graph import local_workers, run_items
from .items.manifest import find_items, write_plan
from .items.scan import Scan
from .resume import begun, check_continuation, check_seed, held_items, split_beside
from .summary import Summary
from .weights.provenance import item_keys, named, record_keys, seen_test_items

AUDIO_FIRST = ("audio", "video")  # the quick stage first: its mistakes are seen before the slow one begins


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
    kinds = {
        "video": encoder_kind("video", settings.video_encoder),
        "audio": encoder_kind("audio", settings.audio_encoder),
    }
    for kind in kinds.values():
        kind.asked(settings)  # what cannot be is said before anything is begun
    found = find_items(videos, audio, manifest)
    for notice in found.notices:
        watcher.say(notice)
    summary = Summary(cache=cache, set_aside=list(found.set_aside), ignored=found.ignored)
    with ExitStack() as stack:
        writer = stack.enter_context(CacheWriter(cache))
        held = held_items(cache)
        for kind in kinds.values():
            _refuse_other_features(kind, writer, settings)
        check_seed(writer, settings, held)
        check_continuation(cache, found.items, held)
        items = split_beside(cache, found.items, settings, held)
        # From here on the set is accepted, and what is said of it is written down.
        write_plan(cache, items)
        _describe(writer, found, settings, begun(cache), watcher)
        if absent := len(held.keys() - {(item.modality, item.id) for item in items}):
            watcher.say(f"{absent} items of the cache are not in this set; they stay in the cache as they are.")
        _forget_failures_of_absent_items(writer, items)
        workers = _Workers(settings.workers, stack)
        for modality in AUDIO_FIRST:
            mine = [item for item in items if item.modality == modality]
            kind = kinds[modality]
            record = _settle(kind, writer, mine, settings, workers, watcher)
            # What cannot be opened is said once, not by every worker.
            kind.open(record, cache.resolve(), settings.device)
            _check_seen(kind, record, cache.resolve(), mine, watcher)
            writer.declare(record)
            told = record.notes.get("told")
            summary.warnings += [record.warning] if record.warning else []
            watcher.say(record.warning or f"The {told}.")
            done = writer.done(modality, kind.name)
            todo = [item for item in mine if item.id not in done]
            summary.reused[modality] = len(mine) - len(todo)
            if todo:
                watcher.stage(f"{modality} -> {kind.name}", len(todo))
                _encode(writer, kind, record, todo, settings, workers, watcher, summary)
    summary.seconds = time.monotonic() - began
    return summary


def _describe(writer: CacheWriter, found: Scan, settings: ExtractSettings, goes_on: bool, watcher: Watcher) -> None:
    """Write the protocol's facts; those of a cache that holds items stay, as its items keep their sides."""
    train = writer.protocol().get("train", settings.train) if goes_on else settings.train
    if train != settings.train:
        watcher.say(f"The items of the cache keep their split of --train {train}; new ones are added to it.")
    writer.describe(
        split="given" if all(item.split for item in found.items) else "by label, seeded",
        train=train,
        seed=settings.seed,
        notices=list(found.notices),
    )


def _forget_failures_of_absent_items(writer: CacheWriter, items: Sequence[Item]) -> None:
    """A file that was taken away is no item any more, and counts as a miss no longer."""
    here = {(item.modality, item.id) for item in items}
    for failure in writer.failures():
        if (failure.modality, failure.id) not in here:
            writer.clear_failure(failure.modality, failure.id)


class _Workers:
    """The local workers, started when the first task comes: a rerun that finds everything done needs none."""

    def __init__(self, count: int, stack: ExitStack) -> None:
        self._count = count
        self._stack = stack
        self._client: Client | None = None

    def map(self, task: Task, items: Sequence[Item], chunk: int) -> Iterator[list[tuple[Item, Any]]]:
        if self._client is None:
            self._client = self._stack.enter_context(local_workers(self._count))
        yield from run_items(self._client, task, items, chunk)


def _settle(
    kind: EncoderKind,
    writer: CacheWriter,
    items: Sequence[Item],
    settings: ExtractSettings,
    workers: _Workers,
    watcher: Watcher,
) -> EncoderRecord:
    """The cache's own encoder when it was asked for in the same words, else a freshly settled one."""
    held = writer.record(kind.modality, kind.name)
    if held is not None and held.notes.get("asked", {}) == kind.asked(settings):
        return held
    train = [item for item in items if item.split in ("train", "val")]
    return kind.settle(Settling(writer.path, settings, train, workers.map, watcher))


def _check_seen(kind: EncoderKind, record: EncoderRecord, cache: Path, items: Sequence[Item], watcher: Watcher) -> None:
    """Refuse weights that were fitted on items of this test split; copies of a file on both sides are only named."""
    keys = record_keys(record, cache)
    found = seen_test_items(keys, items)
    copies = set(seen_test_items(item_keys(item for item in items if item.split != "test"), items)) if found else set()
    if found and set(found) <= copies:
        watcher.say(f"{len(found)} {kind.modality} items of the test split are copies of train items: {named(found)}.")
    elif found:
        raise InputError(
            f"An encoder must not be fitted on the test split, but the weights of {kind.name} were fitted on "
            f"{len(found)} of its items ({named(found)}). Fit them with the same folders, --train and --seed, or with "
            "this cache's own split (--manifest CACHE/manifest.csv), or give others."
        )


def _refuse_other_features(kind: EncoderKind, writer: CacheWriter, settings: ExtractSettings) -> None:
    """Before anything is fitted or written: what was asked for otherwise cannot give comparable features.

    Only other weights files may turn out to be the same ones; those are settled, and their checksums decide.
    """
    held, asked = writer.record(kind.modality, kind.name), kind.asked(settings)
    if held is None or not writer.done(kind.modality, kind.name) or held.notes.get("asked", {}) == asked:
        return
    before = held.notes.get("asked", {})
    differing = sorted(key for key in {*before, *asked} if before.get(key) != asked.get(key))
    made_here = str(asked["weights"]) == "fitted" or str(asked["weights"]).startswith("random")
    if made_here or set(differing) - {"weights", "found"}:
        told = "; ".join(f"{key} {before.get(key)!r} / {asked.get(key)!r}" for key in differing)
        raise InputError(
            f"The cache {writer.path} holds {len(writer.done(kind.modality, kind.name))} {kind.modality} features of "
            f"encoder {kind.name} that were made differently (there / now): {told}. Features of one encoder name must "
            "be comparable: use the same settings, or name another --cache."
        )


def _encode(
    writer: CacheWriter,
    kind: EncoderKind,
    record: EncoderRecord,
    items: Sequence[Item],
    settings: ExtractSettings,
    workers: _Workers,
    watcher: Watcher,
    summary: Summary,
) -> None:
    task = functools.partial(encode_on_worker, record=record, cache=writer.path.resolve(), device=settings.device)
    reasons: Counter[str] = Counter()
    for batch in workers.map(task, items, kind.chunk):
        rows = [result for _, result in batch if not isinstance(result, BadItem)]
        writer.add(kind.name, rows)
        for item, result in batch:
            if isinstance(result, BadItem):
                writer.fail(item, str(result))
                summary.failures.append((item.id, item.modality, str(result)))
                reasons[str(result)] += 1
        watcher.step(len(batch), len(batch) - len(rows))
        summary.extracted[kind.modality] += len(rows)
        summary.media_seconds += sum(row.seconds for row in rows)
        summary.repeated += [row.item.id for row in rows if row.repeated]
