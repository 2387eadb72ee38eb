"""Debian's Chromium, driven by Playwright, and what every page of ours must stand.

While a browser is open its event loop runs in this thread: let another thread do what needs `asyncio.run`.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.kit.serving import PHRASE
from tests.kit.timeouts import SECONDS

PHONE, DESKTOP = 360, 1280

FLAWS = (Path(__file__).parent / "flaws.js").read_text(encoding="utf-8")
AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
AXE_RUN = """async tags => {
    // A page that follows a send reloads itself: it can be told to stop, which WCAG 2.2.2 asks for and axe cannot see.
    const rules = {"meta-refresh": {enabled: !document.querySelector("a[href$='?fixe=1']")}};
    const found = await axe.run({runOnly: tags, rules, iframes: false, resultTypes: ["violations"]});
    return found.violations.filter(rule => ["serious", "critical"].includes(rule.impact))
        .flatMap(rule => rule.nodes.map(node => `${rule.id}: ${node.html.slice(0, 120)}`));
}"""
WCAG_22_AA = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


@dataclass(slots=True)
class Tab:
    """A page of the browser, and what went wrong in it so far: console errors, requests that left our site."""

    page: Page
    site: str
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str) -> None:
        """Go to this page of the site; it must answer."""
        answer = self.page.goto(self.site + path)
        assert answer is not None
        assert answer.ok, (path, answer.status)

    def flaws(self) -> list[str]:
        """What is wrong with the page shown now, and with those before it."""
        found: list[str] = self.page.evaluate(FLAWS)
        return found + self.complaints

    def barriers(self) -> list[str]:
        """What axe-core finds serious or critical by WCAG 2.2 AA in the page shown now: its rule and the element."""
        self.page.evaluate(axe_source())
        found: list[str] = self.page.evaluate(AXE_RUN, WCAG_22_AA)
        return found


@cache
def axe_source() -> str:
    """The script of axe-core; the test is skipped where npm did not install it."""
    if not AXE.is_file():
        pytest.skip("no axe-core here: make node_modules/.ready")
    return AXE.read_text(encoding="utf-8")


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless Chromium; the test is skipped where there is none."""
    found = shutil.which("chromium")
    if found is None:
        pytest.skip("no chromium here: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@contextmanager
def a_tab(browser: Browser, site: str, *, login: str = "", width: int = DESKTOP) -> Iterator[Tab]:
    """A fresh tab on this site, without scripts of ours to help; logged in through the login page when one is named."""
    context = browser.new_context(viewport={"width": width, "height": 800}, locale="fr-FR")
    context.set_default_timeout(SECONDS * 1000)
    tab = Tab(page=context.new_page(), site=site)
    tab.page.on("console", lambda said: tab.complaints.append(said.text) if said.type in ("error", "warning") else None)
    tab.page.on("pageerror", lambda error: tab.complaints.append(str(error)))
    tab.page.on("request", lambda asked: _stays(tab, asked.url))
    if login:
        tab.open("/bureau/connexion")
        tab.page.get_by_label("Identifiant").fill(login)
        tab.page.get_by_label("Mot de passe").fill(PHRASE)
        tab.page.get_by_role("button", name="Se connecter").click()
    yield tab
    context.close()


def _stays(tab: Tab, url: str) -> None:
    if not url.startswith((tab.site + "/", "data:")):
        tab.complaints.append(f"it asked elsewhere: {url}")  # LAW-21
