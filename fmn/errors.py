"""The errors that a user sees: sentences, never tracebacks."""


class InputError(Exception):
    """The user's input breaks a rule. The message says the rule, the actual value and what to do.

    Commands print it as one sentence and exit with status 2.
    """


class BadItem(InputError):
    """One media item cannot be used. It is named, set aside and counted, and the rest goes on."""
