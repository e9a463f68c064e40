"""Settings that break a rule say so in a sentence."""

import dataclasses
import inspect
from typing import Annotated, Literal

import pytest

from fmn.checked import checked, rule
from fmn.errors import InputError


@checked("Training")
class Settings:
    """Made up."""

    epochs: Annotated[int, rule(lambda v: v >= 1, "Training needs {name} of at least 1, got {value}.")] = 10
    share: float = 0.5
    name: str = "x"
    fast: bool = False
    mode: Literal["slots", "pairs"] = "slots"
    sizes: tuple[int, ...] = ()
    folder: Annotated[str, rule(lambda v: "/" not in v, "The {name} is one name, not {value!r}.")] = "a"

    def __post_init__(self) -> None:
        if self.fast and self.epochs > 100:
            raise InputError("Fast training has up to 100 epochs.")


@checked("A run")
class Needs:
    """Made up: a field without a default."""

    seed: int


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({"epochs": 0}, "Training needs epochs of at least 1, got 0."),
        ({"epochs": "ten"}, "Training needs a whole number as epochs, got 'ten'."),
        ({"epochs": 1.5}, "Training needs a whole number as epochs, got 1.5."),
        ({"epochs": True}, "Training needs a whole number as epochs, got True."),
        ({"share": "half"}, "Training needs a number as share, got 'half'."),
        ({"name": 3}, "Training needs a text as name, got 3."),
        ({"fast": 1}, "Training needs true or false as fast, got 1."),
        ({"mode": "x"}, "Training needs another mode: input should be 'slots' or 'pairs', got 'x'."),
        ({"sizes": (1, "b")}, "Training needs a whole number as sizes.1, got 'b'."),
        ({"folder": "a/b"}, "The folder is one name, not 'a/b'."),
        ({"speed": 3}, "Training has no speed, got 3."),
        ({"fast": True, "epochs": 101}, "Fast training has up to 100 epochs."),
    ],
)
def test_a_broken_rule_is_a_sentence(facts, sentence):
    with pytest.raises(InputError) as caught:
        Settings(**facts)
    assert str(caught.value) == sentence


def test_what_is_missing_is_named():
    with pytest.raises(InputError) as caught:
        Needs()
    assert str(caught.value) == "A run needs seed, and it is missing."


def test_a_long_value_is_cut():
    with pytest.raises(InputError) as caught:
        Settings(epochs="x" * 1000)
    assert len(str(caught.value)) < 150


def test_it_is_a_frozen_dataclass_that_keeps_its_rules():
    settings = Settings(3, share=1)
    assert dataclasses.asdict(settings)["epochs"] == 3 and settings == Settings(epochs=3, share=1.0)
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.epochs = 4
    with pytest.raises(InputError, match="at least 1, got -1"):
        dataclasses.replace(settings, epochs=-1)
    assert "epochs" in inspect.signature(Settings).parameters
