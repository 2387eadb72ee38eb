"""Verdicts on events, and what they add to engagement. Facts stay; a verdict follows the present rules (TRK-01)."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from newsletter.clock import paris_day
from newsletter.store.activity import Engagement, Event
from newsletter.store.catalogue import Employer, Opening
from newsletter.store.issues import Link
from newsletter.store.ledger import Mail
from newsletter.store.portable import upsert
from newsletter.tracking.agents import Agent
from newsletter.tracking.robots import PROVISIONAL, RULES_VERSION, Fetch, Judgement, judge
from newsletter.words import EventKind, LinkKind, MailState, Verdict

READERS_AT_A_TIME = 2_000
_FETCHED = (EventKind.clicked, EventKind.opened)


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedEvents:
    """How many events got a verdict, how many of them a person meant, and how many had another verdict before."""

    events: int = 0
    human: int = 0
    changed: int = 0

    def __add__(self, other: "JudgedEvents") -> "JudgedEvents":
        return JudgedEvents(
            events=self.events + other.events, human=self.human + other.human, changed=self.changed + other.changed
        )


def judge_new(session: Session, *, now: datetime) -> JudgedEvents:
    """Give every event that has waited its minute its verdict, and count the human clicks, each once."""
    ripe = (
        sa.select(col(Event.mail_id))
        .where(
            col(Event.rules) == 0,
            col(Event.kind).in_(_FETCHED),
            col(Event.at) <= now - PROVISIONAL,
            col(Event.mail_id).is_not(None),
        )
        .distinct()
    )
    judged = JudgedEvents()
    for mails in parts(sorted(session.execute(ripe).scalars()), READERS_AT_A_TIME):
        changes, changed = _judge_mails(session, mails, now=now, again=False)
        human = [change["id"] for change in changes if change["verdict"] == Verdict.human]
        for ids in parts(human, READERS_AT_A_TIME):
            _engage(session, col(Event.id).in_(ids))
        judged += JudgedEvents(events=len(changes), human=len(human), changed=changed)
    return judged


def judged_readers(session: Session) -> list[int]:
    """Everyone whose fetches were judged, or whose engagement was counted: whom `rejudge_readers` must look at."""
    fetched = sa.select(col(Event.subscriber_id)).where(col(Event.kind).in_(_FETCHED), col(Event.rules) != 0)
    engaged = sa.select(col(Engagement.subscriber_id))
    return sorted(session.execute(fetched.union(engaged)).scalars())


def rejudge_readers(session: Session, readers: Sequence[int], *, now: datetime) -> JudgedEvents:
    """Judge the past of these readers by the present rules, and count their engagement anew. Twice gives the same.

    What was never judged is left to `judge_new`, which counts it then.
    """
    theirs = col(Event.subscriber_id).in_(readers)
    mails = sa.select(col(Event.mail_id)).where(theirs, col(Event.kind).in_(_FETCHED), col(Event.mail_id).is_not(None))
    changes, changed = _judge_mails(session, sorted(session.execute(mails.distinct()).scalars()), now=now, again=True)
    session.execute(sa.delete(Engagement).where(col(Engagement.subscriber_id).in_(readers)))
    _engage(session, sa.and_(theirs, col(Event.rules) != 0, col(Event.verdict) == Verdict.human))
    human = sum(change["verdict"] == Verdict.human for change in changes)
    return JudgedEvents(events=len(changes), human=human, changed=changed)


def verdict_counts(session: Session) -> dict[Verdict, int]:
    """How many events have each verdict; a verdict that none has is left out."""
    rows = session.execute(sa.select(col(Event.verdict), sa.func.count()).group_by(col(Event.verdict)))
    return {Verdict(verdict): number for verdict, number in rows}


def parts(numbers: Sequence[int], size: int) -> Iterator[list[int]]:
    """The numbers in parts that fit into one statement of every database."""
    rest = iter(numbers)
    while part := list(islice(rest, size)):
        yield part


def _judge_mails(
    session: Session, mails: Sequence[int], *, now: datetime, again: bool
) -> tuple[list[dict[str, Any]], int]:
    """Write the verdicts of the ripe events of these mails that were judged before (`again`) or never.

    The judged events with their verdicts, and for how many the verdict is another than it was.
    """
    arrivals, links = _arrivals(session, mails)
    changes, changed = [], 0
    for mail, events in _events_of(session, mails).items():
        edition, arrived = arrivals[mail]
        judged = judge([_fetch(event) for event in events], accepted_at=arrived, now=now, links=links.get(edition, 0))
        for event, judgement in zip(events, judged, strict=True):
            if event.at <= now - PROVISIONAL and (event.rules != 0) == again:
                changes.append(_change(event.id, judgement))
                changed += event.verdict != judgement.verdict
    if changes:
        session.execute(sa.update(Event), changes)
    return changes, changed


def _arrivals(session: Session, mails: Sequence[int]) -> tuple[dict[int, tuple[int, datetime | None]], dict[int, int]]:
    """Mail → its edition and when the receiver took it; edition → how many links are redirected."""
    rows = session.execute(
        sa.select(col(Mail.id), col(Mail.edition_id), col(Mail.state), col(Mail.armed_at), col(Mail.answered_at)).where(
            col(Mail.id).in_(mails)
        )
    ).all()
    # A mail in doubt was armed, and what fetches it proves that it came: the arming is the earliest it can have been.
    arrived = {
        mail: (edition, answered if state == MailState.accepted else armed)
        for mail, edition, state, armed, answered in rows
    }
    counted = session.execute(
        sa.select(col(Link.edition_id), sa.func.count())
        .where(
            col(Link.edition_id).in_({edition for edition, _arrived in arrived.values()}),
            col(Link.kind).not_in([LinkKind.poll, LinkKind.callback]),
        )
        .group_by(col(Link.edition_id))
    )
    return arrived, dict(counted.all())


def _events_of(session: Session, mails: Sequence[int]) -> Mapping[int, list[Any]]:
    """Every fetch of these mails, by mail."""
    columns = (Event.id, Event.mail_id, Event.link_id, Event.kind, Event.at, Event.method, Event.agent, Event.hints, Event.rules, Event.verdict)  # fmt: skip  # noqa: E501
    rows = session.execute(
        sa.select(*(col(column) for column in columns))
        .where(col(Event.mail_id).in_(mails), col(Event.kind).in_(_FETCHED))
        .order_by(col(Event.at), col(Event.id))
    )
    found = defaultdict(list)
    for row in rows:
        found[row.mail_id].append(row)
    return found


def _fetch(event: Any) -> Fetch:
    return Fetch(
        kind=event.kind,
        at=event.at,
        link=event.link_id,
        method=event.method,
        agent=Agent(event.agent) if event.agent in set(Agent) else Agent.browser,
        hints=frozenset(event.hints.split()),
    )


def _change(event_id: int, judgement: Judgement) -> dict[str, Any]:
    return {
        "id": event_id,
        "verdict": judgement.verdict,
        "reasons": " ".join(judgement.reasons),
        "rules": RULES_VERSION,
    }


def _engage(session: Session, which: sa.ColumnElement[bool]) -> None:
    """Add the clicks among these events to engagement."""
    days: dict[tuple[int, str], list[date]] = defaultdict(list)
    for reader, at, topics in _clicks(session, which):
        for topic in topics:
            days[reader, topic].append(paris_day(at))
    rows = [
        {"subscriber_id": reader, "topic": topic, "last_click_day": max(found), "clicks": len(found)}
        for (reader, topic), found in days.items()
    ]
    for start in range(0, len(rows), READERS_AT_A_TIME):
        part = rows[start : start + READERS_AT_A_TIME]
        upsert(session, Engagement, part, key=["subscriber_id", "topic"], add=["clicks"], largest=["last_click_day"])


def _clicks(session: Session, which: sa.ColumnElement[bool]) -> list[tuple[int, datetime, list[str]]]:
    """Who clicked when, and what the click speaks of."""
    offering = aliased(Employer)
    rows = session.execute(
        sa.select(
            col(Event.subscriber_id),
            col(Event.at),
            sa.func.coalesce(col(Link.sector_code), col(Employer.sector_code), col(offering.sector_code)),
            sa.func.coalesce(col(Link.employer_id), col(Opening.employer_id)),
            col(Link.portrait_id),
        )
        .outerjoin(Link, col(Link.id) == col(Event.link_id))
        .outerjoin(Employer, col(Employer.id) == col(Link.employer_id))
        .outerjoin(Opening, col(Opening.id) == col(Link.opening_id))
        .outerjoin(offering, col(offering.id) == col(Opening.employer_id))
        .where(which, col(Event.kind) == EventKind.clicked)
    )
    return [(reader, at, _topics(sector, employer, portrait)) for reader, at, sector, employer, portrait in rows]


def _topics(sector: str | None, employer: int | None, portrait: int | None) -> list[str]:
    named = (("sector", sector), ("employer", employer), ("portrait", portrait))
    return ["any", *(f"{kind}:{which}" for kind, which in named if which is not None)]
