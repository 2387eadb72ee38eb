"""The Lot in eight pictures: causse, river, bridge, village, vines, walnuts, workshop, evening."""

import math

from newsletter.catalogue.samples.canvas import (
    CREAM,
    EARTH,
    HEIGHT,
    LEAF,
    LEAF_DARK,
    LEAF_LIGHT,
    MIST,
    OCHRE,
    OCHRE_LIGHT,
    RIVER,
    RIVER_DARK,
    RIVER_LIGHT,
    RUST,
    SAGE,
    STONE,
    STONE_DARK,
    STONE_SHADE,
    TILE,
    TILE_DARK,
    WALNUT,
    WALNUT_DARK,
    WIDTH,
    Canvas,
    Curve,
)


def causse(on: Canvas) -> None:
    """Dry grass, low oaks, a hut of dry stone and the sheep with black spectacles."""
    _distance(on, sun=(930, 150))
    meadow = on.rolling(455, 16)
    on.ground(meadow, OCHRE_LIGHT)
    for x in (90, 190, 1010, 1130):
        tree(on, x, meadow(x) + 18, size=on.chance.uniform(58, 80), leaves=(LEAF_DARK, LEAF))
    _dry_stone_hut(on, 690, meadow(690) + 66, size=118)
    front = on.rolling(575, 12)
    on.ground(front, SAGE)
    _dry_stone_wall(on, front)
    for x, y, size in ((250, 545, 44), (365, 570, 52), (930, 552, 46)):
        _sheep(on, x, y, size=size)


def river(on: Canvas) -> None:
    """A loop of the river under ochre cliffs, a village on the edge and a canoe."""
    _distance(on, sun=(260, 140))
    _cliff(on, [(560, 300), (640, 205), (780, 180), (980, 150), (1200, 165), (1200, 440), (540, 440)])
    for x, size in ((800, 46), (868, 54), (940, 44), (1010, 50)):
        house(on, x, 176 - (x - 800) * 0.07, size=size)
    far = on.rolling(420, 10)
    on.ground(far, LEAF)
    for x in range(30, 560, 62):
        tree(on, x, far(x) + 14, size=on.chance.uniform(40, 62), leaves=(LEAF_DARK, LEAF))
    _river(on, top=438, bottom=HEIGHT)
    for x, y in ((70, 600), (150, 640), (1090, 560), (1160, 600)):
        tree(on, x, y, size=90, leaves=(LEAF, LEAF_LIGHT))
    _canoe(on, 640, 566)


def bridge(on: Canvas) -> None:
    """A medieval bridge with its towers, as at Cahors."""
    _distance(on, sun=(1010, 130))
    far = on.rolling(385, 14)
    on.ground(far, LEAF)
    for x in range(20, WIDTH, 76):
        tree(on, x, far(x) + 16, size=on.chance.uniform(40, 58), leaves=(LEAF_DARK, LEAF))
    on.box(0, 455, WIDTH, HEIGHT, RIVER)
    for x in (300, 600, 900):
        _tower(on, x, 392, wide=66, tall=190)
    on.box(0, 386, WIDTH, 42, STONE)
    on.box(0, 386, WIDTH, 7, STONE_SHADE)
    _arches(on)
    _ripples(on, top=520, count=26)


def village(on: Canvas) -> None:
    """Stone houses that climb a slope around their dovecote."""
    _distance(on, sun=(210, 150))
    slope: Curve = lambda x: 430 - 120 * math.exp(-(((x - 640) / 300) ** 2))  # noqa: E731  a curve, as others are
    on.ground(slope, SAGE)
    for x, down, size in ((430, 0, 92), (520, -8, 100), (760, -6, 104), (862, 0, 92)):
        house(on, x, slope(x) + 34 + down, size=size)
    dovecote(on, 640, slope(640) + 52, size=120)
    for x, down, size in ((330, 72, 112), (480, 96, 126), (800, 100, 130), (950, 76, 112)):
        house(on, x, slope(x) + down, size=size)
    front = on.rolling(560, 14)
    on.ground(front, LEAF)
    for x in (60, 175, 290, 905, 1030, 1140):
        tree(on, x, front(x) + 12, size=on.chance.uniform(92, 124), leaves=(LEAF_DARK, LEAF, LEAF_LIGHT))
    _path(on, 600, 575)


def vines(on: Canvas) -> None:
    """Rows of vines that run to a farm."""
    _distance(on, sun=(860, 150))
    crest = on.rolling(395, 10)
    on.ground(crest, SAGE)
    house(on, 600, 418, size=132)
    dovecote(on, 712, 420, size=104)
    for x in (430, 490, 800, 850):
        tree(on, x, crest(x) + 18, size=66, leaves=(LEAF_DARK, LEAF))
    on.polygon([(0, 470), (560, 415), (640, 415), (WIDTH, 470), (WIDTH, HEIGHT), (0, HEIGHT)], OCHRE)
    for row in range(-9, 10):
        _vine_row(on, row)


