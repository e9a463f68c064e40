import errno
import signal
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from fmn import __version__
from fmn.commands.shell import command, group
from fmn.errors import BadItem, InputError


def run_raising(error, **settings):
    @command("fmn-try")
    def main():
        raise error

    return CliRunner().invoke(main, [], **settings)


@pytest.mark.parametrize(
    ("error", "exit_code", "said"),
    [
        (InputError("The folder x is empty:\nput videos in."), 2, "Error: The folder x is empty: put videos in.\n"),
        (BadItem("a.mp4 has no picture."), 2, "Error: a.mp4 has no picture.\n"),
        (OSError(errno.ENOSPC, "No space left on device", "/c/x.h5"), 2, "Error: The disk is full: /c/x.h5. "),
        (PermissionError(errno.EACCES, "Permission denied", "/c"), 2, "Error: Permission denied: /c. Choose another"),
        (
            FileNotFoundError(errno.ENOENT, "No such file or directory", "/c"),
            2,
            "Error: No such file or directory: /c.",
        ),
        (OSError(errno.EIO, "Input/output error", ".tmp-x", None, "x"), 2, "Error: Input/output error: x."),
        (OSError("Can't read data"), 2, "Error: Can't read data."),
        (MemoryError(), 2, "Error: The memory of this machine does not suffice."),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), 2, "Error: The memory of this machine does not"),
        (KeyboardInterrupt(), 130, "Error: Interrupted. What is finished is kept.\n"),
        (ZeroDivisionError("division by zero"), 70, f"Error: This is a defect of fmn {__version__}, "),
        (click.UsageError("No."), 2, "Usage: fmn-try [OPTIONS]"),
        (click.exceptions.Exit(5), 5, ""),
        (click.Abort(), 1, "Aborted!\n"),
    ],
)
def test_what_goes_wrong_is_one_sentence(error, exit_code, said):
    done = run_raising(error)
    assert done.exit_code == exit_code and done.stdout == "" and done.stderr.startswith(said)
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1 or not done.stderr.startswith("Error")


def test_a_defect_shows_its_traceback_on_demand():
    assert isinstance(run_raising(ZeroDivisionError(), env={"FMN_TRACEBACK": "1"}).exception, ZeroDivisionError)


def test_version_help_and_arguments():
    @command("fmn-try")
    @click.option("--times", default=1)
    def main(times):
        """Try it."""
        click.echo("x" * times)

    run = CliRunner().invoke
    assert run(main, ["--version"]).stdout == f"fmn-try {__version__}\n"
    assert "Try it." in run(main, ["-h"]).stdout and "Try it." in run(main, ["--help"]).stdout
    assert run(main, ["--times", "3"]).stdout == "xxx\n"
    assert run(main, ["--tmies", "3"]).exit_code == 2


def test_the_commands_of_a_group_behave_alike():
    @group("fmn-try")
    def main():
        """Try many things."""

    @main.command()
    def break_it():
        raise InputError("It broke.")

    done = CliRunner().invoke(main, ["break-it"])
    assert (done.exit_code, done.stderr) == (2, "Error: It broke.\n")
    assert CliRunner().invoke(main, ["--version"]).stdout == f"fmn-try {__version__}\n"


PROGRAM = """
import time
from fmn.commands.shell import command
@command("fmn-try")
def main():
    print("ready \\udcff", flush=True)
    time.sleep(60)
main()
"""


def start(program):
    return subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_ctrl_c_ends_a_real_process_with_130_and_a_sentence():
    process = start(PROGRAM)
    assert process.stdout.readline() == "ready \\udcff\n"
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 130 and said.startswith("Error: Interrupted.") and said.count("\n") == 1


def test_a_closed_pipe_is_no_error():
    process = start(PROGRAM.replace("time.sleep(60)", "[print(n) for n in range(100_000)]"))
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == "" and process.wait() == 1
