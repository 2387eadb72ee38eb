"""What waits for a person: that which keeps mails from leaving first, then what no program can settle."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.clock import paris_day
from newsletter.delivery.ledger import restore_lock
from newsletter.delivery.ledger.lanes import troubles
from newsletter.delivery.throttle.pace_file import PaceFile
from newsletter.formats import day, paris
from newsletter.i18n import _, ngettext
from newsletter.instance import Instance
from newsletter.issues import calendar
from newsletter.store.catalogue import Portrait
from newsletter.store.leads import Lead
from newsletter.store.ledger import Mail
from newsletter.store.people import Quarantine
from newsletter.words import LeadState, MailState

_RIGHT_ENDS_SOON = timedelta(days=30)


class ToDoPlace(StrEnum):
    """Where a person settles it."""

    lock = "lock"
    issue = "issue"
    issues = "issues"
    leads = "leads"
    people = "people"
    catalogue = "catalogue"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToDo:
    """Something that only a person can settle, and where; `issue_id` for a place that is one issue."""

    sentence: str
    place: ToDoPlace
    issue_id: int | None = None


def to_do(session: Session, instance: Instance) -> list[ToDo]:
    """Everything that waits for a person, the most pressing first."""
    now = instance.clock.now()
    return [
        *_held_back(session, instance),
        *(ToDo(sentence=why, place=ToDoPlace.issues) for why in troubles(session)),
        *_counted(
            session,
            sa.select(sa.func.count()).where(col(Mail.state) == MailState.in_doubt),
            ToDoPlace.issues,
            _("{n} lettre dans le doute"),
            _("{n} lettres dans le doute"),
        ),
        *_counted(
            session,
            sa.select(sa.func.count()).where(col(Lead.state) == LeadState.new),
            ToDoPlace.leads,
            _("{n} piste sans référent"),
            _("{n} pistes sans référent"),
        ),
        *_counted(
            session,
            sa.select(sa.func.count(col(Quarantine.id))).where(col(Quarantine.settled_at).is_(None)),
            ToDoPlace.people,
            _("{n} ligne d’import mise de côté : son accord n’est pas clair"),
            _("{n} lignes d’import mises de côté : leur accord n’est pas clair"),
        ),
        *_portraits_to_renew(session, now=now),
    ]


def _held_back(session: Session, instance: Instance) -> Iterator[ToDo]:
    """What keeps mails from leaving: the restore lock, an issue that is late, a pace.toml that cannot be read."""
    home = instance.settings.home
    if locked := restore_lock.why_locked(session, home):
        yield ToDo(sentence=locked, place=ToDoPlace.lock)
    for issue in calendar.late(session, now=instance.clock.now(), late_after=instance.settings.late_after):
        if issue.send_at:
            asks = _("« {title} » devait partir {when} et attend votre accord")
            sentence = asks.format(title=issue.title, when=paris(issue.send_at))
            yield ToDo(sentence=sentence, place=ToDoPlace.issue, issue_id=issue.id)
    pace = PaceFile(home)
    pace.table()
    if pace.trouble:
        yield ToDo(sentence=pace.trouble, place=ToDoPlace.issues)


def _counted(session: Session, counting: sa.Select[int], place: ToDoPlace, one: str, many: str) -> Iterator[ToDo]:
    if count := session.execute(counting).scalar_one():
        yield ToDo(sentence=ngettext(one, many, count).format(n=count), place=place)


def _portraits_to_renew(session: Session, *, now: datetime) -> Iterator[ToDo]:
    today = paris_day(now)
    ending = session.exec(
        select(Portrait)
        .where(col(Portrait.withdrawn_at).is_(None), col(Portrait.image_right_until) <= today + _RIGHT_ENDS_SOON)
        .order_by(col(Portrait.image_right_until))
    )
    for portrait in ending:
        said = (
            _("Portrait « {person} » : le droit à l’image finit le {day}")
            if portrait.image_right_until >= today
            else _("Portrait « {person} » : le droit à l’image a fini le {day}")
        )
        sentence = said.format(person=portrait.person, day=day(portrait.image_right_until))
        yield ToDo(sentence=sentence, place=ToDoPlace.catalogue)
