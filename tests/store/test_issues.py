"""An issue is written, approved, frozen and scheduled, on both databases."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from click.testing import Result
from sqlmodel import Session, col, select

from newsletter.blocks.block import Block
from newsletter.blocks.poll import PollBlock
from newsletter.blocks.text import TextBlock
from newsletter.clock import LocalTimeError
from newsletter.compose.headers import sender_identity
from newsletter.config import Settings
from newsletter.delivery.ledger.plan import begin_planning
from newsletter.errors import NotFoundError, RefusedError
from newsletter.instance import Instance
from newsletter.issues import approval, calendar, draft
from newsletter.store import Store
from newsletter.store.columns import key
from newsletter.store.issues import Edition, Issue, Link, Variant
from newsletter.words import IssueMove, IssueState
from tests.conftest import A_MONDAY
from tests.kit.timeouts import SECONDS

SENDER = sender_identity(Settings.model_construct())
SIX_O_CLOCK = datetime.fromisoformat("2026-11-23T18:00")  # in Paris


def a_written_issue(session: Session, *written: Block) -> Issue:
    return draft.create(
        session, title="Automne", now=A_MONDAY, subject="Venez", preheader="On vous attend.",
        blocks=written or (TextBlock(markdown="Bonjour."), PollBlock()),
    )  # fmt: skip


def an_approved_issue(session: Session) -> int:
    number = key(a_written_issue(session).id)
    approval.approve(session, number, by=None, now=A_MONDAY, sender=SENDER)
    return number


def test_approving_freezes_what_leaves_and_reopening_throws_it_away(store: Store) -> None:
    with store.transaction() as session:
        number = an_approved_issue(session)
        edition = session.exec(select(Edition)).one()
        with pytest.raises(RefusedError, match="Rouvrez-le d’abord"):
            draft.edit(session, number, subject="Autre")
        with pytest.raises(RefusedError, match="On ne peut pas approuver"):
            approval.approve(session, number, by=None, now=A_MONDAY, sender=SENDER)
        assert len(session.exec(select(Link)).all()) == 4
        assert "[[ link_4 ]]" in session.exec(select(Variant)).one().html
        first = edition.content_hash
        approval.reopen(session, number)
    with store.transaction() as session:
        assert session.exec(select(Edition)).all() == []
        assert session.exec(select(Link)).all() == []
        again = approval.approve(session, number, by=None, now=A_MONDAY, sender=SENDER)
        assert again.content_hash == first


def test_an_issue_is_reopened_until_its_planning_begins_even_when_it_was_cancelled(store: Store) -> None:
    with store.transaction() as session:
        number = an_approved_issue(session)
        calendar.cancel(session, number)
        approval.reopen(session, number)
        assert session.exec(select(Edition)).all() == []
        approval.approve(session, number, by=None, now=A_MONDAY, sender=SENDER)
        calendar.send_now(session, number, now=A_MONDAY)
        calendar.start(session, number)
        begin_planning(session, session.exec(select(Edition)).one(), now=A_MONDAY)
        with pytest.raises(RefusedError, match="annulez-le pour retenir ce qui n’est pas parti"):
            approval.reopen(session, number)
        calendar.cancel(session, number)
        with pytest.raises(RefusedError, match="Écrivez-en un nouveau"):
            approval.reopen(session, number)
        assert draft.the_issue(session, number).state is IssueState.cancelled
        assert session.exec(select(Edition)).one().message_date == A_MONDAY


def test_planning_that_begins_meanwhile_is_not_pulled_from_under(store: Store) -> None:
    with store.transaction() as session:
        number = an_approved_issue(session)
        calendar.cancel(session, number)
    with ThreadPoolExecutor() as others:
        with store.transaction() as session:
            begin_planning(session, session.exec(select(Edition)).one(), now=A_MONDAY)
            reopened = others.submit(reopen_alone, store, number)
            with pytest.raises(TimeoutError):
                reopened.result(0.2)
        with pytest.raises(RefusedError, match="Écrivez-en un nouveau"):
            reopened.result(SECONDS)
    with store.reading() as session:
        assert session.exec(select(Edition)).one().message_date == A_MONDAY


def reopen_alone(store: Store, number: int) -> None:
    with store.transaction() as session:
        approval.reopen(session, number)


def test_an_issue_that_is_not_ready_is_refused_and_stays_a_draft(store: Store) -> None:
    with store.transaction() as session:
        number = key(draft.create(session, title="Vide", now=A_MONDAY, segment="couleur = bleu").id)
        with pytest.raises(RefusedError, match=r"objet est vide.*accroche est vide.*numéro est vide") as refusal:
            approval.approve(session, number, by=None, now=A_MONDAY, sender=SENDER)
        assert "couleur" in str(refusal.value)
        assert draft.the_issue(session, number).state is IssueState.draft
        assert session.exec(select(Edition)).all() == []


def test_an_issue_leaves_at_its_hour_in_paris_and_not_before(store: Store) -> None:
    with store.transaction() as session:
        number = an_approved_issue(session)
        planned = calendar.schedule(session, number, local=SIX_O_CLOCK, now=A_MONDAY)
        assert planned.send_at == A_MONDAY + timedelta(hours=8)
        assert calendar.due(session, now=A_MONDAY + timedelta(hours=7, minutes=59)) == []
        assert [issue.id for issue in calendar.upcoming(session, now=A_MONDAY)] == [number]
        assert [issue.id for issue in calendar.due(session, now=A_MONDAY + timedelta(hours=8))] == [number]
        calendar.unschedule(session, number)
        assert calendar.due(session, now=A_MONDAY + timedelta(days=9)) == []


@pytest.mark.parametrize(
    ("local", "error"),
    [
        ("2026-11-23T10:00", RefusedError),  # now
        ("2027-03-28T02:30", LocalTimeError),  # skipped
        ("2027-10-31T02:30", LocalTimeError),  # twice
    ],
)
def test_an_hour_that_is_past_or_not_clear_is_refused(store: Store, local: str, error: type[Exception]) -> None:
    with store.transaction() as session:
        number = an_approved_issue(session)
        with pytest.raises(error):
            calendar.schedule(session, number, local=datetime.fromisoformat(local), now=A_MONDAY)
        assert draft.the_issue(session, number).state is IssueState.approved


def test_only_the_moves_of_the_table_are_made(store: Store) -> None:
    with store.transaction() as session:
        number = key(a_written_issue(session).id)
        for state in IssueState:
            for act, (starts, ends) in calendar.ALLOWED.items():
                issue = draft.the_issue(session, number)
                issue.state = state
                if state in starts:
                    assert calendar.move(session, number, act).state is ends
                else:
                    with pytest.raises(RefusedError, match="On ne peut pas"):
                        calendar.move(session, number, act)
        with pytest.raises(NotFoundError):
            calendar.move(session, 999, IssueMove.cancel)


ISSUE_FILE = """
subject: Trois ateliers cherchent quelqu’un comme vous
preheader: Et le récit de Léa.
blocks:
  - kind: text
    markdown: Bonjour **à tous**.
  - kind: poll
  - kind: callback
