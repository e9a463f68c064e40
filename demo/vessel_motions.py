"""Motions at a vessel: pour, sprinkle, squeeze, stir, take out. Each draws one moment; time is in seconds."""

from math import cos, pi, radians, sin

import numpy as np

from . import food, things
from .categories import Category
from .drops import BASE, arc, fall, from_local, smooth
from .look import Look
from .pen import Pen, shade


def pour(pen: Pen, category: Category, look: Look, time: float) -> None:
    """The container tilts and rights itself; what it holds runs into the vessel, whose level rises."""
    liquid = look.paint[category.subject]
    turn = 0.5 - 0.5 * cos(2 * pi * (time * 0.55 * look.tempo + look.phase))
    tilt = -15 - 100 * smooth(turn)
    vessel = pen.at(58, BASE)
    into_jar = category.receptacle == "jar"
    level = 0.15 + 0.25 * time
    surface = -8 - 42 * level if into_jar else -14.0
    if into_jar:
        things.jar_back(vessel, look)
        things.jar_fill(vessel, look, liquid, level)
    else:
        things.pan_back(vessel, look)
        vessel.ellipse(0, -13, 20 + 8 * level, 5 + 3 * level, liquid)
    grip = pen.at(104, 34 + 4 * sin(2 * pi * turn), tilt)
    mouth = from_local(grip, pen, (0, -38))
    flow = min(1.0, max(0.0, (-tilt - 70) / 30))
    if flow > 0:
        end = np.array([58 + 5 * sin(9 * time), BASE + surface])
        path = arc(mouth, end)
        path[:, 0] += np.sin(np.arange(8) * 1.3 - time * 22) * 0.9
        pen.line(path, 2.5 + 4 * flow, liquid)
        fall(pen, look, time, (end[0], end[1] - 16), 14, 9.0, 3.4, liquid, 10, rising=True)
    if into_jar:
        things.jar_front(vessel, look)
    else:
        things.pan_front(vessel, look)
    (things.carton if category.subject == "milk" else things.oil_bottle)(grip, look)
    things.hand(pen.at(104, 34 + 4 * sin(2 * pi * turn)), look, (60, 6 - 20 * turn))


def sprinkle(pen: Pen, category: Category, look: Look, time: float) -> None:
    """A hand shakes the upturned shaker; grains fall on the vessel."""
    grain = look.paint[category.subject]
    vessel = pen.at(72, BASE)
    if category.receptacle == "plate":
        things.plate(vessel, look)
        floor = BASE
    else:
        things.pan_back(vessel, look)
        floor = BASE - 14
    heap = min(1.0, 0.25 + 0.3 * time)
    spots = look.scatter[:40, :2] - 0.5
    vessel.streaks(spots[: int(40 * heap)] * (56, 10) + (0, floor - BASE), 0.6, 2.0, grain)
    shake = sin(2 * pi * (time * 3.0 * look.tempo + look.phase))
    x, y = 76 + 12 * shake, 36 + 3 * abs(shake)
    fall(pen, look, time, (x - 4, y + 18), floor - y - 18, 34.0, 1.8, grain, 48)
    if category.receptacle != "plate":
        things.pan_front(vessel, look)
    shaker = pen.at(x, y, 180 + 16 * shake)
    (things.salt_cellar if category.subject == "salt" else things.spice_tin)(shaker, look)
    things.hand(pen.at(x, y - 6), look, (60, -34))


def squeeze(pen: Pen, category: Category, look: Look, time: float) -> None:
    """A hand presses and twists half a fruit on the juicer; juice drips into the dish."""
    press = 0.5 + 0.5 * sin(2 * pi * (time * 1.2 * look.tempo + look.phase))
    juice = shade(look.paint[category.subject], 1.2)
    dish = pen.at(80, BASE)
    things.juicer_back(dish, look, juice, min(1.0, 0.2 + 0.25 * time))
    fall(pen, look, time, (80, BASE - 34), 30, 44.0, 3.2, juice, 8 + int(16 * press))
    y = BASE - 46 + 20 * press
    fruit = pen.at(80, y, 10 * sin(2 * pi * time * 2.4 * look.tempo))
    food.half(fruit, category.subject, look)
    things.juicer_front(dish, look)
    things.hand(fruit.at(2, -20 * look.size), look, (30, -60))


def stir(pen: Pen, category: Category, look: Look, time: float) -> None:
    """A tool circles in the vessel and carries the contents round."""
    angle = 2 * pi * (time * 1.25 * look.tempo + look.phase)
    vessel = pen.at(74, BASE + 2)
    in_pan = category.receptacle == "frying pan"
    if in_pan:
        things.pan_back(vessel, look)
        for k in range(14):
            radius = 0.35 + 0.6 * look.scatter[k, 0]
            place = angle * 0.6 + 2 * pi * look.scatter[k, 1]
            piece = vessel.at(
                38 * radius * cos(place), -14 + 9 * radius * sin(place), 360 * look.scatter[k, 2] + angle * 30
            )
            piece.line(
                [(-5, 0), (-2, -2.5), (3, -2), (5, 1)], 2.8, food.flesh("onion") if k % 3 else look.paint["onion"]
            )
        depth, radii = -14.0, (27.0, 7.5)
    else:
        milk = look.paint["milk"]
        things.bowl_back(vessel, look, milk)
        for k in range(3):
            arc = angle - 0.5 - k * 2.1 + np.linspace(0, -1.6, 9)
            vessel.line(
                np.column_stack([(32 - 7 * k) * np.cos(arc), -25 + (7.5 - 1.5 * k) * np.sin(arc)]),
                1.8,
                shade(milk, 0.82),
            )
        depth, radii = -25.0, (26.0, 6.0)
    tip = np.array([74 + radii[0] * cos(angle), BASE + 2 + depth + radii[1] * sin(angle)])
    lean = -62 + 12 * cos(angle)
    reach = 60.0
    grip = tip + reach * np.array([cos(radians(lean)), sin(radians(lean))])
    tool = pen.at(grip[0], grip[1], lean)
    (things.spatula if in_pan else things.fork)(tool, look)
    (things.pan_front if in_pan else things.bowl_front)(vessel, look)
    things.hand(tool, look, (60, 10))


def take_out(pen: Pen, category: Category, look: Look, time: float) -> None:
    """A hand comes down, grips, and carries the thing up and away."""
    done = (time - 0.7 * look.phase) / 1.7 * look.tempo
    down = smooth(min(1.0, max(0.0, done / 0.35)))
    up = smooth(min(1.0, max(0.0, (done - 0.42) / 0.55)))
    from_jar = category.receptacle == "jar"
    rest = np.array([76.0, 34.0]) if from_jar else np.array([78.0, BASE - 36 * look.size])
    height = 95.0
    place = rest + np.array([18 * up, -height * up])
    fingers = place + np.array([26, -70]) * (1 - down)
    if from_jar:
        things.jar_back(pen.at(74, BASE), look)
        tool = pen.at(place[0], place[1], -86 + 10 * up)
        things.spatula(tool, look)
        things.jar_front(pen.at(74, BASE), look)
        things.hand(pen.at(fingers[0], fingers[1]), look, (46, -60))
    else:
        things.plate(pen.at(78, BASE), look)
        food.whole(pen.at(place[0], place[1] + 14 * look.size, 8 * up), category.subject, look)
        things.hand(pen.at(fingers[0] + 2, fingers[1] - 6), look, (46, -60))
