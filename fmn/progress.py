"""What a long extraction tells the one who waits for it."""

from typing import Protocol

from fmn.item import Item


class Watcher(Protocol):
    """Is told what happens; commands draw bars with it, scripts may pass `Silence()`."""

    def say(self, text: str) -> None:
        """One sentence worth reading now."""

    def stage(self, name: str, total: int) -> None:
        """A stage of `total` steps begins (and the one before it is over)."""

    def step(self, count: int = 1, failed: int = 0) -> None:
        """`count` more steps of the stage are done, `failed` of them without success."""

    def note(self, text: str) -> None:
        """A few words beside the bar of the stage, such as the validation accuracy so far."""

    def item(self, item: Item, reason: str = "") -> None:
        """An item is done, or failed for a reason; `step` counts it."""


class Silence:
    """A watcher that keeps it all to itself."""

    def say(self, text: str) -> None:
        """Keep silent."""

    def stage(self, name: str, total: int) -> None:
        """Keep silent."""

    def step(self, count: int = 1, failed: int = 0) -> None:
        """Keep silent."""

    def note(self, text: str) -> None:
        """Keep silent."""

    def item(self, item: Item, reason: str = "") -> None:
        """Keep silent."""
