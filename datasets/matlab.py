"""MATLAB v7.3 files, which are HDF5: numbers, texts, and cells of texts.

A text is a reference to an array of UTF-16 code units, a cell a reference to an array of such references, an empty
value a reference to an array that is marked so. The low-level interface of h5py reads 100,000 of them in seconds.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from fmn.errors import InputError

LONGEST = 10_000  # characters or cells of one value; more is damage
DEEPEST = 4  # cells within cells


class MatlabFile:
    """One group of an open file. Errors name the file and the key."""

    def __init__(self, path: Path, group: Any) -> None:
        self.path = path
        self._group = group

    def __contains__(self, name: str) -> bool:
        return name in self._group

    def numbers(self, name: str) -> np.ndarray:
        """float64 [n] of an array of any shape with at most one long axis. InputError when that is not there."""
        data = self._array(name)
        if data.dtype.kind not in "fiu":
            raise InputError(f"{self.path}: {name} should hold numbers, not {data.dtype}.")
        return np.asarray(data, np.float64)

    def texts(self, name: str) -> list[str]:
        """[n] texts; a cell's are run together with a blank. InputError for what is no text."""
        return [" ".join(cell) for cell in self.cells(name)]

    def cells(self, name: str) -> list[tuple[str, ...]]:
        """[n] values that are each no, one or several texts. InputError for what is none of these."""
        data = self._array(name)
        if data.dtype.kind != "O":
            raise InputError(f"{self.path}: {name} should hold references to texts, not {data.dtype}.")
        values = []
        for number, reference in enumerate(data, 1):
            try:
                values.append(tuple(self._read(reference, 0)))
            except (ValueError, RuntimeError, KeyError, TypeError, OSError) as error:
                raise InputError(f"{self.path}: {name} of interval {number} cannot be read ({error}).") from None
        return values

    def _array(self, name: str) -> np.ndarray:
        if name not in self._group:
            raise InputError(
                f"{self.path} has no {name}. It has {', '.join(sorted(self._group)) or 'nothing'}; this is not the "
                "annotation file that the dataset publishes, or a part of it."
            )
        stored = self._group[name]
        if not isinstance(stored, h5py.Dataset):
            raise InputError(f"{self.path}: {name} is a group, not an array.")
        if stored.ndim > 2 or (stored.ndim == 2 and min(stored.shape) > 1):
            raise InputError(f"{self.path}: {name} should be one row or column, not of shape {stored.shape}.")
        try:
            return np.asarray(stored[()]).ravel()
        except (OSError, TypeError) as error:
            raise InputError(f"{self.path}: {name} cannot be read ({error}).") from None

    def _read(self, reference: Any, depth: int) -> Iterator[str]:
        if not isinstance(reference, h5py.Reference) or not reference:
            raise ValueError("its reference leads nowhere")
        node = h5py.h5r.dereference(reference, self._group.id)
        if not isinstance(node, h5py.h5d.DatasetID):
            raise ValueError("its reference leads to no array")
        kind, shape = node.get_type(), node.shape
        if math.prod(shape) > LONGEST:
            raise ValueError(f"it is of shape {shape}")
        if kind.get_class() == h5py.h5t.INTEGER and kind.get_size() <= 2:
            units = np.zeros(shape, "<u2")
            node.read(h5py.h5s.ALL, h5py.h5s.ALL, units, h5py.h5t.STD_U16LE)
            yield units.tobytes().decode("utf-16-le")
        elif h5py.h5a.exists(node, b"MATLAB_empty"):
            return
        elif kind.get_class() == h5py.h5t.REFERENCE and depth < DEEPEST:
            for inner in np.asarray(h5py.Dataset(node)[()]).ravel():
                yield from self._read(inner, depth + 1)
        else:
            raise ValueError("it is no text")


@contextmanager
def matlab_group(path: Path, group: str) -> Iterator[MatlabFile]:
    """A group of a MATLAB v7.3 file, closed afterwards.

    Raises:
        InputError: no such file, not HDF5 (older MATLAB files are not), or no such group.
    """
    try:
        file = h5py.File(path, "r")
    except FileNotFoundError:
        raise InputError(f"The annotation file {path} does not exist.") from None
    except OSError as error:
        raise InputError(
            f"The annotation file {path} is no MATLAB v7.3 file ({str(error).splitlines()[0]}). Is it whole?"
        ) from None
    with file:
        if not isinstance(file.get(group), h5py.Group):
            raise InputError(f"{path} has no group {group}: it is not the annotation file that the dataset publishes.")
        yield MatlabFile(path, file[group])
