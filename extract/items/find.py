"""The items of a set: from two folders, or from a manifest."""

from pathlib import Path

from fmn.errors import InputError

from .manifest import read_manifest
from .scan import Scan, scan


def find_items(videos: Path | None, audio: Path | None, manifest: Path | None) -> Scan:
    """Scan the folders or read the manifest; InputError when neither or both are given."""
    if manifest is not None:
        if videos is not None or audio is not None:
            raise InputError("Items come from folders or from --manifest, not from both. Leave one of them out.")
        return read_manifest(manifest)
    if videos is None:
        raise InputError(
            "Name a folder of videos (and one of recordings), or a --manifest: there is nothing to extract."
        )
    return scan(videos, audio)
