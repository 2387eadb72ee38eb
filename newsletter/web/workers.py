"""Who sends: the processes with their last sign of life, the lanes with why they stand still, what is on its way."""

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlmodel import Session, col, select

from newsletter.delivery.ledger.balance import Balance, balances
from newsletter.delivery.ledger.lanes import lanes
from newsletter.delivery.ledger.throughput import Rate, moving_editions, rate
from newsletter.delivery.throttle import backoff
from newsletter.delivery.throttle.providers import provider_label
from newsletter.delivery.workers.registry import late_ticks, list_workers, tick_marks
from newsletter.i18n import lazy
from newsletter.instance import Instance
from newsletter.store.columns import key
from newsletter.store.issues import Issue
from newsletter.web.pages import Marketing, TheInstance, render

router = APIRouter()
TICKS = {
    "release due issues": lazy("le départ des numéros"),
    "send letters": lazy("les lettres d’inscription"),
    "load hits": lazy("la lecture des clics"),
    "refresh leads": lazy("la recherche des pistes"),
    "settle doubts": lazy("les lettres dans le doute"),
    "tidy": lazy("le ménage"),
}
"""The scheduler's ticks, in words of the marketing team."""
REFRESHED_EVERY = 5
"""Seconds between two looks while something is on its way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OnItsWay:
    """An issue of which mails still wait."""

    issue: Issue
    balance: Balance
    rate: Rate


@router.get("/bureau/envoi")
def senders(request: Request, instance: TheInstance, visitor: Marketing, fixe: bool = False) -> Response:
    now = instance.clock.now()
    with instance.store.reading() as session:
        moving = _on_their_way(session, instance)
        values: dict[str, Any] = {
            "moving": moving,
            "signs": list_workers(session, now=now),
            "lanes": lanes(session),
            "slowdowns": [
                (provider_label(slow.family), slow, backoff.backoff_sentence(slow))
                for slow in backoff.active_backoffs(session, now=now)
            ],
            "late": [TICKS.get(name, name) for name in late_ticks(tick_marks(session), now=now)],
        }
    refresh = REFRESHED_EVERY if moving and not fixe else 0
    return render(request, "sending/senders.html", refresh=refresh, **values)


def _on_their_way(session: Session, instance: Instance) -> list[OnItsWay]:
    editions = moving_editions(session)
    found = balances(session, [key(edition.id) for edition in editions])
    wanted = select(Issue).where(col(Issue.id).in_([edition.issue_id for edition in editions]))
    issues = {issue.id: issue for issue in session.exec(wanted).all()}
    return [
        OnItsWay(
            issue=issues[edition.issue_id],
            balance=found.get(key(edition.id), Balance()),
            rate=rate(session, key(edition.id), instance.clock.now()),
        )
        for edition in editions
    ]
