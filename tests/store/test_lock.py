"""The restore lock: a copied or an older database mails nobody until a person confirms, and every tick minds it."""

import dataclasses
import shutil
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlmodel import Session, col

from newsletter import letters, pipeline, sending
from newsletter.audience import confirming, signup
from newsletter.audience.signup import SignUpForm
from newsletter.delivery.ledger import restore_lock
from newsletter.delivery.ledger.claim import claim_batch
from newsletter.instance import Instance, send_lock
from newsletter.store import Store
from newsletter.store.columns import key
from newsletter.store.ledger import Batch
from newsletter.tokens import Keyring
from newsletter.words import Axis
from tests.kit.clock import StoppedClock
from tests.kit.makers import a_subscriber, an_adviser, an_edition, plan_for_everyone
from tests.kit.smtp import smtp_server


@pytest.fixture
def sent(instance: Instance) -> Path:
    """A home folder that has sent: its mark is made, and the claims of three batches are noted."""
    an_issue_that_leaves(instance)
    note(instance)
    pipeline.release_due(instance)
    send_a_batch(instance, 3)
    note(instance)
    assert why(instance) == ""
    return instance.settings.home


def an_issue_that_leaves(instance: Instance) -> None:
    with instance.store.transaction() as session:
        a_subscriber(session)
        an_edition(session)


def send_a_batch(instance: Instance, times: int = 1) -> None:
    for _ in range(times):
        with instance.store.transaction() as session:
            session.execute(sa.update(Batch).values(lease_until=None, not_before=instance.clock.now()))
            assert claim_batch(session, lane="default", owner="test", now=instance.clock.now())


def note(instance: Instance) -> str:
    with instance.store.transaction() as session:
        return restore_lock.note_claims(session, instance.settings.home, now=instance.clock.now())


def why(instance: Instance, home: Path | None = None) -> str:
    with instance.store.reading() as session:
        return restore_lock.why_locked(session, home or instance.settings.home)


def confirm(instance: Instance, home: Path) -> None:
    with instance.store.transaction() as session:
        restore_lock.confirm_installation(session, home, now=instance.clock.now())


def forget(session: Session, claims: int) -> None:
    """As a database is that was saved this many claims ago."""
    session.execute(sa.update(Batch).values(fence=col(Batch.fence) - claims))


def test_a_new_house_sends_and_notes_how_far_it_is(instance: Instance) -> None:
    assert why(instance) == ""  # looking makes nothing
    assert not (instance.settings.home / restore_lock.MARK_FILE).exists()
    note(instance)
    note(instance)
    assert why(instance) == ""


