"""Hands, vessels and tools. Vessels stand on their pen's origin; tools reach from the grip (the origin) to the left."""

import numpy as np

from .look import Look
from .pen import Colour, Pen, blend, shade


def hand(pen: Pen, look: Look, arm: tuple[float, float]) -> None:
    """A closed hand at the origin whose forearm leaves towards `arm` (far outside the frame)."""
    skin, sleeve = look.paint["skin"], look.paint["sleeve"]
    reach = np.array(arm) / float(np.hypot(*arm))
    pen.line([tuple(reach * 8), tuple(reach * 30)], 11, skin)
    pen.line([tuple(reach * 28), tuple(reach * 150)], 17, sleeve)
    pen.ellipse(0, 0, 10.5, 9, skin)
    across = np.array([-reach[1], reach[0]])
    for place in (-6.5, -2.2, 2.2, 6.5):
        root = across * place - reach * 3
        pen.line([tuple(root), tuple(root - reach * 6)], 4.4, skin)
    for place in (-4.3, 0.0, 4.3):
        root = across * place - reach * 5
        pen.line([tuple(root), tuple(root - reach * 4)], 0.8, shade(skin, 0.75))


def plate(pen: Pen, look: Look) -> None:
    china = look.paint["china"]
    pen.ellipse(0, 1.5, 50, 11, shade(china, 0.7))
    pen.ellipse(0, 0, 50, 10.5, china)
    pen.ellipse(0, 0.5, 37, 7, shade(china, 0.9))


def pan_back(pen: Pen, look: Look) -> None:
    """The inside of a frying pan; what is in it is drawn next, then `pan_front`."""
    iron = look.paint["iron"]
    pen.line([(40, -15), (96, -24)], 8, look.paint["handle"])
    pen.ellipse(0, -15, 48, 14, shade(iron, 1.25))
    pen.ellipse(0, -14, 44, 11.5, shade(iron, 0.75))


def pan_front(pen: Pen, look: Look) -> None:
    iron = look.paint["iron"]
    turn = np.linspace(0, np.pi, 17)
    rim = np.column_stack([48 * np.cos(turn), -15 + 14 * np.sin(turn)])
    foot = np.column_stack([38 * np.cos(turn), 9 * np.sin(turn)])
    pen.polygon(np.concatenate([rim, foot[::-1]]), iron)
    pen.line(rim, 1.6, shade(iron, 1.4))


def jar_back(pen: Pen, look: Look) -> None:
    glass = look.paint["glass"]
    pen.polygon([(-21, -50), (21, -50), (23, -44), (23, 0), (-23, 0), (-23, -44)], shade(glass, 0.92))
    pen.ellipse(0, 0, 23, 5, shade(glass, 0.85))
    pen.ellipse(0, -50, 21, 5, shade(glass, 0.75))


def jar_fill(pen: Pen, look: Look, colour: Colour, level: float) -> None:
    """Contents up to `level` (0 to 1 of the height)."""
    top = -42 * level - 2
    content = blend(colour, look.paint["glass"], 0.15)
    pen.polygon([(-21, top), (21, top), (21, 0), (-21, 0)], content)
    pen.ellipse(0, 0, 21, 4, content)
    pen.ellipse(0, top, 21, 4, shade(content, 0.93))


def jar_front(pen: Pen, look: Look) -> None:
    glass = look.paint["glass"]
    pen.line([(-21, -50), (-23, -44), (-23, -2)], 2, shade(glass, 0.8))
    pen.line([(21, -50), (23, -44), (23, -2)], 2, shade(glass, 0.8))
    pen.line([(-16, -40), (-16, -8)], 3, shade(glass, 1.6))


def bowl_back(pen: Pen, look: Look, content: Colour) -> None:
    pen.ellipse(0, -28, 45, 12, shade(look.paint["china"], 0.85))
    pen.ellipse(0, -25, 40, 9.5, content)


def bowl_front(pen: Pen, look: Look) -> None:
    china = look.paint["china"]
    turn = np.linspace(0, np.pi, 17)
    rim = np.column_stack([45 * np.cos(turn), -28 + 12 * np.sin(turn)])
    foot = np.column_stack([20 * np.cos(turn), 4 * np.sin(turn)])
    pen.polygon(np.concatenate([rim, foot[::-1]]), china)
    pen.line(rim, 1.5, shade(china, 0.8))


def board(pen: Pen, look: Look) -> None:
    wood = look.paint["wood"]
    pen.polygon([(-62, -9), (62, -9), (70, 10), (-70, 10)], wood)
    pen.polygon([(-70, 10), (70, 10), (70, 14), (-70, 14)], shade(wood, 0.75))
    for y in (-4, 1, 6):
        pen.line([(-62 - y * 0.4, y), (60 + y * 0.4, y + 0.6)], 0.7, shade(wood, 0.88))


def knife(pen: Pen, look: Look) -> None:
    """Blade towards the left, edge down."""
    steel = look.paint["steel"]
    pen.polygon([(-6, -6), (-50, -4), (-58, 5), (-6, 6)], steel)
    pen.polygon([(-6, 2), (-56, 3), (-58, 5), (-6, 6)], shade(steel, 1.5))
    pen.line([(-4, -1), (18, -1)], 7, look.paint["handle"])


