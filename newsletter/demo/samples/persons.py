"""Three people of the demonstration, drawn in front of their landscape: nobody's likeness."""

from collections.abc import Callable
from dataclasses import dataclass

from newsletter.demo.samples.canvas import CREAM, OCHRE, RIVER_DARK, RUST, WALNUT, WALNUT_DARK, Canvas
from newsletter.demo.samples.landscapes import causse, evening, village


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What tells one figure from another."""

    skin: str
    shade: str
    hair: str
    clothes: str
    collar: str
    long_hair: bool = False
    beard: bool = False
    glasses: bool = False
    apron: bool = False


MIDDLE = 600


def figure(on: Canvas, look: Look) -> None:
    """A friendly figure from the chest up, in the middle of the picture."""
    if look.long_hair:
        on.box(MIDDLE - 128, 190, 256, 290, look.hair, radius=120)
    _shoulders(on, look)
    on.box(MIDDLE - 42, 380, 84, 110, look.shade, radius=38)
    for ear in (-108, 108):
        on.oval(MIDDLE + ear, 310, 20, 28, look.shade)
    on.oval(MIDDLE, 300, 108, 132, look.skin)
    _hair(on, look)
    _face(on, look)


def _shoulders(on: Canvas, look: Look) -> None:
    on.box(MIDDLE - 230, 466, 460, 330, look.clothes, radius=130)
    on.polygon([(MIDDLE - 70, 466), (MIDDLE + 70, 466), (MIDDLE, 560)], look.collar)
    if look.apron:
        on.box(MIDDLE - 120, 560, 240, 200, WALNUT, radius=18)
        for strap in (-98, 70):
            on.box(MIDDLE + strap, 476, 28, 110, WALNUT, radius=8)


def _hair(on: Canvas, look: Look) -> None:
    on.arc(MIDDLE, 290, 122, 138, degrees=(180, 360), colour=look.hair, thick=54)
    on.oval(MIDDLE - 50, 196, 76, 44, look.hair)
    on.oval(MIDDLE + 34, 186, 92, 42, look.hair)
    if look.beard:
        on.arc(MIDDLE, 306, 112, 132, degrees=(12, 168), colour=look.hair, thick=46)
        on.box(MIDDLE - 44, 352, 88, 20, look.hair, radius=10)


def _face(on: Canvas, look: Look) -> None:
    for eye in (-42, 42):
        on.oval(MIDDLE + eye, 300, 10, 12, WALNUT_DARK)
        on.oval(MIDDLE + eye + 3, 296, 3, 3, CREAM)
        on.arc(MIDDLE + eye, 282, 26, 18, degrees=(205, 335), colour=look.hair, thick=6)
        if not look.beard:
            on.oval(MIDDLE + eye * 1.55, 342, 20, 12, "#e0957a")
        if look.glasses:
            on.arc(MIDDLE + eye, 300, 34, 32, degrees=(0, 360), colour=WALNUT_DARK, thick=5)
    if look.glasses:
        on.line([(MIDDLE - 9, 298), (MIDDLE + 9, 298)], WALNUT_DARK, 5)
    on.arc(MIDDLE, 326, 13, 12, degrees=(20, 160), colour=look.shade, thick=6)
    on.polygon([(MIDDLE - 34, 376), (MIDDLE + 34, 376), (MIDDLE + 20, 394), (MIDDLE, 400), (MIDDLE - 20, 394)], CREAM)
    on.arc(MIDDLE, 372, 36, 30, degrees=(5, 175), colour=RUST, thick=6)


def baker(on: Canvas) -> None:
    village(on)
    figure(
        on,
        Look(
            skin="#f0c39a", shade="#dba678", hair="#8a4b26", clothes=CREAM, collar="#e9dcc0", long_hair=True, apron=True
        ),
    )


def developer(on: Canvas) -> None:
    evening(on)
    figure(
        on,
        Look(
            skin="#a8714a", shade="#8e5b39", hair="#2a1c15", clothes=RIVER_DARK, collar=OCHRE, beard=True, glasses=True
        ),
    )


def shepherd(on: Canvas) -> None:
    causse(on)
    figure(on, Look(skin="#e6b189", shade="#cf9468", hair="#c9c2b4", clothes=RUST, collar=CREAM, beard=True))


PEOPLE: dict[str, Callable[[Canvas], None]] = {person.__name__: person for person in (baker, developer, shepherd)}
