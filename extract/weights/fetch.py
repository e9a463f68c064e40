"""Fetching a known file: resumed where it stopped, and checked before it gets its name.

A download goes to `NAME.part`; the server's ETag (RFC 9110, 8.8.3) beside it in `NAME.part.etag` makes sure that a
later attempt continues the same file. Only content with the published hash ever stands under the final name; a file
whose hash nobody published is kept and said to be unverified.
"""

import http.client
import os
import re
import shlex
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from fmn.errors import InputError, NotWritten
from fmn.files import replacing, written

from .checksums import weights_file
from .folder import find_i3d, find_known, weights_folder
from .known import KNOWN, Catalogue, KnownFile, kinetics_file
from .sniff import sniff

PATIENCE_SECONDS = 30.0  # without a byte from the server
AUTO_PATIENCE_SECONDS = 4.0  # nobody asked for the download: fmn-extract would rather begin
CHUNK = 1 << 16
# What the other side and the way there may raise; a full disk of this side is an error that nobody catches here.
NO_ANSWER = (urllib.error.URLError, TimeoutError, ConnectionError, ssl.SSLError, http.client.HTTPException, ValueError)

Progress = Callable[[int, int | None], None]  # bytes there, bytes in all where the server says


class NotFetchedError(InputError):
    """A file could not be had. `why`: the reason as a phrase; the message is a sentence that says what else to do."""

    def __init__(self, known: KnownFile, path: Path, why: str) -> None:
        self.why = why
        by_hand = shlex.join(["curl", "-L", "-o", str(path), known.url])
        super().__init__(
            f"{known.name} could not be fetched ({why}): save it by hand, in a browser or with `{by_hand}`; "
            "`fmn-weights check` then says whether it is the right file."
        )


@dataclass(frozen=True)
class Fetched:
    """`already`: it was there before. `verified`: its content is the published one; False: no hash is published."""

    path: Path
    already: bool
    verified: bool


def is_offline() -> bool:
    """Whether the environment's `FMN_OFFLINE` forbids asking anybody."""
    return os.environ.get("FMN_OFFLINE", "") not in ("", "0")


def fetch(
    known: KnownFile,
    folder: Path | None = None,
    *,
    patience: float = PATIENCE_SECONDS,
    progress: Progress | None = None,
    catalogue: Catalogue = KNOWN,
) -> Fetched:
    """Bring a known file into `folder` (the weights folder by default), which is made where it is missing.

    Args:
        known: from the catalogue.
        patience: seconds to wait for the server's next byte.
        progress: called with the bytes that are there and their number in all, or None where nobody says.
        catalogue: among which a wrong content is recognised.

    Raises:
        NotFetchedError: offline, no answer, cut off (what came is kept for the next attempt), or not the published
            content (which is not kept); or a different file stands in the place, which is left as it is.
        OSError, NotWritten: the folder cannot be written.
    """
    folder = weights_folder() if folder is None else folder
    path = folder / known.files[0]
    there = find_known(known, folder)
    if there is not None:
        if known.git_blob and weights_file(there).git_blob != known.git_blob:
            raise NotFetchedError(known, path, f"{there} is there with {_likeness(there, catalogue)}: move it away")
        return Fetched(there, already=True, verified=bool(known.git_blob))
    if is_offline():
        raise NotFetchedError(known, path, "FMN_OFFLINE is set")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / f".{path.name}.lock", timeout=0):
            part = folder / f"{path.name}.part"
            tell = progress or _say_nothing
            if _download(known, path, part, patience, tell) and not _is_complete(known, part) and known.git_blob:
                _forget(part)  # the two halves were of different files: once more, from the beginning
                _download(known, path, part, patience, tell)
            _check(known, path, part, catalogue)
            os.replace(part, path)
            _etag(part).unlink(missing_ok=True)
    except Timeout:
        raise NotFetchedError(known, path, "another process is fetching it right now") from None
    return Fetched(path, already=False, verified=bool(known.git_blob))


def fetch_published(streams: tuple[str, ...], catalogue: Catalogue = KNOWN) -> str:
    """Try once to fetch I3D's missing weights into the weights folder, with a few seconds' patience for an answer.

    Returns:
        "" when all are there now, else one phrase that says why not. `FMN_OFFLINE=1` in the environment asks nobody.
    """
    if is_offline():
        return "FMN_OFFLINE is set"
    present = find_i3d(streams, catalogue)
    for stream in streams:
        if stream not in present:
            try:
                fetch(kinetics_file(stream, catalogue), patience=AUTO_PATIENCE_SECONDS, catalogue=catalogue)
            except NotFetchedError as error:
                return error.why
            except NotWritten as error:
                return str(error).rstrip(".")
            except OSError as error:
                return f"{weights_folder()} cannot be written ({error.strerror})"
    return ""


