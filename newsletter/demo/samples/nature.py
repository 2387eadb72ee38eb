"""Trees, water, cliffs and what moves among them."""

import math

from newsletter.demo.samples.canvas import (
    CREAM,
    EARTH,
    LEAF,
    LEAF_DARK,
    OCHRE,
    OCHRE_LIGHT,
    RIVER,
    RIVER_LIGHT,
    RUST,
    SHEET_HEIGHT,
    SHEET_WIDTH,
    STONE,
    STONE_SHADE,
    WALNUT,
    WALNUT_DARK,
    Canvas,
)


def tree(on: Canvas, x: float, y: float, *, size: float, leaves: tuple[str, ...], fruit: str = "") -> None:
    """A round tree that stands at this point."""
    on.polygon(
        [
            (x - size * 0.07, y),
            (x - size * 0.04, y - size * 0.6),
            (x + size * 0.04, y - size * 0.6),
            (x + size * 0.07, y),
        ],
        WALNUT,
    )
    for n in range(13):
        leaf = leaves[min(n * len(leaves) // 13, len(leaves) - 1)]
        turn, far = on.chance.uniform(0, math.tau), on.chance.uniform(0.05, 0.34) * size
        lift = size * (0.72 + 0.02 * n)
        on.oval(x + far * math.cos(turn), y - lift + far * 0.6 * math.sin(turn), size * 0.26, size * 0.22, leaf)
    for _nut in range(9 if fruit else 0):
        on.oval(
            x + on.chance.uniform(-0.4, 0.4) * size,
            y - size * on.chance.uniform(0.6, 1.05),
            size * 0.025,
            size * 0.03,
            fruit,
        )


def sheep(on: Canvas, x: float, y: float, *, size: float) -> None:
    for leg in (-0.3, -0.12, 0.16, 0.32):
        on.box(x + leg * size, y, size * 0.07, size * 0.36, WALNUT_DARK)
    for dx, dy in ((-0.3, 0), (0, -0.08), (0.3, 0), (-0.15, 0.1), (0.18, 0.1)):
        on.oval(x + dx * size, y + dy * size, size * 0.32, size * 0.26, "#fffaf0")
    on.oval(x + size * 0.6, y - size * 0.16, size * 0.19, size * 0.15, "#fffaf0")
    on.oval(x + size * 0.48, y - size * 0.26, size * 0.1, size * 0.05, WALNUT_DARK)
    on.oval(x + size * 0.63, y - size * 0.19, size * 0.08, size * 0.07, WALNUT_DARK)
    on.oval(x + size * 0.65, y - size * 0.2, size * 0.022, size * 0.022, CREAM)


def cliff(on: Canvas, outline: list[tuple[float, float]]) -> None:
    on.polygon(outline, OCHRE_LIGHT)
    x = 575.0
    while x < SHEET_WIDTH:
        wide = on.chance.uniform(14, 40)
        top = 245 - (x - 575) * 0.1 + on.chance.uniform(-18, 40)
        foot = [(x + wide * 0.7, 440), (x - 5, 440)]
        on.polygon([(x, top), (x + wide, top + 10), *foot], on.chance.choice(("#e2b263", "#dda957", STONE_SHADE)))
        x += wide + on.chance.uniform(12, 40)
    for level in (270, 330, 384):
        on.line([(570 + (440 - level) * 0.2, level), (860, level - 12), (SHEET_WIDTH, level - 4)], OCHRE, 3)
    for x in range(560, SHEET_WIDTH, 44):
        tree(on, x, 446, size=on.chance.uniform(34, 58), leaves=(LEAF_DARK, LEAF))


def winding_river(on: Canvas, *, top: float, bottom: float) -> None:
    left, right = [], []
    for step in range(60):
        t = step / 59
        middle = 600 + 330 * math.sin(1.2 + 4.1 * t) * (0.35 + 0.65 * t)
        wide = 46 + 250 * t**1.4
        y = top + (bottom - top) * t
        left.append((middle - wide, y))
        right.append((middle + wide, y))
    on.polygon([*((x - 18, y) for x, y in left), *((x + 18, y) for x, y in reversed(right))], OCHRE_LIGHT)
    on.polygon([*left, *reversed(right)], RIVER)
    for share in (0.3, 0.55, 0.78):
        points = [(a[0] + (b[0] - a[0]) * share, a[1]) for a, b in zip(left, right, strict=True)]
        on.line(points[12 + int(share * 20) : 34 + int(share * 20)], RIVER_LIGHT, 4)


def canoe(on: Canvas, x: float, y: float) -> None:
    on.polygon([(x - 74, y - 10), (x + 74, y - 10), (x + 52, y + 14), (x - 52, y + 14)], RUST)
    for dx, shirt in ((-24, CREAM), (22, OCHRE)):
        on.box(x + dx - 11, y - 42, 22, 34, shirt, radius=9)
        on.oval(x + dx, y - 54, 12, 13, "#e2b48b")
        on.polygon([(x + dx - 14, y - 58), (x + dx, y - 74), (x + dx + 14, y - 58)], WALNUT)
    on.line([(x + 2, y - 46), (x + 66, y + 22)], WALNUT_DARK, 5)


def ripples(on: Canvas, *, top: float, count: int) -> None:
    for _ripple in range(count):
        x, y, long = (
            on.chance.uniform(0, SHEET_WIDTH),
            on.chance.uniform(top, SHEET_HEIGHT - 10),
            on.chance.uniform(30, 110),
        )
        on.box(x, y, long, 4, RIVER_LIGHT, radius=2)


def vine_row(on: Canvas, row: int) -> None:
    for step in range(24):
        t = (step / 23) ** 1.6
        x = 600 + row * (10 + 118 * t)
        y = 426 + 240 * t
        size = 4 + 26 * t
        on.line([(x, y), (x, y - size * 0.4)], WALNUT, 1 + 4 * t)
        on.oval(x, y - size * 0.7, size, size * 0.6, LEAF_DARK if step % 2 else LEAF)
        if t > 0.15:
            on.oval(x + size * 0.3, y - size * 0.5, size * 0.18, size * 0.22, "#5a2f4a")


def basket(on: Canvas, x: float, y: float) -> None:
    for n in range(9):
        on.oval(x - 30 + n * 7.5, y - 28 - (n % 3) * 5, 10, 9, EARTH if n % 2 else WALNUT)
    on.polygon([(x - 48, y - 28), (x + 48, y - 28), (x + 36, y + 20), (x - 36, y + 20)], OCHRE)
    for level in (-14, 2):
        on.line([(x - 44, y + level), (x + 42, y + level)], RUST, 3)


def path(on: Canvas, x: float, y: float) -> None:
    on.polygon([(x - 16, y - 40), (x + 16, y - 40), (x + 120, SHEET_HEIGHT), (x - 90, SHEET_HEIGHT)], STONE)
