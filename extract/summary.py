"""What an extraction did, for its closing lines."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Summary:
    """Counts of one extraction. `media_seconds`: duration of the media that was read; `seconds`: time it took.

    `set_aside`: files of a known type that are no items (no partner, doubled names ...); `ignored`: other files.
    `failures`: (id, modality, reason). `repeated`: ids of clips shorter than a window, whose frames were repeated.
    """

    cache: Path
    set_aside: list[str] = field(default_factory=list)
    ignored: int = 0
    warnings: list[str] = field(default_factory=list)
    extracted: Counter[str] = field(default_factory=Counter)
    reused: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[str, str, str]] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)
    media_seconds: float = 0.0
    seconds: float = 0.0

    def cache_bytes(self) -> int:
        """Size of the cache's shards and fitted weights on disk."""
        return sum(path.stat().st_size for pattern in ("*.h5", "*.safetensors") for path in self.cache.glob(pattern))
