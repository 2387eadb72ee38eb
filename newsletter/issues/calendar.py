"""When an issue leaves, and what may become of it when. The schedule is a column, never a timer's memory."""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.clock import PARIS, from_paris, in_paris
from newsletter.errors import NotFoundError, RefusedError
from newsletter.i18n import _
from newsletter.store.issues import Issue
from newsletter.words import IssueMove, IssueState, label

ALLOWED: dict[IssueMove, tuple[frozenset[IssueState], IssueState]] = {
    IssueMove.approve: (frozenset({IssueState.draft}), IssueState.approved),
    IssueMove.reopen: (
        frozenset({IssueState.approved, IssueState.scheduled, IssueState.cancelled}),  # `approval.reopen` has its terms
        IssueState.draft,
    ),
    IssueMove.schedule: (frozenset({IssueState.approved, IssueState.scheduled}), IssueState.scheduled),
    IssueMove.unschedule: (frozenset({IssueState.scheduled}), IssueState.approved),
    IssueMove.start: (frozenset({IssueState.scheduled}), IssueState.sending),
    IssueMove.pause: (frozenset({IssueState.sending}), IssueState.paused),
    IssueMove.resume: (frozenset({IssueState.paused}), IssueState.sending),
    IssueMove.cancel: (frozenset(IssueState) - {IssueState.cancelled}, IssueState.cancelled),
}
"""Each move: the states it may start from, and the state it ends in."""
LATE_AFTER = timedelta(hours=6)
"""A scheduled issue that is later than this asks a person: the world has moved on since somebody chose the hour."""


def schedule(session: Session, issue_id: int, *, local: datetime, now: datetime) -> Issue:
    """The issue leaves at this wall-clock time in Paris. Saying it again moves it.

    Raises RefusedError for a time gone by, LocalTimeError for one that the change of the clocks skips or repeats.
    """
    moment = from_paris(local)
    if moment <= now:
        raise RefusedError(
            _("Le {time} est déjà passé (il est {now} à Paris). Choisissez une date à venir.").format(
                time=local.strftime("%d/%m/%Y à %H:%M"), now=in_paris(now).strftime("%d/%m/%Y %H:%M")
            )
        )
    return move(session, issue_id, IssueMove.schedule, send_at=moment)


def unschedule(session: Session, issue_id: int) -> Issue:
    """Approved still, without a date."""
    return move(session, issue_id, IssueMove.unschedule, send_at=None)


def start(session: Session, issue_id: int) -> None:
    """Its mails are planned, and leave."""
    move(session, issue_id, IssueMove.start)


def pause(session: Session, issue_id: int) -> None:
    """No mail of it leaves any more until it is resumed."""
    move(session, issue_id, IssueMove.pause)


def resume(session: Session, issue_id: int) -> None:
    move(session, issue_id, IssueMove.resume)


def cancel(session: Session, issue_id: int) -> None:
    """Nothing more of it leaves. What has already left cannot be called back."""
    move(session, issue_id, IssueMove.cancel)


def move(session: Session, issue_id: int, act: IssueMove, **also: object) -> Issue:
    """Make one move of the table, in one statement: of two people who try at once, one is refused.

    Raises RefusedError when the issue's present state does not allow it, NotFoundError when there is no such issue.
    """
    starts, ends = ALLOWED[act]
    session.flush()
    allowed = sa.update(Issue).where(col(Issue.id) == issue_id, col(Issue.state).in_(starts))
    if session.connection().execute(allowed.values(state=ends, **also)).rowcount == 0:
        raise _refusal(session, issue_id, act)
    issue = session.get_one(Issue, issue_id)
    session.refresh(issue)
    return issue


def due(session: Session, *, now: datetime, late_after: timedelta = LATE_AFTER) -> Sequence[Issue]:
    """The scheduled issues whose hour has come, the oldest first; not those so late that a person is asked."""
    on_time = col(Issue.send_at) >= now - late_after
    asked = select(Issue).where(col(Issue.state) == IssueState.scheduled, col(Issue.send_at) <= now, on_time)
    return session.exec(asked.order_by(col(Issue.send_at), col(Issue.id))).all()


