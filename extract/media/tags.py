"""Elementary streams (mp3, AAC ...): frames begin with a mark; tags before, behind and between them are no damage."""

# FFmpeg's names of files that hold nothing but frames and tags.
ELEMENTARY = {"mp3", "aac", "ac3", "eac3", "flac"}
MARKS = (b"ID3", b"TAG", b"APETAGEX", b"LYRICSBEGIN")


class Tags:
    """What FFmpeg hands out as packets though it is a tag, in one pass over a file of these formats."""

    def __init__(self, formats: set[str]) -> None:
        self._formats = formats & ELEMENTARY
        self._left = 0  # bytes that are still to come of a long one, such as the picture of a cover

    def take(self, packet: bytes) -> bool:
        """Whether a packet that cannot be decoded is a tag, or goes on with one."""
        if self._formats and packet.startswith(MARKS):
            size = id3_size(packet) if packet[:3] == b"ID3" and len(packet) >= 10 else len(packet)
            self._left = max(self._left, size)
        of_tag = self._left > 0
        self._left = max(0, self._left - len(packet))
        return of_tag

    def is_frame(self, packet: bytes) -> bool:
        """Whether a packet begins as a frame does."""
        return bool(self._formats) and packet[:1] in (b"\xff", b"\x0b")


def id3_size(head: bytes) -> int:
    """Bytes of an ID3v2 tag, by its first ten."""
    size = sum((byte & 127) << 7 * place for place, byte in enumerate(reversed(head[6:10])))
    return 10 + size + (10 if head[5] & 0x10 else 0)  # some have a footer
