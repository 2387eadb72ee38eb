"""The desk over real HTTP: an adviser reads, calls and notes; nobody reads another's lead."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from newsletter.accounts.accounts import create_account
from newsletter.advisers import people
from newsletter.advisers.handover import hand_over
from newsletter.instance import Instance
from newsletter.store.leads import Lead
from newsletter.store.people import Interest
from newsletter.words import Axis, Horizon, Role
from tests.conftest import A_MONDAY as NOW
from tests.kit.makers import a_commune, a_partner, a_sector, a_subscriber, an_epci
from tests.kit.serving import serve, web_client

PHRASE = "une petite phrase"


@pytest.fixture
def site(instance: Instance) -> Iterator[str]:
    """A served instance: Claire has a lead (Figeac), Hugo has none; somebody of Cahors waits for an adviser."""
    accounts = {
        login: create_account(instance.store, login=login, name=login.title(), role=role, password=PHRASE).id
        for login, role in (("claire", Role.adviser), ("hugo", Role.adviser), ("zoe", Role.marketing))
    }
    with instance.store.transaction() as session:
        a_commune(session)
        a_sector(session)
        an_epci(session, "200023737", "CA du Grand Cahors")
        for login in ("claire", "hugo"):
            form = people.AdviserForm(name=login.title(), address=f"{login}@lot.example", account_id=accounts[login])
            adviser = people.save(session, form)
            if login == "claire":
                people.add_territory_rule(session, adviser.id or 0, epci="200067361", sector=None)
        who = {"first_name": "Inès", "last_name": "<b>Moreau</b>", "phone": "+33 6 12 34 56 78", "country": "FR"}
        where = {"wished_commune": "46102", "partner_id": a_partner(session).id, "met_on": NOW}
        reader = a_subscriber(session, Axis.newsletter, Axis.adviser, **who, **where, horizon=Horizon.this_year)
        session.add(Interest(subscriber_id=reader.id or 0, sector_code="industrie"))
        other = a_subscriber(session, Axis.newsletter, Axis.adviser, first_name="Yaël")
        for person, epci in ((reader, "200067361"), (other, "200023737")):
            session.add(
                Lead(subscriber_id=person.id or 0, since=NOW, because="Chaude : clics.", asked=True, epci_siren=epci)
            )
        session.flush()
        hand_over(session, now=NOW)
    with serve(instance) as served:
        yield served.settings.base_url


@contextmanager
def a_browser(site: str, login: str) -> Iterator[httpx.Client]:
    with web_client(site) as browser:
        assert browser.post("/bureau/connexion", data={"login": login, "password": PHRASE}).status_code == 303
        yield browser


def send(browser: httpx.Client, page: str, action: str, **fields: str) -> httpx.Response:
    """Send a form of this page, with its token."""
    csrf = re.search(r'name="csrf" value="([^"]+)"', browser.get(page).text)
    assert csrf
    return browser.post(action, data=fields | {"csrf": csrf[1]})


def the_lead(browser: httpx.Client) -> str:
    found = re.search(r'href="(/bureau/pistes/\d+)"', browser.get("/bureau/pistes").text)
    assert found
    return found[1]


def test_an_adviser_reads_a_card_calls_and_notes_what_came_of_it(site: str) -> None:
    with a_browser(site, "claire") as browser:
        page = browser.get("/bureau/pistes").text
        assert "Inès" in page
        assert "Yaël" not in page
        card = the_lead(browser)
        shown = browser.get(card).text
        assert 'href="tel:+33612345678"' in shown
        assert "&lt;b&gt;Moreau&lt;/b&gt;" in shown
        assert all(word in shown for word in ("Bonjour Inès", "Figeac", "Industrie", "dans l’année", "Bois des elfes"))
        answer = send(browser, card, f"{card}/resultat", kind="visit_planned", note="Samedi à 10 h")
        assert answer.headers["location"] == card
        assert "Samedi à 10 h" in browser.get(card).text
        assert send(browser, card, f"{card}/resultat", kind="rêve").status_code == 409
        exported = browser.get("/bureau/pistes/export.csv")
        assert exported.headers["content-disposition"] == 'attachment; filename="pistes-2026-11-23.csv"'
        assert exported.text.count("\r\n") == 2
        assert browser.get("/bureau/pistes/export.xlsx").content.startswith(b"PK")


def test_an_adviser_cannot_tell_anothers_lead_from_none(site: str) -> None:
    with a_browser(site, "claire") as claire:
        card = the_lead(claire)
    with a_browser(site, "hugo") as hugo:
        for path in (card, "/bureau/pistes/999999"):
            answer = hugo.get(path)
            assert (answer.status_code, "Inès" in answer.text) == (404, False)
        assert send(hugo, "/bureau/compte", f"{card}/resultat", kind="called").status_code == 404
        for listed in ("/bureau/pistes", "/bureau/pistes?referent=1", "/bureau/pistes/export.csv?referent=1"):
            assert "Inès" not in hugo.get(listed).text
        assert hugo.get("/bureau/referents").status_code == 403


def test_marketing_sees_who_waits_adds_a_territory_and_the_lead_is_handed_over(site: str) -> None:
    with a_browser(site, "zoe") as browser:
        page = browser.get("/bureau/pistes").text
        assert "À confier" in page
        assert "Yaël" in page
        new = "/bureau/referents/nouveau"
        nobody_yet = {"name": "Nadia", "address": "nadia@lot.example", "capacity": "5", "absent_from": "2026-12-01"}
        made = send(browser, new, new, **nobody_yet)
        nadia = made.headers["location"]
        send(browser, nadia, f"{nadia}/territoires", epci="200023737", sector="")
        assert "CA du Grand Cahors" in browser.get("/bureau/referents").text
        with_mistake = send(browser, nadia, nadia, name="Nadia", address="nulle part", capacity="5")
        assert (with_mistake.status_code, "n’est pas complète" in with_mistake.text) == (400, True)


def test_a_territory_can_be_taken_back(site: str) -> None:
    with a_browser(site, "zoe") as browser:
        claire = re.search(r'href="(/bureau/referents/\d+)">Claire', browser.get("/bureau/referents").text)
        assert claire
        rule = re.search(r'action="([^"]+/retirer)"', browser.get(claire[1]).text)
        assert rule
        assert send(browser, claire[1], rule[1]).headers["location"] == claire[1]
        assert "CC Grand-Figeac" not in re.sub(r"<option.*?</option>", "", browser.get(claire[1]).text)
