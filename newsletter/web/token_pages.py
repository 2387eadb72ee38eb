"""What every page reached by a token has in common (SEC-04, SEC-07)."""

from fastapi import Request
from fastapi.responses import Response

from newsletter.web.pages import render

PRIVATE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}
"""Kept by nobody, named to nobody, found by nobody."""


def no_such_link(request: Request) -> Response:
    """The one answer to every token that is not ours, is of another page, or leads to nobody any more."""
    return render(request, "public/lien-inconnu.html", status=404, headers=PRIVATE)
