"""The errors that a user sees: sentences, never tracebacks."""


class InputError(Exception):
    """The user's input breaks a rule. The message says the rule, the actual value and what to do.

    Commands print it as one sentence and exit with status 2.
    """


def first_line(error: Exception) -> str:
    """What an error says, in a line; its kind where it says nothing."""
    return str(error).splitlines()[0] if str(error) else type(error).__name__


class BadItem(InputError):
    """One media item cannot be used. It is named, set aside and counted, and the rest goes on."""


class NotWritten(InputError):
    """A file could not be written: the disk is full, say. No item's fault: whatever was being done ends."""


class WorkerDied(InputError):
    """A process of ours was lost."""
