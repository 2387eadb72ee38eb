"""Accounts, sessions and wrong guesses, on real stores."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from click.testing import Result
from sqlmodel import select

from newsletter.clock import StoppedClock
from newsletter.errors import RefusedError
from newsletter.house import House
from newsletter.store.staff import Account, LoginSession
from newsletter.web.accounts import (
    AccountError,
    change_password,
    close_account,
    create_account,
)
from newsletter.web.sessions import (
    LASTS,
    Patience,
    TooManyGuessesError,
    check_password,
    find_visitor,
    open_session,
)
from newsletter.words import Role
from tests.conftest import A_MONDAY

PHRASE = "une petite phrase"


def an_account(house: House, login: str = "camille", role: Role = Role.marketing) -> Account:
    with house.store.transaction() as session:
        return create_account(session, login=login, name="Camille", role=role, password=PHRASE, now=A_MONDAY)


def logged_in(house: House, account: Account) -> str:
    with house.store.transaction() as session:
        return open_session(session, account, now=house.clock.now())


def test_a_password_opens_its_own_account_only(house: House) -> None:
    an_account(house)
    with house.store.reading() as session:
        assert check_password(session, login=" Camille ", password=PHRASE) is not None
        assert check_password(session, login="camille", password=PHRASE + "!") is None
        assert check_password(session, login="nobody", password=PHRASE) is None


@pytest.mark.parametrize(
    ("login", "name", "password", "field"),
    [
        ("camille", "Camille", PHRASE, "login"),  # taken
        ("deux mots", "Camille", PHRASE, "login"),
        ("", "Camille", PHRASE, "login"),
        ("dom", " ", PHRASE, "name"),
        ("dom", "Dominique", "trop court", "password"),
    ],
)
def test_an_account_that_cannot_be_says_which_field_to_mend(
    house: House, login: str, name: str, password: str, field: str
) -> None:
    an_account(house)
    with pytest.raises(AccountError) as wrong, house.store.transaction() as session:
        create_account(session, login=login, name=name, role=Role.admin, password=password, now=A_MONDAY)
    assert wrong.value.field == field


def test_a_session_lasts_a_working_day_and_only_the_hash_of_its_cookie_is_kept(
    house: House, clock: StoppedClock
) -> None:
    cookie = logged_in(house, an_account(house))
    visitor = find_visitor(house, cookie)
    assert visitor is not None
    assert visitor.login == "camille"
    assert find_visitor(house, cookie[:-1]) is None
    with house.store.reading() as session:
        assert cookie.encode() not in session.exec(select(LoginSession)).one().cookie_hash
    clock.advance(LASTS)
    assert find_visitor(house, cookie) is None


def test_a_new_password_logs_every_browser_out(house: House) -> None:
    account = an_account(house)
    first, second = logged_in(house, account), logged_in(house, account)
    with house.store.transaction() as session:
        change_password(session, login="camille", password="une autre phrase")
    assert find_visitor(house, first) is None
    assert find_visitor(house, second) is None


def test_a_closed_account_is_out_at_once_and_nobody_closes_their_own(house: House) -> None:
    account, boss = an_account(house), an_account(house, "admin", Role.admin)
    assert account.id is not None
    assert boss.id is not None
    cookie = logged_in(house, account)
    with house.store.transaction() as session:
        close_account(session, account.id, by=boss.id, now=A_MONDAY)
        with pytest.raises(RefusedError):
            close_account(session, boss.id, by=boss.id, now=A_MONDAY)
    assert find_visitor(house, cookie) is None
    with house.store.reading() as session:
        assert check_password(session, login="camille", password=PHRASE) is None


def test_after_five_wrong_guesses_one_waits_a_quarter_of_an_hour() -> None:
    patience, now = Patience(), A_MONDAY
    for _ in range(5):
        patience.check("camille", now=now)
        patience.guessed_wrong("camille", now=now)
    with pytest.raises(TooManyGuessesError, match="15 minutes"):
        patience.check("camille", now=now)
    patience.check("dominique", now=now)
    patience.check("camille", now=now + timedelta(minutes=15))


def test_accounts_are_opened_listed_and_given_new_passwords_from_the_command_line(
    house: House, command: Callable[..., Result]
) -> None:

    def newsletter_account(*words: str, typed: str = "") -> Result:
        return command("account", *words, typed=typed)

    made = newsletter_account("add", "dom", "--role", "adviser", "--password-stdin", typed=PHRASE + "\n")
    assert made.output == "Le compte « dom » est ouvert, rôle : référent accueil.\n"
    short = newsletter_account("password", "dom", "--password-stdin", typed="court\n")
    assert (short.exit_code, "au moins 12 caractères" in short.output) == (1, True)
    assert newsletter_account("password", "dom", "--password-stdin", typed="une autre phrase\n").exit_code == 0
    assert '"login": "dom"' in newsletter_account("list", "--json").output
    with house.store.reading() as session:
        assert check_password(session, login="dom", password="une autre phrase") is not None
