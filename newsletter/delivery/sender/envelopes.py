"""Writing the messages of an edition: everything frozen is read once, then one reader after the other."""

from collections.abc import Callable

from sqlmodel import Session, col, select

from newsletter.compose.headers import SenderIdentity, message_id_for
from newsletter.compose.links import LazyLinks, LinkTarget
from newsletter.compose.mail_program import compile_mails
from newsletter.compose.mail_template import MailTemplate, Recipient, RenderedMail
from newsletter.delivery.ledger.claim import ClaimedMail
from newsletter.smtp.contract import Envelope
from newsletter.store.issues import Edition, Link, Variant
from newsletter.tokens import Keyring

EnvelopeFor = Callable[[ClaimedMail], Envelope]
"""Writes the message of one mail. Called with the same mail it gives the same bytes."""


def envelopes(
    session: Session, edition_id: int, *, keys: Keyring, sender: SenderIdentity, mail_from: str
) -> EnvelopeFor:
    """How to write the mails of a planned edition. The same mail gives the same bytes, so a resend is no double."""
    edition = session.get_one(Edition, edition_id)
    assert edition.message_date is not None  # planning stamped it
    program = compile_mails(
        mail_template_of(session, edition),
        sender=sender,
        date=edition.message_date,
        targets=tuple(link_targets(session, edition_id)),
        group=f"edition-{edition_id}",
    )

    def envelope_for(mail: ClaimedMail) -> Envelope:
        message_id = message_id_for(keys, edition_id, mail.mail_id, sender.message_domain)
        message = program.write(mail.address, mail.first_name, _links(keys, edition_id, mail), message_id)
        return Envelope(key=mail.mail_id, sender=mail_from, recipient=mail.address, message=message, plain=True)

    return envelope_for


def read_online(
    session: Session, mail: ClaimedMail, edition_id: int, *, keys: Keyring, sender: SenderIdentity
) -> RenderedMail:
    """The same mail as a page, with this recipient's own links and without any pixel."""
    edition = session.get_one(Edition, edition_id)
    theirs = _links(keys, edition_id, mail._replace(opens=False))
    links = theirs.addresses(sender.base_url, targets=link_targets(session, edition_id))
    return mail_template_of(session, edition).render(
        Recipient(address=mail.address, first_name=mail.first_name, links=links)
    )


def mail_template_of(session: Session, edition: Edition) -> MailTemplate:
    variant = session.get_one(Variant, (edition.id, 0))
    return MailTemplate(subject=edition.subject, html=variant.html, text=variant.text)


def link_targets(session: Session, edition_id: int) -> list[LinkTarget]:
    """The registered links of an edition, as compose knows them."""
    rows = session.exec(select(Link).where(col(Link.edition_id) == edition_id).order_by(col(Link.number))).all()
    return [
        LinkTarget(
            number=link.number,
            kind=link.kind,
            url=link.url,
            answer=link.answer,
            label=link.label,
            employer_id=link.employer_id,
            opening_id=link.opening_id,
            portrait_id=link.portrait_id,
            sector_code=link.sector_code,
        )
        for link in rows
    ]


def _links(keys: Keyring, edition_id: int, mail: ClaimedMail) -> LazyLinks:
    return LazyLinks(
        keys=keys,
        edition_id=edition_id,
        mail_id=mail.mail_id,
        subscriber_id=mail.subscriber_id,
        clicks=mail.clicks,
        opens=mail.opens,
    )
