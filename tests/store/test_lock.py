"""The restore lock: a copied or an older database mails nobody until a person confirms, and every tick minds it."""

import dataclasses
import shutil
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlmodel import Session, col

from newsletter import letters, pipeline
from newsletter.audience import confirming, signup
from newsletter.audience.signup import Form
from newsletter.clock import StoppedClock
from newsletter.delivery import lock
from newsletter.delivery.claim import claim_batch
from newsletter.delivery.plan import plan
from newsletter.house import House, send_lock
from newsletter.store import Store
from newsletter.store.columns import key
from newsletter.store.ledger import Batch
from newsletter.tokens import Keyring
from newsletter.words import Axis
from tests.makers import a_subscriber, an_adviser, an_edition
from tests.smtp import smtp_server


@pytest.fixture
def sent(house: House) -> Path:
    """A home folder that has sent: its mark is made, and the claims of three batches are noted."""
    an_issue_that_leaves(house)
    note(house)
    pipeline.release_due(house)
    send_a_batch(house, 3)
    note(house)
    assert why(house) == ""
    return house.settings.home


def an_issue_that_leaves(house: House) -> None:
    with house.store.transaction() as session:
        a_subscriber(session)
        an_edition(session)


def send_a_batch(house: House, times: int = 1) -> None:
    for _ in range(times):
        with house.store.transaction() as session:
            session.execute(sa.update(Batch).values(lease_until=None, not_before=house.clock.now()))
            assert claim_batch(session, lane="default", owner="test", now=house.clock.now())


def note(house: House) -> str:
    with house.store.transaction() as session:
        return lock.note(session, house.settings.home, now=house.clock.now())


def why(house: House, home: Path | None = None) -> str:
    with house.store.reading() as session:
        return lock.check(session, home or house.settings.home)


def confirm(house: House, home: Path) -> None:
    with house.store.transaction() as session:
        lock.confirm(session, home, now=house.clock.now())


def forget(session: Session, claims: int) -> None:
    """As a database is that was saved this many claims ago."""
    session.execute(sa.update(Batch).values(fence=col(Batch.fence) - claims))


def test_a_new_house_sends_and_notes_how_far_it_is(house: House) -> None:
    assert why(house) == ""  # looking makes nothing
    assert not (house.settings.home / lock.MARK_FILE).exists()
    note(house)
    note(house)
    assert why(house) == ""


