"""The outcome of a call, as an adviser records it; it opens or closes the lead."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.errors import NotFoundError
from newsletter.i18n import _
from newsletter.store.columns import key
from newsletter.store.leads import Handover, Lead, Outcome
from newsletter.words import LeadState, OutcomeKind

_CLOSING = frozenset({OutcomeKind.settled, OutcomeKind.not_now, OutcomeKind.not_interested})
"""After these there is no one to call any more; a new "call me back" opens the lead again."""

_LONGEST_NOTE = 2_000


def record_outcome(
    session: Session,
    *,
    adviser_id: int | None,
    lead_id: int,
    kind: OutcomeKind,
    note: str,
    account_id: int | None,
    now: datetime,
) -> Outcome:
    """Record an outcome; the newest one decides whether the lead is closed, so that a mistake can be corrected.

    `adviser_id` None is the marketing team, who may record for anyone. Raises NotFoundError when the lead is not this
    adviser's, just as when there is none.
    """
    statement = select(Lead, Handover).join(Handover, col(Handover.lead_id) == col(Lead.id))
    statement = statement.where(col(Lead.id) == lead_id)
    if adviser_id is not None:
        statement = statement.where(col(Handover.adviser_id) == adviser_id)
    found = session.exec(statement).first()
    if found is None:
        raise NotFoundError(_("Cette piste n’est pas dans votre liste. Revenez à vos pistes."))
    lead, handover = found
    lead.state = LeadState.closed if kind in _CLOSING else LeadState.handed_over
    outcome = Outcome(
        handover_id=key(handover.id), kind=kind, note=note.strip()[:_LONGEST_NOTE], at=now, account_id=account_id
    )
    session.add_all([lead, outcome])
    session.flush()
    return outcome


def outcome_counts(session: Session) -> dict[OutcomeKind, int]:
    """How many leads stand at each outcome, by their newest one."""
    newest = sa.select(sa.func.max(col(Outcome.id))).group_by(col(Outcome.handover_id))
    rows = session.execute(
        sa.select(col(Outcome.kind), sa.func.count()).where(col(Outcome.id).in_(newest)).group_by(col(Outcome.kind))
    )
    return dict(rows.all())
