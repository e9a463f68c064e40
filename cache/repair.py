"""Bring a damaged cache back to a sound state: what was damaged in one place is healed, the rest must be made again."""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from fmn.files import read_whole, write_durably
from fmn.parity import FOLDER, healed, remove_parity, write_healable, write_parity

from .check import Problem, Seen, beside, known_sums, look
from .index import DamagedIndexError, Index, is_sound, load_index, save_index
from .layout import INDEX, MANIFEST, one_writer
from .orphans import sweep
from .shard import shard_bytes

ASIDE = "damaged-"
"""What the name of a file begins with that could not be healed and may be somebody's work: it is kept."""


@dataclass(frozen=True)
class Repair:
    """What a repair did: the problems whose files it took out of the cache, how many items must be extracted again, the
    orphans it swept, and the files that it mended without any loss."""

    removed: list[Problem]
    items: int
    swept: list[str]
    mended: list[str] = field(default_factory=list)


def repair(path: str | Path) -> Repair:
    """Heal what is damaged in one place, mend flags, sweep orphans; a sound cache stays as it is.

    What cannot be healed is taken out: shards are deleted, other files set aside under another name (a manifest that
    was changed in any case). The next fmn-extract makes it again, and nothing else. An index.json that cannot be healed
    cannot be repaired.

    Raises InputError where there is no cache, its index is lost, or another process writes to it.
    """
    folder = Path(path)
    try:
        load_index(folder)  # before the lock: a folder that is no cache gets no lock file either
    except DamagedIndexError:
        with one_writer(folder):
            if not heal(folder, INDEX, is_sound):
                raise
        done = repair(folder)
        return replace(done, mended=[INDEX, *done.mended])
    with one_writer(folder):
        index = load_index(folder)
        seen, mended = _seen(folder, index)
        for entry in seen.flagged:
            write_healable(folder / entry.file, shard_bytes(folder, entry)[0])
        for entry in seen.unhealable:
            write_parity(folder / entry.file)
        lost = _lost_beside(folder, index, mended)
        bad = {problem.file for problem in seen.problems}
        dropped = [entry for entry in index.shards if entry.file in bad]
        kept = tuple(entry for entry in index.shards if entry.file not in bad)
        files = {name: digest for name, digest in index.files.items() if name not in {each.file for each in lost}}
        if seen.problems or files != dict(index.files):
            save_index(folder, replace(index, shards=kept, labels=tuple(sorted(seen.labels)), files=files))
        for entry in dropped:
            _take_out(folder, entry.file, keep=False)
        swept = sweep(folder, load_index(folder))
    removed = [*(each for each in seen.problems if each.file != INDEX), *lost]
    items = sum(entry.items for entry in dropped)
    return Repair(removed, items, swept, [*mended, *(entry.file for entry in seen.flagged)])


def heal(folder: Path, name: str, sound: Callable[[bytes], bool]) -> bool:
    """Put a damaged file back as it was, by its parity (`fmn.parity`). Whether that could be done; raises OSError."""
    found = healed(folder / name, sound)
    if found is None:
        return False
    write_healable(folder / name, found)
    return True


def has_sum(wanted: str) -> Callable[[bytes], bool]:
    """Whether bytes have a sha256, or one that begins so."""
    return lambda data: hashlib.sha256(data).hexdigest().startswith(wanted)


def free_name(path: Path) -> Path:
    """A name beside a path, for what is set aside, that nothing has."""
    names = (path.with_name(f"{ASIDE}{f'{n}-' * (n > 0)}{path.name}") for n in range(10_000))
    return next(name for name in names if not os.path.lexists(name))


def _seen(folder: Path, index: Index) -> tuple[Seen, list[str]]:
    """The shards, healed where that can be done, and the names of those that were."""
    seen = look(folder, index)
    bad = {problem.file for problem in seen.problems}
    mended = [
        entry.file for entry in index.shards if entry.file in bad and heal(folder, entry.file, has_sum(entry.sha256))
    ]
    return (look(folder, index) if mended else seen), mended


def _lost_beside(folder: Path, index: Index, mended: list[str]) -> list[Problem]:
    """Heal the files beside the shards, noting it in `mended`; what is wrong with those that are set aside."""
    sums = known_sums(index)
    lost = []
    for name, said in beside(folder, index).items():
        if name.startswith(f"{FOLDER}/"):
            write_parity(folder / name.removeprefix(f"{FOLDER}/"))
            continue
        before = read_whole(folder / name) if name == MANIFEST and (folder / name).is_file() else None
        if name in sums and heal(folder, name, has_sum(sums[name])):
            mended.append(name)
            if before is not None:  # it may be somebody's work
                write_durably(folder, free_name(folder / name).name, before)
        else:
            lost.append(Problem(name, said))
            _take_out(folder, name, keep=True)
    return lost


def _take_out(folder: Path, name: str, keep: bool) -> None:
    """Delete a file, or keep it under another name, as a folder in its place is in any case."""
    place = folder / name
    remove_parity(place)
    if keep or (place.is_dir() and not place.is_symlink()):
        if place.exists():
            place.rename(free_name(place))
    else:
        place.unlink(missing_ok=True)
