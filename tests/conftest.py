"""What all tests share: no network, one thread (the machine's cores are for the processes that tests start)."""

import os
import signal

os.environ["FMN_OFFLINE"] = "1"
os.environ.setdefault("OMP_NUM_THREADS", "1")
# A shell that runs the tests in the background has them ignore Ctrl-C, and what they start would ignore it too.
signal.signal(signal.SIGINT, signal.default_int_handler)