def test_a_copied_house_is_locked_and_the_first_one_is_not(house: House, sent: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(sent, tmp_path / "copy")
    assert "copie" in why(house, copy)
    assert why(house) == ""
    empty = tmp_path / "empty"  # the database alone was copied
    assert "copie" in why(house, empty)
    assert list(tmp_path.glob("empty/*")) == []


def test_a_home_folder_that_was_unpacked_in_its_place_is_locked(house: House, sent: Path, tmp_path: Path) -> None:
    shutil.copytree(sent, tmp_path / "backup")
    shutil.rmtree(sent)
    shutil.copytree(tmp_path / "backup", sent)
    assert "verrouillé" in why(house)


def test_an_older_database_is_locked_until_a_person_confirms(house: House, sent: Path) -> None:
    with house.store.transaction() as session:
        forget(session, 2)
    assert "plus ancienne" in why(house)
    assert "plus ancienne" in note(house)
    assert "plus ancienne" in why(house)  # a tick does not talk its way past the lock
    confirm(house, sent)
    assert why(house) == ""
    send_a_batch(house)
    note(house)
    assert why(house) == ""
    with house.store.transaction() as session:
        forget(session, 1)
    assert "plus ancienne" in why(house)  # restored a second time


def test_a_second_machine_asks_once_and_a_restore_locks_both(house: House, sent: Path, tmp_path: Path) -> None:
    second = tmp_path / "second"
    assert why(house, second)
    confirm(house, second)
    with house.store.transaction() as session:
        lock.note(session, second, now=house.clock.now())
    assert why(house, second) == why(house) == ""
    with house.store.transaction() as session:
        forget(session, 1)
    assert "plus ancienne" in why(house)
    assert "plus ancienne" in why(house, second)
    confirm(house, sent)
    assert why(house, second) == why(house) == ""  # they are told by the database


def test_a_kill_while_a_mark_is_made_never_opens_the_way_by_itself(house: House, sent: Path) -> None:
    with pytest.raises(KeyboardInterrupt), house.store.transaction() as session:
        lock.confirm(session, sent, now=house.clock.now())
        raise KeyboardInterrupt
    assert "verrouillé" in why(house)
    confirm(house, sent)
    assert why(house) == ""


def test_a_torn_file_asks_a_person(house: House, sent: Path) -> None:
    for torn in ("", "{", '{"claims": "many"}', "[]"):
        (sent / lock.CLAIMS_FILE).write_text(torn)
        assert "ne se lit pas" in why(house)
    confirm(house, sent)
    note(house)
    assert why(house) == ""


def test_the_real_file_of_a_database_restored_from_yesterday_is_locked(tmp_path: Path, clock: StoppedClock) -> None:
    home = tmp_path / "home"
    home.mkdir()
    store = Store(f"sqlite:///{home / 'newsletter.db'}")
    store.upgrade()

    def deliver(*, claims: int) -> str:
        with store.transaction() as session:
            if refusal := lock.check(session, home):
                return refusal
            session.execute(sa.update(Batch).values(fence=col(Batch.fence) + claims))
        with store.transaction() as session:
            lock.note(session, home, now=clock.now())
        return ""

    with store.transaction() as session:
        a_subscriber(session)
        edition = an_edition(session)
        plan(session, edition, audience=sa.true(), now=clock.now())
    assert deliver(claims=1) == ""
    store.close()  # the last connection leaves all of it in one file
    shutil.copy(home / "newsletter.db", tmp_path / "yesterday.db")
    assert deliver(claims=1) == ""
    store.close()
    for name in ("newsletter.db-wal", "newsletter.db-shm"):
        (home / name).unlink(missing_ok=True)
    shutil.copy(tmp_path / "yesterday.db", home / "newsletter.db")
    assert "plus ancienne" in deliver(claims=1)


def elsewhere(house: House, home: Path, *, smtp_port: int = 0) -> House:
    """The same database, as a machine with this home folder opens it."""
    settings = house.settings.model_copy(update={"home": home, "smtp_port": smtp_port})
    return dataclasses.replace(house, settings=settings)


@pytest.fixture
def begun(house: House) -> list[bool]:
    """Whether each transaction that has begun since is one that writes."""
    found: list[bool] = []

    def begins(connection: sa.Connection) -> None:
        found.append(connection.get_execution_options().get("writes", False))

    sa.event.listen(house.store.engine, "begin", begins)
    return found


def tick(house: House) -> None:
    pipeline.release_due(house)
    pipeline.send_pending_letters(house)


def test_ticks_write_only_when_there_is_something_to_note(house: House, sent: Path, begun: list[bool]) -> None:
    tick(house)
    assert begun
    assert not any(begun)
    send_a_batch(house)
    begun.clear()
    tick(house)
    assert begun.count(True) == 1
    with house.store.transaction() as session:
        forget(session, 1)
    assert "plus ancienne" in why(house)  # so that claim was noted
    begun.clear()
    tick(house)
    assert not any(begun)


def test_the_first_tick_makes_the_mark_though_nothing_is_due(house: House, tmp_path: Path) -> None:
    tick(house)
    copy = shutil.copytree(house.settings.home, tmp_path / "copy")
    assert "copie" in why(house, copy)  # a backup from before the first issue is one all the same
    assert "copie" in pipeline.deliver(elsewhere(house, tmp_path / "empty")).trouble
    assert why(house) == ""


def test_of_two_new_machines_the_second_asks(house: House, tmp_path: Path) -> None:
    first, second = elsewhere(house, tmp_path / "first"), elsewhere(house, tmp_path / "second")
    assert why(first) == why(second) == ""  # each has looked, and neither has made its mark
    assert note(first) == ""
    assert "copie" in note(second)
    assert "copie" in send_lock(second)
    assert send_lock(first) == ""


def test_a_machine_that_sends_nothing_is_locked_by_a_restore_as_well(house: House, sent: Path, tmp_path: Path) -> None:
    idle = elsewhere(house, tmp_path / "idle")
    confirm(idle, idle.settings.home)
    tick(idle)
    send_a_batch(house)
    note(house)
    tick(idle)
    with house.store.transaction() as session:
        forget(session, 1)
    assert "plus ancienne" in why(idle)


def test_nothing_leaves_a_restored_house_until_a_person_confirms(
    house: House, sent: Path, clock: StoppedClock, keys: Keyring
) -> None:
    an_issue_that_leaves(house)
    with house.store.transaction() as session:
        for name in ("ana", "leo"):
            asked = Form(address=f"{name}@lot.example", axes=frozenset({Axis.newsletter}))
            signup.ask(session, keys, asked, now=clock.now())
        confirming.confirm(session, 2, now=clock.now())
        adviser_id = key(an_adviser(session).id)
        forget(session, 1)
    with smtp_server() as postbox:
        restored = elsewhere(house, sent, smtp_port=postbox.port)
        assert pipeline.release_due(restored) == []
        assert pipeline.send_pending_letters(restored) == 0
        letters.tell_adviser(restored, adviser_id, lead_ids=set())
        assert "plus ancienne" in pipeline.deliver(restored).trouble
        assert postbox.recipients == []
        confirm(restored, sent)
        assert len(pipeline.release_due(restored)) == 1
        assert pipeline.send_pending_letters(restored) == 2  # one asks to confirm, one welcomes
        letters.tell_adviser(restored, adviser_id, lead_ids=set())
        assert pipeline.deliver(restored).attempts > 0
        assert len(postbox.recipients) > 3
