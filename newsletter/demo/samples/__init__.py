"""The demonstration catalogue: invented employers and people, the real partners, and pictures drawn here."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

from newsletter.catalogue.files import LoadReport, load
from newsletter.catalogue.pictures import write_whole
from newsletter.demo.samples.canvas import Canvas
from newsletter.demo.samples.landscapes import LANDSCAPE_DRAWINGS
from newsletter.demo.samples.persons import PORTRAIT_DRAWINGS
from newsletter.store import Session

SAMPLES = Path(__file__).parent
_CATALOGUE_FILES = ("employers.yaml", "portraits.yaml", "partners.yaml")
_DRAWINGS: dict[str, Callable[[Canvas], None]] = LANDSCAPE_DRAWINGS | PORTRAIT_DRAWINGS


def load_demo_catalogue(session: Session, *, today: date, media: Path) -> list[LoadReport]:
    """Draw the pictures into `media` and load the demonstration catalogue. Safe to repeat."""
    draw_samples(media)
    return [report for name in _CATALOGUE_FILES for report in load(session, SAMPLES / name, today=today, media=media)]


def draw_samples(folder: Path) -> list[Path]:
    """Draw every picture of the demonstration as `demo-….jpg`, 1200 × 675; those already there are left alone."""
    paths = [folder / f"demo-{name}.jpg" for name in _DRAWINGS]
    for seed, (path, drawing) in enumerate(zip(paths, _DRAWINGS.values(), strict=True)):
        if not path.exists():
            canvas = Canvas(seed)
            drawing(canvas)
            write_whole(path, canvas.jpeg())
    return paths
