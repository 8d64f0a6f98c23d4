"""Still lifes for the demo shop, drawn here: a wall, a table, and one thing on it."""

import io
from collections.abc import Callable

from PIL import Image, ImageDraw

_SIDE = 800
# Drawn larger and reduced: smooth edges.
_SCALE = 2
_TABLE_FROM = 600

Draw = ImageDraw.ImageDraw
Box = tuple[float, float, float, float]
Painter = Callable[[Draw], None]


def _scaled(box: Box) -> list[float]:
    return [value * _SCALE for value in box]


def _rounded(draw: Draw, box: Box, radius: float, fill: str) -> None:
    draw.rounded_rectangle(_scaled(box), radius=radius * _SCALE, fill=fill)


def _oval(draw: Draw, box: Box, fill: str) -> None:
    draw.ellipse(_scaled(box), fill=fill)


def _shape(draw: Draw, points: list[tuple[float, float]], fill: str) -> None:
    draw.polygon([(x * _SCALE, y * _SCALE) for x, y in points], fill=fill)


def _label(draw: Draw, box: Box, colour: str) -> None:
    _rounded(draw, box, 6, "#fffbf0")
    left, top, right, bottom = box
    middle, height = (left + right) / 2, bottom - top
    for row, half in ((0.68, 44), (0.82, 28)):
        y = top + height * row
        _rounded(draw, (middle - half, y - 4, middle + half, y + 4), 4, colour)


def _oil(draw: Draw) -> None:
    _oval(draw, (225, 660, 575, 705), "#b9b39a")
    _rounded(draw, (345, 95, 455, 150), 8, "#3b3a2d")
    _rounded(draw, (358, 145, 442, 300), 14, "#7d8c2f")
    _shape(draw, [(358, 270), (442, 270), (510, 370), (290, 370)], "#7d8c2f")
    _rounded(draw, (290, 350, 510, 685), 26, "#7d8c2f")
    _rounded(draw, (310, 370, 328, 660), 9, "#a3b05f")
    _label(draw, (290, 440, 510, 600), "#3b3a2d")
    _oval(draw, (375, 460, 425, 520), "#7d8c2f")


def _honey(draw: Draw) -> None:
    _oval(draw, (200, 650, 600, 700), "#cdb78f")
    _rounded(draw, (230, 270, 570, 680), 46, "#d98b1a")
    _rounded(draw, (250, 300, 276, 650), 13, "#eeb766")
    _rounded(draw, (240, 175, 560, 275), 16, "#f7f1df")
    _label(draw, (230, 380, 570, 570), "#b26b00")
    _shape(draw, [(400, 400), (436, 421), (436, 463), (400, 484), (364, 463), (364, 421)], "#b26b00")
    _shape(draw, [(400, 414), (424, 428), (424, 456), (400, 470), (376, 456), (376, 428)], "#fffbf0")


def _sardines(draw: Draw) -> None:
    _oval(draw, (120, 540, 680, 610), "#a9bcc8")
    _rounded(draw, (115, 270, 685, 575), 96, "#b4bcc0")
    _rounded(draw, (125, 250, 675, 550), 92, "#1f5673")
    _rounded(draw, (160, 285, 640, 515), 70, "#f4d9a3")
    _rounded(draw, (168, 293, 632, 507), 64, "#1f5673")
    _oval(draw, (260, 355, 490, 445), "#f4d9a3")
    _shape(draw, [(465, 400), (545, 355), (545, 445)], "#f4d9a3")
    _oval(draw, (292, 382, 316, 406), "#1f5673")
    _rounded(draw, (345, 205, 455, 262), 26, "#9aa3a8")
    _rounded(draw, (366, 222, 434, 246), 12, "#d5e1e8")


def _coffee(draw: Draw) -> None:
    _oval(draw, (205, 660, 595, 705), "#bda797")
    _shape(draw, [(240, 175), (560, 175), (590, 690), (210, 690)], "#5d3a29")
    _shape(draw, [(235, 175), (565, 175), (568, 240), (232, 240)], "#46291b")
    _shape(draw, [(262, 250), (282, 250), (262, 670), (238, 670)], "#7a5645")
    _label(draw, (290, 340, 510, 570), "#5d3a29")
    _oval(draw, (355, 370, 445, 480), "#5d3a29")
    _shape(draw, [(405, 372), (416, 376), (394, 478), (384, 474)], "#fffbf0")


def _lemons(draw: Draw) -> None:
    _oval(draw, (210, 650, 590, 700), "#cabf92")
    _rounded(draw, (235, 255, 565, 680), 52, "#f8ecb0")
    for x, y, size, colour in (
        (320, 590, 82, "#e6b422"),
        (470, 585, 84, "#f1c93b"),
        (390, 480, 84, "#e6b422"),
        (300, 470, 64, "#f1c93b"),
        (492, 460, 66, "#f1c93b"),
    ):
        _oval(draw, (x - size, y - size, x + size, y + size), colour)
    _rounded(draw, (252, 285, 274, 650), 11, "#fdf7dc")
    _rounded(draw, (222, 165, 578, 270), 18, "#a63a2b")
    _rounded(draw, (222, 208, 578, 220), 6, "#c96a5d")


def _soap(draw: Draw) -> None:
    _oval(draw, (140, 600, 670, 665), "#bfc3b4")
    _shape(draw, [(170, 375), (290, 300), (640, 300), (570, 375)], "#dfe5c8")
    _shape(draw, [(570, 375), (640, 300), (640, 540), (570, 620)], "#b5bd98")
    _rounded(draw, (170, 375, 570, 620), 6, "#cbd4af")
    _shape(draw, [(310, 375), (420, 300), (530, 300), (430, 375)], "#fbf9ef")
    _label(draw, (310, 375, 430, 620), "#7f8a66")


# The wall, the table, and what stands on it.
_SCENES: dict[str, tuple[str, str, Painter]] = {
    "oil": ("#e9e3cf", "#dfd8c0", _oil),
    "honey": ("#f5e2c2", "#e8d3ae", _honey),
    "sardines": ("#d7e4ec", "#c9d8e2", _sardines),
    "coffee": ("#e8d9cc", "#dcc9ba", _coffee),
    "lemons": ("#f5ecc4", "#e9ddac", _lemons),
    "soap": ("#e6e8db", "#dadece", _soap),
}


def still_life(name: str) -> bytes:
    """A square JPEG of one of the scenes; KeyError for an unknown name."""
    wall, table, paint = _SCENES[name]
    side = _SIDE * _SCALE
    picture = Image.new("RGB", (side, side), wall)
    draw = ImageDraw.Draw(picture)
    draw.rectangle([0, _TABLE_FROM * _SCALE, side, side], fill=table)
    paint(draw)
    file = io.BytesIO()
    picture.resize((_SIDE, _SIDE), Image.Resampling.LANCZOS).save(file, "JPEG", quality=90)
    return file.getvalue()
