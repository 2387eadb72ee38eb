"""Who gets in, who gets where, and which forms are believed."""

import re
from collections.abc import Iterator

import pytest

from newsletter.instance import Instance
from newsletter.web.app import every_route, roles_of
from newsletter.words import Role
from tests.kit.serving import PHRASE, a_browser, csrf_of, one_account_of_each_role, serve

OPEN_TO_STRANGERS = {"/bureau/connexion"}


@pytest.fixture
def site(instance: Instance) -> Iterator[str]:
    """A served instance with one account of each role, named like it; its address."""
    one_account_of_each_role(instance)
    with serve(instance) as served:
        yield served.settings.base_url


def a_place(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "999999", path)


def test_every_page_of_the_back_office_is_guarded() -> None:
    unguarded = {
        route.path for route in every_route() if route.path.startswith("/bureau") and not roles_of(route)
    } - OPEN_TO_STRANGERS
    assert unguarded == set()


def test_no_page_outside_the_back_office_asks_for_an_account() -> None:
    assert [route.path for route in every_route() if roles_of(route) and not route.path.startswith("/bureau")] == []


def test_a_role_is_refused_every_page_and_form_of_the_others(site: str) -> None:
    for role in Role:
        with a_browser(site, role) as browser:
            csrf = csrf_of(browser.get("/bureau/compte"))
            for route in every_route():
                if not roles_of(route) or role in roles_of(route):
                    continue
                for method in route.methods or ():
                    sent = {"csrf": csrf} if method == "POST" else None
                    answer = browser.request(method, a_place(route.path), data=sent)
                    assert answer.status_code == 403, (role, method, route.path)


def test_an_adviser_sees_their_leads_and_marketing_everything_but_the_accounts() -> None:
    opens = {role: {route.path for route in every_route() if role in roles_of(route)} for role in Role}
    assert {"/bureau", "/bureau/compte", "/bureau/pistes"} <= opens[Role.adviser]
    assert all(path.startswith("/bureau/pistes") for path in opens[Role.adviser] - opens[Role.marketing])
    assert not {path for path in opens[Role.adviser] if path.startswith(("/bureau/numeros", "/bureau/personnes"))}
    assert not {path for path in opens[Role.marketing] if path.startswith("/bureau/comptes")}
    assert opens[Role.admin] == {route.path for route in every_route() if roles_of(route)}


def test_a_stranger_is_led_to_the_login_page_and_then_where_they_wanted(site: str) -> None:
    with a_browser(site) as browser:
        for route in every_route():
            if roles_of(route):
                for method in route.methods or ():
                    answer = browser.request(method, a_place(route.path))
                    assert answer.headers["location"].startswith("/bureau/connexion"), route.path
        wanted = {"login": "admin", "password": PHRASE, "suite": "/bureau/comptes"}
        assert browser.post("/bureau/connexion", data=wanted).headers["location"] == "/bureau/comptes"
    with a_browser(site) as browser:
        for elsewhere in ("https://evil.example/", "//evil.example", "/bureauxx", "/\\evil"):
            answer = browser.post("/bureau/connexion", data=wanted | {"suite": elsewhere})
            assert answer.headers["location"] == "/bureau"


def test_a_form_without_its_token_or_from_another_site_changes_nothing(site: str) -> None:
    with a_browser(site, "admin") as browser:
        csrf = csrf_of(browser.get("/bureau/compte"))
        fields = {"login": "intrus", "name": "Intrus", "role": "admin", "password": PHRASE}
        forged = [
            browser.post("/bureau/comptes", data=fields),
            browser.post("/bureau/comptes", data=fields | {"csrf": csrf[:-1] + "é"}),
            browser.post("/bureau/comptes", data=fields | {"csrf": csrf}, headers={"origin": "https://evil.example"}),
            browser.post("/bureau/comptes", data=fields | {"csrf": csrf}, headers={"origin": "null"}),
        ]
        assert {answer.status_code for answer in forged} == {403}
        assert "n’est plus valable" in forged[0].text
        assert "Intrus" not in browser.get("/bureau/comptes").text
        honest = browser.post("/bureau/comptes", data=fields | {"csrf": csrf}, headers={"origin": site})
        assert honest.status_code == 303
        page = browser.get("/bureau/comptes").text
        assert "Intrus" in page
        assert "est ouvert, rôle" in page


def test_wrong_passwords_are_answered_alike_and_not_for_ever(site: str) -> None:
    with a_browser(site) as browser:
        answers = [
            browser.post("/bureau/connexion", data={"login": login, "password": "faux"})
            for login in ("admin", "nobody", "admin", "admin", "admin", "admin")
        ]
        assert {answer.status_code for answer in answers} == {400}
        assert all("ne convient pas" in answer.text for answer in answers)
        assert "Réessayez dans 15" in browser.post(
            "/bureau/connexion", data={"login": "admin", "password": PHRASE}
        ).text.replace("\N{NO-BREAK SPACE}", " ")


def test_logging_out_ends_the_session_itself_not_only_the_cookie(site: str) -> None:
    with a_browser(site, "marketing") as browser:
        cookie = browser.cookies["bureau"]
        assert browser.get("/bureau/compte").status_code == 200
        browser.post("/bureau/deconnexion", data={"csrf": csrf_of(browser.get("/bureau/compte"))})
    with a_browser(site) as thief:
        assert thief.get("/bureau/compte", headers={"cookie": f"bureau={cookie}"}).status_code == 303


def test_one_changes_ones_own_password_knowing_the_old_one(site: str) -> None:
    with a_browser(site, "adviser") as browser:
        csrf = csrf_of(browser.get("/bureau/compte"))
        new = {"new": "une autre phrase", "again": "une autre phrase", "csrf": csrf}
        assert browser.post("/bureau/compte", data=new | {"present": "faux"}).status_code == 400
        assert browser.post("/bureau/compte", data=new | {"present": PHRASE}).status_code == 303
        assert browser.get("/bureau").headers["location"].startswith("/bureau/connexion")


def test_every_answer_keeps_to_our_own_resources_and_public_pages_set_no_cookie(site: str) -> None:
    with a_browser(site) as browser:
        for path in ("/", "/bureau/connexion", "/static/site.css", "/nulle-part", "/static/rien"):
            answer = browser.get(path)
            assert "default-src 'self'" in answer.headers["content-security-policy"]
            assert "frame-ancestors 'self'" in answer.headers["content-security-policy"]
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert "set-cookie" not in answer.headers
        assert browser.get("/nulle-part").status_code == 404
        assert "n’existe pas" in browser.get("/nulle-part").text
    with a_browser(site, "admin") as browser:
        kept = next(iter(browser.cookies.jar))
    assert kept.path == "/bureau"
    assert kept.has_nonstandard_attr("HttpOnly")