def test_a_copied_house_is_locked_and_the_first_one_is_not(instance: Instance, sent: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(sent, tmp_path / "copy")
    assert "copie" in why(instance, copy)
    assert why(instance) == ""
    empty = tmp_path / "empty"  # the database alone was copied
    assert "copie" in why(instance, empty)
    assert list(tmp_path.glob("empty/*")) == []


def test_a_home_folder_that_was_unpacked_in_its_place_is_locked(instance: Instance, sent: Path, tmp_path: Path) -> None:
    shutil.copytree(sent, tmp_path / "backup")
    shutil.rmtree(sent)
    shutil.copytree(tmp_path / "backup", sent)
    assert "verrouillé" in why(instance)


def test_an_older_database_is_locked_until_a_person_confirms(instance: Instance, sent: Path) -> None:
    with instance.store.transaction() as session:
        forget(session, 2)
    assert "plus ancienne" in why(instance)
    assert "plus ancienne" in note(instance)
    assert "plus ancienne" in why(instance)  # a tick does not talk its way past the lock
    confirm(instance, sent)
    assert why(instance) == ""
    send_a_batch(instance)
    note(instance)
    assert why(instance) == ""
    with instance.store.transaction() as session:
        forget(session, 1)
    assert "plus ancienne" in why(instance)  # restored a second time


def test_a_second_machine_asks_once_and_a_restore_locks_both(instance: Instance, sent: Path, tmp_path: Path) -> None:
    second = tmp_path / "second"
    assert why(instance, second)
    confirm(instance, second)
    with instance.store.transaction() as session:
        restore_lock.note_claims(session, second, now=instance.clock.now())
    assert why(instance, second) == why(instance) == ""
    with instance.store.transaction() as session:
        forget(session, 1)
    assert "plus ancienne" in why(instance)
    assert "plus ancienne" in why(instance, second)
    confirm(instance, sent)
    assert why(instance, second) == why(instance) == ""  # they are told by the database


def test_a_kill_while_a_mark_is_made_never_opens_the_way_by_itself(instance: Instance, sent: Path) -> None:
    with pytest.raises(KeyboardInterrupt), instance.store.transaction() as session:
        restore_lock.confirm_installation(session, sent, now=instance.clock.now())
        raise KeyboardInterrupt
    assert "verrouillé" in why(instance)
    confirm(instance, sent)
    assert why(instance) == ""


def test_a_torn_file_asks_a_person(instance: Instance, sent: Path) -> None:
    for torn in ("", "{", '{"claims": "many"}', "[]"):
        (sent / restore_lock.CLAIMS_FILE).write_text(torn)
        assert "ne se lit pas" in why(instance)
    confirm(instance, sent)
    note(instance)
    assert why(instance) == ""


def test_the_real_file_of_a_database_restored_from_yesterday_is_locked(tmp_path: Path, clock: StoppedClock) -> None:
    home = tmp_path / "home"
    home.mkdir()
    store = Store(f"sqlite:///{home / 'newsletter.db'}")
    store.upgrade()

    def deliver(*, claims: int) -> str:
        with store.transaction() as session:
            if refusal := restore_lock.why_locked(session, home):
                return refusal
            session.execute(sa.update(Batch).values(fence=col(Batch.fence) + claims))
        with store.transaction() as session:
            restore_lock.note_claims(session, home, now=clock.now())
        return ""

    with store.transaction() as session:
        a_subscriber(session)
        edition_id = key(an_edition(session).id)
    plan_for_everyone(store, edition_id, now=clock.now())
    assert deliver(claims=1) == ""
    store.close()  # the last connection leaves all of it in one file
    shutil.copy(home / "newsletter.db", tmp_path / "yesterday.db")
    assert deliver(claims=1) == ""
    store.close()
    for name in ("newsletter.db-wal", "newsletter.db-shm"):
        (home / name).unlink(missing_ok=True)
    shutil.copy(tmp_path / "yesterday.db", home / "newsletter.db")
    assert "plus ancienne" in deliver(claims=1)


def elsewhere(instance: Instance, home: Path, *, smtp_port: int = 0) -> Instance:
    """The same database, as a machine with this home folder opens it."""
    settings = instance.settings.model_copy(update={"home": home, "smtp_port": smtp_port})
    return dataclasses.replace(instance, settings=settings)


@pytest.fixture
def begun(instance: Instance) -> list[bool]:
    """Whether each transaction that has begun since is one that writes."""
    found: list[bool] = []

    def begins(connection: sa.Connection) -> None:
        found.append(connection.get_execution_options().get("writes", False))

    sa.event.listen(instance.store.engine, "begin", begins)
    return found


def tick(instance: Instance) -> None:
    pipeline.release_due(instance)
    pipeline.send_pending_letters(instance)


def test_ticks_write_only_when_there_is_something_to_note(instance: Instance, sent: Path, begun: list[bool]) -> None:
    tick(instance)
    assert begun
    assert not any(begun)
    send_a_batch(instance)
    begun.clear()
    tick(instance)
    assert begun.count(True) == 1
    with instance.store.transaction() as session:
        forget(session, 1)
    assert "plus ancienne" in why(instance)  # so that claim was noted
    begun.clear()
    tick(instance)
    assert not any(begun)


def test_the_first_tick_makes_the_mark_though_nothing_is_due(instance: Instance, tmp_path: Path) -> None:
    tick(instance)
    copy = shutil.copytree(instance.settings.home, tmp_path / "copy")
    assert "copie" in why(instance, copy)  # a backup from before the first issue is one all the same
    assert "copie" in sending.deliver(elsewhere(instance, tmp_path / "empty")).trouble
    assert why(instance) == ""


def test_of_two_new_machines_the_second_asks(instance: Instance, tmp_path: Path) -> None:
    first, second = elsewhere(instance, tmp_path / "first"), elsewhere(instance, tmp_path / "second")
    assert why(first) == why(second) == ""  # each has looked, and neither has made its mark
    assert note(first) == ""
    assert "copie" in note(second)
    assert "copie" in send_lock(second)
    assert send_lock(first) == ""


def test_a_machine_that_sends_nothing_is_locked_by_a_restore_as_well(
    instance: Instance, sent: Path, tmp_path: Path
) -> None:
    idle = elsewhere(instance, tmp_path / "idle")
    confirm(idle, idle.settings.home)
    tick(idle)
    send_a_batch(instance)
    note(instance)
    tick(idle)
    with instance.store.transaction() as session:
        forget(session, 1)
    assert "plus ancienne" in why(idle)


def test_nothing_leaves_a_restored_house_until_a_person_confirms(
    instance: Instance, sent: Path, clock: StoppedClock, keys: Keyring
) -> None:
    an_issue_that_leaves(instance)
    with instance.store.transaction() as session:
        for name in ("ana", "leo"):
            asked = SignUpForm(address=f"{name}@lot.example", axes=frozenset({Axis.newsletter}))
            signup.take_sign_up(session, keys, asked, now=clock.now())
        confirming.confirm_sign_up(session, 2, now=clock.now())
        adviser_id = key(an_adviser(session).id)
        forget(session, 1)
    with smtp_server() as mail_server:
        restored = elsewhere(instance, sent, smtp_port=mail_server.port)
        assert pipeline.release_due(restored) == []
        assert pipeline.send_pending_letters(restored) == 0
        letters.tell_adviser(restored, adviser_id, lead_ids=set())
        assert "plus ancienne" in sending.deliver(restored).trouble
        assert mail_server.recipients == []
        confirm(restored, sent)
        assert len(pipeline.release_due(restored)) == 1
        assert pipeline.send_pending_letters(restored) == 2  # one asks to confirm, one welcomes
        letters.tell_adviser(restored, adviser_id, lead_ids=set())
        assert sending.deliver(restored).attempts > 0
        assert len(mail_server.recipients) > 3
