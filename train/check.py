"""Is a run sound? What can be healed is, and what cannot is set aside, so that the same command makes it again."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from fmn.cache.check import PARITY, Problem
from fmn.cache.repair import Repair, free_name, has_sum, heal
from fmn.errors import InputError
from fmn.files import alone, read_whole
from fmn.parity import FOLDER, fits, write_parity
from fmn.retrieval.store import BEST_FILE, ENROLLED_FILE, LOCK_FILE, RUN_FILE, load, write_json
from fmn.sealed import opened, read_sealed
from fmn.tensors import is_sealed

from .checkpoint import LAST_FILE
from .history import CURVE_FILE, HISTORY_FILE

Sound = Callable[[bytes], bool | None]
"""Whether bytes are as they were written; None: they were written before files had checksums, and nobody knows."""


@dataclass(frozen=True)
class Checked:
    """`problems`: of the files of a folder. `unchecked`: those that were written before they had checksums, so that
    only their form could be looked at."""

    problems: list[Problem] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)


def verify_run(run: Path) -> Checked:
    """Check every file of a run by its checksum, and that it can be loaded. Changes nothing."""
    found = check_files(run, run_files(run))
    if not found.problems and (run / BEST_FILE).exists():
        try:
            load(run)
        except InputError as error:
            found.problems.append(Problem(BEST_FILE, str(error)))
    return found


def repair_run(run: Path) -> Repair:
    """Heal the files of a run that are damaged in one place. A checkpoint, history or picture that cannot be healed is
    set aside; a run that is lost without a file is set aside as a whole, for the same command to make it again.

    Raises InputError where a training is at work on it.
    """
    with alone(run, LOCK_FILE, f"An fmn-train is at work on {run}. Wait for it, then repair."):
        mended, lost = mend(run, run_files)
        gone = {each.file for each in lost}
        if gone & {RUN_FILE, BEST_FILE, ENROLLED_FILE}:
            aside = free_name(run.resolve())
            run.resolve().rename(aside)
            lost = [Problem(each.file, f"{each.what} The run is kept as {aside}.") for each in lost]
            return Repair(lost, 0, [], mended)
        for name in gone:
            if (run / name).exists():
                (run / name).rename(free_name(run / name))
        facts, _ = read_sealed(run / RUN_FILE)
        if gone & facts.get("files", {}).keys():
            write_json(run / RUN_FILE, {**facts, "files": {k: v for k, v in facts["files"].items() if k not in gone}})
    return Repair(lost, 0, [], mended)


def run_files(run: Path) -> dict[str, Sound]:
    """Name -> how its soundness is seen, of every file that a run has or should have; run.json first."""
    try:
        facts, has_seal = read_sealed(run / RUN_FILE)
    except (OSError, ValueError):
        facts, has_seal = {}, True
    found: dict[str, Sound] = {RUN_FILE: document}
    if (run / BEST_FILE).exists() or facts.get("status") == "finished":
        found[BEST_FILE] = _tensors(has_seal)
    found |= {name: _tensors(has_seal) for name in (LAST_FILE, ENROLLED_FILE) if (run / name).exists()}
    found |= {name: lambda data: None for name in (HISTORY_FILE, CURVE_FILE) if (run / name).exists()}
    sums = facts.get("files", {})
    return found | {name: has_sum(str(sums[name])) for name in (HISTORY_FILE, CURVE_FILE) if name in sums}


def check_files(folder: Path, files: dict[str, Sound]) -> Checked:
    """See what is wrong with files, of which `files` says how they are checked."""
    found = Checked()
    for name, sound in files.items():
        try:
            data = read_whole(folder / name)
        except OSError as error:
            found.problems.append(Problem(name, f"The file cannot be read ({error.strerror or error})."))
            continue
        whole = sound(data)
        if whole is False:
            found.problems.append(Problem(name, "The file was changed after it was written: its sha256 is another."))
        elif whole and not fits(folder / name, data):
            found.problems.append(Problem(parity_name(name), PARITY))
        if whole is None:
            found.unchecked.append(name)
    return found


def mend(folder: Path, files: Callable[[Path], dict[str, Sound]]) -> tuple[list[str], list[Problem]]:
    """Heal what can be healed; the names of those files, and what is wrong with the others."""
    mended: list[str] = []
    first, sound = next(iter(files(folder).items()))  # it says what the others must be, so it is healed first
    if check_files(folder, {first: sound}).problems and heal(folder, first, lambda data: sound(data) is True):
        mended.append(first)
    known, lost = files(folder), []
    by_parity = {parity_name(name): name for name in known}
    for problem in check_files(folder, known).problems:
        if problem.file in by_parity:
            write_parity(folder / by_parity[problem.file])
        elif heal(folder, problem.file, lambda data, of=problem.file: known[of](data) is True):  # type: ignore[misc]
            mended.append(problem.file)
        else:
            lost.append(problem)
    return mended, lost


def document(data: bytes) -> bool | None:
    """Whether these are the bytes of a JSON object as it was written."""
    try:
        return opened(data)[1] or None
    except ValueError:
        return False


def parity_name(name: str) -> str:
    """What healing a file goes by, as it is named to the user."""
    folder, _, last = name.rpartition("/")
    return f"{folder}{'/' * bool(folder)}{FOLDER}/{last}"


def _tensors(must: bool) -> Sound:
    return is_sealed if must else lambda data: is_sealed(data) or None
