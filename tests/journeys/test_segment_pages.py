"""Marketing tries a segment and looks a person up, over real HTTP."""

import html
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import httpx
import pytest
from click.testing import Result

from newsletter.instance import Instance
from newsletter.store import consents
from newsletter.store.activity import Event
from newsletter.store.columns import key
from newsletter.store.consent_chain import ConsentStatement
from newsletter.store.leads import Handover, Lead
from newsletter.store.ledger import MailNote
from newsletter.store.people import Subscriber, Suppression
from newsletter.wordings import wording
from newsletter.words import (
    Axis,
    Channel,
    ConsentState,
    EventKind,
    LeadState,
    NoteKind,
    SuppressionReason,
    Verdict,
)
from tests.kit.makers import a_link, a_mail, a_subscriber, an_adviser, an_edition
from tests.kit.segment_world import settle_the_world
from tests.kit.serving import a_browser, csrf_of, one_account_of_each_role, serve


@dataclass
class Desk:
    """Marketing's browser, logged in, and who is in the list."""

    browser: httpx.Client
    csrf: str
    people: dict[str, int]


@pytest.fixture
def desk(instance: Instance) -> Iterator[Desk]:
    now = instance.clock.now()
    with instance.store.transaction() as session:
        people = settle_the_world(session)
        dora = session.get_one(Subscriber, people["Dora"])
        session.add(Suppression(address_hash=dora.address_hash, reason=SuppressionReason.unsubscribed, at=now))
        elodie = a_subscriber(session, first_name="Élodie", last_name="<b>Œuvrard</b>", address="elodie@example.org")
        people["Élodie"] = elodie.id or 0
    one_account_of_each_role(instance)
    with serve(instance) as served, a_browser(served.settings.base_url, "marketing") as browser:
        yield Desk(browser, csrf_of(browser.get("/bureau/personnes")), people)


def read(page: httpx.Response) -> str:
    """The page with plain spaces and characters."""
    return html.unescape(page.text).replace("\N{NO-BREAK SPACE}", " ")


def test_a_segment_is_tried_before_it_is_used(desk: Desk) -> None:
    page = desk.browser.get("/bureau/segments", params={"texte": "pays = FR ou\r\npays = NL"})
    assert page.status_code == 200
    assert "Les personnes qui habitent en France ou qui habitent aux Pays-Bas." in read(page)
    assert "<b>3</b>" in page.text
    assert "<b>2</b>" in page.text
    assert "sur la liste d’exclusion" in page.text
    assert "r…@example.org" in page.text
    assert "reader" not in page.text
    assert "/bureau/numeros/nouveau?segment=pays+%3D+FR" in page.text


def test_a_mistake_is_shown_where_it_is(desk: Desk) -> None:
    page = desk.browser.get("/bureau/segments", params={"texte": "pays = FR et\r\nsecteurr = <b>"})
    assert page.status_code == 400
    assert "Segment, ligne 2, colonne 1" in page.text
    assert "<mark>secteurr</mark> = &lt;b&gt;" in page.text
    missing = desk.browser.get("/bureau/segments", params={"texte": "pays ="})
    assert "<mark>␣</mark>" in missing.text


def test_every_ready_made_segment_and_every_example_opens(desk: Desk) -> None:
    front = desk.browser.get("/bureau/segments")
    assert front.status_code == 200
    links = [part.split('"')[0] for part in front.text.split('href="/bureau/segments?')[1:]]
    assert len(links) > 12
    for link in links:
        page = desk.browser.get(f"/bureau/segments?{html.unescape(link)}")
        # an example may name a sector or a partner this small store does not have; it is never a broken page
        assert page.status_code in (200, 400), link


def test_a_person_is_found_without_their_address_in_a_url(desk: Desk) -> None:
    def found(sought: str) -> httpx.Response:
        return desk.browser.post("/bureau/personnes", data={"csrf": desk.csrf, "cherche": sought})

    for sought in ("elodie", "OEUVRARD elo", "elodie@example.org", str(desk.people["Élodie"])):
        page = found(sought)
        assert f"/bureau/personnes/{desk.people['Élodie']}" in page.text, sought
        assert "&lt;b&gt;Œuvrard&lt;/b&gt;" in page.text
    assert "Personne ne correspond" in found("%").text
    assert "Personne ne correspond" in found("' OR 1=1 --").text
    assert desk.browser.get("/bureau/personnes?page=99").status_code == 200
    assert desk.browser.get("/bureau/personnes/99999999999999999999").status_code == 404
    assert desk.browser.get("/bureau/personnes/4242").status_code == 404


