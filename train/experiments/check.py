"""Is the folder of a comparison or a study sound? What cannot be healed is taken out, and made again by the command."""

import shutil
from pathlib import Path

from fmn.cache.repair import Repair, has_sum
from fmn.errors import InputError
from fmn.files import alone
from fmn.parity import remove_parity
from fmn.retrieval.store import LOCK_FILE, RUN_FILE, write_json
from fmn.sealed import read_sealed

from ..check import Checked, Sound, check_files, document, mend, run_files
from .experiment_folder import ABOUT_FILE, RESULT_FILE

UNITS = ("*/candidate-*.json", "*/seed-*.json", f"*/seed-*/{RESULT_FILE}")


def verify_experiment(out: Path) -> Checked:
    """Check every file of a comparison or a study, and of the runs in it, by its checksum. Changes nothing."""
    return check_files(out, experiment_files(out))


def repair_experiment(out: Path) -> Repair:
    """Heal the files that are damaged in one place; of the others, tables and units (a candidate, a run) are deleted.

    Raises InputError where a comparison is at work, and where compare.json is lost: nothing says what the rest is.
    """
    with alone(out, LOCK_FILE, f"Another fmn-compare or fmn-study is at work in {out}. Wait for it, then repair."):
        mended, lost = mend(out, experiment_files)
        if ABOUT_FILE in {each.file for each in lost}:
            raise InputError(
                f"{out / ABOUT_FILE} is damaged and cannot be healed, and nothing else says what the folder holds. "
                "Restore it, or delete the folder and compare again."
            )
        for problem in lost:
            unit = out / problem.file
            if unit.parent.name.startswith("seed-"):  # a file of a run
                shutil.rmtree(unit.parent, ignore_errors=True)
            elif unit.is_dir():
                shutil.rmtree(unit)
            else:
                unit.unlink(missing_ok=True)
                remove_parity(unit)
        facts, _ = read_sealed(out / ABOUT_FILE)
        if gone := facts.get("tables", {}).keys() & {each.file for each in lost}:
            tables = {name: digest for name, digest in facts["tables"].items() if name not in gone}
            write_json(out / ABOUT_FILE, {**facts, "tables": tables})
    return Repair(lost, 0, [], mended)


def experiment_files(out: Path) -> dict[str, Sound]:
    """Name -> how its soundness is seen, of every file that a comparison has or should have; compare.json first."""
    try:
        facts, _ = read_sealed(out / ABOUT_FILE)
    except (OSError, ValueError):
        facts = {}
    found: dict[str, Sound] = {ABOUT_FILE: document}
    found |= {path.relative_to(out).as_posix(): document for units in UNITS for path in sorted(out.glob(units))}
    for run in sorted(path.parent for path in out.glob(f"*/seed-*/{RUN_FILE}")):
        found |= {f"{run.relative_to(out).as_posix()}/{name}": sound for name, sound in run_files(run).items()}
    tables = facts.get("tables", {})
    return found | {name: has_sum(str(digest)) for name, digest in tables.items() if (out / name).parent == out}
