"""Who speaks: espeak-ng's English accents and voice variants, and the speakers of each part of the split."""

from dataclasses import dataclass
from typing import Final

from .draws import digest, generator

ACCENTS: Final = (
    "en-us",
    "en-us-nyc",
    "en",
    "en-gb-scotland",
    "en-gb-x-rp",
    "en-gb-x-gbclan",
    "en-gb-x-gbcwmd",
    "en-029",
)

FAMILIES: Final[tuple[tuple[str, ...], ...]] = (
    ("Alex",),
    ("Andrea",),
    ("Andy",),
    ("Annie",),
    ("Denis",),
    ("Gene",),
    ("Henrique", "Diogo"),
    ("Hugo",),
    ("Jacky",),
    ("Lee",),
    ("Marco",),
    ("Mario",),
    ("Michael",),
    ("Mike", "croak"),
    ("Nguyen",),
    ("adam", "benjamin", "edward2"),
    ("anika",),
    ("announcer",),
    ("antonio",),
    ("aunty", "f4"),
    ("belinda",),
    ("boris",),
    ("david",),
    ("ed",),
    ("edward",),
    ("f1",),
    ("grandma",),
    ("gustave",),
    ("ian",),
    ("iven", "iven2", "iven3", "iven4"),
    ("john",),
    ("klatt4",),
    ("linda",),
    ("m1",),
    ("m2",),
    ("m3",),
    ("m4", "m5"),
    ("m6",),
    ("m7",),
    ("m8",),
    ("marcelo",),
    ("max", "grandpa"),
    ("michel",),
    ("miguel",),
    ("mike2",),
    ("norbert",),
    ("pablo",),
    ("paul",),
    ("pedro",),
    ("quincy",),
    ("rob", "robert"),
    ("shelby",),
    ("steph",),
    ("travis",),
    ("zac",),
)
"""Voice variants; those of one family sound alike (mean log filter banks less than 0.3 apart) and stay in one part.

Left out: variants with `breath` (espeak-ng 1.52 reads memory that it never set for them: they never sound twice the
same), robots, and copies of another variant.
"""

PARTS: Final = {"train": 0.6, "val": 0.15, "test": 0.25}
"""Shares of the families. Fixed, so that a plan with validation clips has the same speakers as one without."""


@dataclass(frozen=True)
class Speaker:
    """Somebody who always sounds like himself. voice: espeak-ng's name, unique, the item's `group` too;
    rate: words a minute, 145 to 195; pitch and pitch_range: espeak-ng's 0 to 100, here 35 to 65."""

    voice: str
    rate: int
    pitch: int
    pitch_range: int


def speakers(seed: int) -> dict[str, tuple[Speaker, ...]]:
    """Part ("train", "val", "test") -> its speakers, drawn by `seed`. No part has a voice variant of another."""
    order = sorted(FAMILIES, key=lambda family: digest("family", seed, family[0]))
    first, second = (round(len(order) * bound) for bound in (PARTS["train"], PARTS["train"] + PARTS["val"]))
    families = {"train": order[:first], "val": order[first:second], "test": order[second:]}
    return {
        part: tuple(_speaker(seed, variant) for family in found for variant in family)
        for part, found in families.items()
    }


def _speaker(seed: int, variant: str) -> Speaker:
    rng = generator("speaker", seed, variant)
    accent = ACCENTS[rng.integers(len(ACCENTS))]
    return Speaker(
        f"{accent}+{variant}", int(rng.integers(145, 196)), int(rng.integers(35, 66)), int(rng.integers(35, 66))
    )
