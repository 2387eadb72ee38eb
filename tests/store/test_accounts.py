"""Accounts, sessions and wrong guesses, on real stores."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from click.testing import Result
from sqlmodel import Session, select

from newsletter.accounts.accounts import (
    AccountError,
    change_own_password,
    change_password,
    close_account,
    create_account,
)
from newsletter.accounts.passwords import GuessLimit, TooManyGuessesError, check_password
from newsletter.accounts.sessions import SESSION_LASTS, Visitor, find_visitor, log_in, open_session
from newsletter.errors import NewsletterError, RefusedError
from newsletter.instance import Instance
from newsletter.store import Store
from newsletter.store.staff import Account, LoginSession
from newsletter.words import Role
from tests.conftest import A_MONDAY
from tests.kit.clock import StoppedClock

PHRASE = "une petite phrase"


def an_account(instance: Instance, login: str = "camille", role: Role = Role.marketing) -> Account:
    return create_account(instance.store, login=login, name="Camille", role=role, password=PHRASE)


def found(instance: Instance, cookie: str) -> Visitor | None:
    with instance.store.reading() as session:
        return find_visitor(session, cookie, now=instance.clock.now())


def logged_in(instance: Instance, account: Account) -> str:
    with instance.store.transaction() as session:
        return open_session(session, account, now=instance.clock.now())


def test_a_password_opens_its_own_account_only(instance: Instance) -> None:
    an_account(instance)
    assert check_password(instance.store, login=" Camille ", password=PHRASE) is not None
    assert check_password(instance.store, login="camille", password=PHRASE + "!") is None
    assert check_password(instance.store, login="nobody", password=PHRASE) is None


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
    instance: Instance, login: str, name: str, password: str, field: str
) -> None:
    an_account(instance)
    with pytest.raises(AccountError) as wrong:
        create_account(instance.store, login=login, name=name, role=Role.admin, password=password)
    assert wrong.value.field == field


def test_a_session_lasts_a_working_day_and_only_the_hash_of_its_cookie_is_kept(
    instance: Instance, clock: StoppedClock
) -> None:
    cookie = logged_in(instance, an_account(instance))
    visitor = found(instance, cookie)
    assert visitor is not None
    assert visitor.login == "camille"
    assert found(instance, cookie[:-1]) is None
    with instance.store.reading() as session:
        assert cookie.encode() not in session.exec(select(LoginSession)).one().cookie_hash
    clock.advance(SESSION_LASTS)
    assert found(instance, cookie) is None


def test_a_new_password_logs_every_browser_out(instance: Instance) -> None:
    account = an_account(instance)
    first, second = logged_in(instance, account), logged_in(instance, account)
    change_password(instance.store, login="camille", password="une autre phrase")
    assert found(instance, first) is None
    assert found(instance, second) is None


def test_a_closed_account_is_out_at_once_and_nobody_closes_their_own(instance: Instance) -> None:
    account, boss = an_account(instance), an_account(instance, "admin", Role.admin)
    assert account.id is not None
    assert boss.id is not None
    cookie = logged_in(instance, account)
    with instance.store.transaction() as session:
        close_account(session, account.id, by=boss.id, now=A_MONDAY)
        with pytest.raises(RefusedError):
            close_account(session, boss.id, by=boss.id, now=A_MONDAY)
    assert found(instance, cookie) is None
    assert check_password(instance.store, login="camille", password=PHRASE) is None


def test_a_password_that_changes_while_it_is_verified_opens_nothing(instance: Instance) -> None:
    an_account(instance)

    class SlowLimit(GuessLimit):
        """What happens between the verification and the session."""

        def forget(self, login: str) -> None:
            change_password(instance.store, login=login, password="une autre phrase")

    with pytest.raises(NewsletterError, match="ne convient pas"):
        log_in(instance.store, SlowLimit(), login="camille", password=PHRASE, now=A_MONDAY)
    with instance.store.reading() as session:
        assert session.exec(select(LoginSession)).all() == []


def test_after_five_wrong_guesses_one_waits_a_quarter_of_an_hour() -> None:
    guess_limit, now = GuessLimit(), A_MONDAY
    for _ in range(5):
        guess_limit.check("camille", now=now)
        guess_limit.guessed_wrong("camille", now=now)
    with pytest.raises(TooManyGuessesError, match="15 minutes"):
        guess_limit.check("camille", now=now)
    guess_limit.check("dominique", now=now)
    guess_limit.check("camille", now=now + timedelta(minutes=15))


def test_accounts_are_opened_listed_and_given_new_passwords_from_the_command_line(
    instance: Instance, command: Callable[..., Result]
) -> None:

    def newsletter_account(*words: str, typed: str = "") -> Result:
        return command("account", *words, typed=typed)

    made = newsletter_account("add", "dom", "--role", "adviser", "--password-stdin", typed=PHRASE + "\n")
    assert made.output == "Le compte « dom » est ouvert, rôle : référent accueil.\n"
    short = newsletter_account("password", "dom", "--password-stdin", typed="court\n")
    assert (short.exit_code, "au moins 12 caractères" in short.output) == (1, True)
    assert newsletter_account("password", "dom", "--password-stdin", typed="une autre phrase\n").exit_code == 0
    assert '"login": "dom"' in newsletter_account("list", "--json").output
    assert check_password(instance.store, login="dom", password="une autre phrase") is not None


def test_a_password_is_hashed_and_verified_while_no_transaction_is_open(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both take a tenth of a second, in which nobody else could write to SQLite."""
    open_now: list[str] = []
    during: list[tuple[str, int]] = []
    began = Store.transaction

    @contextmanager
    def watched(store: Store) -> Iterator[Session]:
        with began(store) as session:
            open_now.append("transaction")
            yield session
            open_now.pop()

    def noting(name: str) -> None:
        work = getattr(PasswordHasher, name)

        def noted(hasher: PasswordHasher, *words: str) -> object:
            during.append((name, len(open_now)))
            return work(hasher, *words)

        monkeypatch.setattr(PasswordHasher, name, noted)

    monkeypatch.setattr(Store, "transaction", watched)
    noting("hash")
    noting("verify")
    create_account(instance.store, login="camille", name="Camille", role=Role.marketing, password=PHRASE)
    assert log_in(instance.store, GuessLimit(), login="camille", password=PHRASE, now=A_MONDAY)
    change_own_password(instance.store, login="camille", present=PHRASE, new=PHRASE * 2, again=PHRASE * 2)
    assert during == [("hash", 0), ("verify", 0), ("verify", 0), ("hash", 0)]