def _download(known: KnownFile, path: Path, part: Path, patience: float, progress: Progress) -> bool:
    """The whole content into `part`; what is there of it already is not asked for again. True: it was continued."""
    if _is_complete(known, part):
        return False
    begun = part.stat().st_size if part.is_file() else 0
    mark = _etag(part).read_text(encoding="ascii", errors="ignore").strip() if _etag(part).is_file() else ""
    if begun and not (known.git_blob or mark):  # nothing could tell whether the two halves are of one file
        begun = 0
    request = urllib.request.Request(known.url)
    if begun:
        request.add_header("Range", f"bytes={begun}-")
        if mark:
            request.add_header("If-Range", mark)
    try:
        with urllib.request.urlopen(request, timeout=patience) as answer:
            begun, total = _range_of(answer, begun)
            _remember(part, answer.headers.get("ETag", ""))
            done = _receive(answer, part, begun, total, progress)
    except urllib.error.HTTPError as error:
        if error.code == 416 and begun:  # there is no such range: what lies here is not the beginning of that file
            _forget(part)
            return _download(known, path, part, patience, progress)
        raise NotFetchedError(known, path, f"{known.url} answered {error.code} {error.reason}") from error
    except NO_ANSWER as error:
        raise NotFetchedError(known, path, f"{known.url} did not answer ({_said(error)}){_kept(part)}") from error
    if total is not None and done < total:
        raise NotFetchedError(
            known, path, f"{known.url} broke off after {done:,} of {total:,} bytes; the same command goes on from there"
        )
    return begun > 0


def _range_of(answer: http.client.HTTPResponse, begun: int) -> tuple[int, int | None]:
    """(where the answer begins in the file, the file's bytes); a server that knows no ranges sends all of it."""
    length = answer.headers.get("Content-Length", "")
    size = int(length) if length.isdigit() else None
    if answer.status != 206:
        return 0, size
    found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", answer.headers.get("Content-Range", "").strip())
    if not found or int(found[1]) != begun:
        raise ValueError(f"it sent the range {answer.headers.get('Content-Range')!r} and was asked for {begun}-")
    return begun, None if found[2] == "*" else int(found[2])


def _receive(answer: http.client.HTTPResponse, part: Path, begun: int, total: int | None, progress: Progress) -> int:
    done = begun
    with part.open("ab" if begun else "wb", buffering=0) as file:
        progress(done, total)
        while total is None or done < total:
            chunk = answer.read1(CHUNK if total is None else min(CHUNK, total - done))
            if not chunk:
                break
            with written(part):
                file.write(chunk)
            done += len(chunk)
            progress(done, total)
        with written(part):
            os.fsync(file.fileno())
    return done


def _check(known: KnownFile, path: Path, part: Path, catalogue: Catalogue) -> None:
    """Refuse and delete a content that is not the published one."""
    wrong = weights_file(part).git_blob != known.git_blob if known.git_blob else sniff(part) is not None
    if wrong:
        what = f"{known.url} answered with {_likeness(part, catalogue)}"
        _forget(part)
        raise NotFetchedError(known, path, what)


def _likeness(path: Path, catalogue: Catalogue) -> str:
    """What a content that is not the expected one looks like."""
    published = weights_file(path, catalogue).published
    finding = sniff(path)
    looks = published or (finding.what if finding else "unknown content")
    return f"another file than the published one ({path.stat().st_size:,} bytes; {looks})"


def _is_complete(known: KnownFile, part: Path) -> bool:
    return bool(known.git_blob) and part.is_file() and weights_file(part).git_blob == known.git_blob


def _forget(part: Path) -> None:
    part.unlink(missing_ok=True)
    _etag(part).unlink(missing_ok=True)


def _say_nothing(done: int, total: int | None) -> None:
    pass


def _etag(part: Path) -> Path:
    return part.with_name(f"{part.name}.etag")


def _remember(part: Path, mark: str) -> None:
    """Keep a strong ETag; a weak one (W/...) does not promise the same bytes."""
    if mark.startswith('"'):
        with replacing(_etag(part)) as temporary:
            temporary.write_text(mark, encoding="ascii", errors="ignore")
    else:
        _etag(part).unlink(missing_ok=True)


def _said(error: Exception) -> str:
    return str(getattr(error, "reason", "") or error or type(error).__name__)


def _kept(part: Path) -> str:
    size = part.stat().st_size if part.is_file() else 0
    return f"; {size:,} bytes are here, and the same command goes on from there" if size else ""
