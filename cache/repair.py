"""Bring a damaged cache back to a sound state, at the price of the items in its damaged shards."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from fmn.files import write_durably

from .check import Problem, flagged, shard_problems
from .index import load_index, save_index
from .layout import INDEX, one_writer
from .orphans import sweep
from .shard import read_shard, shard_bytes


@dataclass(frozen=True)
class Repair:
    """What a repair did: the problems it removed, how many items must be extracted again, the orphans it swept, and the
    shards of which it mended the flag alone."""

    removed: list[Problem]
    items: int
    swept: list[str]
    mended: list[str] = field(default_factory=list)


def repair(path: str | Path) -> Repair:
    """Take damaged shards out of the index and delete them, mend flags, sweep orphans; a sound cache stays as it is.

    The items of a damaged shard are extracted again by the next fmn-extract. A damaged index.json cannot be repaired.
    Raises InputError where there is no cache, its index is damaged, or another process writes to it.
    """
    folder = Path(path)
    load_index(folder)  # before the lock: a folder that is no cache gets no lock file either
    with one_writer(folder):
        index = load_index(folder)
        problems = shard_problems(folder, index)
        bad = {problem.file for problem in problems}
        dropped = [entry for entry in index.shards if entry.file in bad]
        kept = tuple(entry for entry in index.shards if entry.file not in bad)
        if problems:
            items = (item for entry in kept for item in read_shard(folder, entry, index.record_of(entry)).items)
            labels = tuple(sorted({item.label for item in items} - {""}))
            save_index(folder, replace(index, shards=kept, labels=labels))
        for entry in dropped:
            (folder / entry.file).unlink(missing_ok=True)
        mended = flagged(folder, load_index(folder))
        for entry in mended:
            write_durably(folder, entry.file, shard_bytes(folder, entry)[0])
        swept = sweep(folder, load_index(folder))
    removed = [each for each in problems if each.file != INDEX]
    return Repair(removed, sum(entry.items for entry in dropped), swept, [entry.file for entry in mended])
