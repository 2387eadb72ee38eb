"""Flat colours, soft curves: the few strokes that every picture of the demonstration is drawn with.

Pictures are drawn at twice their size, then made smaller, so that every edge is smooth. Positions are pixels of the
finished picture. The same seed always gives the same picture.
"""

import io
import math
import random
from collections.abc import Callable, Sequence

from PIL import Image, ImageDraw

SHEET_WIDTH, SHEET_HEIGHT = 1200, 675
LARGEST_DRAWING = 60_000
_TWICE = 2

Point = tuple[float, float]
Curve = Callable[[float], float]

CREAM, STONE, STONE_SHADE, STONE_DARK = "#fbf1dc", "#ead9b8", "#d3bb8f", "#a98f66"
OCHRE, OCHRE_LIGHT, RUST, TILE, TILE_DARK = "#d69a45", "#eabf73", "#b5652f", "#9c5433", "#7d4029"
WALNUT, WALNUT_DARK, EARTH = "#5b412c", "#3f2c1e", "#8b6a45"
RIVER, RIVER_LIGHT, RIVER_DARK = "#3f8f86", "#7fbfb2", "#2b6b66"
LEAF, LEAF_LIGHT, LEAF_DARK, SAGE, MIST = "#6f8f4e", "#9cb26a", "#4c6b3c", "#b4bf8c", "#cfd6b6"


class Canvas:
    """A drawing of 1200 × 675 pixels; `chance` is its own seeded source of random numbers."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311  no secret: a drawing
        self.sheet = Image.new("RGB", (SHEET_WIDTH * _TWICE, SHEET_HEIGHT * _TWICE), CREAM)
        self.pen = ImageDraw.Draw(self.sheet)

    def polygon(self, points: Sequence[Point], colour: str) -> None:
        self.pen.polygon([(x * _TWICE, y * _TWICE) for x, y in points], fill=colour)

    def box(self, left: float, top: float, width: float, height: float, colour: str, *, radius: float = 0) -> None:
        corners = (left * _TWICE, top * _TWICE, (left + width) * _TWICE, (top + height) * _TWICE)
        self.pen.rounded_rectangle(corners, radius * _TWICE, fill=colour)

    def oval(self, x: float, y: float, across: float, down: float, colour: str) -> None:
        """An ellipse around its middle; `across` and `down` are half its axes."""
        corners = ((x - across) * _TWICE, (y - down) * _TWICE, (x + across) * _TWICE, (y + down) * _TWICE)
        self.pen.ellipse(corners, fill=colour)

    def arc(
        self, x: float, y: float, across: float, down: float, *, degrees: tuple[int, int], colour: str, thick: int
    ) -> None:
        corners = ((x - across) * _TWICE, (y - down) * _TWICE, (x + across) * _TWICE, (y + down) * _TWICE)
        self.pen.arc(corners, *degrees, fill=colour, width=thick * _TWICE)

    def line(self, points: Sequence[Point], colour: str, thick: float) -> None:
        self.pen.line(
            [(x * _TWICE, y * _TWICE) for x, y in points], fill=colour, width=round(thick * _TWICE), joint="curve"
        )

    def sky(self, top: str, bottom: str) -> None:
        """From one colour above to another at three quarters of the height."""
        ramp = Image.linear_gradient("L").resize((SHEET_WIDTH * _TWICE, round(SHEET_HEIGHT * 0.75) * _TWICE))
        above, below = Image.new("RGB", ramp.size, top), Image.new("RGB", ramp.size, bottom)
        self.sheet.paste(bottom, (0, 0, SHEET_WIDTH * _TWICE, SHEET_HEIGHT * _TWICE))
        self.sheet.paste(Image.composite(below, above, ramp), (0, 0))

    def ground(self, crest: Curve, colour: str) -> None:
        """Everything under this line."""
        self.polygon(
            [(0, SHEET_HEIGHT), *((x, crest(x)) for x in range(0, SHEET_WIDTH + 1, 6)), (SHEET_WIDTH, SHEET_HEIGHT)],
            colour,
        )

    def rolling(self, level: float, swell: float) -> Curve:
        """A hill line around this height, of three waves that chance chooses."""
        waves = [
            (swell / (n + 1), self.chance.uniform(0.8, 1.3) * (n + 1), self.chance.uniform(0, math.tau))
            for n in range(3)
        ]
        return lambda x: level + sum(a * math.sin(f * math.tau * x / SHEET_WIDTH + p) for a, f, p in waves)

    def jpeg(self) -> bytes:
        """The finished picture, as fine as fits into 60 kB."""
        small = self.sheet.resize((SHEET_WIDTH, SHEET_HEIGHT), Image.Resampling.LANCZOS)
        for quality in range(88, 20, -6):
            encoded = io.BytesIO()
            small.save(encoded, "JPEG", quality=quality, optimize=True, progressive=True)
            if encoded.tell() < LARGEST_DRAWING:
                break
        return encoded.getvalue()
