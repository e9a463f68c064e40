"""How many threads the numbers are made with: sums in another order differ in their last bits."""

from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import torch


@contextmanager
def one_thread() -> Iterator[None]:
    """What is computed in here does not depend on the number of cores, nor on OMP_NUM_THREADS: features, the norms of
    untrained networks, and fittings whose steps are so small that more threads only wait for one another."""
    before, drawn = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
        cv2.setNumThreads(drawn)
