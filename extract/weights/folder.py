"""Where published weights lie on this machine."""

import os
from pathlib import Path

from .known import KNOWN, Catalogue, KnownFile

SUFFIXES = (".pt", ".pth", ".pyth", ".safetensors", ".ckpt")


def weights_folder() -> Path:
    """`FMN_WEIGHTS`, else `fmn/weights` in the user's cache folder. It need not exist."""
    given = os.environ.get("FMN_WEIGHTS")
    if given:
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fmn" / "weights"


def told_folder() -> str:
    """The same for a sentence that stays with a cache and its tables: `~` stands for the user's home."""
    folder, home = weights_folder(), Path.home()
    return f"~/{folder.relative_to(home).as_posix()}" if folder.is_relative_to(home) else str(folder)


def find_known(known: KnownFile, folder: Path | None = None) -> Path | None:
    """The file under any of its names in `folder` (the weights folder by default), whatever its content; else None."""
    folder = weights_folder() if folder is None else folder
    return next((folder / name for name in known.files if (folder / name).is_file()), None)


def find_i3d(streams: tuple[str, ...], catalogue: Catalogue = KNOWN) -> dict[str, Path]:
    """Stream ("rgb", "flow") -> I3D's Kinetics weights in the weights folder, of either layout, where there are."""
    found: dict[str, Path] = {}
    for known in catalogue:
        if known.use == "kinetics" and known.stream in streams and known.stream not in found:
            path = find_known(known)
            if path is not None:
                found[known.stream] = path
    return found


def files_in(folder: Path, catalogue: Catalogue = KNOWN) -> list[Path]:
    """The weights files of a folder, sorted: what is named like one, and the known files under their own names."""
    named = [path for path in folder.glob("*") if path.suffix.lower() in SUFFIXES]
    known = [folder / name for each in catalogue for name in each.files]
    return sorted({path for path in (*named, *known) if path.is_file()})
