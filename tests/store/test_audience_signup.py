"""A sign-up counts once it was confirmed from the mailbox, and a form mails nobody too often."""

from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session, func, select

from newsletter.audience import confirming, landing, privacy, signup
from newsletter.audience.signup import SignUpForm
from newsletter.store import Store, consents
from newsletter.store.catalogue import Support
from newsletter.store.columns import key
from newsletter.store.people import Interest, SignUp, Subscriber, Suppression, mailable
from newsletter.tokens import Keyring
from newsletter.words import Axis, Channel, ConsentState, Horizon, SupportKind, SuppressionReason
from tests.conftest import A_MONDAY
from tests.kit.makers import a_partner, a_sector

DAY = timedelta(days=1)
WISHES = SignUpForm(
    address="Ana@Exemple.FR", first_name="Ana", phone="06 12", horizon=Horizon.later, sectors=("industrie",),
    axes=frozenset({Axis.newsletter, Axis.adviser}),
)  # fmt: skip


def _ask(session: Session, keys: Keyring, *, at: datetime = A_MONDAY, form: SignUpForm = WISHES) -> int:
    signup.take_sign_up(session, keys, form, now=at)
    newest = session.exec(select(func.max(SignUp.id))).one()
    assert newest is not None
    return newest


def _send_due(session: Session, *, at: datetime) -> int:
    due = [row.id for row in signup.letters_due(session, now=at) if row.id]
    signup.mark_mailed(session, due, now=at)
    session.expire_all()
    return len(due)


def test_nothing_counts_before_the_confirmation_and_confirming_twice_counts_once(store: Store, keys: Keyring) -> None:
    with store.transaction() as session:
        a_sector(session)
        partner = a_partner(session)
        partner_id = partner.id
        assert partner_id is not None
        support = Support(partner_id=partner_id, code="elfes", kind=SupportKind.placemat, season=2026)
        session.add(support)
        session.flush()
        asked = _ask(session, keys, form=SignUpForm(**{**_fields(WISHES), "support_id": support.id}))
        assert session.exec(select(Subscriber)).all() == []
        assert _send_due(session, at=A_MONDAY) == 1
        confirmed = confirming.confirm_sign_up(session, asked, now=A_MONDAY + DAY)
        assert confirmed is not None
        assert confirming.confirm_sign_up(session, asked, now=A_MONDAY + DAY) == confirmed
    with store.reading() as session:
        reader = session.exec(select(Subscriber)).one()
        assert (reader.address, reader.phone, reader.partner_id) == ("Ana@exemple.fr", "06 12", partner_id)
        assert session.exec(select(Interest.sector_code)).all() == ["industrie"]
        stand = consents.current(session, confirmed.subscriber_id)
        assert {axis for axis, state in stand.items() if state == ConsentState.granted} == WISHES.axes
        assert [number for _row, number in signup.welcomes_due(session, now=A_MONDAY + DAY)] == [reader.id]


def _fields(form: SignUpForm) -> dict[str, Any]:
    return {name: getattr(form, name) for name in SignUpForm.__slots__}


def test_at_most_one_letter_a_day_and_three_a_month_leave_for_an_address(store: Store, keys: Keyring) -> None:
    with store.transaction() as session:
        _ask(session, keys)
        _ask(session, keys)
        sent = [_send_due(session, at=A_MONDAY)]
        for days in (0.5, 1.2, 2.5, 4, 20, 31.5):
            _ask(session, keys, at=A_MONDAY + days * DAY)
            sent.append(_send_due(session, at=A_MONDAY + days * DAY))
        assert sent == [1, 0, 1, 1, 0, 0, 1]
        assert _send_due(session, at=A_MONDAY + 32 * DAY) == 0  # what was too much never leaves later


def test_only_an_unsubscribed_address_may_come_back_by_the_form(store: Store, keys: Keyring) -> None:
    with store.transaction() as session:
        for reason in SuppressionReason:
            form = SignUpForm(**{**_fields(WISHES), "address": f"{reason}@exemple.fr"})
            first = confirming.confirm_sign_up(session, _ask(session, keys, form=form), now=A_MONDAY)
            assert first is not None
            privacy.unsubscribe(session, first.subscriber_id, now=A_MONDAY, channel=Channel.one_click)
            session.get_one(Suppression, keys.address_hash(f"{reason}@exemple.fr")).reason = reason
            session.flush()
            asked = _ask(session, keys, at=A_MONDAY + DAY, form=form)
            comes_back = reason == SuppressionReason.unsubscribed
            assert _send_due(session, at=A_MONDAY + DAY) == comes_back
            assert (confirming.confirm_sign_up(session, asked, now=A_MONDAY + DAY) is not None) == comes_back
        assert session.exec(select(Subscriber.address).where(mailable())).all() == ["unsubscribed@exemple.fr"]


def test_an_old_confirmation_does_not_undo_a_later_goodbye(store: Store, keys: Keyring) -> None:
    with store.transaction() as session:
        asked = _ask(session, keys)
        first = confirming.confirm_sign_up(session, asked, now=A_MONDAY)
        assert first is not None
        privacy.unsubscribe(session, first.subscriber_id, now=A_MONDAY + DAY, channel=Channel.one_click)
        assert confirming.confirm_sign_up(session, asked, now=A_MONDAY + 2 * DAY) == first
        assert session.exec(select(Subscriber.id).where(mailable())).all() == []
        assert signup.welcomes_due(session, now=A_MONDAY + 2 * DAY) == []


def test_who_never_confirms_is_forgotten_after_a_week(store: Store, keys: Keyring) -> None:
    with store.transaction() as session:
        asked = _ask(session, keys)
        _send_due(session, at=A_MONDAY)
        assert signup.purge_unconfirmed(session, now=A_MONDAY + 6 * DAY) == 0
        assert signup.purge_unconfirmed(session, now=A_MONDAY + 7 * DAY) == 1
        session.expire_all()
        row = session.exec(select(SignUp)).one()
        assert (row.address, row.first_name, row.phone, row.axes) == ("", "", "", [])
        assert confirming.confirm_sign_up(session, asked, now=A_MONDAY + 7 * DAY) is None
        signup.purge_unconfirmed(session, now=A_MONDAY + 30 * DAY)
        assert session.exec(select(SignUp)).all() == []


def test_a_form_without_the_letters_box_or_with_a_bad_address_says_so_beside_the_field() -> None:
    assert set(signup.mistakes(SignUpForm(address="ana", axes=frozenset({Axis.clicks})))) == {"address", "newsletter"}
    assert set(signup.mistakes(SignUpForm(**{**_fields(WISHES), "first_name": "a" * 81}))) == {"first_name"}
    assert signup.mistakes(WISHES) == {}


def test_a_printed_code_is_found_however_it_is_typed(store: Store) -> None:
    with store.transaction() as session:
        partner = a_partner(session)
        code = Support(partner_id=key(partner.id), code="elfes-26", kind=SupportKind.placemat, season=2026)
        session.add(code)
    with store.reading() as session:
        for typed in ("elfes-26", "ELFES-26", " Elfes -26 ", "el fes-26"):
            found = landing.origin(session, typed)
            assert found is not None
            assert (found.support_id, found.partner_name) == (code.id, partner.name)
        assert landing.origin(session, "elfes26") is None