"""


def test_an_issue_is_written_approved_and_scheduled_from_the_command_line(
    instance: Instance, command: Callable[..., Result], tmp_path: Path
) -> None:
    (tmp_path / "numero.yaml").write_text(ISSUE_FILE, encoding="utf-8")
    (tmp_path / "faux.yaml").write_text("sujet: a", encoding="utf-8")

    def run(*words: object) -> Result:
        return command("issue", *words)

    assert "Le numéro 1 est créé" in run("new", "Automne").output
    assert "« sujet » n’existe pas" in run("edit", "1", str(tmp_path / "faux.yaml")).output
    assert "enregistré" in run("edit", "1", str(tmp_path / "numero.yaml")).output
    assert "2. sondage" in run("show", "1").output
    assert '"findings": []' in run("show", "1", "--json").output
    assert run("preview", "1", "--to", str(tmp_path)).exit_code == 0
    assert "Bonjour Camille," in (tmp_path / "apercu-1.txt").read_text(encoding="utf-8")
    assert "est approuvé" in run("approve", "1").output
    assert "partira le 03/12/2036 à 09:00" in run("schedule", "1", "2036-12-03 09:00").output
    assert "programmé" in run("list").output
    assert '"planned": 0' in run("balance", "1", "--json").output
    assert "est annulé" in run("cancel", "1", "--yes").output
    with instance.store.reading() as session:
        assert session.exec(select(Issue.state).where(col(Issue.id) == 1)).one() is IssueState.cancelled