def test_the_page_of_a_person_shows_what_they_said_and_whether_it_can_be_trusted(
    desk: Desk, instance: Instance
) -> None:
    now, asked = instance.clock.now(), wording(Axis.opens)
    with instance.store.transaction() as session:
        for days, state in ((9, ConsentState.granted), (2, ConsentState.denied)):
            said = ConsentStatement(
                subscriber_id=desk.people["Chloé"], axis=Axis.opens, state=state, at=now - timedelta(days=days),
                channel=Channel.staff, wording=asked, proof="dit au téléphone",
            )  # fmt: skip
            consents.record_all(session, [said], now=now)
    url = f"/bureau/personnes/{desk.people['Chloé']}"
    page = read(desk.browser.get(url, params={"segment": "accord newsletter = oui ou pays = FR"}))
    assert page.count("dit au téléphone") == 2
    assert "Dehors, parce que" in page
    assert "newsletter : non" in page
    assert "ne se vérifie pas" in page  # the maker's consents are no chain
    assert "Ce n’est pas un champ connu" in read(desk.browser.get(url, params={"segment": "payz = FR"}))
    copy = desk.browser.get(f"{url}/copie.json")
    assert copy.headers["content-disposition"] == f'attachment; filename="personne-{desk.people["Chloé"]}.json"'
    held = json.loads(copy.text)
    assert held["personne"]["first_name"] == "Chloé"
    assert len(held["accords"]) == 4


def test_the_page_of_a_person_shows_their_letters_their_acts_and_their_adviser(desk: Desk, instance: Instance) -> None:
    now = instance.clock.now()
    with instance.store.transaction() as session:
        anna = session.get_one(Subscriber, desk.people["Anna"])
        edition = an_edition(session, subject="Des nouvelles du Lot")
        mail, link = a_mail(session, anna, edition), a_link(session, edition, 1, label="Voir l’atelier")
        assert anna.id is not None
        session.add(MailNote(mail_id=key(mail.id), at=now, kind=NoteKind.deferred, code=451, words="essayez plus tard"))
        for kind, link_id in ((EventKind.clicked, link.id), (EventKind.answered, None)):
            session.add(
                Event(
                    subscriber_id=anna.id, mail_id=mail.id, link_id=link_id, kind=kind, at=now, verdict=Verdict.human,
                    answer="this_year" if kind is EventKind.answered else "",
                )
            )  # fmt: skip
        lead = Lead(subscriber_id=anna.id, state=LeadState.handed_over, since=now, because="Chaude depuis mars.")
        adviser = an_adviser(session, name="Solène")
        session.add(lead)
        session.flush()
        session.add(Handover(lead_id=key(lead.id), adviser_id=key(adviser.id), at=now, why="Territoire"))
    page = read(desk.browser.get(f"/bureau/personnes/{anna.id}"))
    for shown in (
        "Des nouvelles du Lot", "essayez plus tard", "Voir l’atelier", "dans l’année", "une personne",
        "Chaude depuis mars.", "Confiée à Solène.",
    ):  # fmt: skip
        assert shown in page, shown
    held = json.loads(desk.browser.get(f"/bureau/personnes/{anna.id}/copie.json").text)
    sizes = {
        name: len(held[name]) for name in ("lettres", "evenements", "piste", "suivi", "clics_par_sujet", "metiers")
    }
    assert sizes == {"lettres": 1, "evenements": 2, "piste": 1, "suivi": 1, "clics_par_sujet": 2, "metiers": 1}


def test_the_command_line_says_the_same(instance: Instance, command: Callable[..., Result]) -> None:
    with instance.store.transaction() as session:
        people = settle_the_world(session)

    def run(*words: str) -> tuple[int, str]:
        ran = command("segment", *words)
        return ran.exit_code, ran.output

    assert run("check", "pays = france") == (0, "Les personnes qui habitent en France.\n")
    code, told = run("count", "pays = france", "--json")
    assert code == 0
    assert json.loads(told)["mailable"] == 2
    code, told = run("explain", "secteur = santé", "--subscriber", str(people["Anna"]))
    assert (code, "✗ secteur = santé   (secteur : Industrie)" in told) == (0, True)
    code, told = run("count", "secteurr = santé")
    assert (code, "Vouliez-vous dire « secteur » ?" in told) == (1, True)
    assert run("explain", "", "--subscriber", "4242")[0] == 1
    assert "fideles" not in run("library")[1]
    assert run("library", "toute-la-liste")[1].endswith("accord newsletter = oui\n")
