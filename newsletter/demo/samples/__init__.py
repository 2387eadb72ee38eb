"""The demonstration catalogue: invented employers and people, the real partners, and pictures drawn here."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

from sqlmodel import Session

from newsletter.catalogue.files import Report, load
from newsletter.catalogue.pictures import write_whole
from newsletter.demo.samples.canvas import Canvas
from newsletter.demo.samples.figures import PEOPLE
from newsletter.demo.samples.landscapes import SCENES

SAMPLES = Path(__file__).parent
FILES = ("employers.yaml", "portraits.yaml", "partners.yaml")
PICTURES: dict[str, Callable[[Canvas], None]] = SCENES | PEOPLE


def load_samples(session: Session, *, today: date, media: Path) -> list[Report]:
    """Draw the pictures into `media` and load the demonstration catalogue. Safe to repeat."""
    draw_samples(media)
    return [report for name in FILES for report in load(session, SAMPLES / name, today=today, media=media)]


def draw_samples(folder: Path) -> list[Path]:
    """Draw every picture of the demonstration as `demo-….jpg`, 1200 × 675; those already there are left alone."""
    paths = [folder / f"demo-{name}.jpg" for name in PICTURES]
    for seed, (path, drawing) in enumerate(zip(paths, PICTURES.values(), strict=True)):
        if not path.exists():
            canvas = Canvas(seed)
            drawing(canvas)
            write_whole(path, canvas.jpeg())
    return paths
