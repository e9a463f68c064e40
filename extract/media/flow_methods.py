"""The methods of optical flow by name: settings, options of commands and sentences take the names from here.

A new method is a file, or a function here, that makes a `Between`, and its line in METHODS. It imports what is big when
it is called: `--help` reads this file.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    Between = Callable[[np.ndarray, np.ndarray], np.ndarray]
    """Two grey frames uint8 [H, W] -> float32 [H, W, 2], how far each pixel moves along x and y, in pixels."""


def tvl1() -> "Between":
    """Zach et al. 2007, the paper's, with OpenCV's default parameters."""
    import cv2

    method = cv2.optflow.DualTVL1OpticalFlow.create()
    return lambda first, second: method.calc(first, second, None)


def dis() -> "Between":
    """Kroeger et al. 2016, medium preset, some hundred times faster."""
    import cv2

    method = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    return lambda first, second: method.calc(first, second, None)


METHODS = {"tvl1": tvl1, "dis": dis}
NO_FLOW = "none"
CHOICES = (*METHODS, NO_FLOW)
