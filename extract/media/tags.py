"""Elementary streams (mp3, AAC ...): frames begin with a mark; tags before, behind and between them are no damage."""

from av.packet import Packet
from av.stream import Stream

# FFmpeg's names of files that hold nothing but frames and tags.
ELEMENTARY = {"mp3", "aac", "ac3", "eac3", "flac"}
DECODER_DELAY = 529  # samples by which an mp3 decoder is late
ID3V1 = 128  # bytes of the tag that stands behind the sound
MARKS = (b"ID3", b"TAG", b"APETAGEX", b"LYRICSBEGIN")


class Tags:
    """What FFmpeg hands out as packets though it is a tag, in one pass over a file of these formats."""

    def __init__(self, formats: set[str]) -> None:
        self._formats = formats & ELEMENTARY
        self._left = 0  # bytes that are still to come of a long one, such as the picture of a cover

    def take(self, data: "Packet[Stream]") -> bool:
        """Whether a packet that cannot be decoded is a tag, or goes on with one."""
        packet = bytes(data) if self._formats else b""
        if packet.startswith(MARKS):
            size = id3_size(packet) if packet[:3] == b"ID3" and len(packet) >= 10 else len(packet)
            self._left = max(self._left, size)
        of_tag = self._left > 0
        self._left = max(0, self._left - len(packet))
        return of_tag

    def delay(self, data: "Packet[Stream]") -> int | None:
        """Samples before the sound of a joined mp3 begins, by the table of contents in a packet; None without one."""
        if "mp3" not in self._formats:
            return None
        packet = bytes(data)
        packet = packet[ID3V1:] if packet[:3] == b"TAG" else packet
        frame = packet[id3_size(packet) if packet[:3] == b"ID3" and len(packet) >= 10 else 0 :][:192]
        at = next((place for place in (13, 21, 36) if frame[place : place + 4] in (b"Xing", b"Info")), 0)
        if frame[:1] != b"\xff" or not at:
            return None
        filled = int.from_bytes(frame[at + 141 : at + 144], "big") >> 12 if frame[at + 7] & 15 == 15 else 0
        return filled + DECODER_DELAY if filled else 0

    def is_frame(self, data: "Packet[Stream]") -> bool:
        """Whether a packet begins as a frame does."""
        return bool(self._formats) and bytes(data)[:1] in (b"\xff", b"\x0b")


def id3_size(head: bytes) -> int:
    """Bytes of an ID3v2 tag, by its first ten."""
    size = sum((byte & 127) << 7 * place for place, byte in enumerate(reversed(head[6:10])))
    return 10 + size + (10 if head[5] & 0x10 else 0)  # some have a footer
