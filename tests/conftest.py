"""What all tests share: no network, one thread (the machine's cores are for the processes that tests start)."""

import os

os.environ["FMN_OFFLINE"] = "1"
os.environ.setdefault("OMP_NUM_THREADS", "1")
