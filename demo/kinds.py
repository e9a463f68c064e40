"""The twenty kinds of the demonstration set: (action, subject, receptacle) in the words of the paper's Table 1.

Kinds share their subject and differ by the action (cut, peel or wash a cucumber), or share the action and differ by the
subject (cut a cucumber, an orange or an onion), so that neither the things in the picture nor the motion decide alone.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """One kind of action. `base` and `gerund` are its two verb phrases: "cut the onion", "cutting the onion"."""

    action: str
    subject: str
    receptacle: str
    base: str
    gerund: str

    @property
    def label(self) -> str:
        """The name of the kind's folder, such as `take-out-spatula-jar`."""
        return "-".join((self.action, self.subject, self.receptacle)).replace(" ", "-")


def _kind(action: str, subject: str, receptacle: str, phrase: str, gerund: str) -> Kind:
    """`phrase` is what follows the verb, with `~` for the verb's place: "~ the spatula out of the jar"."""
    verb = action.split()[0]
    return Kind(action, subject, receptacle, phrase.replace("~", verb), phrase.replace("~", gerund))


KINDS: tuple[Kind, ...] = (
    _kind("pour", "oil", "frying pan", "~ the oil into the frying pan", "pouring"),
    _kind("pour", "milk", "jar", "~ the milk into the jar", "pouring"),
    _kind("cut", "cucumber", "knife", "~ the cucumber with a knife", "cutting"),
    _kind("cut", "orange", "knife", "~ the orange with a knife", "cutting"),
    _kind("cut", "onion", "knife", "~ the onion with a knife", "cutting"),
    _kind("sprinkle", "salt", "frying pan", "~ salt over the frying pan", "sprinkling"),
    _kind("sprinkle", "spice", "plate", "~ spice over the plate", "sprinkling"),
    _kind("squeeze", "lemon", "juicer", "~ the lemon on the juicer", "squeezing"),
    _kind("squeeze", "orange", "juicer", "~ the orange on the juicer", "squeezing"),
    _kind("stir", "onion", "frying pan", "~ the onion in the frying pan", "stirring"),
    _kind("stir", "milk", "fork", "~ the milk with a fork", "stirring"),
    _kind("take out", "spatula", "jar", "~ the spatula out of the jar", "taking"),
    _kind("take out", "apple", "plate", "~ the apple off the plate", "taking"),
    _kind("wash", "apple", "plate", "~ the apple over a plate", "washing"),
    _kind("wash", "cucumber", "plate", "~ the cucumber over a plate", "washing"),
    _kind("wash", "frying pan", "spatula", "~ the frying pan with a spatula", "washing"),
    _kind("grate", "radish", "plate", "~ the radish onto the plate", "grating"),
    _kind("grate", "lemon", "plate", "~ the lemon onto the plate", "grating"),
    _kind("peel", "cucumber", "knife", "~ the cucumber with a knife", "peeling"),
    _kind("peel", "orange", "knife", "~ the orange with a knife", "peeling"),
)
