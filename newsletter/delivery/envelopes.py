"""Writing the messages of an edition: everything frozen is read once, then one reader after the other."""

from dataclasses import replace

from sqlmodel import Session, col, select

from newsletter.compose.links import LinkTarget, ReaderLinks, reader_links
from newsletter.compose.mime import Letterhead, message_id_for, write_message
from newsletter.compose.program import Filled, Program, Reader
from newsletter.delivery.claim import ClaimedMail
from newsletter.delivery.send import EnvelopeFor
from newsletter.store.issues import Edition, Link, Variant
from newsletter.tokens import Keyring
from newsletter.transport.contract import Envelope


def envelopes(session: Session, edition_id: int, *, keys: Keyring, head: Letterhead, mail_from: str) -> EnvelopeFor:
    """How to write the mails of a planned edition. The same mail gives the same bytes, so a resend is no double."""
    edition = session.get_one(Edition, edition_id)
    program = program_of(session, edition)
    targets = link_targets(session, edition_id)
    date = edition.message_date
    assert date is not None  # planning stamped it

    def envelope_for(mail: ClaimedMail) -> Envelope:
        links = _links(keys, head, edition_id, mail, targets)
        message = write_message(
            program.fill(Reader(address=mail.address, first_name=mail.first_name, links=links)),
            letterhead=head,
            to=mail.address,
            message_id=message_id_for(keys, edition_id, mail.mail_id, head.message_domain),
            date=date,
            links=links,
            one_click=True,
            group=f"edition-{edition_id}",
        )
        return Envelope(sender=mail_from, recipient=mail.address, message=message)

    return envelope_for


def read_online(session: Session, mail: ClaimedMail, edition_id: int, *, keys: Keyring, head: Letterhead) -> Filled:
    """The same mail as a page, with this reader's own links and without any pixel."""
    edition = session.get_one(Edition, edition_id)
    links = _links(keys, head, edition_id, replace(mail, opens=False), link_targets(session, edition_id))
    return program_of(session, edition).fill(Reader(address=mail.address, first_name=mail.first_name, links=links))


def program_of(session: Session, edition: Edition) -> Program:
    variant = session.get_one(Variant, (edition.id, 0))
    return Program(subject=edition.subject, html=variant.html, text=variant.text)


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


def _links(
    keys: Keyring, head: Letterhead, edition_id: int, mail: ClaimedMail, targets: list[LinkTarget]
) -> ReaderLinks:
    return reader_links(
        keys,
        head.base_url,
        edition_id=edition_id,
        mail_id=mail.mail_id,
        subscriber_id=mail.subscriber_id,
        targets=targets,
        clicks=mail.clicks,
        opens=mail.opens,
    )
