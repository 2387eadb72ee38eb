"""The store opens, upgrades and keeps its transactions on SQLite and on PostgreSQL."""

from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlmodel import col, select

from newsletter.store import Store, StoreError
from newsletter.store.activity import Engagement
from newsletter.store.people import Subscriber, Suppression, mailable, stands
from newsletter.store.portable import insert_new, upsert
from newsletter.store.tables import metadata
from newsletter.words import Axis, ConsentState, SuppressionReason
from tests.conftest import A_MONDAY
from tests.kit.makers import a_subscriber, say


def test_the_migrations_make_exactly_the_tables(store: Store) -> None:
    with store.engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    assert differences == []


def test_upgrading_twice_changes_nothing(store: Store) -> None:
    assert store.upgrade() is False
    store.check_version()


def test_a_database_newer_than_the_program_is_refused_in_one_sentence(store: Store) -> None:
    with store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match="plus récente"):
        store.check_version()
    with pytest.raises(StoreError, match="plus récente"):
        store.upgrade()


def test_a_transaction_that_raises_leaves_nothing(store: Store) -> None:
    with pytest.raises(RuntimeError, match="half-way"), store.transaction() as session:
        a_subscriber(session)
        raise RuntimeError("half-way")
    with store.reading() as session:
        assert session.exec(select(Subscriber)).all() == []


def test_moments_come_back_aware_and_in_utc(store: Store) -> None:
    with store.transaction() as session:
        a_subscriber(session, joined_at=A_MONDAY)
    with store.reading() as session:
        assert session.exec(select(Subscriber)).one().joined_at == A_MONDAY


def test_a_moment_without_a_zone_is_never_stored(store: Store) -> None:
    with pytest.raises(sa.exc.StatementError, match="without a zone"), store.transaction() as session:
        a_subscriber(session, joined_at=A_MONDAY.replace(tzinfo=None))


def test_the_newest_word_on_an_axis_holds_and_unknown_is_not_yes(store: Store) -> None:
    with store.transaction() as session:
        said_yes = a_subscriber(session, Axis.newsletter)
        said_nothing = a_subscriber(session, Axis.clicks)
        changed = a_subscriber(session, Axis.newsletter)
        say(session, changed, Axis.newsletter, ConsentState.denied, at=A_MONDAY)
    with store.reading() as session:
        found = {
            state: set(session.exec(select(Subscriber.id).where(stands(Axis.newsletter, state))).all())
            for state in ConsentState
        }
    assert found == {
        ConsentState.granted: {said_yes.id},
        ConsentState.unknown: {said_nothing.id},
        ConsentState.denied: {changed.id},
    }


def test_a_suppressed_address_is_not_mailable_whatever_it_agreed_to(store: Store) -> None:
    with store.transaction() as session:
        kept, left = a_subscriber(session), a_subscriber(session)
        session.add(Suppression(address_hash=left.address_hash, reason=SuppressionReason.unsubscribed, at=A_MONDAY))
    with store.reading() as session:
        assert session.exec(select(Subscriber.id).where(mailable())).all() == [kept.id]


def test_inserting_what_is_there_keeps_the_first(store: Store) -> None:
    row = {"address_hash": b"a", "reason": SuppressionReason.bounced, "at": A_MONDAY}
    with store.transaction() as session:
        assert insert_new(session, Suppression, [row]) == 1
        assert insert_new(session, Suppression, [row | {"reason": SuppressionReason.manual}]) == 0
    with store.reading() as session:
        assert session.exec(select(Suppression.reason)).all() == [SuppressionReason.bounced]


def test_an_upsert_adds_counts_and_keeps_the_latest_day(store: Store) -> None:
    monday = date(2026, 11, 23)
    with store.transaction() as session:
        reader = a_subscriber(session)
        for day in (monday, monday - timedelta(days=3)):
            row = {"subscriber_id": reader.id, "topic": "any", "last_click_day": day, "clicks": 2}
            upsert(
                session, Engagement, [row], key=["subscriber_id", "topic"], add=["clicks"], largest=["last_click_day"]
            )
    with store.reading() as session:
        kept = session.exec(select(Engagement).where(col(Engagement.topic) == "any")).one()
    assert (kept.clicks, kept.last_click_day) == (4, monday)