def upcoming(session: Session, *, now: datetime) -> Sequence[Issue]:
    """The scheduled issues that have yet to leave, the next first."""
    asked = select(Issue).where(col(Issue.state) == IssueState.scheduled, col(Issue.send_at) > now)
    return session.exec(asked.order_by(col(Issue.send_at), col(Issue.id))).all()


def late(session: Session, *, now: datetime, late_after: timedelta = LATE_AFTER) -> Sequence[Issue]:
    """The scheduled issues that will not leave by themselves any more, the oldest first."""
    too_late = col(Issue.send_at) < now - late_after
    asked = select(Issue).where(col(Issue.state) == IssueState.scheduled, too_late)
    return session.exec(asked.order_by(col(Issue.send_at), col(Issue.id))).all()


def sending(session: Session) -> Sequence[Issue]:
    """The issues whose mails leave at present, or have all left."""
    return session.exec(select(Issue).where(col(Issue.state) == IssueState.sending).order_by(col(Issue.id))).all()


def is_late(issue: Issue, now: datetime, late_after: timedelta = LATE_AFTER) -> bool:
    """Whether this issue waits for a person because its hour is long past."""
    return issue.state is IssueState.scheduled and issue.send_at is not None and issue.send_at < now - late_after


def send_now(session: Session, issue_id: int, *, now: datetime) -> Issue:
    """An approved or scheduled issue leaves with the next tick, whatever hour it had. Raises as `move` does."""
    return move(session, issue_id, IssueMove.schedule, send_at=now)


def hold_all(session: Session) -> int:
    """Pause every issue whose mails leave; how many."""
    session.flush()
    sending = sa.update(Issue).where(col(Issue.state) == IssueState.sending)
    return session.connection().execute(sending.values(state=IssueState.paused)).rowcount


def set_window(session: Session, issue_id: int, *, opens: time | None = None, closes: time | None = None) -> Issue:
    """Its mails leave only between these two times of the day in Paris, which may span midnight; at any without them.

    Raises RefusedError when only one is given or both are the same, and for an issue that was cancelled.
    """
    if (opens is None) != (closes is None) or (opens is not None and opens == closes):
        raise RefusedError(
            _("Donnez deux heures différentes, celle où l’envoi commence et celle où il s’arrête, ou aucune des deux.")
        )
    issue = session.get(Issue, issue_id)
    if issue is None or issue.state is IssueState.cancelled:
        raise _refusal(session, issue_id, IssueMove.schedule)
    issue.window_from, issue.window_until = _minutes(opens), _minutes(closes)
    session.add(issue)
    session.flush()
    return issue


def opens_at(issue: Issue, now: datetime) -> datetime | None:
    """When this issue's window opens next; None when it is open, or when the issue has none."""
    opens, closes = issue.window_from, issue.window_until
    local = in_paris(now)
    minute = local.hour * 60 + local.minute
    if opens is None or closes is None or _is_within(minute, opens, closes):
        return None
    day = local.date() if minute < opens else local.date() + timedelta(days=1)
    return datetime.combine(day, time(*divmod(opens, 60)), PARIS).astimezone(UTC)


def _is_within(minute: int, opens: int, closes: int) -> bool:
    """Whether this minute of the day lies in the window; `store.issues.leaves_at` asks the same in SQL."""
    return opens <= minute < closes if opens <= closes else minute >= opens or minute < closes


def _minutes(moment: time | None) -> int | None:
    return None if moment is None else moment.hour * 60 + moment.minute


def _refusal(session: Session, issue_id: int, act: IssueMove) -> NotFoundError | RefusedError:
    issue = session.get(Issue, issue_id)
    if issue is None:
        return NotFoundError(_("Il n’y a pas de numéro {number}.").format(number=issue_id))
    return RefusedError(
        _("On ne peut pas {act} ce numéro : il est « {state} ».").format(act=label(act), state=label(issue.state))
    )
