"""The nine actions: each draws one moment of one kind. Time is in seconds; the clip lasts 2.56 s."""

from collections.abc import Callable
from math import cos, pi, radians, sin

import numpy as np

from fmn.demo import food, things
from fmn.demo.kinds import Kind
from fmn.demo.look import Look
from fmn.demo.pen import Colour, Pen, shade

Draw = Callable[[Pen, Kind, Look, float], None]

_BASE = 106.0  # where vessels stand on the counter


def pour(pen: Pen, kind: Kind, look: Look, time: float) -> None:
    """The container tilts and rights itself; what it holds runs into the vessel, whose level rises."""
    liquid = look.paint[kind.subject]
    turn = 0.5 - 0.5 * cos(2 * pi * (time * 0.55 * look.tempo + look.phase))
    tilt = -15 - 100 * _smooth(turn)
    vessel = pen.at(58, _BASE)
    into_jar = kind.receptacle == "jar"
    level = 0.15 + 0.25 * time
    surface = -8 - 42 * level if into_jar else -14.0
    if into_jar:
        things.jar_back(vessel, look)
        things.jar_fill(vessel, look, liquid, level)
    else:
        things.pan_back(vessel, look)
        vessel.ellipse(0, -13, 20 + 8 * level, 5 + 3 * level, liquid)
    grip = pen.at(104, 34 + 4 * sin(2 * pi * turn), tilt)
    mouth = _from(grip, pen, (0, -38))
    flow = min(1.0, max(0.0, (-tilt - 70) / 30))
    if flow > 0:
        end = np.array([58 + 5 * sin(9 * time), _BASE + surface])
        path = _arc(mouth, end)
        path[:, 0] += np.sin(np.arange(8) * 1.3 - time * 22) * 0.9
        pen.line(path, 2.5 + 4 * flow, liquid)
        _fall(pen, look, time, (end[0], end[1] - 16), 14, 9.0, 3.4, liquid, 10, rising=True)
    if into_jar:
        things.jar_front(vessel, look)
    else:
        things.pan_front(vessel, look)
    (things.carton if kind.subject == "milk" else things.oil_bottle)(grip, look)
    things.hand(pen.at(104, 34 + 4 * sin(2 * pi * turn)), look, (60, 6 - 20 * turn))


def cut(pen: Pen, kind: Kind, look: Look, time: float) -> None:
    """The knife goes up and down and moves along; slices fall to its right."""
    subject = kind.subject
    things.board(pen.at(80, 100), look)
    length = food.half_length(subject, look)
    middle = np.array([74.0, 98 - float(food.half_height(subject, look, 0.0))])
    progress = min(1.0, 0.1 + 0.28 * look.phase + 0.24 * look.tempo * time)
    beat = (time * 2.1 * look.tempo + look.phase) % 1
    lift = 34 * abs(sin(pi * beat))
    edge = length * (1 - 1.7 * progress)
    body = pen.at(*middle)
    for k, x in enumerate(np.arange(length - 3, edge, -5.5)):
        spread = 4.0 + 2.6 * (length - x) / 5.5 * 0.5
        food.slice_of(body.at(x + spread, float(food.half_height(subject, look, 0.0) - food.half_height(subject, look, x)), 8), subject, look, x)
    food.whole(body, subject, look, -1.0, edge / length)
    face = float(food.half_height(subject, look, edge))
    body.ellipse(edge, 0, 0.3 * face + 0.5, face, food.flesh(subject))
    things.hand(pen.at(middle[0] - length * 0.75, middle[1] - 8), look, (-60, -34))
    blade = pen.at(middle[0] + edge + 34, 92 - lift, -4 + lift * 0.5)
    things.knife(blade, look)
    things.hand(blade.at(8, -2), look, (60, -44))


