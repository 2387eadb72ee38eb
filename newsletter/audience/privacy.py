"""Unsubscribing, resubscribing and changing consents: every right a reader can use without an account."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter import wordings
from newsletter.audience import landing
from newsletter.clock import in_paris
from newsletter.i18n import _
from newsletter.store import consents
from newsletter.store.activity import Event
from newsletter.store.catalogue import Sector
from newsletter.store.consent_chain import ConsentStatement
from newsletter.store.ledger import Mail
from newsletter.store.people import Interest, Subscriber, Suppression
from newsletter.store.portable import insert_new
from newsletter.words import Axis, Channel, ConsentState, EventKind, Horizon, SuppressionReason, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """What a reader sees and can change on their page."""

    first_name: str
    axes: Mapping[Axis, ConsentState]
    horizon: Horizon
    phone: str
    sectors: frozenset[str]
    closed: SuppressionReason | None  # why nothing is sent, whatever the axes say


def preferences_of(session: Session, subscriber_id: int) -> Preferences | None:
    """Where a reader stands; None when nobody has this number."""
    reader = session.get(Subscriber, subscriber_id)
    if reader is None:
        return None
    named = session.exec(select(Interest.sector_code).where(col(Interest.subscriber_id) == subscriber_id)).all()
    suppression = session.get(Suppression, reader.address_hash)
    return Preferences(
        first_name=reader.first_name,
        axes=consents.current(session, subscriber_id),
        horizon=reader.horizon,
        phone=reader.phone,
        sectors=frozenset(named),
        closed=suppression.reason if suppression else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferenceForm:
    """What the preference page shows: the reader, and the trades they can name (code, French name)."""

    reader: Preferences
    sectors: Sequence[tuple[str, str]]


def preference_form(session: Session, subscriber_id: int) -> PreferenceForm | None:
    """What the preference page of this reader shows; None when nobody has this number."""
    reader = preferences_of(session, subscriber_id)
    return None if reader is None else PreferenceForm(reader=reader, sectors=landing.sector_choices(session))


def save_preferences(
    session: Session,
    subscriber_id: int,
    axes: Mapping[Axis, bool],
    *,
    horizon: Horizon,
    sectors: Sequence[str],
    phone: str,
    now: datetime,
) -> bool:
    """Write the whole preference page; False, having written nothing, when nobody has this number."""
    if session.get(Subscriber, subscriber_id) is None:
        return False
    set_preferences(session, subscriber_id, axes, now=now)
    set_wishes(session, subscriber_id, horizon=horizon, sectors=sectors, phone=phone)
    return True


def unsubscribe(
    session: Session, subscriber_id: int, *, now: datetime, channel: Channel, edition_id: int | None = None
) -> bool:
    """Stop the letters of this reader for good: suppressed, and their no on record. True when they had not left before.

    Twice changes nothing more (LST-10). An older, more serious reason for the suppression stays. Where the letter they
    left from is known, the fact is an event of that mail.
    """
    reader = session.get(Subscriber, subscriber_id)
    if reader is None:
        return False
    row = {"address_hash": reader.address_hash, "reason": SuppressionReason.unsubscribed, "at": now}
    left = insert_new(session, Suppression, [row]) == 1
    no = _said(subscriber_id, Axis.newsletter, granted=False, channel=channel, now=now)
    consents.record_all(session, [no], now=now)
    if left:
        _note_the_mail(session, subscriber_id, edition_id, now=now)
    return left


def _note_the_mail(session: Session, subscriber_id: int, edition_id: int | None, *, now: datetime) -> None:
    mail = select(Mail.id).where(col(Mail.edition_id) == edition_id, col(Mail.subscriber_id) == subscriber_id)
    mail_id = session.exec(mail).one_or_none() if edition_id else None
    if mail_id is not None:
        session.add(
            Event(
                subscriber_id=subscriber_id,
                mail_id=mail_id,
                kind=EventKind.unsubscribed,
                at=now,
                method="POST",
                verdict=Verdict.human,
            )
        )
        session.flush()


def set_preferences(session: Session, subscriber_id: int, axes: Mapping[Axis, bool], *, now: datetime) -> None:
    """Write what a reader ticked and unticked on their own page.

    Yes to the letter lifts their own unsubscription, and only that; no to it unsubscribes. An axis that was never
    spoken of and is left unticked stays unknown: silence is recorded as nothing.
    """
    stand = consents.current(session, subscriber_id)
    chosen = {axis: yes for axis, yes in axes.items() if yes or stand[axis] != ConsentState.unknown}
    consents.record_all(session, list(_all_said(subscriber_id, chosen, now=now)), now=now)
    reader = session.get(Subscriber, subscriber_id)
    if reader is None or Axis.newsletter not in axes:
        return
    if axes[Axis.newsletter]:
        lift_unsubscription(session, reader.address_hash)
    else:
        unsubscribe(session, subscriber_id, now=now, channel=Channel.preferences)


def _all_said(subscriber_id: int, chosen: Mapping[Axis, bool], *, now: datetime) -> Iterator[ConsentStatement]:
    for axis, yes in chosen.items():
        yield _said(subscriber_id, axis, granted=yes, channel=Channel.preferences, now=now)


def _said(subscriber_id: int, axis: Axis, *, granted: bool, channel: Channel, now: datetime) -> ConsentStatement:
    page = {
        Channel.preferences: _("page de préférences, le {moment}"),
        Channel.one_click: _("désinscription en un clic (RFC 8058), le {moment}"),
    }.get(channel, _("dit à l’équipe, le {moment}"))
    leaving = axis == Axis.newsletter and not granted
    return ConsentStatement(
        subscriber_id=subscriber_id,
        axis=axis,
        state=ConsentState.granted if granted else ConsentState.denied,
        at=now,
        channel=channel,
        wording=wordings.unsubscribe_wording() if leaving else wordings.wording(axis),
        proof=page.format(moment=in_paris(now).strftime("%d/%m/%Y à %H:%M:%S")),
    )


def set_wishes(
    session: Session, subscriber_id: int, *, horizon: Horizon, sectors: Sequence[str], phone: str | None = None
) -> None:
    """Write when a reader might move and which trades they look at, in place of what stood."""
    session.exec(sa.update(Subscriber).where(col(Subscriber.id) == subscriber_id).values(horizon=horizon))
    if phone is not None:
        set_phone(session, subscriber_id, phone)
    session.exec(sa.delete(Interest).where(col(Interest.subscriber_id) == subscriber_id))
    known = session.exec(select(Sector.code).where(col(Sector.code).in_(sectors))).all()
    insert_new(session, Interest, [{"subscriber_id": subscriber_id, "sector_code": code} for code in known])


def set_phone(session: Session, subscriber_id: int, phone: str) -> None:
    """Write the number a reader gave, on one line and at most 25 characters; empty takes it away."""
    kept = " ".join(phone.split())[:25]
    session.exec(sa.update(Subscriber).where(col(Subscriber.id) == subscriber_id).values(phone=kept))


def call_me_back(session: Session, subscriber_id: int, *, phone: str, now: datetime) -> None:
    """The reader pressed "call me back" in a letter: an adviser may call, at this number when they gave one."""
    if phone.strip():
        set_phone(session, subscriber_id, phone)
    yes = ConsentStatement(
        subscriber_id=subscriber_id,
        axis=Axis.adviser,
        state=ConsentState.granted,
        at=now,
        channel=Channel.answer,
        wording=wordings.call_me_back_wording(),
        proof=_("bouton « rappelez-moi » d’une lettre, le {moment}").format(
            moment=in_paris(now).strftime("%d/%m/%Y à %H:%M:%S")
        ),
    )
    consents.record_all(session, [yes], now=now)


def lift_unsubscription(session: Session, address_hash: bytes) -> None:
    """Take an address off the suppression list, only where its owner's own unsubscription put it there."""
    session.exec(
        sa.delete(Suppression).where(
            col(Suppression.address_hash) == address_hash,
            col(Suppression.reason) == SuppressionReason.unsubscribed,
        )
    )
