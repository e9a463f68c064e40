"""An annotation file with the schema of the published one, of any number of intervals."""

import random

import h5py
import numpy as np
import pytest

RATE = 29.4
TEXT_FIELDS = ("fileName", "fileNameId", "activity")
CELL_FIELDS = ("tool", "ingredients", "containers", "containersSource", "containersDestination")


class Matlab:
    """A MATLAB v7.3 file being written: numbers, and texts and cells as references into `#refs#`."""

    def __init__(self, path):
        self.file = h5py.File(path, "w", userblock_size=512)
        self.file.attrs["MATLAB_version"] = np.bytes_("7.3")
        self.refs = self.file.create_group("#refs#")
        self.annos = self.file.create_group("annos")

    def _store(self, data, kind, empty=False):
        stored = self.refs.create_dataset(f"r{len(self.refs)}", data=data)
        stored.attrs["MATLAB_class"] = np.bytes_(kind)
        if empty:
            stored.attrs["MATLAB_empty"] = np.uint8(1)
        return stored.ref

    def text(self, text, width=np.uint16):
        """A char array: UTF-16 code units as a column, as MATLAB's row vectors stand in HDF5."""
        if not text:
            return self._store(np.zeros(2, np.uint64), "char", empty=True)
        units = np.frombuffer(text.encode("utf-16-le"), "<u2")
        return self._store(units.reshape(-1, 1).astype(width), "char")

    def cell(self, texts):
        """One text as it is, several as a cell of texts, none as MATLAB's empty array."""
        if len(texts) == 1:
            return self.text(texts[0])
        if not texts:
            return self._store(np.zeros(2, np.uint64), "double", empty=True)
        inner = np.array([self.text(text) for text in texts], dtype=h5py.ref_dtype).reshape(-1, 1)
        return self._store(inner, "cell")

    def texts(self, name, references, column=False):
        data = np.array(references, dtype=h5py.ref_dtype)
        self.annos.create_dataset(name, data=data.reshape((-1, 1) if column else (1, -1)))

    def numbers(self, name, values, column=False):
        data = np.asarray(values, np.float64)
        self.annos.create_dataset(name, data=data.reshape((-1, 1) if column else (1, -1)))


def make_interval(file_name="s07-d72-cam-002", start=1, end=30, activity="pourV", **objects):
    """One annotated interval; `objects`: tool, ingredients ... as lists of names."""
    return {"fileName": file_name, "startFrame": start, "endFrame": end, "activity": activity, **objects}


def write_annotation(path, intervals, *, rate=RATE, columns=(), leave_out=()):
    """Write intervals as the published file has them. `columns`: fields laid down as [n, 1] instead of [1, n]."""
    matlab = Matlab(path)
    with matlab.file:
        names = [each["fileName"] for each in intervals]
        texts = {
            "fileName": names,
            "fileNameId": [name[:7] for name in names],
            "activity": [each["activity"] for each in intervals],
        }
        numbers = {
            "startFrame": [each["startFrame"] for each in intervals],
            "endFrame": [each["endFrame"] for each in intervals],
            "startTimeSeconds": [each.get("startTimeSeconds", each["startFrame"] / rate) for each in intervals],
            "endTimeSeconds": [each.get("endTimeSeconds", each["endFrame"] / rate) for each in intervals],
            "subject": [each.get("subject", int(each["fileName"][1:3].strip("/"))) for each in intervals],
            "dish": [int(each["fileName"][5:7]) for each in intervals],
            "frameRate": [rate],
        }
        for number, (name, values) in enumerate(texts.items()):
            if name not in leave_out:
                width = np.uint8 if number else np.uint16  # both occur
                matlab.texts(name, [matlab.text(value, width) for value in values], name in columns)
        for name in CELL_FIELDS:
            if name not in leave_out:
                matlab.texts(name, [matlab.cell(each.get(name, [])) for each in intervals], name in columns)
        for name, values in numbers.items():
            if name not in leave_out:
                matlab.numbers(name, values, name in columns)
    return path


def many_intervals(count, seed=0, subjects=range(7, 38), verbs=("pourV", "cut apartV", "take outV", "strewV")):
    """Random intervals over the subjects' videos, in the order of the file: video by video, forward in time."""
    draw = random.Random(seed)
    subjects = list(subjects)
    found = []
    for index in range(count):
        video = f"s{subjects[index * len(subjects) // count]:02d}-d{draw.choice((21, 23, 72))}-cam-002"
        start = draw.randrange(1, 20_000)
        found.append(
            make_interval(
                video,
                start,
                start + draw.randrange(20, 400),
                draw.choice(verbs),
                tool=[draw.choice(("hand", "knife", "chefs-knife"))],
                ingredients=draw.choice(([], ["milk"], ["oil"], ["orange", "peel"])),
                containers=draw.choice(([], ["bowl"])),
                containersSource=draw.choice(([], ["bottle"], ["cutting-board", "plate"])),
                containersDestination=[draw.choice(("jar", "frying-pan", "plate"))],
            )
        )
    return found


def touch(folder, *names):
    """Files of these names below `folder`, with nothing that could be decoded in them."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"not opened")
    return folder


@pytest.fixture
def interval():
    return make_interval


@pytest.fixture
def annotation(tmp_path):
    def write(intervals, **options):
        return write_annotation(tmp_path / "annotation.mat", intervals, **options)

    return write


@pytest.fixture
def intervals_of():
    return many_intervals


@pytest.fixture
def touched():
    return touch


@pytest.fixture
def videos(tmp_path):
    return touch(tmp_path / "videos", "s07-d72-cam-002.avi", "deep/er/s08-d02-cam-002.mp4", "notes.txt")
