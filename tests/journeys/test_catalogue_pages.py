"""The catalogue's pages over real HTTP: fill, mend, withdraw, print, and serve pictures."""

import io
from collections.abc import Iterator

import httpx
import pytest
from PIL import Image
from sqlmodel import select

from newsletter.catalogue import territory
from newsletter.instance import Instance
from newsletter.store.catalogue import Employer, Partner, Portrait, Support
from newsletter.words import Role
from tests.kit.serving import a_browser, csrf_of, one_account_of_each_role, serve, web_client

ROOT = "/bureau/catalogue"
EMPLOYER = {"name": "Atelier <b>du</b> Célé", "sector": "industrie", "commune": "figeac", "about": "On y est bien."}


@pytest.fixture
def site(instance: Instance) -> Iterator[str]:
    """A served instance with its territory and one account of each role; its address."""
    one_account_of_each_role(instance)
    with instance.store.transaction() as session:
        territory.load(session)
    with serve(instance) as served:
        yield served.settings.base_url


@pytest.fixture
def browser(site: str) -> Iterator[httpx.Client]:
    with a_browser(site, Role.marketing.value) as logged_in:
        yield logged_in


def send(browser: httpx.Client, path: str, **more: object) -> httpx.Response:
    """Fill the form of this page and send it."""
    fields = dict(more.pop("data", {}))  # type: ignore[call-overload]
    page = browser.get(str(more.pop("page", path)))
    return browser.post(path, data=fields | {"csrf": csrf_of(page)}, **more)  # type: ignore[arg-type]


def a_png() -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (120, 60), "#3f8f86").save(written, "PNG")
    return written.getvalue()


def test_an_employer_is_added_with_a_picture_that_anyone_may_fetch(browser: httpx.Client, instance: Instance) -> None:
    assert "Aucun employeur pour l’instant" in browser.get(f"{ROOT}/employeurs").text
    path = f"{ROOT}/employeurs/nouveau"
    upload = {"upload": ("../../evil.svg", a_png(), "image/svg+xml")}
    answer = send(browser, path, data=EMPLOYER, files=upload)
    assert answer.status_code == 400
    assert "Décrivez l’image en une phrase" in answer.text
    answer = send(browser, path, data=EMPLOYER | {"picture_alt": "La rivière"}, files=upload)
    assert answer.headers["location"] == f"{ROOT}/employeurs"
    page = browser.get(f"{ROOT}/employeurs").text
    assert "Atelier &lt;b&gt;du&lt;/b&gt; Célé" in page
    assert "aucune offre ouverte" in page
    with instance.store.reading() as session:
        picture = session.exec(select(Employer)).one().picture
    with web_client(str(browser.base_url)) as stranger:
        served = stranger.get(f"/medias/{picture}")
        assert (served.status_code, served.headers["content-type"]) == (200, "image/jpeg")
        assert served.headers["x-content-type-options"] == "nosniff"
        assert "immutable" in served.headers["cache-control"]
        for elsewhere in ("..%2fkeys.json", "%2e%2e/keys.json", "rien.jpg", "newsletter.db"):
            assert stranger.get(f"/medias/{elsewhere}").status_code == 404


def test_mistakes_stand_beside_their_fields_and_what_was_typed_stays(browser: httpx.Client, instance: Instance) -> None:
    typed = EMPLOYER | {"name": "", "commune": "Figac", "website": "javascript:alert(1)", "picture_alt": "Un loup"}
    svg = {"upload": ("x.png", b"<svg onload='alert(1)'/>", "image/png")}
    answer = send(browser, f"{ROOT}/employeurs/nouveau", data=typed, files=svg)
    assert answer.status_code == 400
    for sentence in ("Donnez un nom.", "https://", "pas une image", "Un loup", "On y est bien."):
        assert sentence in answer.text
    assert "f-upload-error" in answer.text
    answer = send(browser, f"{ROOT}/employeurs/nouveau", data=EMPLOYER | {"commune": "Figac"})
    assert "Vouliez-vous dire « Figeac »" in answer.text.replace("\N{NO-BREAK SPACE}", " ")
    with instance.store.reading() as session:
        assert session.exec(select(Employer)).all() == []


def test_a_portrait_is_mended_and_withdrawn(browser: httpx.Client, instance: Instance) -> None:
    new = {"person": "Maud", "image_right_until": "2027-11-30", "quote": "On est restés."}
    assert send(browser, f"{ROOT}/portraits/nouveau", data=new).status_code == 303
    with instance.store.reading() as session:
        portrait = session.exec(select(Portrait)).one()
    path = f"{ROOT}/portraits/{portrait.id}"
    assert send(browser, path, data=new | {"commune": "Bach"}).status_code == 303
    assert send(browser, f"{path}/accord-repris", page=path).status_code == 303
    assert "accord repris le 23 novembre 2026" in browser.get(f"{ROOT}/portraits").text
    assert "n’est plus montré nulle part" in browser.get(path).text


def test_a_partner_gets_a_support_whose_sheet_can_be_printed(browser: httpx.Client, instance: Instance) -> None:
    answer = send(browser, f"{ROOT}/partenaires/nouveau", data={"name": "Camping des Bois", "kind": "campsite"})
    partner_page = answer.headers["location"]
    with instance.store.reading() as session:
        partner = session.exec(select(Partner)).one()
    assert partner_page == f"{ROOT}/partenaires/{partner.id}"
    bad = send(browser, f"{partner_page}/support", data={"kind": "tattoo", "season": "demain"})
    assert bad.status_code == 400
    assert send(browser, f"{partner_page}/support", data={"kind": "placemat", "season": "2026"}).status_code == 303
    with instance.store.reading() as session:
        code = session.exec(select(Support)).one().code
    assert code in browser.get(partner_page).text
    sheet = browser.get(f"{ROOT}/supports/{code}.svg")
    assert "attachment" in sheet.headers["content-disposition"]
    assert f"/i/{code}" in sheet.text
    assert browser.get(f"{ROOT}/supports/{code}.pdf").content.startswith(b"%PDF")
    refused = send(browser, f"{partner_page}/retirer", page=partner_page)
    assert refused.status_code == 409


def test_a_shelf_or_a_record_that_is_not_there_is_a_missing_page(browser: httpx.Client) -> None:
    for path in ("chapeaux", "employeurs/999", "offres/abc", "supports/nope.svg"):
        assert browser.get(f"{ROOT}/{path}").status_code == 404


def test_an_opening_needs_an_employer_first(browser: httpx.Client) -> None:
    assert "Il manque un employeur" in browser.get(f"{ROOT}/offres/nouveau").text
    send(browser, f"{ROOT}/employeurs/nouveau", data=EMPLOYER)
    job = {"employer": EMPLOYER["name"], "title": "Soudeuse", "expires_on": "2026-11-22"}
    assert send(browser, f"{ROOT}/offres/nouveau", data=job).status_code == 303
    assert "expirée" in browser.get(f"{ROOT}/offres").text
