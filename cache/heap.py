"""The texts of an HDF5 column read from the file's bytes: HDF5's own reading of its global heap may loop for ever, or
take any amount of memory, where somebody has forged it.

A text stands in a collection ("GCOL") of numbered objects; the column holds for each its length, the collection's
address and the object's number.
"""

import struct

REFERENCE = struct.Struct("<IQI")  # length, address of the collection, number of the object
_START = b"GCOL\x01"
_HEAD = struct.Struct("<4sB3xQ")  # signature, version, bytes of the collection with this head
_OBJECT = struct.Struct("<HH4xQ")  # number (0: the rest is free), uses, bytes


def texts(data: bytes, at: int, count: int) -> list[bytes]:
    """`count` texts whose references begin at a place of the file. ValueError for what stands nowhere, or takes more
    than the file."""
    found, taken = [], 0
    known: dict[int, dict[int, bytes]] = {}
    if at < 0 or at + count * REFERENCE.size > len(data):
        raise ValueError("its references stand outside the file")
    for length, address, number in REFERENCE.iter_unpack(data[at : at + count * REFERENCE.size]):
        if not length:
            found.append(b"")
            continue
        if address not in known:
            known[address] = _objects(data, address)
        text = known[address].get(number, b"")[:length]
        taken += length
        if len(text) != length or taken > len(data):
            raise ValueError(f"it unpacks to more than the {len(data)} bytes of the file, or to what is not there")
        found.append(text)
    return found


def check_heaps(data: bytes) -> None:
    """Raise ValueError where a collection is not as HDF5 writes it: attributes have their texts there too."""
    at = data.find(_START)
    while at >= 0:
        _objects(data, at)
        at = data.find(_START, at + _HEAD.unpack_from(data, at)[2])


def _objects(data: bytes, at: int) -> dict[int, bytes]:
    """Number -> bytes of every object of a collection."""
    if data[at : at + len(_START)] != _START or at + _HEAD.size > len(data):
        raise ValueError("its texts stand in no collection")
    size = _HEAD.unpack_from(data, at)[2]
    place, end = at + _HEAD.size, at + size
    if not _HEAD.size <= size <= len(data) - at:
        raise ValueError("a collection of its texts is larger than the file")
    found: dict[int, bytes] = {}
    while end - place >= _OBJECT.size:
        number, _, length = _OBJECT.unpack_from(data, place)
        if number == 0 and length == end - place:
            return found
        step = _OBJECT.size + -(-length // 8) * 8
        if number == 0 or number in found or step > end - place:
            raise ValueError("a collection of its texts is not as HDF5 writes it")
        found[number] = data[place + _OBJECT.size : place + _OBJECT.size + length]
        place += step
    return found