def spatula(pen: Pen, look: Look) -> None:
    """Blade towards the left."""
    pen.line([(14, 0), (-44, 0)], 4.5, look.paint["handle"])
    pen.polygon([(-42, -8), (-64, -9), (-66, 9), (-42, 8)], shade(look.paint["handle"], 1.25))
    for y in (-3.5, 0, 3.5):
        pen.line([(-48, y), (-60, y)], 1.2, shade(look.paint["handle"], 0.7))


def fork(pen: Pen, look: Look) -> None:
    """Tines towards the left."""
    steel = look.paint["steel"]
    pen.line([(14, 0), (-40, 0)], 4, steel)
    pen.line([(-38, -6), (-38, 6)], 3, steel)
    for y in (-6, -2, 2, 6):
        pen.line([(-38, y), (-58, y)], 1.8, steel)


def oil_bottle(pen: Pen, look: Look) -> None:
    """Held at the origin, mouth up at (0, -38)."""
    oil = look.paint["oil"]
    pen.polygon([(-11, -10), (-4, -22), (-4, -38), (4, -38), (4, -22), (11, -10), (11, 26), (-11, 26)], oil)
    pen.polygon([(-11, 0), (11, 0), (11, 16), (-11, 16)], shade(oil, 1.7))
    pen.line([(-7, -8), (-7, 22)], 2, shade(oil, 1.5))


def carton(pen: Pen, look: Look) -> None:
    """A milk carton held at the origin, spout at (0, -38)."""
    blue = look.paint["carton"]
    pen.polygon([(-14, -22), (14, -22), (14, 26), (-14, 26)], (246, 246, 244))
    pen.polygon([(-14, -22), (14, -22), (5, -36), (-5, -36)], (224, 226, 230))
    pen.polygon([(-14, -8), (14, -8), (14, 12), (-14, 12)], blue)


def salt_cellar(pen: Pen, look: Look) -> None:
    """Held at the origin, holes up at (0, -20)."""
    china = look.paint["china"]
    pen.polygon([(-10, -12), (10, -12), (12, 22), (-12, 22)], china)
    pen.polygon([(-10, -12), (-7, -20), (7, -20), (10, -12)], look.paint["steel"])


def spice_tin(pen: Pen, look: Look) -> None:
    """Held at the origin, holes up at (0, -20)."""
    spice = look.paint["spice"]
    pen.polygon([(-13, -20), (13, -20), (13, 22), (-13, 22)], spice)
    pen.polygon([(-13, -20), (13, -20), (13, -14), (-13, -14)], shade(spice, 0.7))
    pen.polygon([(-13, -6), (13, -6), (13, 10), (-13, 10)], shade(spice, 1.75))


def juicer_back(pen: Pen, look: Look, juice: Colour, level: float) -> None:
    """A glass dish with juice up to `level` (0 to 1), and the ribbed cone with its tip at (0, -40)."""
    glass = look.paint["glass"]
    pen.polygon([(-42, -24), (42, -24), (34, 2), (-34, 2)], shade(glass, 0.92))
    top = 1 - 20 * level
    spread = 34 + 8 * (1 - top) / 25
    pen.polygon([(-spread, top), (spread, top), (34, 2), (-34, 2)], juice)
    pen.polygon([(-20, -20), (-5, -40), (5, -40), (20, -20)], shade(glass, 1.3))
    for x in (-0.55, 0.0, 0.55):
        pen.line([(4 * x, -39), (20 * x, -21)], 1.2, shade(glass, 0.75))


def juicer_front(pen: Pen, look: Look) -> None:
    glass = look.paint["glass"]
    pen.line([(-42, -24), (-34, 2), (34, 2), (42, -24)], 2.4, shade(glass, 0.78))
    pen.line([(-34, -18), (-29, -3)], 2.5, shade(glass, 1.6))


def grater(pen: Pen, look: Look) -> None:
    """A flat grater along the x axis, its back to the right, from -48 to 48."""
    steel = look.paint["steel"]
    pen.line([(44, 0), (70, 0)], 7, look.paint["handle"])
    pen.polygon([(-48, -4), (48, -4), (48, 5), (-48, 5)], steel)
    teeth = np.column_stack([np.arange(-42, 46, 7.0), np.full(13, -4.5)])
    pen.streaks(teeth, 3.0, 2.0, shade(steel, 0.55))


def tap(pen: Pen, look: Look) -> None:
    """A tap from the top of the frame; the water leaves at the origin."""
    steel = shade(look.paint["steel"], 0.85)
    pen.line([(0, -3), (0, -12), (6, -18), (34, -18), (40, -24), (40, -90)], 9, steel)
    pen.line([(4, -17), (34, -20)], 2, shade(steel, 1.5))
    pen.polygon([(-6, -5), (6, -5), (6, 0), (-6, 0)], shade(steel, 0.8))
