"""The Lot in eight pictures: causse, river, bridge, village, vines, walnuts, workshop, evening."""

import math

from newsletter.demo.samples.buildings import arches, dovecote, dry_stone_hut, dry_stone_wall, house, tower
from newsletter.demo.samples.canvas import (
    CREAM,
    EARTH,
    LEAF,
    LEAF_DARK,
    LEAF_LIGHT,
    MIST,
    OCHRE,
    OCHRE_LIGHT,
    RIVER,
    RIVER_DARK,
    RIVER_LIGHT,
    SAGE,
    SHEET_HEIGHT,
    SHEET_WIDTH,
    STONE,
    STONE_SHADE,
    TILE,
    WALNUT,
    Canvas,
    Curve,
)
from newsletter.demo.samples.nature import basket, canoe, cliff, path, ripples, sheep, tree, vine_row, winding_river


def causse(on: Canvas) -> None:
    """Dry grass, low oaks, a hut of dry stone and the sheep with black spectacles."""
    _distance(on, sun=(930, 150))
    meadow = on.rolling(455, 16)
    on.ground(meadow, OCHRE_LIGHT)
    for x in (90, 190, 1010, 1130):
        tree(on, x, meadow(x) + 18, size=on.chance.uniform(58, 80), leaves=(LEAF_DARK, LEAF))
    dry_stone_hut(on, 690, meadow(690) + 66, size=118)
    front = on.rolling(575, 12)
    on.ground(front, SAGE)
    dry_stone_wall(on, front)
    for x, y, size in ((250, 545, 44), (365, 570, 52), (930, 552, 46)):
        sheep(on, x, y, size=size)


def river(on: Canvas) -> None:
    """A loop of the river under ochre cliffs, a village on the edge and a canoe."""
    _distance(on, sun=(260, 140))
    cliff(on, [(560, 300), (640, 205), (780, 180), (980, 150), (1200, 165), (1200, 440), (540, 440)])
    for x, size in ((800, 46), (868, 54), (940, 44), (1010, 50)):
        house(on, x, 176 - (x - 800) * 0.07, size=size)
    far = on.rolling(420, 10)
    on.ground(far, LEAF)
    for x in range(30, 560, 62):
        tree(on, x, far(x) + 14, size=on.chance.uniform(40, 62), leaves=(LEAF_DARK, LEAF))
    winding_river(on, top=438, bottom=SHEET_HEIGHT)
    for x, y in ((70, 600), (150, 640), (1090, 560), (1160, 600)):
        tree(on, x, y, size=90, leaves=(LEAF, LEAF_LIGHT))
    canoe(on, 640, 566)


def bridge(on: Canvas) -> None:
    """A medieval bridge with its towers, as at Cahors."""
    _distance(on, sun=(1010, 130))
    far = on.rolling(385, 14)
    on.ground(far, LEAF)
    for x in range(20, SHEET_WIDTH, 76):
        tree(on, x, far(x) + 16, size=on.chance.uniform(40, 58), leaves=(LEAF_DARK, LEAF))
    on.box(0, 455, SHEET_WIDTH, SHEET_HEIGHT, RIVER)
    for x in (300, 600, 900):
        tower(on, x, 392, wide=66, tall=190)
    on.box(0, 386, SHEET_WIDTH, 42, STONE)
    on.box(0, 386, SHEET_WIDTH, 7, STONE_SHADE)
    arches(on)
    ripples(on, top=520, count=26)


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
    path(on, 600, 575)


def vines(on: Canvas) -> None:
    """Rows of vines that run to a farm."""
    _distance(on, sun=(860, 150))
    crest = on.rolling(395, 10)
    on.ground(crest, SAGE)
    house(on, 600, 418, size=132)
    dovecote(on, 712, 420, size=104)
    for x in (430, 490, 800, 850):
        tree(on, x, crest(x) + 18, size=66, leaves=(LEAF_DARK, LEAF))
    on.polygon(
        [(0, 470), (560, 415), (640, 415), (SHEET_WIDTH, 470), (SHEET_WIDTH, SHEET_HEIGHT), (0, SHEET_HEIGHT)], OCHRE
    )
    for row in range(-9, 10):
        vine_row(on, row)


def walnuts(on: Canvas) -> None:
    """An orchard of walnut trees in autumn, with its baskets."""
    _distance(on, sun=(990, 140))
    ground = on.rolling(420, 10)
    on.ground(ground, SAGE)
    house(on, 180, 440, size=120)
    for down, size, step in ((46, 92, 168), (118, 148, 262)):
        for x in range(60 + down // 2, SHEET_WIDTH + 80, step):
            tree(on, x, ground(x) + down, size=size, leaves=(LEAF, LEAF_LIGHT, OCHRE), fruit=WALNUT)
    on.ground(on.rolling(585, 8), OCHRE_LIGHT)
    for x, y in ((330, 622), (450, 640), (830, 626)):
        basket(on, x, y)


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
    on.polygon([(770, 520), (846, 520), (980, SHEET_HEIGHT), (560, SHEET_HEIGHT)], STONE)


def evening(on: Canvas) -> None:
    """A house whose windows are lit, under the darkest sky of France."""
    on.sky("#1f3a4a", "#e0a565")
    for _star in range(90):
        size = on.chance.uniform(0.8, 2.2)
        on.oval(on.chance.uniform(0, SHEET_WIDTH), on.chance.uniform(0, 280), size, size, CREAM)
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
    on.polygon([(545, 548), (590, 548), (700, SHEET_HEIGHT), (440, SHEET_HEIGHT)], "#a8834f")


LANDSCAPE_DRAWINGS = {
    scene.__name__: scene for scene in (causse, river, bridge, village, vines, walnuts, workshop, evening)
}


def _distance(on: Canvas, *, sun: tuple[int, int]) -> None:
    """A warm sky and three far ranges of hills."""
    on.sky("#a9d2cf", "#fbe9c6")
    x, y = sun
    on.oval(x, y, 92, 92, "#f7e3b5")
    on.oval(x, y, 60, 60, "#f6cf7d")
    for _cloud in range(3):
        left, top = on.chance.uniform(60, SHEET_WIDTH - 260), on.chance.uniform(60, 170)
        for n in range(4):
            on.oval(left + n * 38, top - (n % 2) * 12, 44, 17, "#fdf6e6")
    on.ground(on.rolling(300, 34), "#c9d3bd")
    on.ground(on.rolling(345, 30), MIST)
    on.ground(on.rolling(392, 24), SAGE)
