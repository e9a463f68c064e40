"""The seam between the stages: the feature cache, a folder of HDF5 shards under one index.

`FeatureCache` reads one, `CacheWriter` fills one with `Row`s under an `EncoderRecord`; a `Failure` is an item that
could not be extracted. They are loaded when first used.
"""

from typing import TYPE_CHECKING

from fmn.lazy import offer

__getattr__, __all__ = offer(__name__, __file__)
if TYPE_CHECKING:
    from .index import Failure as Failure
    from .reader import FeatureCache as FeatureCache
    from .record import EncoderRecord as EncoderRecord
    from .row import Row as Row
    from .writer import CacheWriter as CacheWriter
