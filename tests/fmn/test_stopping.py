"""Signals to real processes: how a command ends, wherever it is when one comes."""

import signal
import subprocess
import sys

import pytest

PROGRAM = """
import time
from fmn.commands.shell import command

class Slow:
    def __del__(self):
        print("ready", flush=True)
        time.sleep({destructor})

@command("fmn-try")
def main():
    try:
        {begin}
        time.sleep(600)
    finally:
        print("ending", flush=True)
        time.sleep({cleanup})

main()
"""


def start(begin='print("ready", flush=True)', destructor=0, cleanup=0):
    program = PROGRAM.format(begin=begin, destructor=destructor, cleanup=cleanup)
    command = [sys.executable, "-c", program]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_ends_a_command_with_a_sentence(sent):
    process = start()
    process.send_signal(sent)
    said, wrong = process.communicate(timeout=120)
    assert (process.returncode, said) == (128 + sent, "ending\n")
    assert wrong == "Error: Interrupted. What is finished is kept.\n"


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_the_second_signal_ends_it_at_once(sent):
    process = start(cleanup=600)
    process.send_signal(sent)
    assert process.stdout.readline() == "ending\n"
    process.send_signal(sent)
    assert process.communicate(timeout=120)[1] == "\nStopped at once.\n" and process.returncode == 128 + sent


def test_a_signal_within_a_destructor_is_heard():
    process = start("Slow()", destructor=600)
    process.send_signal(signal.SIGTERM)
    wrong = process.communicate(timeout=120)[1]
    assert process.returncode == 143 and wrong == "Error: Interrupted. What is finished is kept.\n"


def test_what_must_not_be_left_half_done_is_finished_first():
    begin = 'from fmn.stopping import later\n        with later():\n            print("ready", flush=True)'
    process = start(begin + '\n            time.sleep(2)\n            print("done", flush=True)')
    process.send_signal(signal.SIGTERM)
    said, wrong = process.communicate(timeout=120)
    assert (process.returncode, said) == (143, "done\nending\n") and wrong.startswith("Error: Interrupted.")


def test_who_ignores_signals_goes_on_doing_so():
    program = PROGRAM.format(begin="print('ready', flush=True)", destructor=0, cleanup=0).replace("600", "2")
    ignoring = ["nohup", sys.executable, "-c", "import signal; signal.signal(15, signal.SIG_IGN)\n" + program]
    process = subprocess.Popen(ignoring, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=120)
    assert process.returncode == 0
