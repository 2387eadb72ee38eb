"""Signing up on the web: a form, a confirmation letter, a confirmation (double opt-in, LAW-11).

Nothing of a form counts before its letter was answered. Every request is stored the same way, whoever asks; only the
scheduler's tick decides whether a letter leaves, so the answer to a known, an unknown and a suppressed address is the
same and takes as long (SEC-04).

An address that unsubscribed may come back this way, since whoever confirms has read our letter there and says so
themselves. One that complained, bounced, objected, was erased or was closed by hand gets no letter: writing to it is
the very thing it must be spared, and a form can be filled in by anybody. They come back through one of us.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter import addresses, urls
from newsletter.i18n import _
from newsletter.store.catalogue import Sector
from newsletter.store.columns import key
from newsletter.store.people import SignUp, Subscriber, Suppression
from newsletter.tokens import Keyring, Purpose
from newsletter.wordings import shown_version
from newsletter.words import Axis, Horizon, SuppressionReason

_BETWEEN_LETTERS = timedelta(hours=24)
_MOST_LETTERS = 3  # at most, in LETTERS_WITHIN (SEC-05)
_LETTERS_WITHIN = timedelta(days=30)
CONFIRM_WITHIN = timedelta(days=7)
_LONGEST = {"first_name": 80, "postcode": 12, "phone": 25}
_CHUNK = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class SignUpForm:
    """What a visitor typed and ticked, as it came."""

    address: str
    first_name: str = ""
    phone: str = ""  # kept only with the axis `adviser`
    country: str = ""
    postcode: str = ""
    horizon: Horizon = Horizon.unknown
    sectors: tuple[str, ...] = ()
    axes: frozenset[Axis] = frozenset()
    support_id: int | None = None


def mistakes(form: SignUpForm) -> dict[str, str]:
    """What is wrong with the form, as one sentence per field; empty when it can be stored."""
    found = {}
    try:
        addresses.normalise(form.address)
    except addresses.AddressError as error:
        found["address"] = str(error)
    if Axis.newsletter not in form.axes:
        found["newsletter"] = _("Cochez cette case pour recevoir la lettre. Sans elle, nous ne gardons rien de vous.")
    for field, longest in _LONGEST.items():
        if len(getattr(form, field)) > longest:
            found[field] = _("C’est trop long : {longest} caractères au plus.").format(longest=longest)
    return found


def take_sign_up(session: Session, keys: Keyring, form: SignUpForm, *, now: datetime) -> None:
    """Store a form without mistakes. Returns nothing: neither that the address is known, nor that a letter leaves."""
    address = addresses.normalise(form.address)
    known_sectors = session.exec(select(Sector.code).where(col(Sector.code).in_(form.sectors))).all()
    session.add(
        SignUp(
            address=address,
            address_hash=keys.address_hash(address),
            first_name=" ".join(form.first_name.split()),
            phone=" ".join(form.phone.split()) if Axis.adviser in form.axes else "",
            country=form.country,
            postcode=" ".join(form.postcode.split()),
            horizon=form.horizon,
            sectors=sorted(known_sectors),
            axes=[axis.value for axis in Axis if axis in form.axes],
            support_id=form.support_id,
            wording_version=shown_version(),
            asked_at=now,
        )
    )
    session.flush()


def letters_due(session: Session, *, now: datetime) -> list[SignUp]:
    """The sign-ups whose confirmation letter is to leave now, at most one per address, oldest first.

    After each letter that left: `mark_mailed`; when it could not: `put_off`. A request made within a day of a letter
    to the same address, or when three had left in 30 days, never gets one of its own (SEC-05).
    """
    newest = (
        sa.select(sa.func.max(col(SignUp.id)))
        .where(col(SignUp.mailed_at).is_(None), col(SignUp.confirmed_at).is_(None), col(SignUp.address) != "")
        .where(col(SignUp.asked_at) > now - CONFIRM_WITHIN, _not_put_off(now))
        .group_by(col(SignUp.address_hash))
    )
    asked = session.exec(select(SignUp).where(col(SignUp.id).in_(newest), ~_barred()).order_by(col(SignUp.id))).all()
    letters = _letters_to(session, [row.address_hash for row in asked], since=now - _LETTERS_WITHIN - CONFIRM_WITHIN)
    return [row for row in asked if may_write(row.asked_at, letters[row.address_hash])]


def put_off(session: Session, sign_up_id: int, *, until: datetime) -> None:
    """Retry this sign-up's letter from then on: the mail server did not accept it now."""
    session.exec(sa.update(SignUp).where(col(SignUp.id) == sign_up_id).values(try_after=until))