def sprinkle(pen: Pen, kind: Kind, look: Look, time: float) -> None:
    """A hand shakes the upturned shaker; grains fall on the vessel."""
    grain = look.paint[kind.subject]
    vessel = pen.at(72, _BASE)
    if kind.receptacle == "plate":
        things.plate(vessel, look)
        floor = _BASE
    else:
        things.pan_back(vessel, look)
        floor = _BASE - 14
    heap = min(1.0, 0.25 + 0.3 * time)
    spots = look.scatter[:40, :2] - 0.5
    vessel.streaks(spots[: int(40 * heap)] * (56, 10) + (0, floor - _BASE), 0.6, 2.0, grain)
    shake = sin(2 * pi * (time * 3.0 * look.tempo + look.phase))
    x, y = 76 + 12 * shake, 36 + 3 * abs(shake)
    _fall(pen, look, time, (x - 4, y + 18), floor - y - 18, 34.0, 1.8, grain, 48)
    if kind.receptacle != "plate":
        things.pan_front(vessel, look)
    shaker = pen.at(x, y, 180 + 16 * shake)
    (things.salt_cellar if kind.subject == "salt" else things.spice_tin)(shaker, look)
    things.hand(pen.at(x, y - 6), look, (60, -34))


def squeeze(pen: Pen, kind: Kind, look: Look, time: float) -> None:
    """A hand presses and twists half a fruit on the juicer; juice drips into the dish."""
    press = 0.5 + 0.5 * sin(2 * pi * (time * 1.2 * look.tempo + look.phase))
    juice = shade(look.paint[kind.subject], 1.2)
    dish = pen.at(80, _BASE)
    things.juicer_back(dish, look, juice, min(1.0, 0.2 + 0.25 * time))
    _fall(pen, look, time, (80, _BASE - 34), 30, 44.0, 3.2, juice, 8 + int(16 * press))
    y = _BASE - 46 + 20 * press
    fruit = pen.at(80, y, 10 * sin(2 * pi * time * 2.4 * look.tempo))
    food.half(fruit, kind.subject, look)
    things.juicer_front(dish, look)
    things.hand(fruit.at(2, -20 * look.size), look, (30, -60))


def stir(pen: Pen, kind: Kind, look: Look, time: float) -> None:
    """A tool circles in the vessel and carries the contents round."""
    angle = 2 * pi * (time * 1.25 * look.tempo + look.phase)
    vessel = pen.at(74, _BASE + 2)
    in_pan = kind.receptacle == "frying pan"
    if in_pan:
        things.pan_back(vessel, look)
        for k in range(14):
            radius = 0.35 + 0.6 * look.scatter[k, 0]
            place = angle * 0.6 + 2 * pi * look.scatter[k, 1]
            piece = vessel.at(38 * radius * cos(place), -14 + 9 * radius * sin(place), 360 * look.scatter[k, 2] + angle * 30)
            piece.line([(-5, 0), (-2, -2.5), (3, -2), (5, 1)], 2.8, food.flesh("onion") if k % 3 else look.paint["onion"])
        depth, radii = -14.0, (27.0, 7.5)
    else:
        milk = look.paint["milk"]
        things.bowl_back(vessel, look, milk)
        for k in range(3):
            arc = angle - 0.5 - k * 2.1 + np.linspace(0, -1.6, 9)
            vessel.line(np.column_stack([(32 - 7 * k) * np.cos(arc), -25 + (7.5 - 1.5 * k) * np.sin(arc)]), 1.8, shade(milk, 0.82))
        depth, radii = -25.0, (26.0, 6.0)
    tip = np.array([74 + radii[0] * cos(angle), _BASE + 2 + depth + radii[1] * sin(angle)])
    lean = -62 + 12 * cos(angle)
    reach = 60.0
    grip = tip + reach * np.array([cos(radians(lean)), sin(radians(lean))])
    tool = pen.at(*grip, lean)
    (things.spatula if in_pan else things.fork)(tool, look)
    (things.pan_front if in_pan else things.bowl_front)(vessel, look)
    things.hand(tool, look, (60, 10))


