"""One item that could not be extracted."""

from dataclasses import dataclass

from fmn.item import Item


@dataclass(frozen=True)
class Failure:
    """An item that failed, kept with the reason so that every table can name it and count it as a miss."""

    id: str
    modality: str
    label: str
    split: str
    pair: str
    path: str
    reason: str

    @classmethod
    def of(cls, item: Item, reason: str) -> "Failure":
        """Return the failure of an item for a reason, one sentence."""
        return cls(item.id, item.modality, item.label, item.split, item.pair, item.path, reason)
