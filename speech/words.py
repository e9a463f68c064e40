"""English by rule: the -ing form of a verb, and what goes before a vessel or a tool."""

import re
from typing import Final


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


VERBS: Final = _set(
    """add apply arrange bake beat bend bite blend blow boil bounce break brush build buy carry catch change chop clap
    clean climb close combine cook cool cover crack cross crush cut dance dig dip dive draw dress drink drive drop dry
    eat empty enter feed fetch fill flip fold fry garnish get give grab grate greet grill grind grow heat hit hold hop
    hug insert iron jump juggle kick kiss knead knit ladle lay leave lick lift light load look make mash measure melt
    mince mix mop mow move open pack paint park pass peel pet pick place plant play point polish pour press pull punch
    push put read remove repair rest ride rinse rip roast roll rub run salt saute scoop scramble scrape screw scrub
    season separate serve set sew shake sharpen shave shoot shovel shred shuffle shut simmer sing sit skip slice slide
    smear smell smile smoke snap soak speak spice spin spread sprinkle squeeze squat stack stamp stand start steam stick
    stir stop strain stretch strike sweep swim swing swipe take talk taste tear throw tie tip toast toss touch trim turn
    twist unlock unpack unscrew unwrap use walk wash water wave wear weigh whip whisk whistle wipe wrap wring write yawn
    zip"""
)
PARTICLES: Final = _set("out up off down in on away apart open over back together into onto with from at to through")
DETERMINERS: Final = _set("a an the some his her my your our their its it them him this that these those one two three")
ABSENT: Final = _set("- none null n/a nan ?")

_TOOLS = _set("knife fork spoon spatula grater peeler juicer whisk scissors ladle brush masher sieve blender mixer")
_SURFACES = _set("plate board counter table tray dish towel stove floor shelf paper mat")
_SOURCES = _set("jar bottle can carton jug pitcher box bag packet")
_MOVES = _set("pour put add place drop throw sprinkle spread insert toss")
_TAKES = _set("take get remove fetch pull pick grab lift")
_NO_GERUND = _set("ceiling morning evening wedding clothing lightning pudding dumpling herring")
_STRESSED_END = _set("begin refer prefer forget admit commit submit permit unzip unpin unwrap repot preheat")
_VOWELS = "aeiou"


def gerund(verb: str) -> str:
    """The -ing form of a verb, whose further words stay: cut -> cutting, take out -> taking out, tie -> tying."""
    first, space, rest = verb.partition(" ")
    return _gerund(first) + space + rest


def _gerund(verb: str) -> str:
    if verb.endswith("ie"):
        return verb[:-2] + "ying"
    if verb.endswith("e") and len(verb) > 2 and verb[-2] not in "eoy":
        return verb[:-1] + "ing"
    if verb.endswith("ic"):
        return verb + "king"
    return verb + (verb[-1:] if _doubles(verb) else "") + "ing"


def _doubles(verb: str) -> bool:
    """A stressed short vowel before one last consonant: that consonant is written twice."""
    plain = verb.replace("qu", "qw")  # the u of squat is no vowel
    short = re.search(rf"(^|[^{_VOWELS}])[{_VOWELS}y][^{_VOWELS}wxy]$", plain) is not None
    return short and (len(re.findall(rf"[{_VOWELS}y]+", plain)) == 1 or verb in _STRESSED_END)


def is_gerund(word: str) -> bool:
    """Say whether a word is an -ing form: playing and cutting, not string and ceiling."""
    return word not in _NO_GERUND and re.search(rf"[{_VOWELS}y].*ing$", word) is not None


def the(thing: str) -> str:
    """milk -> the milk; what has an article, a number or is a pronoun stays."""
    return thing if thing.split()[0] in DETERMINERS or thing[0].isdigit() else f"the {thing}"


def where(verb: str, receptacle: str) -> str:
    """How an action meets a vessel, a surface or a tool: "into the pan", "from the jar", "with the knife"."""
    kind = receptacle.split()[-1]
    if verb in _TAKES:
        preposition = "from"
    elif kind in _TOOLS:
        preposition = "with"
    elif verb == "pour" and kind in _SOURCES:
        preposition = "from"
    elif kind in _SURFACES:
        preposition = "onto" if verb in _MOVES else "on"
    else:
        preposition = "into" if verb in _MOVES else "in"
    return f"{preposition} {the(receptacle)}"
