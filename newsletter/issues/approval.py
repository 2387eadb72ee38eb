"""Approving an issue freezes it into an edition: sources, links and fingerprint. What leaves is what was approved."""

import dataclasses
import hashlib
import json
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col

import segments
from newsletter.blocks.registry import resolve_blocks
from newsletter.clock import paris_day
from newsletter.compose import preflight
from newsletter.compose.build import IssueSource, compile_issue
from newsletter.compose.content import Content
from newsletter.compose.findings import Finding
from newsletter.compose.headers import SenderIdentity
from newsletter.compose.mail_template import RenderedMail
from newsletter.errors import RefusedError
from newsletter.i18n import _
from newsletter.issues.calendar import move
from newsletter.issues.draft import blocks_of, the_issue
from newsletter.store.columns import key
from newsletter.store.issues import Edition, Issue, Link, Variant
from newsletter.urls import MEDIA_PATH
from newsletter.words import IssueMove, IssueState


def approve(session: Session, issue_id: int, *, by: int | None, now: datetime, sender: SenderIdentity) -> Edition:
    """Freeze the draft. `by` is the account that approves it.

    Raises RefusedError with every finding that blocks, an unreadable segment among them.
    """
    issue = the_issue(session, issue_id)
    blocking = [finding for finding in findings(session, issue, now=now, sender=sender) if finding.level == "block"]
    if blocking:
        raise RefusedError(
            _("Ce numéro n’est pas prêt. {what}").format(what=" ".join(finding.sentence for finding in blocking))
        )
    move(session, issue_id, IssueMove.approve)
    return _freeze(session, issue, by=by, now=now, sender=sender)


def reopen(session: Session, issue_id: int) -> None:
    """Back to a draft, the edition thrown away; also from cancelled. Raises RefusedError once planning has begun.

    From then on a sender may take its mails at any moment: that none has left yet is no promise that none is leaving.
    """
    if the_issue(session, issue_id).state in (IssueState.sending, IssueState.paused):
        raise RefusedError(
            _(
                "L’envoi de ce numéro a commencé : on ne peut plus le rouvrir. Mettez-le en pause ou annulez-le pour "
                "retenir ce qui n’est pas parti, et écrivez la correction dans un nouveau numéro."
            )
        )
    theirs = col(Edition.issue_id) == issue_id
    session.connection().execute(sa.delete(Edition).where(theirs, col(Edition.message_date).is_(None)))
    if session.scalar(sa.select(sa.exists().where(theirs))):
        raise RefusedError(
            _(
                "L’envoi de ce numéro avait commencé quand il a été annulé : on ne peut plus le rouvrir. "
                "Écrivez-en un nouveau."
            )
        )
    move(session, issue_id, IssueMove.reopen, send_at=None)


def findings(session: Session, issue: Issue, *, now: datetime, sender: SenderIdentity) -> list[Finding]:
    """What preflight says of the issue as it stands, and of its segment."""
    found = preflight.inspect(
        content_of(session, issue, now=now, sender=sender),
        template=issue.template,
        sender=sender,
        today=paris_day(now),
    )
    try:
        segments.understand(session, issue.segment)
    except segments.SegmentError as error:
        found.insert(0, Finding(level="block", sentence=str(error)))
    return found


def preview(session: Session, issue_id: int, *, now: datetime, sender: SenderIdentity) -> RenderedMail:
    """The issue as it stands, for a recipient called Camille, with plain links and no pixel."""
    issue = the_issue(session, issue_id)
    source = compile_issue(content_of(session, issue, now=now, sender=sender), template=issue.template, sender=sender)
    return preflight.sample(issue.subject, source, sender=sender)


def content_of(session: Session, issue: Issue, *, now: datetime, sender: SenderIdentity) -> Content:
    """Everything the issue says at this moment.

    Raises DraftError for a block that cannot be read, or that shows a row which is gone.
    """
    media_url = sender.base_url + MEDIA_PATH
    blocks = resolve_blocks(session, blocks_of(issue), today=paris_day(now), media_url=media_url)
    return Content(subject=issue.subject, preheader=issue.preheader, blocks=blocks)


def _freeze(session: Session, issue: Issue, *, by: int | None, now: datetime, sender: SenderIdentity) -> Edition:
    content = content_of(session, issue, now=now, sender=sender)
    source = compile_issue(content, template=issue.template, sender=sender)
    edition = Edition(
        issue_id=key(issue.id),
        subject=content.subject,
        segment=issue.segment,
        content_hash=fingerprint(content.subject, source),
        approved_at=now,
        approved_by=by,
    )
    session.add(edition)
    session.flush()
    session.add(Variant(edition_id=key(edition.id), number=0, html=source.html, text=source.text))
    session.add_all(Link(edition_id=key(edition.id), **dataclasses.asdict(target)) for target in source.links)
    session.flush()
    return edition


def fingerprint(subject: str, source: IssueSource) -> str:
    """SHA-256 over everything a recipient may see or follow."""
    links = [dataclasses.asdict(target) for target in source.links]
    whole = json.dumps([subject, source.html, source.text, links], ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(whole.encode()).hexdigest()
