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
    _kind("pour", "oil", "frying pan", "~ a little oil into the hot frying pan", "pouring"),
    _kind("pour", "milk", "jar", "~ the cool smooth milk into the jar", "pouring"),
    _kind("cut", "cucumber", "knife", "~ the cucumber into thin slices with a knife", "cutting"),
    _kind("cut", "orange", "knife", "~ the orange in half with a sharp knife", "cutting"),
    _kind("cut", "onion", "knife", "~ the onion finely, using the knife", "cutting"),
    _kind("sprinkle", "salt", "frying pan", "~ a pinch of salt over the frying pan", "sprinkling"),
    _kind("sprinkle", "spice", "plate", "~ spice, a tiny bit of spice, on the plate", "sprinkling"),
    _kind("squeeze", "lemon", "juicer", "~ half a lemon on the juicer", "squeezing"),
    _kind("squeeze", "orange", "juicer", "~ juice from the orange with the juicer", "squeezing"),
    _kind("stir", "onion", "frying pan", "~ the onion round and round in the frying pan", "stirring"),
    _kind("stir", "milk", "fork", "~ the milk in the bowl with a fork", "stirring"),
    _kind("take out", "spatula", "jar", "~ the spatula out of the jar", "taking"),
    _kind("take out", "apple", "plate", "~ the apple up and away from the plate", "taking"),
    _kind("wash", "apple", "plate", "~ the apple under the tap, above a plate", "washing"),
    _kind("wash", "cucumber", "plate", "~ the cucumber in water over the plate", "washing"),
    _kind("wash", "frying pan", "spatula", "~ the frying pan, scraping it with a spatula", "washing"),
    _kind("grate", "radish", "plate", "~ the radish onto the plate in small flakes", "grating"),
    _kind("grate", "lemon", "plate", "~ lemon peel over the plate", "grating"),
    _kind("peel", "cucumber", "knife", "~ the long cucumber with the knife", "peeling"),
    _kind("peel", "orange", "knife", "~ the skin off the orange with a knife", "peeling"),
)
