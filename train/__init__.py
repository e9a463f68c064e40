"""How a retriever is fitted: sampling, losses, loop, checkpoints.

`train` fits a feature memory network on a cache by `TrainSettings` and leaves a run; `AS_PRINTED` are the paper's own
settings. They are loaded when first used.
"""

from typing import TYPE_CHECKING

from fmn.lazy import offer

__getattr__, __all__ = offer(__name__, __file__)
if TYPE_CHECKING:
    from .run import TrainedRun as TrainedRun
    from .run import train as train
    from .settings import AS_PRINTED as AS_PRINTED
    from .settings import TrainSettings as TrainSettings
