"""What a retriever is: network, memory banks, scoring, metrics, search and report."""

from fmn.retrieval.network import FeatureMemoryNetwork, FmnConfig
from fmn.retrieval.retriever import Retriever
from fmn.retrieval.store import load, newest_run

__all__ = ["FeatureMemoryNetwork", "FmnConfig", "Retriever", "load", "newest_run"]
