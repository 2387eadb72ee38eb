"""Issues and where their mails are: the list, one issue that is followed, and what stopping it would mean."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

import segments
from newsletter.clock import paris_day
from newsletter.compose.findings import Finding
from newsletter.compose.headers import sender_identity
from newsletter.compose.mail_template import RenderedMail
from newsletter.delivery.ledger import restore_lock
from newsletter.delivery.ledger.balance import Balance, balance_of, balances
from newsletter.delivery.ledger.lanes import troubles
from newsletter.delivery.ledger.listing import ListedNote, notes
from newsletter.delivery.ledger.throughput import Rate, rate
from newsletter.errors import NewsletterError
from newsletter.instance import Instance
from newsletter.issues import approval, calendar, draft
from newsletter.store.columns import key
from newsletter.store.issues import Edition, Issue, edition_of
from newsletter.words import IssueState


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedIssue:
    """An issue of the list; `balance` is None before its audience was chosen."""

    issue: Issue
    balance: Balance | None

    @property
    def over(self) -> bool:
        """Whether it left and nothing more of it will; one that was cancelled half-way is cancelled, not over."""
        return self.issue.state is not IssueState.cancelled and self.balance is not None and self.balance.finished


@dataclass(frozen=True, slots=True, kw_only=True)
class SentIssue:
    """An issue whose audience was chosen."""

    issue: Issue
    edition: Edition
    balance: Balance


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueStanding:
    """An issue, its edition once it is approved, and where its mails are: all zero before planning."""

    issue: Issue
    edition: Edition | None
    balance: Balance


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewedIssue:
    """An issue, and its mail as a recipient would get it; or why there is none yet."""

    issue: Issue
    mail: RenderedMail | None
    broken: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowedIssue:
    """Everything known of one issue from its draft to its last mail."""

    issue: Issue
    edition: Edition | None
    balance: Balance
    notes: Sequence[ListedNote]
    troubles: Sequence[str]  # why a lane stands still
    rate: Rate
    findings: Sequence[Finding]  # of a draft: what pre-flight found
    locked: str  # why this installation sends nothing; empty when it may
    late: bool
    reach: int | None  # how many of its segment may be mailed; None when the segment cannot be understood


def listed_issues(instance: Instance) -> list[ListedIssue]:
    """Every issue, the newest first."""
    with instance.store.reading() as session:
        issues = draft.all_issues(session)
        found = {key(sent.issue.id): sent.balance for sent in sent_issues(session)}
    return [ListedIssue(issue=issue, balance=found.get(key(issue.id))) for issue in issues]


def reported_issues(instance: Instance) -> list[SentIssue]:
    """Issues whose audience was chosen, newest first."""
    with instance.store.reading() as session:
        return sent_issues(session)


def sent_issues(session: Session, *, only: int | None = None) -> list[SentIssue]:
    """Issues whose audience was chosen, newest first; of one issue alone when it is named."""
    wanted = (
        select(Issue, Edition)
        .join(Edition, col(Edition.issue_id) == col(Issue.id))
        .where(col(Edition.planned_at).is_not(None))
        .order_by(col(Edition.planned_at).desc())
    )
    rows = session.exec(wanted if only is None else wanted.where(col(Issue.id) == only)).all()
    found = balances(session, [key(edition.id) for _issue, edition in rows])
    return [
        SentIssue(issue=issue, edition=edition, balance=found.get(key(edition.id), Balance()))
        for issue, edition in rows
    ]


def issue_standing(instance: Instance, issue_id: int) -> IssueStanding:
    """Where the mails of an issue are. Raises NotFoundError."""
    with instance.store.reading() as session:
        issue = draft.the_issue(session, issue_id)
        edition = edition_of(session, issue_id)
        balance = balance_of(session, key(edition.id)) if edition else Balance()
        return IssueStanding(issue=issue, edition=edition, balance=balance)


def follow_issue(instance: Instance, issue_id: int) -> FollowedIssue:
    """Where an issue stands and what holds it up. Raises NotFoundError."""
    now = instance.clock.now()
    with instance.store.reading() as session:
        locked = restore_lock.why_locked(session, instance.settings.home)
        issue = draft.the_issue(session, issue_id)
        edition = edition_of(session, issue_id)
        edition_id = key(edition.id) if edition else None
        return FollowedIssue(
            issue=issue,
            edition=edition,
            balance=Balance() if edition_id is None else balance_of(session, edition_id),
            notes=() if edition_id is None else notes(session, edition_id),
            troubles=troubles(session),
            rate=Rate() if edition_id is None else rate(session, edition_id, now),
            findings=_findings(session, instance, issue) if issue.state is IssueState.draft else (),
            locked=locked,
            late=calendar.is_late(issue, now, instance.settings.late_after),
            reach=mailable_of(session, edition.segment if edition else issue.segment, now=now),
        )


def preview_to_read(instance: Instance, issue_id: int) -> PreviewedIssue:
    """What the page of a preview shows. Raises NotFoundError."""
    sender = sender_identity(instance.settings)
    with instance.store.reading() as session:
        issue = draft.the_issue(session, issue_id)
        try:
            mail = approval.preview(session, issue_id, now=instance.clock.now(), sender=sender)
        except NewsletterError as error:
            return PreviewedIssue(issue=issue, mail=None, broken=str(error))
    return PreviewedIssue(issue=issue, mail=mail)


def review_issue(instance: Instance, issue_id: int) -> tuple[Issue, Sequence[Finding]]:
    """An issue, and what pre-flight finds in it, whatever its state. Raises NotFoundError."""
    with instance.store.reading() as session:
        issue = draft.the_issue(session, issue_id)
        return issue, _findings(session, instance, issue)


def mailable_of(session: Session, segment: str, *, now: datetime) -> int | None:
    """How many of a segment may be mailed; None when the segment cannot be understood."""
    try:
        return segments.reach(session, segments.parse(segment), today=paris_day(now)).mailable
    except segments.SegmentError:
        return None


def _findings(session: Session, instance: Instance, issue: Issue) -> Sequence[Finding]:
    return approval.findings(session, issue, now=instance.clock.now(), sender=sender_identity(instance.settings))
