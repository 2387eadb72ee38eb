"""Trying a segment: its sentence, its reach, a sample, and where it is wrong."""

from dataclasses import dataclass, field
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlmodel import Session

import segments
from newsletter.clock import paris_day
from newsletter.countries import country_names
from newsletter.instance import Instance
from newsletter.web.pages import Marketing, TheInstance, render
from segments.fields import FIELD_GUIDE

router = APIRouter()
ROOT = "/bureau/segments"


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """A text with the place of a mistake."""

    before: str
    found: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What a segment gives, or what is wrong with it."""

    sentence: str = ""
    reach: segments.Reach | None = None
    sample: tuple[segments.Sampled, ...] = field(default=())
    wrong: segments.SegmentError | None = None
    marked: Marked | None = None


@router.get(ROOT)
def try_segment(
    request: Request, instance: TheInstance, visitor: Marketing, texte: str = "", modele: str = ""
) -> Response:
    """`texte` is the segment as typed; `modele` the name of a ready-made one to begin with. Changes nothing."""
    library = segments.library()
    typed = texte.replace("\r\n", "\n") or next((one.text for one in library if one.name == modele), "")
    asked = "texte" in request.query_params or bool(typed)
    tried = try_out(instance, typed) if asked else None
    return render(
        request,
        "segments/segments.html",
        status=400 if tried and tried.wrong else 200,
        typed=typed,
        tried=tried,
        library=library,
        guide=FIELD_GUIDE,
        countries=country_names(),
        issue_url="/bureau/numeros/nouveau?" + urlencode({"segment": typed}),
    )


def try_out(instance: Instance, text: str) -> Tried:
    """Read and count a segment; a mistake is part of the answer."""
    with instance.store.reading() as session:
        try:
            return _counted(session, instance, segments.understand(session, text))
        except segments.SegmentError as error:
            return Tried(wrong=error, marked=mark(text, error))


def _counted(session: Session, instance: Instance, tree: segments.Tree) -> Tried:
    today = paris_day(instance.clock.now())
    return Tried(
        sentence=segments.sentence(tree),
        reach=segments.reach(session, tree, today=today),
        sample=segments.sample(session, tree, today=today),
    )


def mark(text: str, error: segments.SegmentError) -> Marked:
    """The text cut at the place of the mistake; an empty middle where something is missing."""
    lines = text.split("\n")
    start = sum(len(line) + 1 for line in lines[: error.line - 1]) + error.column - 1
    end = start + (len(error.found) if text.startswith(error.found, start) else 1)
    return Marked(before=text[:start], found=text[start:end], after=text[end:])
