"""Who sends: the processes with their last sign of life, the lanes with why they stand still, what is on its way."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from newsletter.delivery.throttle import backoff
from newsletter.delivery.throttle.providers import provider_label
from newsletter.i18n import lazy
from newsletter.reports.sending import sending_overview
from newsletter.web.pages import Marketing, TheInstance, render

router = APIRouter()
TICK_NAMES = {
    "release due issues": lazy("le départ des numéros"),
    "send letters": lazy("les lettres d’inscription"),
    "load hits": lazy("la lecture des clics"),
    "refresh leads": lazy("la recherche des pistes"),
    "settle doubts": lazy("les lettres dans le doute"),
    "tidy": lazy("le ménage"),
}
"""The scheduler's ticks, in words of the marketing team."""
_REFRESHED_EVERY = 5
"""Seconds between two looks while something is on its way."""


@router.get("/bureau/envoi")
def senders(request: Request, instance: TheInstance, visitor: Marketing, fixe: bool = False) -> Response:
    seen = sending_overview(instance)
    return render(
        request,
        "sending/senders.html",
        refresh=_REFRESHED_EVERY if seen.moving and not fixe else 0,
        moving=seen.moving,
        signs=seen.workers,
        lanes=seen.lanes,
        backoffs=[(provider_label(slow.provider), slow, backoff.backoff_sentence(slow)) for slow in seen.backoffs],
        late=[TICK_NAMES.get(name, name) for name in seen.late_ticks],
    )
