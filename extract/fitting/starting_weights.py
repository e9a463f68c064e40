"""What a stream's fitting begins with: Kinetics, a given file, an inflated 2-D network, or random weights."""

from collections.abc import Callable
from pathlib import Path

from fmn.errors import InputError

from ..networks.i3d import CHANNELS, InceptionI3d, Logits
from ..weights.checksums import weights_file
from ..weights.fetch import fetch_published
from ..weights.fitted_on import file_keys
from ..weights.folder import find_i3d, weights_folder
from ..weights.i3d_file import load_i3d
from ..weights.known import kinetics_file
from ..weights.state_file import read_state
from .from_scratch import from_scratch
from .inflate import inflated_i3d
from .video_fit import Began

INFLATED = "inception:"


def seen_before(name: str) -> list[str]:
    """Keys of the items that files given as "RGB[,FLOW]" were fitted on already."""
    return sorted({key for each in name.split(",") for key in file_keys(Path(each))})


def beginning(name: str, streams: tuple[str, ...], seed: int) -> Callable[[str, int], Began]:
    """(stream, classes) -> the network that fitting begins with.

    name: "scratch", "kinetics" (files in the weights folder, else one try to fetch them), "inception:FILE" (a 2-D
    Inception-v1, inflated), or "RGB[,FLOW]" files. What cannot be had or read is said at once, as an InputError.
    """
    if name == "scratch":
        return lambda stream, classes: from_scratch(stream, classes, seed)
    if name.startswith(INFLATED):
        path = Path(name.removeprefix(INFLATED))
        state = read_state(path)
        inflated_i3d(state, 3, 1, path)
        told = f"2-D weights of {path.name}, inflated"
        return lambda stream, classes: Began(inflated_i3d(state, CHANNELS[stream], classes, path), False, told)
    paths = _kinetics(streams) if name == "kinetics" else _files(name, streams)
    loaded = {stream: load_i3d(path, CHANNELS[stream]) for stream, path in paths.items()}
    files = {stream: weights_file(path) for stream, path in paths.items()}

    def begin(stream: str, classes: int) -> Began:
        file = files[stream]
        return Began(
            _new_head(loaded[stream], classes), False, file.published or f"{Path(file.path).name} {file.sha256[:12]}"
        )

    return begin


def _kinetics(streams: tuple[str, ...]) -> dict[str, Path]:
    found = find_i3d(streams)
    if len(found) < len(streams):
        why = fetch_published(streams)
        found = find_i3d(streams)
        if len(found) < len(streams):
            wanted = " and ".join(kinetics_file(stream).files[0] for stream in streams if stream not in found)
            raise InputError(
                f"Fitting from Kinetics needs {wanted} in {weights_folder()} ({why}). Put them there "
                "(`fmn-weights fetch i3d-rgb i3d-flow`), or begin --from scratch."
            )
    return found


def _files(name: str, streams: tuple[str, ...]) -> dict[str, Path]:
    paths = [Path(each) for each in name.split(",")]
    if len(paths) != len(streams):
        raise InputError(
            f"--from takes scratch, kinetics, inception:FILE or a file for each of {len(streams)} streams "
            f"({', '.join(streams)}), with commas between; got {name!r}. With --flow none there is one stream."
        )
    return dict(zip(streams, paths, strict=True))


def _new_head(network: InceptionI3d, classes: int) -> InceptionI3d:
    network.logits = Logits(classes)
    network.num_classes = classes
    return network
