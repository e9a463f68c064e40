"""The twenty kinds of the demonstration set: (action, subject, receptacle) in the words of the paper's Table 1.

Kinds share their subject and differ by the action (cut, peel or wash a cucumber), or share the action and differ by the
subject (cut a cucumber, an orange or an onion), so that neither the things in the picture nor the motion decide alone.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """One kind of action, and how it is said, with `~` for the verb.

    full: "~ the onion finely, using the knife". short, for those who see what is meant: "~ it with the knife".
    """

    action: str
    subject: str
    receptacle: str
    verb: str
    gerund: str
    full: str
    short: str

    @property
    def label(self) -> str:
        """The name of the kind's folder, such as `take-out-spatula-jar`."""
        return "-".join((self.action, self.subject, self.receptacle)).replace(" ", "-")


def _kind(action: str, subject: str, receptacle: str, gerund: str, full: str, short: str) -> Kind:
    return Kind(action, subject, receptacle, action.split()[0], gerund, full, short)


KINDS: tuple[Kind, ...] = (
    _kind("pour", "oil", "frying pan", "pouring", "~ a little oil into the hot frying pan", "~ it into the frying pan"),
    _kind("pour", "milk", "jar", "pouring", "~ the cool smooth milk into the jar", "~ it into the jar"),
    _kind("cut", "cucumber", "knife", "cutting", "~ the cucumber into thin slices with a knife", "~ it with the knife"),
    _kind("cut", "orange", "knife", "cutting", "~ the orange in half with a sharp knife", "~ it with the knife"),
    _kind("cut", "onion", "knife", "cutting", "~ the onion finely, using the knife", "~ it with the knife"),
    _kind(
        "sprinkle",
        "salt",
        "frying pan",
        "sprinkling",
        "~ a pinch of salt over the frying pan",
        "~ it over the frying pan",
    ),
    _kind(
        "sprinkle", "spice", "plate", "sprinkling", "~ spice, a tiny bit of spice, on the plate", "~ it on the plate"
    ),
    _kind("squeeze", "lemon", "juicer", "squeezing", "~ half a lemon on the juicer", "~ it on the juicer"),
    _kind("squeeze", "orange", "juicer", "squeezing", "~ juice from the orange with the juicer", "~ it on the juicer"),
    _kind(
        "stir",
        "onion",
        "frying pan",
        "stirring",
        "~ the onion round and round in the frying pan",
        "~ it in the frying pan",
    ),
    _kind("stir", "milk", "fork", "stirring", "~ the milk in the bowl with a fork", "~ it with a fork"),
    _kind("take out", "spatula", "jar", "taking", "~ the spatula out of the jar", "~ it out of the jar"),
    _kind("take out", "apple", "plate", "taking", "~ the apple up and away from the plate", "~ it away from the plate"),
    _kind("wash", "apple", "plate", "washing", "~ the apple under the tap, above a plate", "~ it over the plate"),
    _kind("wash", "cucumber", "plate", "washing", "~ the cucumber in water over the plate", "~ it over the plate"),
    _kind(
        "wash",
        "frying pan",
        "spatula",
        "washing",
        "~ the frying pan, scraping it with a spatula",
        "~ it with a spatula",
    ),
    _kind("grate", "radish", "plate", "grating", "~ the radish onto the plate in small flakes", "~ it onto the plate"),
    _kind("grate", "lemon", "plate", "grating", "~ lemon peel over the plate", "~ it onto the plate"),
    _kind("peel", "cucumber", "knife", "peeling", "~ the long cucumber with the knife", "~ it with the knife"),
    _kind("peel", "orange", "knife", "peeling", "~ the skin off the orange with a knife", "~ it with the knife"),
)
