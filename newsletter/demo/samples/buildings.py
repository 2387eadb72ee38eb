"""What people built in the Lot: houses, dovecotes, dry-stone walls, a bridge."""

from newsletter.demo.samples.canvas import (
    RIVER,
    RIVER_DARK,
    RIVER_LIGHT,
    SHEET_HEIGHT,
    SHEET_WIDTH,
    STONE,
    STONE_DARK,
    STONE_SHADE,
    TILE,
    TILE_DARK,
    WALNUT,
    WALNUT_DARK,
    Canvas,
    Curve,
)


def house(on: Canvas, x: float, y: float, *, size: float, wall: str = STONE, lit: bool = False) -> None:
    """A house of pale stone with a steep roof of brown tiles; `x` is its middle, `y` its foot."""
    left, tall = x - size * 0.5, size * 0.55
    on.box(left, y - tall, size, tall, wall)
    on.polygon(
        [(left + size * 0.62, y - tall), (left + size, y - tall), (left + size, y), (left + size * 0.62, y)],
        STONE_SHADE if wall == STONE else "#766550",
    )
    on.polygon(
        [
            (left - size * 0.07, y - tall),
            (left + size * 0.13, y - tall * 1.72),
            (left + size * 0.87, y - tall * 1.72),
            (left + size * 1.07, y - tall),
        ],
        TILE,
    )
    on.polygon(
        [
            (left + size * 0.62, y - tall),
            (left + size * 0.66, y - tall * 1.72),
            (left + size * 0.87, y - tall * 1.72),
            (left + size * 1.07, y - tall),
        ],
        TILE_DARK,
    )
    on.box(left + size * 0.2, y - tall * 1.95, size * 0.09, tall * 0.4, STONE_DARK)
    glass = "#ffd98a" if lit else RIVER_DARK
    for across in (0.12, 0.42, 0.76):
        on.box(left + size * across, y - tall * 0.82, size * 0.1, tall * 0.28, glass, radius=size * 0.01)
    on.box(left + size * 0.4, y - tall * 0.4, size * 0.14, tall * 0.4, WALNUT, radius=size * 0.02)
    if not lit:
        for across in (0.08, 0.225):
            on.box(left + size * across, y - tall * 0.82, size * 0.04, tall * 0.28, RIVER_LIGHT)


def dovecote(on: Canvas, x: float, y: float, *, size: float, wall: str = STONE) -> None:
    """A square tower with a pointed roof and a lantern on top, as half the farms of Quercy have."""
    on.box(x - size * 0.24, y - size, size * 0.48, size, wall)
    on.box(x + size * 0.06, y - size, size * 0.18, size, STONE_SHADE if wall == STONE else "#766550")
    on.polygon([(x - size * 0.34, y - size), (x, y - size * 1.56), (x + size * 0.34, y - size)], TILE)
    on.polygon([(x + size * 0.06, y - size), (x, y - size * 1.56), (x + size * 0.34, y - size)], TILE_DARK)
    on.box(x - size * 0.07, y - size * 1.5, size * 0.14, size * 0.16, wall)
    on.polygon([(x - size * 0.12, y - size * 1.5), (x, y - size * 1.74), (x + size * 0.12, y - size * 1.5)], TILE_DARK)
    for n in range(3):
        on.oval(x - size * 0.1 + n * size * 0.1, y - size * 0.84, size * 0.025, size * 0.03, WALNUT_DARK)
    on.box(x - size * 0.08, y - size * 0.34, size * 0.16, size * 0.34, WALNUT, radius=size * 0.05)


def dry_stone_hut(on: Canvas, x: float, y: float, *, size: float) -> None:
    on.polygon(
        [
            (x - size * 0.5, y),
            (x - size * 0.44, y - size * 0.5),
            (x + size * 0.44, y - size * 0.5),
            (x + size * 0.5, y),
        ],
        STONE_SHADE,
    )
    on.polygon(
        [
            (x - size * 0.54, y - size * 0.48),
            (x - size * 0.3, y - size * 0.84),
            (x, y - size * 1.08),
            (x + size * 0.3, y - size * 0.84),
            (x + size * 0.54, y - size * 0.48),
        ],
        STONE_DARK,
    )
    for row in range(6):
        wide = 0.46 - row * 0.002
        for n in range(6):
            left = x - size * wide + n * size * 0.156 + (row % 2) * size * 0.04
            on.box(left, y - size * (0.08 + row * 0.08), size * 0.13, size * 0.06, STONE, radius=3)
    on.box(x - size * 0.12, y - size * 0.36, size * 0.24, size * 0.36, WALNUT_DARK, radius=size * 0.05)


def dry_stone_wall(on: Canvas, line: Curve) -> None:
    for row in range(3):
        x = -20.0 - row * 14
        while x < SHEET_WIDTH:
            wide = on.chance.uniform(26, 50)
            shade = on.chance.choice((STONE, STONE_SHADE, STONE, "#c4ab80"))
            on.box(x, line(x) + 58 - row * 17, wide - 3, 15, shade, radius=5)
            x += wide


def tower(on: Canvas, x: float, y: float, *, wide: float, tall: float) -> None:
    on.box(x - wide / 2, y - tall, wide, tall + 110, STONE)
    on.box(x + wide * 0.14, y - tall, wide * 0.36, tall + 110, STONE_SHADE)
    on.polygon([(x - wide * 0.66, y - tall), (x, y - tall - 74), (x + wide * 0.66, y - tall)], TILE)
    on.polygon([(x + wide * 0.14, y - tall), (x, y - tall - 74), (x + wide * 0.66, y - tall)], TILE_DARK)
    for n in range(2):
        on.box(x - 8, y - tall + 36 + n * 56, 12, 28, WALNUT_DARK, radius=6)


def arches(on: Canvas) -> None:
    for x in range(75, SHEET_WIDTH, 150):
        on.box(x - 75, 420, 150, 104, STONE)
        on.oval(x, 524, 52, 82, RIVER_DARK)
    on.box(0, 532, SHEET_WIDTH, SHEET_HEIGHT, RIVER)
    for x in range(0, SHEET_WIDTH + 1, 150):
        on.polygon([(x - 23, 470), (x, 458), (x + 23, 470), (x + 23, 536), (x, 560), (x - 23, 536)], STONE)
        on.polygon([(x, 458), (x + 23, 470), (x + 23, 536), (x, 560)], STONE_SHADE)
