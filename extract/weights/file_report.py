"""What a weights file is and whether it can be used: the facts that `fmn-weights check` prints."""

from dataclasses import dataclass
from pathlib import Path

import torch

from fmn.errors import InputError

from .checksums import WeightsFile, weights_file
from .i3d_file import STREAMS, Seen, i3d_of, seen
from .known import KNOWN, USES, Catalogue, KnownFile, by_blob
from .state_file import read_state


@dataclass(frozen=True)
class Checked:
    """The facts of one file.

    `file` is None where there is none. `known`: the published file of this content. `seen`: what its tensors tell, None
    where it holds none that can be read. `parameters`: of the network, without running statistics. `finite`: None where
    nothing was read. `problem`: why it cannot be used, a sentence, or "". `stands_for`: what it can be used as.
    """

    path: Path
    file: WeightsFile | None
    known: KnownFile | None
    seen: Seen | None
    parameters: int
    finite: bool | None
    problem: str
    stands_for: str


def check_file(path: str | Path, catalogue: Catalogue = KNOWN) -> Checked:
    """Look into one file; what is wrong with it is told, never raised.

    I3D files are read as the encoder would read them. Of pytorchvideo's files names and values are looked at; files of
    TensorFlow and the sample clip are known by their content alone.
    """
    path = Path(path)
    try:
        file = weights_file(path, catalogue)
    except InputError as error:
        return Checked(path, None, None, None, 0, None, str(error), "")
    known = by_blob(file.git_blob, catalogue)
    if known and known.use in ("audio", "sample"):
        return Checked(path, file, known, None, 0, None, "", USES[known.use])
    try:
        raw = read_state(path, catalogue)
    except InputError as error:
        return Checked(path, file, known, None, 0, None, str(error), "")
    tells = seen(raw)
    finite = all(bool(torch.isfinite(value).all()) for value in raw.values())
    parameters = sum(
        value.numel() for name, value in raw.items() if "running_" not in name and "num_batches" not in name
    )
    problem, stands_for = "", ""
    if tells.layout == "pytorchvideo":
        stands_for = USES["resnet"]
        problem = "" if finite else f"{path} holds values that are not finite: the file is damaged."
    else:
        try:
            i3d_of(path, raw, tells.channels if tells.channels in STREAMS else 3, catalogue)
            stands_for = USES["kinetics"]
        except InputError as error:
            problem = str(error)
    return Checked(path, file, known, tells, parameters, finite, problem, stands_for)


def verified(known: KnownFile, path: Path, catalogue: Catalogue = KNOWN) -> str:
    """Whether the file at `path` is the known one: "verified", "no published hash", or what it is instead."""
    if not known.git_blob:
        return "not verified: no published hash known"
    file = weights_file(path, catalogue)
    return "verified" if file.git_blob == known.git_blob else f"WRONG: {file.published or 'unknown content'}"
