"""Who waits for a comparison."""

from typing import Protocol


class Watcher(Protocol):
    """Is told how far the comparison is."""

    def say(self, text: str) -> None:
        """One sentence worth reading now."""

    def stage(self, name: str, total: int) -> None:
        """A stage of `total` steps begins."""

    def step(self, count: int = 1, failed: int = 0) -> None:
        """`count` more steps are done, `failed` of them without success."""

    def note(self, text: str) -> None:
        """A few words beside the bar."""