def walnuts(on: Canvas) -> None:
    """An orchard of walnut trees in autumn, with its baskets."""
    _distance(on, sun=(990, 140))
    ground = on.rolling(420, 10)
    on.ground(ground, SAGE)
    house(on, 180, 440, size=120)
    for down, size, step in ((46, 92, 168), (118, 148, 262)):
        for x in range(60 + down // 2, WIDTH + 80, step):
            tree(on, x, ground(x) + down, size=size, leaves=(LEAF, LEAF_LIGHT, OCHRE), fruit=WALNUT)
    on.ground(on.rolling(585, 8), OCHRE_LIGHT)
    for x, y in ((330, 622), (450, 640), (830, 626)):
        _basket(on, x, y)


def workshop(on: Canvas) -> None:
    """A workshop with a saw-tooth roof between the hills."""
    _distance(on, sun=(240, 150))
    ground = on.rolling(455, 8)
    on.ground(ground, LEAF)
    for x in (60, 150, 1050, 1150):
        tree(on, x, ground(x) + 16, size=94, leaves=(LEAF_DARK, LEAF))
    for n in range(4):
        left = 300 + n * 150
        on.polygon([(left, 330), (left + 42, 262), (left + 150, 330)], TILE)
        on.polygon([(left + 6, 330), (left + 44, 272), (left + 44, 330)], RIVER_LIGHT)
    on.box(300, 330, 600, 176, STONE)
    on.box(300, 330, 600, 10, STONE_SHADE)
    for n in range(6):
        on.box(330 + n * 66, 372, 46, 62, RIVER_DARK, radius=3)
        on.box(330 + n * 66, 372, 46, 28, RIVER_LIGHT, radius=3)
    on.box(752, 382, 112, 124, WALNUT, radius=4)
    for n in range(4):
        on.line([(758, 404 + n * 26), (858, 404 + n * 26)], EARTH, 3)
    on.ground(on.rolling(522, 8), SAGE)
    on.polygon([(770, 520), (846, 520), (980, HEIGHT), (560, HEIGHT)], STONE)


def evening(on: Canvas) -> None:
    """A house whose windows are lit, under the darkest sky of France."""
    on.sky("#1f3a4a", "#e0a565")
    for _star in range(90):
        size = on.chance.uniform(0.8, 2.2)
        on.oval(on.chance.uniform(0, WIDTH), on.chance.uniform(0, 280), size, size, CREAM)
    on.oval(960, 120, 46, 46, CREAM)
    on.oval(945, 108, 9, 8, OCHRE_LIGHT)
    on.oval(974, 134, 12, 10, OCHRE_LIGHT)
    on.oval(970, 96, 5, 5, OCHRE_LIGHT)
    on.ground(on.rolling(385, 26), "#6d6a5c")
    on.ground(on.rolling(430, 20), "#4d5a4b")
    house(on, 560, 540, size=250, wall="#8a7760", lit=True)
    dovecote(on, 770, 542, size=190, wall="#8a7760")
    front = on.rolling(545, 10)
    on.ground(front, "#33452f")
    for x in (110, 250, 950, 1090):
        tree(on, x, front(x) + 12, size=150, leaves=("#24361f", "#2d4327"))
    on.polygon([(545, 548), (590, 548), (700, HEIGHT), (440, HEIGHT)], "#a8834f")


SCENES = {scene.__name__: scene for scene in (causse, river, bridge, village, vines, walnuts, workshop, evening)}


def _distance(on: Canvas, *, sun: tuple[int, int]) -> None:
    """A warm sky and three far ranges of hills."""
    on.sky("#a9d2cf", "#fbe9c6")
    x, y = sun
    on.oval(x, y, 92, 92, "#f7e3b5")
    on.oval(x, y, 60, 60, "#f6cf7d")
    for _cloud in range(3):
        left, top = on.chance.uniform(60, WIDTH - 260), on.chance.uniform(60, 170)
        for n in range(4):
            on.oval(left + n * 38, top - (n % 2) * 12, 44, 17, "#fdf6e6")
    on.ground(on.rolling(300, 34), "#c9d3bd")
    on.ground(on.rolling(345, 30), MIST)
    on.ground(on.rolling(392, 24), SAGE)


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


def _dry_stone_hut(on: Canvas, x: float, y: float, *, size: float) -> None:
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


def _dry_stone_wall(on: Canvas, line: Curve) -> None:
    for row in range(3):
        x = -20.0 - row * 14
        while x < WIDTH:
            wide = on.chance.uniform(26, 50)
            shade = on.chance.choice((STONE, STONE_SHADE, STONE, "#c4ab80"))
            on.box(x, line(x) + 58 - row * 17, wide - 3, 15, shade, radius=5)
            x += wide


def _sheep(on: Canvas, x: float, y: float, *, size: float) -> None:
    for leg in (-0.3, -0.12, 0.16, 0.32):
        on.box(x + leg * size, y, size * 0.07, size * 0.36, WALNUT_DARK)
    for dx, dy in ((-0.3, 0), (0, -0.08), (0.3, 0), (-0.15, 0.1), (0.18, 0.1)):
        on.oval(x + dx * size, y + dy * size, size * 0.32, size * 0.26, "#fffaf0")
    on.oval(x + size * 0.6, y - size * 0.16, size * 0.19, size * 0.15, "#fffaf0")
    on.oval(x + size * 0.48, y - size * 0.26, size * 0.1, size * 0.05, WALNUT_DARK)
    on.oval(x + size * 0.63, y - size * 0.19, size * 0.08, size * 0.07, WALNUT_DARK)
    on.oval(x + size * 0.65, y - size * 0.2, size * 0.022, size * 0.022, CREAM)


def _cliff(on: Canvas, outline: list[tuple[float, float]]) -> None:
    on.polygon(outline, OCHRE_LIGHT)
    x = 575.0
    while x < WIDTH:
        wide = on.chance.uniform(14, 40)
        top = 245 - (x - 575) * 0.1 + on.chance.uniform(-18, 40)
        foot = [(x + wide * 0.7, 440), (x - 5, 440)]
        on.polygon([(x, top), (x + wide, top + 10), *foot], on.chance.choice(("#e2b263", "#dda957", STONE_SHADE)))
        x += wide + on.chance.uniform(12, 40)
    for level in (270, 330, 384):
        on.line([(570 + (440 - level) * 0.2, level), (860, level - 12), (WIDTH, level - 4)], OCHRE, 3)
    for x in range(560, WIDTH, 44):
        tree(on, x, 446, size=on.chance.uniform(34, 58), leaves=(LEAF_DARK, LEAF))


def _river(on: Canvas, *, top: float, bottom: float) -> None:
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


def _canoe(on: Canvas, x: float, y: float) -> None:
    on.polygon([(x - 74, y - 10), (x + 74, y - 10), (x + 52, y + 14), (x - 52, y + 14)], RUST)
    for dx, shirt in ((-24, CREAM), (22, OCHRE)):
        on.box(x + dx - 11, y - 42, 22, 34, shirt, radius=9)
        on.oval(x + dx, y - 54, 12, 13, "#e2b48b")
        on.polygon([(x + dx - 14, y - 58), (x + dx, y - 74), (x + dx + 14, y - 58)], WALNUT)
    on.line([(x + 2, y - 46), (x + 66, y + 22)], WALNUT_DARK, 5)


def _tower(on: Canvas, x: float, y: float, *, wide: float, tall: float) -> None:
    on.box(x - wide / 2, y - tall, wide, tall + 110, STONE)
    on.box(x + wide * 0.14, y - tall, wide * 0.36, tall + 110, STONE_SHADE)
    on.polygon([(x - wide * 0.66, y - tall), (x, y - tall - 74), (x + wide * 0.66, y - tall)], TILE)
    on.polygon([(x + wide * 0.14, y - tall), (x, y - tall - 74), (x + wide * 0.66, y - tall)], TILE_DARK)
    for n in range(2):
        on.box(x - 8, y - tall + 36 + n * 56, 12, 28, WALNUT_DARK, radius=6)


def _arches(on: Canvas) -> None:
    for x in range(75, WIDTH, 150):
        on.box(x - 75, 420, 150, 104, STONE)
        on.oval(x, 524, 52, 82, RIVER_DARK)
    on.box(0, 532, WIDTH, HEIGHT, RIVER)
    for x in range(0, WIDTH + 1, 150):
        on.polygon([(x - 23, 470), (x, 458), (x + 23, 470), (x + 23, 536), (x, 560), (x - 23, 536)], STONE)
        on.polygon([(x, 458), (x + 23, 470), (x + 23, 536), (x, 560)], STONE_SHADE)


def _ripples(on: Canvas, *, top: float, count: int) -> None:
    for _ripple in range(count):
        x, y, long = on.chance.uniform(0, WIDTH), on.chance.uniform(top, HEIGHT - 10), on.chance.uniform(30, 110)
        on.box(x, y, long, 4, RIVER_LIGHT, radius=2)


def _vine_row(on: Canvas, row: int) -> None:
    for step in range(24):
        t = (step / 23) ** 1.6
        x = 600 + row * (10 + 118 * t)
        y = 426 + 240 * t
        size = 4 + 26 * t
        on.line([(x, y), (x, y - size * 0.4)], WALNUT, 1 + 4 * t)
        on.oval(x, y - size * 0.7, size, size * 0.6, LEAF_DARK if step % 2 else LEAF)
        if t > 0.15:
            on.oval(x + size * 0.3, y - size * 0.5, size * 0.18, size * 0.22, "#5a2f4a")


def _basket(on: Canvas, x: float, y: float) -> None:
    for n in range(9):
        on.oval(x - 30 + n * 7.5, y - 28 - (n % 3) * 5, 10, 9, EARTH if n % 2 else WALNUT)
    on.polygon([(x - 48, y - 28), (x + 48, y - 28), (x + 36, y + 20), (x - 36, y + 20)], OCHRE)
    for level in (-14, 2):
        on.line([(x - 44, y + level), (x + 42, y + level)], RUST, 3)


def _path(on: Canvas, x: float, y: float) -> None:
    on.polygon([(x - 16, y - 40), (x + 16, y - 40), (x + 120, HEIGHT), (x - 90, HEIGHT)], STONE)
