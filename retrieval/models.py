"""What may stand in a run: the kinds of models, each a config and a network with `score`."""

from typing import Any

from fmn.errors import InputError

from .network import FeatureMemoryNetwork, FmnConfig
from .towers import TowersConfig, TwoTowers

Config = FmnConfig | TowersConfig
Model = FeatureMemoryNetwork | TwoTowers

_CONFIGS: dict[str, type[FmnConfig] | type[TowersConfig]] = {"fmn": FmnConfig, "towers": TowersConfig}


def make_config(kind: str, values: dict[str, Any]) -> Config:
    """The config of a kind of model from its JSON values. TypeError or InputError where they are not one."""
    if kind not in _CONFIGS:
        raise InputError(f"A run holds a model of kind {' or '.join(_CONFIGS)}; got {kind!r}.")
    if values.get("slots") == "kinds":  # what runs made before categories had that one name say
        values = {**values, "slots": "categories"}
    return _CONFIGS[kind](**values)


def kind_of(config: Config) -> str:
    """The name of a config's kind in `run.json`."""
    return next(name for name, cls in _CONFIGS.items() if isinstance(config, cls))


def make_model(config: Config) -> Model:
    """The network of a config, not fitted."""
    return FeatureMemoryNetwork(config) if isinstance(config, FmnConfig) else TwoTowers(config)
