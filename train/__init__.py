"""How a retriever is fitted: sampling, losses, loop, checkpoints.

`remember_cache` fills the memory of an FMN from a cache by `MemorySettings` and leaves a run. `train` fits the network
by descent, by `TrainSettings`; `AS_PRINTED` are the paper's own, and `parted` tells the network's shape from the
schedule. They are loaded when first used.
"""

from typing import TYPE_CHECKING

from fmn.lazy import offer

__getattr__, __all__ = offer(__name__, __file__)
if TYPE_CHECKING:
    from .memory_run import RememberedRun as RememberedRun
    from .memory_run import remember_cache as remember_cache
    from .run import TrainedRun as TrainedRun
    from .run import train as train
    from .settings import AS_PRINTED as AS_PRINTED
    from .settings import MemorySettings as MemorySettings
    from .settings import TrainSettings as TrainSettings
    from .settings import parted as parted
