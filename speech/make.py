"""A plan -> recordings and a manifest, by several processes; what is finished is kept by the next run."""

import csv
import json
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from pathlib import Path
from signal import SIG_IGN, SIGINT, signal

from filelock import FileLock, Timeout

from fmn.errors import InputError

from .acoustics import in_a_room, seconds, write_flac, write_wav
from .draws import generator
from .espeak import speak
from .plan import DRAWING, Failure, Plan, Utterance

COLUMNS = ("id", "modality", "path", "label", "split", "pair", "group", "start", "end", "text")
VOICE_COLUMNS = ("voice", "rate", "pitch")
STAMP, MANIFEST = "speak.json", "manifest.csv"
_LOCK = ".speak.lock"
_CHUNK = 10  # utterances a task: long enough to hide the cost of a task, short enough for a smooth progress bar

Stamp = dict[str, str | int | float]
Progress = Callable[[int, int, int], None]
"""Called with (finished now, to do in this run, of the finished ones those that failed)."""


@dataclass(frozen=True)
class Spoken:
    """What is there now. utterances: those that stand in the manifest. made: files written now; kept: files that were
    there already. failures: the plan's `unspoken` and sentences that espeak-ng cannot speak."""

    folder: Path
    manifest: Path
    utterances: list[Utterance]
    made: int
    kept: int
    failures: list[Failure]

    def minutes(self, split: str | None = None) -> float:
        """Minutes of speech, of one split or of all."""
        found = [each for each in self.utterances if split in (None, each.split)]
        return sum(seconds(self.folder / each.place) for each in found) / 60


def make_speech(plan: Plan, out: Path, workers: int = 2, progress: Progress | None = None) -> Spoken:
    """Speak a plan into the folder `out`: 16 kHz mono files and `manifest.csv` for `fmn-extract --manifest`.

    The manifest lists the plan's clips, with paths that are right from `out`, and the recordings (group = speaker).
    A rerun with the same plan keeps finished files; one that was killed leaves no half file under a final name.
    Several processes are spawned: a script must then call this under `if __name__ == "__main__":`.

    workers: processes, from 1 (this one) to 1024.
    InputError: workers out of range; espeakng-loader missing; `out` holds something else or another plan, or another
    process is at it; nothing at all could be spoken.
    """
    if not 1 <= workers <= 1024:
        raise InputError(f"From 1 to 1024 workers speak, but workers is {workers}.")
    speak("ready", "en-us")  # says at once, not in a worker, that the speech package is missing
    out = Path(out)
    stamp = _stamp(plan)
    _check_folder(out, stamp)
    out.mkdir(parents=True, exist_ok=True)
    with _alone(out):
        _write(out / STAMP, json.dumps(stamp, indent=1))
        for folder in {(out / each.place).parent for each in plan.utterances}:
            folder.mkdir(parents=True, exist_ok=True)
            for left in folder.glob(".*.tmp"):  # by a run that was killed
                left.unlink(missing_ok=True)
        todo = [each for each in plan.utterances if not (out / each.place).is_file()]
        failed = _speak_all(out, todo, progress, workers)
        spoken = [each for each in plan.utterances if each.place not in failed]
        if not spoken:
            reason = next(iter([*failed.values(), *(why for _, why in plan.unspoken)]), "the plan is empty")
            raise InputError(f"Nothing could be spoken: {reason}")
        manifest = _write_manifest(plan, out, spoken)
    failures = [*plan.unspoken, *failed.items()]
    made = len(todo) - len(failed)
    return Spoken(out, manifest, spoken, made, len(spoken) - made, failures)


def _stamp(plan: Plan) -> Stamp:
    settings = plan.settings
    count = {"per clip": settings.per_clip} if settings.per_clip else {"per label": settings.per_label}
    shape: Stamp = {"train": settings.train, "seed": settings.seed, "format": settings.format}
    try:
        espeak = version("espeakng-loader")
    except PackageNotFoundError:
        espeak = "unknown"
    return {"drawing": DRAWING, **count, **shape, "espeakng-loader": espeak, "utterances": plan.digest()}


def _check_folder(out: Path, stamp: Stamp) -> None:
    """See that the folder is new, empty, or holds the same plan."""
    if out.exists() and not out.is_dir():
        raise InputError(f"The recordings need a folder, but {out} is a file; give another path.")
    file = out / STAMP
    if file.is_file():
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            found = None
        if found != stamp:
            raise InputError(f"{out} holds recordings of another plan ({_difference(found, stamp)}). Name a new --out.")
    elif out.is_dir() and any(each.name != _LOCK for each in out.iterdir()):
        raise InputError(f"The folder {out} is not empty and has no {STAMP} of an earlier run; name a new --out.")


