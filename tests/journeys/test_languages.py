"""The public pages in the language that a reader's browser asks for; the words of a consent are kept as shown."""

import re
from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest
from sqlmodel import col, select

from newsletter import urls
from newsletter.instance import Instance
from newsletter.store.columns import key
from newsletter.store.people import Consent, SignUp
from newsletter.tokens import Purpose
from newsletter.wordings import wording
from newsletter.words import Axis, ConsentState
from tests.kit.clock import StoppedClock
from tests.kit.makers import a_subscriber
from tests.kit.serving import one_account_of_each_role, serve, web_client

ENGLISH = {"accept-language": "en-GB,en;q=0.9,fr;q=0.5"}
FRENCH_LETTERS = re.compile(r"[éèêàùçœÉ«»]")


@pytest.fixture
def site(instance: Instance) -> Iterator[Instance]:
    one_account_of_each_role(instance)
    with serve(instance) as served:
        yield served


def shown(page: httpx.Response) -> str:
    """What a person reads of the page's main part."""
    main = page.text.partition("<main")[2].partition("</main>")[0]
    main = re.sub(r"<option.*?</option>", "", main)  # countries, some of which keep their accents in English
    return " ".join(re.sub(r"<[^>]+>", " ", main.partition(">")[2]).split())


def a_reader(instance: Instance) -> int:
    with instance.store.transaction() as session:
        return key(a_subscriber(session, first_name="Jo").id)


def public_pages(site: Instance) -> list[str]:
    reader = a_reader(site)
    return [
        urls.SIGN_UP_PATH,
        urls.THANKS_PATH,
        urls.PRIVACY_PATH,
        urls.preferences_url("", site.keys.sign(Purpose.preferences, reader)),
        urls.unsubscribe_url("", site.keys.sign(Purpose.unsubscribe, reader, 0)),
        urls.confirm_url("", "nobody"),
        "/nowhere",
    ]


def test_public_pages_speak_the_language_the_browser_asks_for_first(site: Instance) -> None:
    with web_client(site.settings.base_url) as browser:
        for path in public_pages(site):
            french, english = browser.get(path), browser.get(path, headers=ENGLISH)
            for page, language in ((french, "fr"), (english, "en")):
                assert f'<html lang="{language}">' in page.text, path
                assert page.headers["content-language"] == language
                assert "accept-language" in page.headers["vary"].lower()
            assert not FRENCH_LETTERS.search(shown(english)), (path, shown(english))
            assert english.status_code == french.status_code
            assert "\N{NO-BREAK SPACE}" not in shown(english)


def test_the_back_office_stays_french(site: Instance) -> None:
    with web_client(site.settings.base_url, headers=ENGLISH) as browser:
        page = browser.get("/bureau/connexion")
    assert '<html lang="fr">' in page.text
    assert "content-language" not in page.headers


def test_what_an_english_reader_agrees_to_is_kept_in_the_words_they_were_shown(
    site: Instance, clock: StoppedClock
) -> None:
    with web_client(site.settings.base_url, headers=ENGLISH) as browser:
        page = browser.get(urls.SIGN_UP_PATH)
        words = wording(Axis.newsletter, "2026-11-en")
        assert words.text in page.text
        nonce = re.search(r'name="jeton" value="([^"]+)"', page.text)
        assert nonce
        fields = {"jeton": nonce[1], "address": "jo@example.org", "first_name": "Jo", "newsletter": "1", "clicks": "1"}
        wrong = browser.post(urls.SIGN_UP_PATH, data=fields)  # nobody fills it in within two seconds
        assert "The form was no longer valid" in shown(wrong)
        clock.advance(timedelta(seconds=30))
        assert browser.post(urls.SIGN_UP_PATH, data=fields).headers.get("location") == urls.THANKS_PATH
        with site.store.reading() as session:
            asked = session.exec(select(SignUp)).one()
        token = site.keys.sign(Purpose.confirm, key(asked.id))
        with web_client(site.settings.base_url) as another_browser:
            welcome = another_browser.post(urls.confirm_url("", token))
        assert "Bienvenue" in shown(welcome)
    with site.store.reading() as session:
        given = session.exec(select(Consent).where(col(Consent.state) == ConsentState.granted)).all()
    kept = {(one.axis, one.wording, one.wording_version) for one in given}
    assert kept == {(axis, wording(axis, "2026-11-en").text, "2026-11-en") for axis in (Axis.newsletter, Axis.clicks)}
    assert all(one.proof.startswith("formulaire n°") for one in given)