def take_out(pen: Pen, kind: Kind, look: Look, time: float) -> None:
    """A hand comes down, grips, and carries the thing up and away."""
    done = (time - 0.7 * look.phase) / 1.7 * look.tempo
    down = _smooth(min(1.0, max(0.0, done / 0.35)))
    up = _smooth(min(1.0, max(0.0, (done - 0.42) / 0.55)))
    from_jar = kind.receptacle == "jar"
    rest = np.array([76.0, 34.0]) if from_jar else np.array([78.0, _BASE - 36 * look.size])
    height = 95.0
    place = rest + (18 * up, -height * up)
    fingers = place + (0, -70 * (1 - down)) + (26 * (1 - down), 0)
    if from_jar:
        things.jar_back(pen.at(74, _BASE), look)
        tool = pen.at(place[0], place[1], -86 + 10 * up)
        things.spatula(tool, look)
        things.jar_front(pen.at(74, _BASE), look)
        things.hand(pen.at(*fingers), look, (46, -60))
    else:
        things.plate(pen.at(78, _BASE), look)
        food.whole(pen.at(place[0], place[1] + 14 * look.size, 8 * up), kind.subject, look)
        things.hand(pen.at(fingers[0] + 2, fingers[1] - 6), look, (46, -60))


def wash(pen: Pen, kind: Kind, look: Look, time: float) -> None:
    """Under a running tap two hands rub the thing left and right; water splashes."""
    water = look.paint["water"]
    rub = sin(2 * pi * (time * 1.7 * look.tempo + look.phase))
    x, y = 76 + 20 * rub, 70.0
    things.plate(pen.at(76, _BASE + 4), look)
    things.tap(pen.at(76, 18), look)
    wobble = np.sin(np.arange(8) * 1.1 - time * 24)
    stream = np.column_stack([76 + wobble, np.linspace(18, 58, 8)])
    pen.line(stream, 7, water)
    pen.line(stream, 2.5, shade(water, 1.6))
    _fall(pen, look, time, (x, y + 6), _BASE - y - 4, 52.0, 3.4, water, 34)
    if kind.subject == "frying pan":
        pan = pen.at(x, y + 6, 6 * rub)
        pan.line([(30, -4), (92, -22)], 8, look.paint["handle"])
        pan.ellipse(0, 0, 38, 25, shade(look.paint["iron"], 1.3))
        pan.ellipse(0, 0, 33, 21, shade(look.paint["iron"], 0.8))
        tool = pen.at(68 - 16 * rub, 60 + 5 * rub, -150 + 14 * rub, 0.8)
        things.spatula(tool, look)
        things.hand(tool, look, (60, 24))
        things.hand(pan.at(50, -10), look, (60, 10))
    else:
        food.whole(pen.at(x, y, 14 * rub), kind.subject, look)
        side = food.half_length(kind.subject, look) * 0.8
        things.hand(pen.at(x - side, y + 5 - 4 * rub), look, (-60, 22))
        things.hand(pen.at(x + side, y + 5 + 4 * rub), look, (60, 22))
    splash = _spray(look, time, (76, 58), 26.0)
    pen.streaks(splash, 1.5, 2.2, shade(water, 1.4))


def grate(pen: Pen, kind: Kind, look: Look, time: float) -> None:
    """A hand rubs the thing along a slanted grater; flakes fall on the plate."""
    flesh = food.flesh(kind.subject) if kind.subject == "radish" else shade(look.paint[kind.subject], 1.15)
    things.plate(pen.at(72, _BASE), look)
    heap = min(1.0, 0.2 + 0.3 * time)
    spots = (look.scatter[:40, :2] - 0.5) * (40, 8) + (62, _BASE - 2)
    pen.streaks(spots[: int(40 * heap)], 1.0, 2.6, flesh)
    slope = pen.at(74, 66, -42)
    rub = sin(2 * pi * (time * 1.9 * look.tempo + look.phase))
    things.grater(slope, look)
    _fall(pen, look, time, (64 + 8 * rub, 76), _BASE - 78, 26.0, 2.4, flesh, 30)
    held = slope.at(26 * rub, -4 - 15 * look.size, 90 if kind.subject == "radish" else 35)
    food.whole(held, kind.subject, look)
    things.hand(slope.at(26 * rub + 2, -12 - 22 * look.size).at(0, 0, 42), look, (40, -50))


