"""What people agreed to is appended and chained; leaving and coming back are theirs to decide."""

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.audience import privacy
from newsletter.store import Store, consents
from newsletter.store.activity import Event
from newsletter.store.consent_chain import ConsentStatement
from newsletter.store.people import Consent, Interest, Subscriber, Suppression, mailable
from newsletter.wordings import Wording
from newsletter.words import Axis, Channel, ConsentState, Horizon, SuppressionReason
from tests.conftest import A_MONDAY
from tests.kit.makers import a_sector, a_subscriber


def _says(session: Session, number: int, axis: Axis, state: ConsentState) -> int:
    said = ConsentStatement(
        subscriber_id=number, axis=axis, state=state, at=A_MONDAY, channel=Channel.web,
        wording=Wording("Oui, je veux.", "1"), proof="formulaire",
    )  # fmt: skip
    return consents.record_all(session, [said], now=A_MONDAY)


def _a_reader(session: Session) -> int:
    reader = Subscriber(address="a@exemple.fr", address_hash=b"a" * 32, joined_at=A_MONDAY)
    session.add(reader)
    session.flush()
    assert reader.id is not None
    _says(session, reader.id, Axis.newsletter, ConsentState.granted)
    return reader.id


def _may_be_mailed(session: Session, number: int) -> bool:
    return session.exec(select(Subscriber.id).where(mailable(), col(Subscriber.id) == number)).first() is not None


def test_saying_what_stands_writes_nothing_and_the_chain_verifies(store: Store) -> None:
    with store.transaction() as session:
        reader = _a_reader(session)
        assert not _says(session, reader, Axis.newsletter, ConsentState.granted)
        assert _says(session, reader, Axis.clicks, ConsentState.denied)
        assert _says(session, reader, Axis.newsletter, ConsentState.denied)
    with store.reading() as session:
        assert len(session.exec(select(Consent)).all()) == 3
        assert consents.verify_chain(session, reader)
        assert consents.current(session, reader) == {
            Axis.newsletter: ConsentState.denied,
            Axis.clicks: ConsentState.denied,
            Axis.opens: ConsentState.unknown,
            Axis.adviser: ConsentState.unknown,
            Axis.employers: ConsentState.unknown,
        }


def test_a_proof_that_was_changed_or_removed_shows(store: Store) -> None:
    for tamper in (
        sa.update(Consent).where(col(Consent.axis) == Axis.clicks).values(state=ConsentState.granted),
        sa.delete(Consent).where(col(Consent.axis) == Axis.clicks),
    ):
        with store.reading() as session:  # rolled back on leaving
            reader = _a_reader(session)
            _says(session, reader, Axis.clicks, ConsentState.denied)
            _says(session, reader, Axis.opens, ConsentState.denied)
            assert consents.verify_chain(session, reader)
            session.connection().execute(tamper)
            session.expire_all()
            assert not consents.verify_chain(session, reader)


def test_unsubscribing_twice_leaves_one_suppression_and_one_no(store: Store) -> None:
    with store.transaction() as session:
        reader = _a_reader(session)
        assert privacy.unsubscribe(session, reader, now=A_MONDAY, channel=Channel.one_click)
        assert not privacy.unsubscribe(session, reader, now=A_MONDAY, channel=Channel.one_click)
        assert not privacy.unsubscribe(session, reader + 1, now=A_MONDAY, channel=Channel.one_click)
    with store.reading() as session:
        assert len(session.exec(select(Suppression)).all()) == 1
        assert len(session.exec(select(Consent)).all()) == 2
        assert session.exec(select(Event)).all() == []  # no letter is known that they left from
        assert not _may_be_mailed(session, reader)


def test_a_reader_comes_back_by_their_own_page_but_a_complaint_stays(store: Store) -> None:
    with store.transaction() as session:
        left, complained = _a_reader(session), a_subscriber(session)
        assert complained.id is not None
        session.add(Suppression(address_hash=complained.address_hash, reason=SuppressionReason.complained, at=A_MONDAY))
        privacy.unsubscribe(session, left, now=A_MONDAY, channel=Channel.one_click)
        for reader in (left, complained.id):
            privacy.set_preferences(session, reader, {Axis.newsletter: True}, now=A_MONDAY)
        assert _may_be_mailed(session, left)
        assert not _may_be_mailed(session, complained.id)
        privacy.set_preferences(session, left, {Axis.newsletter: False}, now=A_MONDAY)
        assert not _may_be_mailed(session, left)


def test_a_box_that_was_never_ticked_stays_unsaid(store: Store) -> None:
    with store.transaction() as session:
        reader = _a_reader(session)
        axes = {axis: axis in (Axis.newsletter, Axis.clicks) for axis in Axis}
        privacy.set_preferences(session, reader, axes, now=A_MONDAY)
        assert consents.current(session, reader)[Axis.opens] == ConsentState.unknown
        privacy.set_preferences(session, reader, axes | {Axis.clicks: False}, now=A_MONDAY)
        assert consents.current(session, reader)[Axis.clicks] == ConsentState.denied
        assert consents.verify_chain(session, reader)


def test_wishes_replace_the_old_ones_and_unknown_trades_are_dropped(store: Store) -> None:
    with store.transaction() as session:
        reader = _a_reader(session)
        a_sector(session, "industrie")
        a_sector(session, "sante")
        session.flush()
        privacy.set_wishes(session, reader, horizon=Horizon.later, sectors=["industrie"])
        privacy.set_wishes(session, reader, horizon=Horizon.this_year, sectors=["sante", "magie"], phone="06 12")
    with store.reading() as session:
        assert session.exec(select(Interest.sector_code)).all() == ["sante"]
        seen = privacy.preferences_of(session, reader)
    assert seen is not None
    assert (seen.horizon, seen.phone, seen.sectors) == (Horizon.this_year, "06 12", frozenset({"sante"}))


def test_asking_to_be_called_is_a_yes_to_the_adviser(store: Store) -> None:
    with store.transaction() as session:
        reader = _a_reader(session)
        privacy.call_me_back(session, reader, phone=" 06 12\n34 ", now=A_MONDAY)
        privacy.call_me_back(session, reader, phone="", now=A_MONDAY)
        assert consents.current(session, reader)[Axis.adviser] == ConsentState.granted
    with store.reading() as session:
        assert session.exec(select(Subscriber.phone)).all() == ["06 12 34"]
