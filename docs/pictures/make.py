"""`make pictures`: draw the pictures of README.md and of the guides from a demo that is played for them.

Needs Debian's Chromium. Nothing but the demo's made-up people is shown, and nothing outside this machine is asked.
"""

import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path

import httpx
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from newsletter.clock import PARIS
from newsletter.demo.mail_server import MailServer
from newsletter.demo.story import ACCOUNTS, PASSWORD
from newsletter.words import Role

HERE = Path(__file__).parent
HEAVIEST = 250_000  # bytes of a picture: README.md is read on the road, too
COLOURS = 128
PATIENCE = 60.0  # seconds for the demo's site to answer


def draw(folder: Path) -> None:
    """Every picture, anew."""
    found = shutil.which("chromium")
    if found is None:
        sys.exit("no chromium here: apt-get install chromium")
    port = _free_port()
    _newsletter("demo", "--folder", str(folder), "--port", str(port))
    with _site(folder, port) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        _back_office(browser, url)
        _card(browser, url)
        _letter(browser, folder)
        _telephone(browser, url)
        browser.close()


def _back_office(browser: Browser, url: str) -> None:
    page = _page(browser, width=1280, height=820)
    _log_in(page, url, "camille")
    _write_the_next_issue(page, url)
    page.goto(f"{url}/bureau")
    _keep("bureau.png", page.screenshot())


def _card(browser: Browser, url: str) -> None:
    """A lead as its adviser sees it; readers of the demo live anywhere, so the first adviser who has one."""
    for login, _name, role in ACCOUNTS:
        if role is not Role.adviser:
            continue
        page = _page(browser, width=1280, height=820)
        _log_in(page, url, login)
        page.goto(f"{url}/bureau/pistes")
        if page.locator("ul.cards h3 a").count():
            page.locator("ul.cards h3 a").first.click()
            _keep("piste.png", page.screenshot())
            return


def _log_in(page: Page, url: str, login: str) -> None:
    page.goto(f"{url}/bureau")
    page.get_by_label("Identifiant").fill(login)
    page.get_by_label("Mot de passe").fill(PASSWORD)
    page.get_by_role("button", name="Se connecter").click()


def _write_the_next_issue(page: Page, url: str) -> None:
    """As marketing would, so that the home page has something ahead."""
    page.goto(f"{url}/bureau/numeros/nouveau")
    page.get_by_label("Titre pour l’équipe").fill("Lettre d’hiver")
    page.get_by_label("Objet de la lettre").fill("L’hiver dans le Lot : qui embauche ?")
    page.get_by_label("Phrase d’accroche").fill("Deux ateliers, une école, et un marché aux truffes.")
    page.get_by_role("button", name="+ texte").click()
    page.get_by_label("Texte", exact=True).fill("Le marché aux truffes de Lalbenque a rouvert.")
    _keep("ecrire.png", page.screenshot())
    page.get_by_role("button", name="Voir l’aperçu").click()
    page.get_by_role("link", name="Approuver et programmer").click()
    page.get_by_role("button", name="Approuver ce numéro").click()
    page.get_by_label("Jour").fill((datetime.now(PARIS) + timedelta(days=16)).date().isoformat())
    page.get_by_role("button", name="Programmer").click()


def _letter(browser: Browser, folder: Path) -> None:
    """A mail as it lay in its reader's box, pictures and all."""
    newest = MailServer(folder / "boite", 0).issues()[0].get_body(("html",))
    assert newest is not None
    page = _page(browser, width=640, height=820)
    page.set_content(newest.get_content(), wait_until="networkidle")
    _keep("lettre.png", page.screenshot())


def _telephone(browser: Browser, url: str) -> None:
    page = _page(browser, width=390, height=844)
    page.goto(f"{url}/i/bde26s")
    _keep("telephone.png", page.screenshot())


def _page(browser: Browser, *, width: int, height: int) -> Page:
    return browser.new_context(viewport={"width": width, "height": height}, locale="fr-FR").new_page()


def _keep(name: str, picture: bytes) -> None:
    """Write it with few colours: a third of the weight, and no difference to the eye."""
    whole = Image.open(BytesIO(picture)).convert("RGB")
    whole.quantize(COLOURS, dither=Image.Dither.NONE).save(HERE / name, optimize=True)
    weight = (HERE / name).stat().st_size
    if weight > HEAVIEST:
        sys.exit(f"{name} weighs {weight} bytes, more than {HEAVIEST}: crop it")
    print(f"docs/pictures/{name}: {weight // 1000} kB")  # noqa: T201  says what it did


@contextmanager
def _site(folder: Path, port: int) -> Iterator[str]:
    """What the demo left, served until the block ends."""
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "newsletter", "demo", "--folder", str(folder), "--open"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:  # noqa: S603  our own command
        try:
            _wait_for(url)
            yield url
        finally:
            server.terminate()


def _wait_for(url: str) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        try:
            httpx.get(f"{url}/inscription")
        except httpx.TransportError:
            time.sleep(0.2)
        else:
            return
    sys.exit("the demo's site does not answer")


def _newsletter(*words: str) -> None:
    subprocess.run([sys.executable, "-m", "newsletter", *words], check=True)  # noqa: S603  our own command


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        draw(Path(made) / "demo")