def peel(pen: Pen, kind: Kind, look: Look, time: float) -> None:
    """Long strokes of the blade along the thing, from left to right; the peel curls off and falls."""
    subject = kind.subject
    length = food.half_length(subject, look)
    middle = np.array([76.0, 70.0])
    things.board(pen.at(80, 106), look)
    beat = (time * 0.95 * look.tempo + look.phase) % 1
    forward = min(1.0, beat / 0.7)
    back = max(0.0, (beat - 0.7) / 0.3)
    along = length * (-0.9 + 1.8 * (forward - back * forward))
    body = pen.at(*middle, 5)
    food.whole(body, subject, look)
    strokes = int(time * 0.95 * look.tempo + look.phase)
    x = np.linspace(-0.92, 0.92, 19) * length
    for k in range(min(strokes, 2) + 1):
        done = x if k < min(strokes, 2) else x[x <= along] if not back else x
        if len(done) > 1:
            share = -0.75 + 0.42 * k
            body.line(np.column_stack([done, food.half_height(subject, look, done) * share]), 5.0, food.flesh(subject))
    colour = look.paint[subject]
    for k in range(3):
        spots = look.scatter[k * 4 : k * 4 + 4, :2]
        if k < strokes + 1:
            curl = np.cumsum((spots - (0.5, 0.5)) * (22, 5), axis=0) + (48 + 26 * k, 102)
            pen.line(curl, 4.0, shade(colour, 0.92))
    contact = np.array([along, -float(food.half_height(subject, look, along)) - 10 * back * 1.6])
    tip = _from(body, pen, (contact[0], contact[1]))
    if not back:
        swing = np.linspace(0, 1, 9)
        size = 6 + 26 * forward
        strip = np.column_stack([tip[0] + 4 + 10 * np.sin(swing * 4 + time * 6) * swing, tip[1] - 2 + size * swing**1.2])
        pen.line(strip, 4.5, shade(colour, 0.95))
    else:
        drop = tip + (6, 6 + 60 * back)
        pen.line([(drop[0] - 8, drop[1] - 6), (drop[0], drop[1]), (drop[0] + 6, drop[1] + 8)], 4.5, shade(colour, 0.95))
    things.hand(pen.at(middle[0] - length - 2, middle[1] - 1), look, (-60, 20))
    blade = pen.at(tip[0] + 26, tip[1] - 8, -14)
    things.knife(blade, look)
    things.hand(blade.at(8, -2), look, (60, -34))


DRAW: dict[str, Draw] = {
    "pour": pour,
    "cut": cut,
    "sprinkle": sprinkle,
    "squeeze": squeeze,
    "stir": stir,
    "take out": take_out,
    "wash": wash,
    "grate": grate,
    "peel": peel,
}
"""How each action is drawn."""


def _smooth(share: float) -> float:
    return share * share * (3 - 2 * share)


def _from(local: Pen, outer: Pen, point: tuple[float, float]) -> np.ndarray:
    """A point of a local pen in the units of the outer one."""
    pixel = local.where([point])[0]
    result: np.ndarray = np.linalg.solve(outer.matrix[:, :2], pixel - outer.matrix[:, 2])
    return result


def _arc(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """The path [8, 2] of a liquid that leaves sideways and then falls."""
    share = np.linspace(0, 1, 8)
    across = 1 - (1 - np.minimum(1.0, share * 1.4)) ** 2
    return np.column_stack([start[0] + (end[0] - start[0]) * across, start[1] + (end[1] - start[1]) * share**1.5])


def _fall(
    pen: Pen,
    look: Look,
    time: float,
    top: tuple[float, float],
    height: float,
    spread: float,
    width: float,
    colour: Colour,
    count: int,
    rising: bool = False,
) -> None:
    """`count` drops or grains between `top` and `height` units below it (`rising`: they spring up and back)."""
    age = (time * (2.2 if height > 25 else 3.2) + look.scatter[:count, 1]) % 1
    x = top[0] + (look.scatter[:count, 0] - 0.5) * spread * (0.5 + 0.8 * age)
    y = top[1] + height * (4 * (age - 0.5) ** 2 if rising else age**1.6)
    pen.streaks(np.column_stack([x, y]), width * 0.8, width, colour)


def _spray(look: Look, time: float, centre: tuple[float, float], reach: float) -> np.ndarray:
    """Drops [20, 2] that fly off to both sides of `centre` and sink."""
    age = (time * 2.6 + look.scatter[20:40, 1]) % 1
    side = (look.scatter[20:40, 0] - 0.5) * 2
    return np.column_stack([centre[0] + side * reach * (0.3 + age), centre[1] - 14 * np.sin(age * 3.0) + 18 * age**2])