def _difference(found: object, stamp: Stamp) -> str:
    if not isinstance(found, dict):
        return f"its {STAMP} cannot be read"
    different = [name for name in stamp if found.get(name) != stamp[name] and name != "utterances"]
    said = [f"{name}: {found.get(name, 'nothing')} there, {stamp[name]} now" for name in different]
    return "; ".join(said) or "the labels, texts or clips of the manifest were others"


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """One run a folder at a time; the system frees the lock when the process ends, however that ends."""
    lock = FileLock(out / _LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise InputError(
            f"Another fmn-speak is writing into {out}. Wait until it ends, or name another --out."
        ) from None
    try:
        yield
    finally:
        lock.release()


def _speak_all(out: Path, todo: Sequence[Utterance], progress: Progress | None, workers: int) -> dict[str, str]:
    """Make the files; place -> reason of those that could not be made."""
    failed: dict[str, str] = {}
    if progress:
        progress(0, len(todo), 0)
    if not todo:
        return failed
    done = 0
    for count, bad in _finished(out, todo, workers):
        failed |= bad
        done += count
        if progress:
            progress(done, len(todo), len(failed))
    return {each.place: failed[each.place] for each in todo if each.place in failed}


def _finished(out: Path, todo: Sequence[Utterance], workers: int) -> Iterator[tuple[int, dict[str, str]]]:
    """(utterances, failures among them) as they are done; one worker is this process itself."""
    chunks = [todo[start : start + _CHUNK] for start in range(0, len(todo), _CHUNK)]
    if workers == 1:
        for chunk in chunks:
            yield len(chunk), _speak_some(out, chunk)
        return
    # Spawned, not forked: the caller may run threads (a progress bar) that a fork would leave half alive.
    pool = ProcessPoolExecutor(min(workers, len(chunks)), mp_context=get_context("spawn"), initializer=_start_worker)
    try:
        futures = {pool.submit(_speak_some, out, chunk): len(chunk) for chunk in chunks}
        for future in as_completed(futures):
            yield futures[future], future.result()
    except BrokenProcessPool:
        raise InputError(
            "A worker process died (killed, or out of memory). Run the same command again, with fewer --workers if it "
            "happens again: what is finished is kept."
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


def _start_worker() -> None:
    signal(SIGINT, SIG_IGN)  # Ctrl-C reaches every process: the parent alone says so
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A killed parent takes its workers along, which would wait for it for ever."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _speak_some(out: Path, utterances: Sequence[Utterance]) -> dict[str, str]:
    failed = {}
    for each in utterances:
        try:
            samples, rate = speak(each.text, each.voice, each.rate, each.pitch, each.pitch_range)
        except InputError as error:
            failed[each.place] = str(error)
            continue
        heard = in_a_room(samples, rate, generator(*each.key))
        target = out / each.place
        temporary = target.with_name(f".{os.getpid()}.tmp")
        (write_flac if target.suffix == ".flac" else write_wav)(temporary, heard)
        os.replace(temporary, target)
    return failed


def _write_manifest(plan: Plan, out: Path, spoken: Sequence[Utterance]) -> Path:
    """The clips as they were given, but for id, path, split and pair; then the recordings."""
    columns = [*COLUMNS, *(name for name in (*plan.columns, *VOICE_COLUMNS) if name not in COLUMNS)]
    rows = [{**clip.values, "id": clip.id, "path": _from(out, clip.values["path"])} for clip in plan.clips]
    for each in spoken:
        row = {"id": each.place, "modality": "audio", "path": each.place, "label": each.label, "split": each.split}
        row |= {"pair": each.pair, "group": each.voice, "text": each.text}
        rows.append(row | {"voice": each.voice, "rate": str(each.rate), "pitch": str(each.pitch)})
    temporary = out / f".{MANIFEST}.tmp"
    with temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(columns)))
        writer.writeheader()
        writer.writerows(rows)
    os.replace(temporary, out / MANIFEST)
    return out / MANIFEST


def _from(out: Path, path: str) -> str:
    """A clip's path as the new manifest names it."""
    try:
        return Path(os.path.relpath(path, os.path.abspath(out))).as_posix()
    except ValueError:  # on another drive
        return path


def _write(file: Path, content: str) -> None:
    temporary = file.with_name(f".{file.name}.tmp")
    temporary.write_text(content, encoding="utf-8")
    os.replace(temporary, file)
