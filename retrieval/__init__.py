"""What a retriever is: network, memory banks, scoring, metrics, search and report."""

from .network import FeatureMemoryNetwork, FmnConfig
from .retriever import Retriever
from .store import load, newest_run

__all__ = ["FeatureMemoryNetwork", "FmnConfig", "Retriever", "load", "newest_run"]
