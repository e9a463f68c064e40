"""What every command shares at the shell: errors in one sentence, exit codes that mean something, `--version`.

Exit codes: 0 done; 1 done, but something is wrong with the data (failed items, a damaged cache); 2 the input breaks a
rule; 70 a defect of fmn itself; 130 interrupted, 143 asked to end (SIGTERM).
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import click

from fmn import __version__
from fmn.commands.log import current_log, logged
from fmn.errors import InputError
from fmn.files import refusal
from fmn.printable import printable
from fmn.stopping import Stopped, ending

TRACEBACK = "FMN_TRACEBACK"

Command = TypeVar("Command", bound=click.Command)


class SentenceError(click.ClickException):
    """Shown by click as one line, `Error: ...`, on stderr."""

    exit_code = 2

    def __init__(self, message: str) -> None:
        super().__init__(printable(" ".join(message.splitlines())))


class InterruptedRunError(SentenceError):
    """The user pressed Ctrl-C."""

    exit_code = 130


class TerminatedRunError(SentenceError):
    """The system asked to end."""

    exit_code = 143


class DefectError(SentenceError):
    """fmn itself is wrong."""

    exit_code = 70


class ShellCommand(click.Command):
    """A click command whose errors are sentences."""

    def make_context(self, *given: Any, **more: Any) -> click.Context:
        """Read the arguments; what they are refused with is `printable`."""
        with _printable_errors():
            return super().make_context(*given, **more)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command's function."""
        with _sentences(), logged(ctx), _sentences():  # the log tells of the function's errors, and may have one itself
            return super().invoke(ctx)


class ShellGroup(click.Group):
    """A group of such commands."""

    command_class = ShellCommand

    def make_context(self, *given: Any, **more: Any) -> click.Context:
        """Read the arguments before the command's name."""
        with _printable_errors():
            return super().make_context(*given, **more)

    def invoke(self, ctx: click.Context) -> Any:
        """Find the command and run it."""
        with _printable_errors():
            return super().invoke(ctx)


def command(name: str) -> Callable[[Callable[..., Any]], ShellCommand]:
    """Make a function a command with `--version` and `-h`; click's own decorators go below this one."""
    return _decorator(name, ShellCommand)


def group(name: str) -> Callable[[Callable[..., Any]], ShellGroup]:
    """Make a function a group of commands with `--version` and `-h`; its `.command()` adds to it."""
    return _decorator(name, ShellGroup)


def echo(text: str, err: bool = False) -> None:
    """Print a line, `printable`. On stderr it becomes one of the log, where that is there."""
    log = current_log()
    if err and log is not None and log.on_stderr:
        log.say(text)
    else:
        click.echo(printable(text), err=err)


def _decorator(name: str, of: type[Command]) -> Callable[[Callable[..., Any]], Command]:
    def decorate(function: Callable[..., Any]) -> Command:
        versioned = click.version_option(__version__, prog_name=name, message="%(prog)s %(version)s")(function)
        return click.command(name, cls=of, context_settings={"help_option_names": ["-h", "--help"]})(versioned)

    return decorate


@contextmanager
def _printable_errors() -> Iterator[None]:
    """What click refuses arguments with repeats them."""
    try:
        yield
    except click.ClickException as error:
        error.message = printable(error.message, lines=True)  # type: ignore[misc]
        raise


@contextmanager
def _sentences() -> Iterator[None]:
    """Turn what may go wrong into one sentence and an exit code."""
    # File names and labels may hold characters that the terminal lacks: show their codes instead of failing.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    with ending() as stop:
        try:
            yield
            sys.stdout.flush()  # a full disk there is said here, and not by the interpreter's end
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except KeyboardInterrupt as error:
            raise _stopped(error.number if isinstance(error, Stopped) else signal.SIGINT) from error
        except Exception as error:
            if stop.asked:  # the signal came where others make an error of it, and there is nothing else wrong
                raise _stopped(stop.asked) from error
            if isinstance(error, BrokenPipeError):  # `| head` has seen enough: click ends quietly
                raise
            if isinstance(error, InputError):
                raise SentenceError(str(error)) from error
            if isinstance(error, OSError):
                raise SentenceError(_system_sentence(error)) from error
            if isinstance(error, MemoryError) or "can't allocate memory" in str(error):  # as torch says it
                raise SentenceError(
                    "The memory of this machine does not suffice. Ask for smaller sizes or fewer --workers, and run "
                    "the same command again: what is finished is kept."
                ) from error
            if os.environ.get(TRACEBACK):
                raise
            said = f"{type(error).__name__}: {error}".rstrip(".: ")
            raise DefectError(
                f"This is a defect of fmn {__version__}, not of your input ({said}). Please report it with the output "
                f"of the same command under {TRACEBACK}=1."
            ) from error


def _stopped(number: int) -> SentenceError:
    kind = TerminatedRunError if number == signal.SIGTERM else InterruptedRunError
    return kind("Interrupted. What is finished is kept.")


def _system_sentence(error: OSError) -> str:
    name = error.filename2 or error.filename  # of a rename, the name that was meant and not the temporary one
    if isinstance(error.errno, int) and error.errno > 0:
        return refusal(error.errno, os.fsdecode(name) if isinstance(name, str | bytes) else str(name or ""))
    return f"{error.strerror or error}."
