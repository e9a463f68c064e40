"""The twenty categories of the demonstration set: (action, subject, receptacle) in the words of the paper's Table 1.

Categories share their subject and differ by the action (cut, peel or wash a cucumber), or share the action and differ
by the subject (cut a cucumber, an orange or an onion), so that neither the things in the picture nor the motion decide
alone.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Category:
    """One category of action, and how it is said, with `~` for the verb.

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
        """The name of the category's folder, such as `take-out-spatula-jar`."""
        return "-".join((self.action, self.subject, self.receptacle)).replace(" ", "-")


def _category(action: str, subject: str, receptacle: str, gerund: str, full: str, short: str) -> Category:
    return Category(action, subject, receptacle, action.split()[0], gerund, full, short)


CATEGORIES: tuple[Category, ...] = (
    _category(
        "pour", "oil", "frying pan", "pouring", "~ a little oil into the hot frying pan", "~ it into the frying pan"
    ),
    _category("pour", "milk", "jar", "pouring", "~ the cool smooth milk into the jar", "~ it into the jar"),
    _category(
        "cut", "cucumber", "knife", "cutting", "~ the cucumber into thin slices with a knife", "~ it with the knife"
    ),
    _category("cut", "orange", "knife", "cutting", "~ the orange in half with a sharp knife", "~ it with the knife"),
    _category("cut", "onion", "knife", "cutting", "~ the onion finely, using the knife", "~ it with the knife"),
    _category(
        "sprinkle",
        "salt",
        "frying pan",
        "sprinkling",
        "~ a pinch of salt over the frying pan",
        "~ it over the frying pan",
    ),
    _category(
        "sprinkle", "spice", "plate", "sprinkling", "~ spice, a tiny bit of spice, on the plate", "~ it on the plate"
    ),
    _category("squeeze", "lemon", "juicer", "squeezing", "~ half a lemon on the juicer", "~ it on the juicer"),
    _category(
        "squeeze", "orange", "juicer", "squeezing", "~ juice from the orange with the juicer", "~ it on the juicer"
    ),
    _category(
        "stir",
        "onion",
        "frying pan",
        "stirring",
        "~ the onion round and round in the frying pan",
        "~ it in the frying pan",
    ),
    _category("stir", "milk", "fork", "stirring", "~ the milk in the bowl with a fork", "~ it with a fork"),
    _category("take out", "spatula", "jar", "taking", "~ the spatula out of the jar", "~ it out of the jar"),
    _category(
        "take out", "apple", "plate", "taking", "~ the apple up and away from the plate", "~ it away from the plate"
    ),
    _category("wash", "apple", "plate", "washing", "~ the apple under the tap, above a plate", "~ it over the plate"),
    _category("wash", "cucumber", "plate", "washing", "~ the cucumber in water over the plate", "~ it over the plate"),
    _category(
        "wash",
        "frying pan",
        "spatula",
        "washing",
        "~ the frying pan, scraping it with a spatula",
        "~ it with a spatula",
    ),
    _category(
        "grate", "radish", "plate", "grating", "~ the radish onto the plate in small flakes", "~ it onto the plate"
    ),
    _category("grate", "lemon", "plate", "grating", "~ lemon peel over the plate", "~ it onto the plate"),
    _category("peel", "cucumber", "knife", "peeling", "~ the long cucumber with the knife", "~ it with the knife"),
    _category("peel", "orange", "knife", "peeling", "~ the skin off the orange with a knife", "~ it with the knife"),
)
