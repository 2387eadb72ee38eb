"""The confirmation of a sign-up: from here on it counts (LAW-11)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from newsletter.audience import privacy
from newsletter.audience.signup import CONFIRM_WITHIN
from newsletter.clock import in_paris
from newsletter.i18n import _
from newsletter.store import consents
from newsletter.store.catalogue import Support
from newsletter.store.columns import key
from newsletter.store.consent_chain import ConsentStatement
from newsletter.store.people import Interest, SignUp, Subscriber, Suppression
from newsletter.store.portable import insert_new
from newsletter.wordings import wording
from newsletter.words import Axis, Channel, ConsentState, Horizon, SuppressionReason


@dataclass(frozen=True, slots=True)
class Confirmed:
    """Whom a confirmation made a subscriber."""

    subscriber_id: int
    first_name: str


def asked_by(session: Session, sign_up_id: int) -> str | None:
    """The first name on a sign-up that can still be confirmed, or was; None when there is none. Changes nothing."""
    asked = session.get(SignUp, sign_up_id)
    return asked.first_name if asked is not None and asked.address else None


def confirm_sign_up(session: Session, sign_up_id: int, *, now: datetime) -> Confirmed | None:
    """Make the sign-up count: subscriber, consents with their proof, the way back from an unsubscription.

    None when it is unknown, older than seven days, or of an address that was closed in the meantime. A second
    confirmation changes nothing, even after the person left again.
    """
    asked = session.exec(select(SignUp).where(col(SignUp.id) == sign_up_id).with_for_update()).one_or_none()
    if asked is None or not asked.address:
        return None
    if asked.confirmed_at is None:
        if now - asked.asked_at > CONFIRM_WITHIN or _is_barred(session, asked.address_hash):
            return None
        _take_in(session, asked, now=now)
        asked.confirmed_at = now
        session.add(asked)
        session.flush()
    known = session.exec(select(Subscriber).where(col(Subscriber.address_hash) == asked.address_hash)).one_or_none()
    return Confirmed(key(known.id), known.first_name) if known is not None else None


def _take_in(session: Session, asked: SignUp, *, now: datetime) -> None:
    support = session.get(Support, asked.support_id) if asked.support_id else None
    row = {
        "address": asked.address,
        "address_hash": asked.address_hash,
        "partner_id": support.partner_id if support else None,
        "support_id": asked.support_id,
        "source": _source(support),
        "joined_at": now,
    }
    insert_new(session, Subscriber, [row])  # somebody known keeps their first source
    known = session.exec(select(Subscriber).where(col(Subscriber.address_hash) == asked.address_hash)).one()
    _rewrite(known, asked)
    session.add(known)
    session.flush()
    insert_new(session, Interest, [{"subscriber_id": key(known.id), "sector_code": code} for code in asked.sectors])
    consents.record_all(session, list(_said(key(known.id), asked, now=now)), now=now)
    if Axis.newsletter in asked.axes:
        privacy.lift_unsubscription(session, asked.address_hash)


def _source(support: Support | None) -> str:
    return _("formulaire, QR {code}").format(code=support.code) if support else _("formulaire")


def _rewrite(known: Subscriber, asked: SignUp) -> None:
    """What a person says of themselves now replaces what they said before; what they left empty stays."""
    for name in ("first_name", "phone", "country", "postcode"):
        setattr(known, name, getattr(asked, name) or getattr(known, name))
    if asked.horizon != Horizon.unknown:
        known.horizon = asked.horizon


def _said(subscriber_id: int, asked: SignUp, *, now: datetime) -> Iterator[ConsentStatement]:
    proof = _("formulaire n° {number} rempli le {asked}, confirmé depuis la boîte aux lettres le {confirmed}").format(
        number=asked.id, asked=_clock_face(asked.asked_at), confirmed=_clock_face(now)
    )
    for axis in asked.axes:
        yield ConsentStatement(
            subscriber_id=subscriber_id,
            axis=Axis(axis),
            state=ConsentState.granted,
            at=now,
            channel=Channel.web,
            wording=wording(Axis(axis), asked.wording_version),
            proof=proof,
        )


def _clock_face(moment: datetime) -> str:
    return in_paris(moment).strftime("%d/%m/%Y à %H:%M:%S")


def _is_barred(session: Session, address_hash: bytes) -> bool:
    found = session.get(Suppression, address_hash)
    return found is not None and found.reason != SuppressionReason.unsubscribed
