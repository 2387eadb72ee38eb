"""Letters to one person, outside any edition: please confirm, welcome, these leads are yours.

No ledger keeps them: what was asked of us stays due until its letter left. The words are in `templates/letters/`.
"""

from collections.abc import Mapping, Sequence, Set
from datetime import datetime
from email.utils import make_msgid
from typing import Protocol

from sqlmodel import Session

from newsletter.advisers.cards import cards
from newsletter.audience import signup
from newsletter.compose.headers import sender_identity
from newsletter.compose.letters import write_letter
from newsletter.delivery.ledger.outcome import wait_after
from newsletter.instance import Instance, send_lock
from newsletter.smtp.contract import DeliveryStatus, Envelope
from newsletter.smtp.factory import send_single_mails
from newsletter.store.columns import key
from newsletter.store.leads import Adviser
from newsletter.store.people import SignUp


class MarkDone(Protocol):
    """Notes that the letters of these sign-ups need no more sending."""

    def __call__(self, session: Session, sign_up_ids: Sequence[int], *, now: datetime) -> None: ...


def send_confirmations(instance: Instance) -> int:
    """Ask everyone whose sign-up waits for it to confirm; how many letters left, none while the instance is locked."""
    with instance.store.reading() as session:
        due = signup.letters_due(session, now=instance.clock.now())
    if not due or send_lock(instance):
        return 0
    base_url, keys = instance.settings.base_url, instance.keys
    return sum(
        _send(instance, asked, "confirmation", signup.confirmation(asked, keys, base_url), done=signup.mark_mailed)
        for asked in due
    )


def send_welcomes(instance: Instance) -> int:
    """Welcome everyone who confirmed; how many letters left, none while the instance is locked."""
    with instance.store.reading() as session:
        due = signup.welcomes_due(session, now=instance.clock.now())
    if not due or send_lock(instance):
        return 0
    base_url, keys = instance.settings.base_url, instance.keys
    return sum(
        _send(instance, asked, "welcome", signup.welcome(asked, reader, keys, base_url), done=signup.mark_welcomed)
        for asked, reader in due
    )


def tell_adviser(instance: Instance, adviser_id: int, *, lead_ids: Set[int]) -> None:
    """Name the new leads and say why they are warm; how to reach them stands on the desk only. Raises RelayError."""
    if send_lock(instance):
        return
    with instance.store.reading() as session:
        adviser = session.get_one(Adviser, adviser_id)
        new = [card for card in cards(session, adviser_id=adviser_id) if card.lead_id in lead_ids]
    values = {
        "first_name": adviser.name.split()[0],
        "count": str(len(new)),
        "summary": "\n".join(f"{card.name} : {card.because}" for card in new),
        "desk_url": f"{instance.settings.base_url}/bureau/pistes",
    }
    _write_and_post(instance, "leads", to=adviser.address, values=values)


def post_at_once(instance: Instance, message: bytes, *, to: str) -> DeliveryStatus:
    """Send one message, and wait for the server's reply. Raises RelayError when the server cannot be used."""
    envelope = Envelope(sender=instance.settings.outbound_from, recipient=to, message=message)
    (reply,) = send_single_mails(instance.settings, [envelope])
    return reply.status


def _send(instance: Instance, asked: SignUp, name: str, values: Mapping[str, str], *, done: MarkDone) -> bool:
    """Send one letter; whether it left. One that the server refuses for good is done with as well."""
    status = DeliveryStatus.unknown
    try:
        status = _write_and_post(instance, name, to=asked.address, values=values)
    finally:
        with instance.store.transaction() as session:
            if status in (DeliveryStatus.accepted, DeliveryStatus.refused):
                done(session, [key(asked.id)], now=instance.clock.now())
            else:
                signup.put_off(session, key(asked.id), until=instance.clock.now() + wait_after(1))
    return status is DeliveryStatus.accepted


def _write_and_post(instance: Instance, name: str, *, to: str, values: Mapping[str, str]) -> DeliveryStatus:
    sender = sender_identity(instance.settings)
    message = write_letter(
        name,
        to=to,
        sender=sender,
        message_id=make_msgid(domain=sender.message_domain),
        date=instance.clock.now(),
        values=values,
    )
    return post_at_once(instance, message, to=to)
