"""JSON documents that end in their own checksum, and JSON that may come from anywhere."""

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from fmn.files import read_whole

MARK, SEAL = "sealed", "seal"
DEEPEST = 100  # containers within one another: what fmn writes has fewer than ten
MOST = 1 << 30  # bytes of a document
DIGITS = 19  # of a whole number: what has more fits no integer of a file
_HEX = 64
_END = '"\n}\n'


def sealed(content: Mapping[str, Any], *, sort_keys: bool = False) -> bytes:
    """A JSON object as a document of ASCII whose last value, `seal`, is the sha256 of all that stands before it.

    Its first value, `sealed`, says that there must be one, so that no single changed byte hides the seal itself.
    Raises ValueError for NaN and infinity, TypeError for what is not JSON.
    """
    text = json.dumps(without_seal(content), indent=1, sort_keys=sort_keys, allow_nan=False)
    head = f'{{\n "{MARK}": true{"," * bool(content)}{text[1:-1].rstrip()},\n "{SEAL}": "'.encode("ascii")
    return head + (hashlib.sha256(head).hexdigest() + _END).encode("ascii")


def read_sealed(path: Path) -> tuple[dict[str, Any], bool]:
    """The JSON object of a file, without its seal, and whether it had one: files written before seals have none.

    Raises:
        OSError: it cannot be read, or is no regular file.
        ValueError: it is no sound JSON object, or has changed since it was sealed. The text is a phrase.
    """
    return opened(read_whole(path, MOST))


def opened(data: bytes) -> tuple[dict[str, Any], bool]:
    """`read_sealed` of a file's bytes."""
    content = parsed(data)
    if not isinstance(content, dict):
        raise ValueError(f"it must be a JSON object, not {type(content).__name__}")
    if MARK not in content and SEAL not in content:
        return content, False
    tail = _HEX + len(_END)
    if data[-tail:] != (hashlib.sha256(data[:-tail]).hexdigest() + _END).encode("ascii"):
        raise ValueError("it was changed after it was written: its sha256 is not the one that it ends with")
    return without_seal(content), True


def without_seal(content: Mapping[str, Any]) -> dict[str, Any]:
    """The content alone."""
    return {key: value for key, value in content.items() if key not in (MARK, SEAL)}


def parsed(data: bytes) -> Any:
    """The value of a JSON text in UTF-8. ValueError, a phrase, for what is no JSON, too deep or no sane number."""
    try:
        # Not by pydantic: file names that are not UTF-8 stand there as escapes that its JSON reader refuses.
        value = json.loads(data.decode("utf-8"), parse_constant=_no_number, parse_float=_finite, parse_int=_whole)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    level = [value]
    for _ in range(DEEPEST):
        inner = (each.values() if isinstance(each, dict) else each for each in level if isinstance(each, (dict, list)))
        level = [each for values in inner for each in values if isinstance(each, (dict, list))]
        if not level:
            return value
    raise ValueError("it is nested too deeply")


def _finite(text: str) -> float:
    return value if math.isfinite(value := float(text)) else _no_number(text)


def _whole(text: str) -> int:
    return int(text) if len(text.lstrip("-")) <= DIGITS else _no_number(text)


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text[:20]}{'...' * (len(text) > 20)} is no JSON number that is read here")
