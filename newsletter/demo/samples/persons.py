"""Three people of the demonstration, drawn in front of their landscape: nobody's likeness."""

from collections.abc import Callable
from dataclasses import dataclass

from newsletter.demo.samples.canvas import CREAM, OCHRE, RIVER_DARK, RUST, WALNUT, WALNUT_DARK, Canvas
from newsletter.demo.samples.landscapes import causse, evening, village


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
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


_MIDDLE = 600


def _person(on: Canvas, look: _Look) -> None:
    """A friendly figure from the chest up, in the middle of the picture."""
    if look.long_hair:
        on.box(_MIDDLE - 128, 190, 256, 290, look.hair, radius=120)
    _shoulders(on, look)
    on.box(_MIDDLE - 42, 380, 84, 110, look.shade, radius=38)
    for ear in (-108, 108):
        on.oval(_MIDDLE + ear, 310, 20, 28, look.shade)
    on.oval(_MIDDLE, 300, 108, 132, look.skin)
    _hair(on, look)
    _face(on, look)


def _shoulders(on: Canvas, look: _Look) -> None:
    on.box(_MIDDLE - 230, 466, 460, 330, look.clothes, radius=130)
    on.polygon([(_MIDDLE - 70, 466), (_MIDDLE + 70, 466), (_MIDDLE, 560)], look.collar)
    if look.apron:
        on.box(_MIDDLE - 120, 560, 240, 200, WALNUT, radius=18)
        for strap in (-98, 70):
            on.box(_MIDDLE + strap, 476, 28, 110, WALNUT, radius=8)


def _hair(on: Canvas, look: _Look) -> None:
    on.arc(_MIDDLE, 290, 122, 138, degrees=(180, 360), colour=look.hair, thick=54)
    on.oval(_MIDDLE - 50, 196, 76, 44, look.hair)
    on.oval(_MIDDLE + 34, 186, 92, 42, look.hair)
    if look.beard:
        on.arc(_MIDDLE, 306, 112, 132, degrees=(12, 168), colour=look.hair, thick=46)
        on.box(_MIDDLE - 44, 352, 88, 20, look.hair, radius=10)


def _face(on: Canvas, look: _Look) -> None:
    for eye in (-42, 42):
        on.oval(_MIDDLE + eye, 300, 10, 12, WALNUT_DARK)
        on.oval(_MIDDLE + eye + 3, 296, 3, 3, CREAM)
        on.arc(_MIDDLE + eye, 282, 26, 18, degrees=(205, 335), colour=look.hair, thick=6)
        if not look.beard:
            on.oval(_MIDDLE + eye * 1.55, 342, 20, 12, "#e0957a")
        if look.glasses:
            on.arc(_MIDDLE + eye, 300, 34, 32, degrees=(0, 360), colour=WALNUT_DARK, thick=5)
    if look.glasses:
        on.line([(_MIDDLE - 9, 298), (_MIDDLE + 9, 298)], WALNUT_DARK, 5)
    on.arc(_MIDDLE, 326, 13, 12, degrees=(20, 160), colour=look.shade, thick=6)
    on.polygon(
        [(_MIDDLE - 34, 376), (_MIDDLE + 34, 376), (_MIDDLE + 20, 394), (_MIDDLE, 400), (_MIDDLE - 20, 394)], CREAM
    )
    on.arc(_MIDDLE, 372, 36, 30, degrees=(5, 175), colour=RUST, thick=6)


def baker(on: Canvas) -> None:
    village(on)
    _person(
        on,
        _Look(
            skin="#f0c39a", shade="#dba678", hair="#8a4b26", clothes=CREAM, collar="#e9dcc0", long_hair=True, apron=True
        ),
    )


def developer(on: Canvas) -> None:
    evening(on)
    _person(
        on,
        _Look(
            skin="#a8714a", shade="#8e5b39", hair="#2a1c15", clothes=RIVER_DARK, collar=OCHRE, beard=True, glasses=True
        ),
    )


def shepherd(on: Canvas) -> None:
    causse(on)
    _person(on, _Look(skin="#e6b189", shade="#cf9468", hair="#c9c2b4", clothes=RUST, collar=CREAM, beard=True))


PORTRAIT_DRAWINGS: dict[str, Callable[[Canvas], None]] = {
    person.__name__: person for person in (baker, developer, shepherd)
}
