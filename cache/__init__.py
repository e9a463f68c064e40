"""The seam between the stages: the feature cache, a folder of HDF5 shards under one index."""

from .index import Failure
from .reader import FeatureCache
from .record import EncoderRecord
from .row import Row
from .writer import CacheWriter

__all__ = ["CacheWriter", "EncoderRecord", "Failure", "FeatureCache", "Row"]
