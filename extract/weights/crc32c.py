"""CRC-32C (Castagnoli), the checksum of TensorFlow's files, fast enough in numpy: many stretches side by side."""

import functools

import numpy as np
from numpy.typing import NDArray

POLYNOMIAL = 0x82F63B78  # reversed
LANE = 1024  # bytes of a stretch
MASK_DELTA = 0xA282EAD8


def crc32c(data: bytes) -> int:
    """The checksum of `data` (RFC 3720, appendix B.4)."""
    table = _table()
    whole = len(data) // LANE * LANE
    state = 0xFFFFFFFF
    if whole:
        lanes = np.frombuffer(data, np.uint8, whole).reshape(-1, LANE).T.astype(np.uint32)
        # The register is linear in what was read: stretches that began with 0 are joined afterwards.
        states = np.zeros(lanes.shape[1], np.uint32)
        for column in lanes:
            states = table[(states ^ column) & 255] ^ (states >> 8)
        steps = [step.tolist() for step in _lane_of_zeros()]
        for mine in states.tolist():
            moved = (
                steps[0][state & 255] ^ steps[1][state >> 8 & 255] ^ steps[2][state >> 16 & 255] ^ steps[3][state >> 24]
            )
            state = moved ^ mine
    plain = table.tolist()
    for byte in data[whole:]:
        state = plain[(state ^ byte) & 255] ^ (state >> 8)
    return int(state ^ 0xFFFFFFFF)


def unmasked(stored: int) -> int:
    """The checksum behind a stored one: it is kept turned by 15 bits, with a constant added."""
    turned = (stored - MASK_DELTA) & 0xFFFFFFFF
    return (turned >> 17 | turned << 15) & 0xFFFFFFFF


@functools.cache
def _table() -> NDArray[np.uint32]:
    """What a byte does to an empty register."""
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, table >> 1 ^ np.uint32(POLYNOMIAL), table >> 1)
    return table


@functools.cache
def _lane_of_zeros() -> NDArray[np.uint32]:
    """[4, 256]: what a stretch of zeros does to each value of each byte of the register."""
    table = _table()
    state = np.arange(256, dtype=np.uint32)[None] << np.arange(0, 32, 8, dtype=np.uint32)[:, None]
    for _ in range(LANE):
        state = table[state & 255] ^ (state >> 8)
    return state
