"""Paths from a table as they stand on the disk: the same name may be spelled in two Unicode forms."""

import os
from collections import defaultdict

from fmn.media import nfc


class OnDisk:
    """Finds files whose names a table writes in another form (NFC, NFD) than the disk. Folders are listed once."""

    def __init__(self) -> None:
        self._folders: dict[str, dict[str, list[str]]] = {}

    def path(self, path: str) -> str:
        """An absolute path as it stands on the disk; unchanged where it exists, where nothing fits or more than one."""
        if path.isascii() or os.path.lexists(path):
            return path
        above, name = os.path.split(path)
        if above == path:
            return path
        folder = self.path(above)
        alike = self._names(folder).get(nfc(name), [])
        return os.path.join(folder, alike[0] if len(alike) == 1 else name)

    def _names(self, folder: str) -> dict[str, list[str]]:
        if folder not in self._folders:
            found = defaultdict(list)
            try:
                for name in os.listdir(folder):
                    found[nfc(name)].append(name)
            except OSError:
                pass  # no such folder: whoever opens the file says so
            self._folders[folder] = found
        return self._folders[folder]
