"""How a retriever is fitted; below it the systems that it is compared with (baselines) and the experiments."""

from .run import TrainedRun, train
from .settings import TrainSettings

__all__ = ["TrainSettings", "TrainedRun", "train"]
