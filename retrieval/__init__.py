"""What a retriever is: network, memory banks, scoring, metrics, search and report.

`load` opens a run as a `Retriever`, `newest_run` finds one, `rank` searches a cache with it, `enrol` writes further
pairs into its memory. `evaluate_cache` measures it on a split, `evaluate` measures any matrix of scores.
`MemoryNetwork` is an FMN whose memory is made of remembered items, of a `MemoryConfig`. `FeatureMemory` is the paper's
pair of memory banks, `FeatureMemoryNetwork` the whole network around it, of an `FmnConfig`. They are loaded when first
used.
"""

from typing import TYPE_CHECKING

from fmn.lazy import offer

__getattr__, __all__ = offer(__name__, __file__)
if TYPE_CHECKING:
    from .enrolment import enrol as enrol
    from .memory import FeatureMemory as FeatureMemory
    from .metrics import evaluate as evaluate
    from .network import FeatureMemoryNetwork as FeatureMemoryNetwork
    from .network import FmnConfig as FmnConfig
    from .protocol import Report as Report
    from .protocol import evaluate_cache as evaluate_cache
    from .remembering import MemoryConfig as MemoryConfig
    from .remembering import MemoryNetwork as MemoryNetwork
    from .retriever import Retriever as Retriever
    from .search import Hit as Hit
    from .search import rank as rank
    from .store import load as load
    from .store import newest_run as newest_run
