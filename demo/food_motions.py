"""Motions on food: cut, peel, grate, wash. Each draws one moment; time is in seconds."""

from math import pi, sin

import numpy as np

from . import food, things
from .categories import Category
from .drops import BASE, fall, from_local, spray
from .look import Look
from .pen import Pen, shade


def cut(pen: Pen, category: Category, look: Look, time: float) -> None:
    """The knife goes up and down and moves along; slices fall to its right."""
    subject = category.subject
    things.board(pen.at(80, 100), look)
    length = food.half_length(subject, look)
    middle = np.array([74.0, 98 - float(food.half_height(subject, look, 0.0))])
    progress = min(1.0, 0.1 + 0.28 * look.phase + 0.24 * look.tempo * time)
    beat = (time * 2.1 * look.tempo + look.phase) % 1
    lift = 34 * abs(sin(pi * beat))
    edge = length * (1 - 1.7 * progress)
    body = pen.at(middle[0], middle[1])
    for x in np.arange(length - 3, edge, -5.5):
        spread = 4.0 + 2.6 * (length - x) / 5.5 * 0.5
        food.slice_of(
            body.at(x + spread, float(food.half_height(subject, look, 0.0) - food.half_height(subject, look, x)), 8),
            subject,
            look,
            x,
        )
    food.whole(body, subject, look, -1.0, edge / length)
    face = float(food.half_height(subject, look, edge))
    body.ellipse(edge, 0, 0.3 * face + 0.5, face, food.flesh(subject))
    things.hand(pen.at(middle[0] - length * 0.75, middle[1] - 8), look, (-60, -34))
    blade = pen.at(middle[0] + edge + 34, 92 - lift, -4 + lift * 0.5)
    things.knife(blade, look)
    things.hand(blade.at(8, -2), look, (60, -44))


def peel(pen: Pen, category: Category, look: Look, time: float) -> None:
    """Long strokes of the blade along the thing, from left to right; the peel curls off and falls."""
    subject = category.subject
    length = food.half_length(subject, look)
    middle = np.array([76.0, 70.0])
    things.board(pen.at(80, 106), look)
    beat = (time * 0.95 * look.tempo + look.phase) % 1
    forward = min(1.0, beat / 0.7)
    back = max(0.0, (beat - 0.7) / 0.3)
    along = length * (-0.9 + 1.8 * (forward - back * forward))
    body = pen.at(middle[0], middle[1], 5)
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
            curl = np.cumsum((spots - (0.5, 0.5)) * (22, 5), axis=0) + np.array([48 + 26 * k, 102])
            pen.line(curl, 4.0, shade(colour, 0.92))
    contact = np.array([along, -float(food.half_height(subject, look, along)) - 10 * back * 1.6])
    tip = from_local(body, pen, (contact[0], contact[1]))
    if not back:
        swing = np.linspace(0, 1, 9)
        size = 6 + 26 * forward
        strip = np.column_stack(
            [tip[0] + 4 + 10 * np.sin(swing * 4 + time * 6) * swing, tip[1] - 2 + size * swing**1.2]
        )
        pen.line(strip, 4.5, shade(colour, 0.95))
    else:
        drop = tip + np.array([6, 6 + 60 * back])
        pen.line([(drop[0] - 8, drop[1] - 6), (drop[0], drop[1]), (drop[0] + 6, drop[1] + 8)], 4.5, shade(colour, 0.95))
    things.hand(pen.at(middle[0] - length - 2, middle[1] - 1), look, (-60, 20))
    blade = pen.at(tip[0] + 26, tip[1] - 8, -14)
    things.knife(blade, look)
    things.hand(blade.at(8, -2), look, (60, -34))


def grate(pen: Pen, category: Category, look: Look, time: float) -> None:
    """A hand rubs the thing along a slanted grater; flakes fall on the plate."""
    flesh = food.flesh(category.subject) if category.subject == "radish" else shade(look.paint[category.subject], 1.15)
    things.plate(pen.at(72, BASE), look)
    heap = min(1.0, 0.2 + 0.3 * time)
    spots = (look.scatter[:40, :2] - 0.5) * (40, 8) + (62, BASE - 2)
    pen.streaks(spots[: int(40 * heap)], 1.0, 2.6, flesh)
    slope = pen.at(74, 66, -42)
    rub = sin(2 * pi * (time * 1.9 * look.tempo + look.phase))
    things.grater(slope, look)
    fall(pen, look, time, (64 + 8 * rub, 76), BASE - 78, 26.0, 2.4, flesh, 30)
    held = slope.at(26 * rub, -4 - 15 * look.size, 90 if category.subject == "radish" else 35)
    food.whole(held, category.subject, look)
    things.hand(slope.at(26 * rub + 2, -12 - 22 * look.size).at(0, 0, 42), look, (40, -50))


def wash(pen: Pen, category: Category, look: Look, time: float) -> None:
    """Under a running tap two hands rub the thing left and right; water splashes."""
    water = look.paint["water"]
    rub = sin(2 * pi * (time * 1.7 * look.tempo + look.phase))
    x, y = 76 + 20 * rub, 70.0
    things.plate(pen.at(76, BASE + 4), look)
    things.tap(pen.at(76, 18), look)
    wobble = np.sin(np.arange(8) * 1.1 - time * 24)
    stream = np.column_stack([76 + wobble, np.linspace(18, 58, 8)])
    pen.line(stream, 7, water)
    pen.line(stream, 2.5, shade(water, 1.6))
    fall(pen, look, time, (x, y + 6), BASE - y - 4, 52.0, 3.4, water, 34)
    if category.subject == "frying pan":
        pan = pen.at(x, y + 6, 6 * rub)
        pan.line([(30, -4), (92, -22)], 8, look.paint["handle"])
        pan.ellipse(0, 0, 38, 25, shade(look.paint["iron"], 1.3))
        pan.ellipse(0, 0, 33, 21, shade(look.paint["iron"], 0.8))
        tool = pen.at(68 - 16 * rub, 60 + 5 * rub, -150 + 14 * rub, 0.8)
        things.spatula(tool, look)
        things.hand(tool, look, (60, 24))
        things.hand(pan.at(50, -10), look, (60, 10))
    else:
        food.whole(pen.at(x, y, 14 * rub), category.subject, look)
        side = food.half_length(category.subject, look) * 0.8
        things.hand(pen.at(x - side, y + 5 - 4 * rub), look, (-60, 22))
        things.hand(pen.at(x + side, y + 5 + 4 * rub), look, (60, 22))
    splash = spray(look, time, (76, 58), 26.0)
    pen.streaks(splash, 1.5, 2.2, shade(water, 1.4))
