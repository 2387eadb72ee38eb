"""Trying a segment: its sentence, its reach, a sample, and where it is wrong."""

from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import Response

import segments
from newsletter.clock import paris_day
from newsletter.countries import country_names
from newsletter.web.pages import Marketing, TheInstance, render
from segments.fields import FIELD_GUIDE

router = APIRouter()
_PAGE = "/bureau/segments"


@router.get(_PAGE)
def segments_page(
    request: Request, instance: TheInstance, visitor: Marketing, texte: str = "", modele: str = ""
) -> Response:
    """`texte` is the segment as typed; `modele` the name of a ready-made one to begin with. Changes nothing."""
    library = segments.library()
    typed = texte.replace("\r\n", "\n") or next((one.text for one in library if one.name == modele), "")
    asked = "texte" in request.query_params or bool(typed)
    tried = None
    if asked:
        with instance.store.reading() as session:
            tried = segments.try_segment(session, typed, today=paris_day(instance.clock.now()))
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
