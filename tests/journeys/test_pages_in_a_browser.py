"""The pages as people have them: in a browser, on a phone and at a desk, without a mouse."""

import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from newsletter.config import Settings
from newsletter.instance import Instance
from newsletter.store import Store
from newsletter.store.catalogue import Portrait
from newsletter.store.issues import Issue
from newsletter.store.ledger import MailNote
from newsletter.tokens import Keyring
from newsletter.web.app import every_route
from newsletter.words import IssueState, MailState, NoteKind
from tests.conftest import A_MONDAY
from tests.kit.browser import DESKTOP, PHONE, a_tab, chromium
from tests.kit.clock import StoppedClock
from tests.kit.makers import a_mail, a_partner, a_subscriber, an_adviser, an_edition, an_employer
from tests.kit.serving import one_account_of_each_role, serve

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]  # one Chromium for all


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture
def site(tmp_path: Path, empty_stores: dict[str, str], keys: Keyring, clock: StoppedClock) -> Iterator[str]:
    """A served instance with rows of every kind; its address. Pages look alike on either store: SQLite will do."""
    shutil.copy(empty_stores["sqlite"], tmp_path / "store.db")
    store = Store(f"sqlite:///{tmp_path / 'store.db'}")
    settings = Settings(home=tmp_path / "home", database_url=str(store.engine.url), _env_file=None)  # type: ignore[call-arg]
    instance = Instance(settings, store, keys, clock)
    one_account_of_each_role(instance)
    _furnish(instance)
    with serve(instance) as served:
        yield served.settings.base_url
    store.close()


def _furnish(instance: Instance) -> None:
    with instance.store.transaction() as session:
        an_employer(session)
        a_partner(session)
        an_adviser(session)
        session.add(Portrait(person="Inès Fabre", image_right_until=date(2026, 12, 4)))
        session.add(
            Issue(
                title="Lettre de décembre", subject="Trois métiers", state=IssueState.draft, created_at=A_MONDAY,
                blocks=[{"kind": "text", "markdown": "Bonjour"}, {"kind": "employers", "employers": [1]}],
            )
        )  # fmt: skip
        edition = an_edition(session, planned_at=A_MONDAY)
        for state in (MailState.accepted, MailState.planned, MailState.in_doubt):
            mail = a_mail(session, a_subscriber(session), edition)
            mail.state = state
            session.add(mail)
        session.add(MailNote(mail_id=mail.id or 0, at=A_MONDAY, kind=NoteKind.doubt))


FOR_MACHINES = {"/healthz", "/metrics"}


def plain_pages() -> list[str]:
    """Every page that is shown without a number in its address."""
    paths = {route.path for route in every_route() if "GET" in (route.methods or ())} - FOR_MACHINES
    return sorted(path for path in paths if "{" not in path and not path.endswith((".csv", ".xlsx", ".json", "/")))


ONE_OF_EACH = (
    "/bureau/numeros/1", "/bureau/numeros/1/ecrire", "/bureau/numeros/1/apercu", "/bureau/numeros/2",
    "/bureau/numeros/2/annuler", "/bureau/bilans/2",
)  # fmt: skip


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_every_page_is_whole_on_a_phone_and_at_a_desk(browser: Browser, site: str, width: int) -> None:
    flaws: dict[str, list[str]] = {}
    with a_tab(browser, site, login="admin", width=width) as tab:
        for path in (*plain_pages(), *ONE_OF_EACH):
            tab.open(path)
            if found := tab.flaws():
                flaws[path] = found
            tab.complaints.clear()
    assert flaws == {}


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_no_page_is_a_barrier_by_the_rules_of_axe(browser: Browser, site: str, width: int) -> None:
    barriers: dict[str, list[str]] = {}
    with a_tab(browser, site, login="admin", width=width) as tab:
        for path in (*plain_pages(), *ONE_OF_EACH):
            tab.open(path)
            if found := tab.barriers():
                barriers[path] = found
    assert barriers == {}


def test_axe_finds_what_is_a_barrier(browser: Browser, site: str) -> None:
    with a_tab(browser, site) as tab:
        tab.open("/bureau/connexion")
        tab.page.evaluate("""() => {
            document.documentElement.removeAttribute("lang");
            document.querySelector("main").innerHTML = `<input name=x><img src=""><a href="/"></a>
                <p class=pale>pâle</p>`;
            document.querySelector(".pale").style.color = "#ddd";
        }""")
        rules = {barrier.partition(":")[0] for barrier in tab.barriers()}
    assert {"html-has-lang", "label", "image-alt", "link-name", "color-contrast"} <= rules


def test_the_sieve_finds_what_is_wrong(browser: Browser, site: str) -> None:
    with a_tab(browser, site) as tab:
        tab.open("/bureau/connexion")
        tab.page.evaluate("""() => {
            document.documentElement.lang = "en";
            document.querySelector("main").innerHTML = `<h1>Un</h1><h1>Deux</h1><h3>Trop bas</h3>
                <input name=x><img src="">
                <a href="/"></a><p id=a></p><p id=a></p><p class=lead>pâle</p><p class=long>large</p>`;
            document.querySelector(".lead").style.color = "#eee";
            document.querySelector(".long").style.width = "2000px";
        }""")
        found = " ".join(tab.flaws())
    for flaw in (
        "French",
        "2 titles",
        "skipped",
        "no label",
        "no name",
        "in its place",
        "twice",
        "contrast",
        "sideways",
    ):
        assert flaw in found


def test_an_issue_is_written_with_the_keyboard_alone(browser: Browser, site: str) -> None:
    with a_tab(browser, site, login="marketing") as tab:
        page = tab.page
        tab.open("/bureau/numeros/nouveau")
        page.keyboard.press("Tab")
        assert page.locator(":focus").inner_text() == "Aller au contenu"
        assert page.locator(":focus").evaluate("element => element.getBoundingClientRect().top >= 0")
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")  # past the way back up
        assert page.locator(":focus").get_attribute("name") == "title"
        outline = page.locator(":focus").evaluate("element => getComputedStyle(element).outlineStyle")
        assert outline == "solid"
        page.keyboard.type("Lettre de janvier")
        page.get_by_role("button", name="+ texte").press("Enter")
        page.get_by_label("Texte", exact=True).fill("Bonne année dans le Lot")
        page.get_by_label("Titre pour l’équipe").press("Enter")
        assert page.get_by_role("status").inner_text() == "C’est enregistré."
        assert page.get_by_label("Texte", exact=True).input_value() == "Bonne année dans le Lot"
        assert tab.complaints == []


def test_the_menu_opens_on_a_phone_without_a_script(browser: Browser, site: str) -> None:
    with a_tab(browser, site, login="adviser", width=PHONE) as tab:
        assert not tab.page.get_by_role("link", name="Pistes", exact=True).is_visible()
        tab.page.get_by_text("Menu", exact=True).click()
        tab.page.get_by_role("link", name="Pistes", exact=True).click()
        assert tab.page.url.endswith("/bureau/pistes")
        assert tab.page.get_by_role("heading", level=1).is_visible()


def test_the_preview_stands_beside_its_text_and_asks_nobody_else(browser: Browser, site: str) -> None:
    with a_tab(browser, site, login="marketing") as tab:
        tab.open("/bureau/numeros/1/apercu")
        for title in ("La lettre au téléphone", "La lettre à l’ordinateur"):
            assert tab.page.frame_locator(f'iframe[title="{title}"]').get_by_text("Bonjour").first.is_visible()
        assert tab.flaws() == []
