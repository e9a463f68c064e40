"""The seam between the stages: the feature cache, a folder of HDF5 shards under one index."""

from fmn.cache.failure import Failure
from fmn.cache.item import Item
from fmn.cache.reader import FeatureCache
from fmn.cache.record import EncoderRecord
from fmn.cache.row import Row
from fmn.cache.writer import CacheWriter

__all__ = ["CacheWriter", "EncoderRecord", "Failure", "FeatureCache", "Item", "Row"]
