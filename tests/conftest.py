"""What all tests share: no network, one thread (the machine's cores are for the processes that tests start)."""

import os
import signal

import pytest

os.environ["FMN_OFFLINE"] = "1"
os.environ.setdefault("OMP_NUM_THREADS", "1")
# A shell that runs the tests in the background has them ignore Ctrl-C, and what they start would ignore it too.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _one_seed() -> None:
    """Numbers that a test draws without naming a seed are the same ones every time."""
    import torch  # only now: it reads the threads' number above when it is imported

    torch.manual_seed(0)