def _not_put_off(now: datetime) -> sa.ColumnElement[bool]:
    return sa.or_(col(SignUp.try_after).is_(None), col(SignUp.try_after) <= now)


def may_write(asked_at: datetime, letters: Sequence[datetime]) -> bool:
    """Whether a request made then may get a letter, given when letters left to the same address."""
    if any(left > asked_at - _BETWEEN_LETTERS for left in letters):
        return False
    return sum(left > asked_at - _LETTERS_WITHIN for left in letters) < _MOST_LETTERS


def confirmation(asked: SignUp, keys: Keyring, base_url: str) -> dict[str, str]:
    """The values of the confirmation letter: no tracking, one button (LST-17)."""
    token = keys.sign(Purpose.confirm, key(asked.id))
    return {"first_name": asked.first_name, "confirm_url": urls.confirm_url(base_url, token)}


def mark_mailed(session: Session, sign_up_ids: Sequence[int], *, now: datetime) -> None:
    """Record that the confirmation letters of these sign-ups were accepted by the mail server."""
    session.exec(sa.update(SignUp).where(col(SignUp.id).in_(sign_up_ids)).values(mailed_at=now))


def welcomes_due(session: Session, *, now: datetime) -> list[tuple[SignUp, int]]:
    """The confirmed sign-ups that were not welcomed yet, oldest first, with their subscriber's number.

    Nobody who left since. After each letter that left: `mark_welcomed`; when it could not: `put_off`.
    """
    gone = sa.exists().where(col(Suppression.address_hash) == col(SignUp.address_hash))
    statement = (
        select(SignUp, col(Subscriber.id))
        .join(Subscriber, col(Subscriber.address_hash) == col(SignUp.address_hash))
        .where(col(SignUp.confirmed_at) > now - CONFIRM_WITHIN, col(SignUp.welcomed_at).is_(None), ~gone)
        .where(_not_put_off(now))
        .order_by(col(SignUp.id))
    )
    return [(asked, number) for asked, number in session.exec(statement) if number is not None]


def welcome(asked: SignUp, subscriber_id: int, keys: Keyring, base_url: str) -> dict[str, str]:
    """The values of the welcome letter."""
    return {
        "first_name": asked.first_name,
        "preferences_url": urls.preferences_url(base_url, keys.sign(Purpose.preferences, subscriber_id)),
        "unsubscribe_url": urls.unsubscribe_url(base_url, keys.sign(Purpose.unsubscribe, subscriber_id, 0)),
    }


def mark_welcomed(session: Session, sign_up_ids: Sequence[int], *, now: datetime) -> None:
    """Record that the welcome letters of these sign-ups were accepted by the mail server."""
    session.exec(sa.update(SignUp).where(col(SignUp.id).in_(sign_up_ids)).values(welcomed_at=now))


def purge_unconfirmed(session: Session, *, now: datetime) -> int:
    """Empty the sign-ups that were not confirmed within seven days; how many.

    What stays is the keyed hash and the times, for the limit on letters; after 30 days nothing of any sign-up stays,
    confirmed ones included: the subscriber and the consents hold all there is to know.
    """
    stale = sa.and_(col(SignUp.confirmed_at).is_(None), col(SignUp.asked_at) <= now - CONFIRM_WITHIN)
    emptied = session.exec(sa.update(SignUp).where(stale, col(SignUp.address) != "").values(**_NOTHING)).rowcount
    session.exec(sa.delete(SignUp).where(col(SignUp.asked_at) <= now - _LETTERS_WITHIN))
    return emptied


_NOTHING: dict[str, Any] = {
    "address": "",
    "first_name": "",
    "phone": "",
    "country": "",
    "postcode": "",
    "horizon": Horizon.unknown,
    "wished_commune": None,
    "sectors": [],
    "axes": [],
    "support_id": None,
}


def _barred() -> sa.ColumnElement[bool]:
    """Condition on SignUp: the address is suppressed for another reason than its own unsubscription."""
    return sa.exists().where(
        col(Suppression.address_hash) == col(SignUp.address_hash),
        col(Suppression.reason) != SuppressionReason.unsubscribed,
    )


def _letters_to(session: Session, hashes: Sequence[bytes], *, since: datetime) -> dict[bytes, list[datetime]]:
    """When confirmation letters left to each of these addresses."""
    found: dict[bytes, list[datetime]] = defaultdict(list)
    for start in range(0, len(hashes), _CHUNK):
        some = hashes[start : start + _CHUNK]
        rows = session.exec(
            select(SignUp.address_hash, SignUp.mailed_at).where(
                col(SignUp.address_hash).in_(some), col(SignUp.mailed_at) > since
            )
        )
        for address_hash, left in rows:
            if left is not None:
                found[address_hash].append(left)
    return found
