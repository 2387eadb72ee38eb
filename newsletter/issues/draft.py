"""Writing an issue. Only a draft can be changed; an approved issue is reopened first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlmodel import Session, col, select

import segments
from newsletter.blocks.block import Block, Choices, DraftError
from newsletter.blocks.registry import choices_offered, read_blocks
from newsletter.compose.templates import issue_templates
from newsletter.errors import NotFoundError, RefusedError
from newsletter.i18n import _
from newsletter.store.columns import key
from newsletter.store.issues import Issue
from newsletter.words import IssueState, label


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentReach:
    """Whom a segment finds, in words and in numbers; or why it cannot be understood."""

    sentence: str = ""
    matching: int = 0
    mailable: int = 0
    wrong: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WritingChoices:
    """What the form of an issue shows beside what was typed."""

    of_blocks: Mapping[str, Choices]  # what each kind of block offers from the catalogue
    reach: SegmentReach


def create(session: Session, *, title: str, now: datetime, **fields: Any) -> Issue:
    """A new, empty draft; `fields` are those of `edit`."""
    issue = Issue(title=_titled(title), created_at=now)
    session.add(issue)
    session.flush()
    return edit(session, key(issue.id), **fields) if fields else issue


def edit(
    session: Session,
    issue_id: int,
    *,
    title: str | None = None,
    subject: str | None = None,
    preheader: str | None = None,
    segment: str | None = None,
    template: str | None = None,
    blocks: Sequence[Block] | None = None,
) -> Issue:
    """Change what is given and leave the rest. Raises RefusedError when the issue is no draft any more."""
    issue = a_draft(session, issue_id)
    if title is not None:
        issue.title = _titled(title)
    if template is not None:
        issue.template = _template(template)
    issue.subject = issue.subject if subject is None else subject.strip()
    issue.preheader = issue.preheader if preheader is None else preheader.strip()
    issue.segment = issue.segment if segment is None else segment.strip()
    if blocks is not None:
        issue.blocks = [block.stored() for block in blocks]
    session.flush()
    return issue


def blocks_of(issue: Issue) -> list[Block]:
    """The blocks of an issue. Raises DraftError for one that cannot be read."""
    return read_blocks(issue.blocks)


def writing_choices(session: Session, *, segment: str, today: date) -> WritingChoices:
    """What there is to choose from in the form of an issue, and whom this segment finds."""
    return WritingChoices(
        of_blocks=choices_offered(session, today=today), reach=_reach_of(session, segment, today=today)
    )


def the_issue(session: Session, issue_id: int) -> Issue:
    """The issue of this number. Raises NotFoundError."""
    issue = session.get(Issue, issue_id)
    if issue is None:
        raise NotFoundError(_("Il n’y a pas de numéro {number}.").format(number=issue_id))
    return issue


def all_issues(session: Session) -> Sequence[Issue]:
    """Every issue, the newest first."""
    return session.exec(select(Issue).order_by(col(Issue.id).desc())).all()


def a_draft(session: Session, issue_id: int) -> Issue:
    """The issue, if it may still be changed."""
    issue = the_issue(session, issue_id)
    if issue.state is not IssueState.draft:
        raise RefusedError(
            _("Ce numéro est « {state} » : on ne le modifie plus. Rouvrez-le d’abord.").format(state=label(issue.state))
        )
    return issue


def _reach_of(session: Session, text: str, *, today: date) -> SegmentReach:
    try:
        tree = segments.understand(session, text)
    except segments.SegmentError as error:
        return SegmentReach(wrong=str(error))
    reach = segments.reach(session, tree, today=today)
    return SegmentReach(sentence=segments.sentence(tree), matching=reach.matching, mailable=reach.mailable)


def _titled(title: str) -> str:
    if not title.strip():
        raise DraftError(_("Donnez un titre au numéro : c’est le nom que l’équipe lui connaîtra."))
    return title.strip()


def _template(name: str) -> str:
    if name not in issue_templates():
        raise DraftError(
            _("Le modèle « {name} » n’existe pas. Les modèles possibles sont : {known}.").format(
                name=name, known=", ".join(issue_templates())
            )
        )
    return name
