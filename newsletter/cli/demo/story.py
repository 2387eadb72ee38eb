"""The story, in the order it happens in a year: met in summer, written to in autumn, called by an adviser."""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import click
import httpx
import sqlalchemy as sa
from lxml import html
from sqlmodel import col, select

from newsletter import pipeline
from newsletter.advisers import export, files, people
from newsletter.advisers.cards import Card, cards
from newsletter.audience import import_report, imports, reading
from newsletter.catalogue.samples import load_samples
from newsletter.cli.demo.clock import MovedClock
from newsletter.cli.demo.figures import Figures, check, mailed_without_consent, summary, verdict_counts
from newsletter.cli.demo.issue import write_issue
from newsletter.cli.demo.postbox import Postbox, open_postbox
from newsletter.cli.demo.readers import Audience, Played, submit
from newsletter.cli.running import Running, in_background, listen, run
from newsletter.clock import Clock, in_paris, paris_day
from newsletter.config import Settings
from newsletter.delivery.envelopes import link_targets
from newsletter.delivery.report import edition_of
from newsletter.errors import NewsletterError, NotFoundError, RefusedError
from newsletter.house import House, lay_house, open_house
from newsletter.store.columns import key
from newsletter.store.people import SignUp, Subscriber
from newsletter.web.accounts import create_account
from newsletter.words import Axis, Role, _

T = TypeVar("T")
AN_AFTERNOON = timedelta(hours=4)
PASSWORD = "bienvenue-dans-le-lot"  # noqa: S105  printed by the demo, on a store that holds nobody real
ACCOUNTS = (
    ("admin", "Administration", Role.admin),
    ("camille", "Camille Roques", Role.marketing),
    ("claire", "Claire Delmas", Role.adviser),
    ("hugo", "Hugo Ferrand", Role.adviser),
    ("nadia", "Nadia Belkacem", Role.adviser),
    ("paul", "Paul Marty", Role.adviser),
)
SIGN_UPS = Path(imports.__file__).parent / "samples" / "signups-ete-2026.csv"
ADVISERS = Path(files.__file__).parent / "samples" / "advisers.yaml"
SITE = "site.txt"  # in the demo's folder: where its pages were, for `--open`
PATIENCE = 60.0  # seconds, for each thing that happens by itself


def play(folder: Path, *, port: int) -> None:
    """Play the story into this folder. Raises when a figure does not add up."""
    _clear(folder)
    clock = MovedClock(behind=AN_AFTERNOON)
    with _open(folder, clock, port=port) as (house, running, postbox):
        imported = _summer(house, folder)
        signed_up = _a_visitor_signs_up(house, running, postbox, clock)
        issue_id = _autumn(house)
        played = _readers_act(house, running, postbox, clock, issue_id)
        figures = _count(house, postbox, issue_id, imported=imported, played=played, sign_ups=signed_up)
    _write_exports(folder / "exports", figures.leads)
    check(figures)
    click.echo(summary(figures, folder=str(folder), url=running.url))
    _say_accounts()


def reopen(folder: Path) -> None:
    """Serve what the last demo left, until Ctrl+C."""
    if not (folder / SITE).exists():
        raise NotFoundError(_("Il n’y a pas encore de démo à ouvrir. Lancez d’abord « make demo »."))
    url = httpx.URL((folder / SITE).read_text(encoding="ascii").strip())
    with open_postbox(folder / "boite") as postbox:
        house = open_house(_settings(folder, base_url=str(url), smtp_port=postbox.port))
        sock = listen(url.host, url.port or 80)
        click.echo(_("La démo est ouverte : {url}/bureau   (Ctrl+C pour fermer)").format(url=url))
        _say_accounts()
        run(house, sock)


def _clear(folder: Path) -> None:
    """Make room for a new play; a folder that is not a demo's is never touched."""
    if folder.exists() and any(folder.iterdir()) and not (folder / SITE).exists():
        raise RefusedError(
            _("Le dossier {folder} n’est pas celui d’une démo. Choisissez-en un autre avec --folder.").format(
                folder=folder
            )
        )
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


@contextmanager
def _open(folder: Path, clock: Clock, *, port: int) -> Iterator[tuple[House, Running, Postbox]]:
    """A whole house over a new store, and a mail server behind it."""
    try:
        sock = listen("127.0.0.1", port)
    except NewsletterError:
        sock = listen("127.0.0.1", 0)
    base_url = "http://{}:{}".format(*sock.getsockname()[:2])
    (folder / SITE).write_text(base_url, encoding="ascii")
    with open_postbox(folder / "boite") as postbox:
        settings = _settings(folder, base_url=base_url, smtp_port=postbox.port)
        lay_house(settings)
        house = open_house(settings, clock=clock)
        with in_background(house, sock) as running:
            yield house, running, postbox
        house.store.close()


def _settings(folder: Path, *, base_url: str, smtp_port: int) -> Settings:
    return Settings(
        home=folder / "donnees",
        database_url=f"sqlite:///{folder / 'donnees' / 'newsletter.db'}",
        base_url=base_url,
        smtp_host="127.0.0.1",
        smtp_port=smtp_port,
        smtp_security="none",
        smtp_username="",
    )


def _summer(house: House, folder: Path) -> imports.Plan:
    """The territory is there; the catalogue, the team and the summer's coupons come in."""
    now = house.clock.now()
    with house.store.transaction() as session:
        load_samples(session, today=paris_day(now), media=house.settings.media)
        for login, name, role in ACCOUNTS:
            create_account(session, login=login, name=name, role=role, password=PASSWORD, now=now)
        files.load_file(session, ADVISERS)
    click.echo(_("1. Catalogue, comptes et référents sont en place."))
    sheet = reading.read_file(SIGN_UPS)
    with house.store.transaction() as session:
        plan = imports.take_in(session, house.keys, sheet, now=now, commit=True)
    (folder / "rapport-import.txt").write_text(import_report.file_text(sheet, plan), encoding="utf-8")
    click.echo(_("2. Le fichier d’inscriptions est importé ({lines} lignes).").format(lines=plan.lines))
    return plan


def _a_visitor_signs_up(house: House, running: Running, postbox: Postbox, clock: MovedClock) -> int:
    """Somebody at a campsite follows a QR code, ticks two boxes, and confirms from their mailbox."""
    visitor = "visiteuse@exemple.example"
    with httpx.Client() as client:
        boxes = {Axis.newsletter.value: "1", Axis.clicks.value: "1"}
        submit(client, clock, f"{running.url}/i/bde26s", address=visitor, first_name="Léonie", **boxes)
        letter = _wait(lambda: postbox.letter_to(visitor), what=_("la lettre de confirmation"))
        body = letter.get_body(("html",))
        assert body is not None
        links = [url for _element, _attribute, url, _at in html.fromstring(body.get_content()).iterlinks()]
        submit(client, clock, next(url for url in links if "/k/" in url))
    with house.store.reading() as session:
        confirmed = session.exec(select(sa.func.count(col(SignUp.confirmed_at)))).one()
    click.echo(_("3. Une visiteuse s’est inscrite par un QR code et a confirmé depuis sa boîte."))
    return confirmed


def _autumn(house: House) -> int:
    """Marketing writes an issue, approves it, and lets it leave in a few seconds."""
    with house.store.transaction() as session:
        issue_id = write_issue(session, now=house.clock.now())
    pipeline.approve_issue(house, issue_id)
    soon = in_paris(house.clock.now() + timedelta(seconds=4)).replace(tzinfo=None)
    pipeline.schedule_issue(house, issue_id, local=soon)
    click.echo(_("4. Un numéro est écrit, approuvé et programmé dans quatre secondes."))
    _wait(lambda: pipeline.issue_balance(house, issue_id).finished, what=_("l’envoi"))
    click.echo(_("5. Il est parti : chaque lettre a son sort dans le registre."))
    return issue_id


def _readers_act(house: House, running: Running, postbox: Postbox, clock: MovedClock, issue_id: int) -> Played:
    """Readers click, answer, leave; a mail scanner fetches everything. Their acts are loaded, judged and weighed."""
    with house.store.reading() as session:
        edition = edition_of(session, issue_id)
        assert edition is not None
        targets = link_targets(session, key(edition.id))
    with httpx.Client() as client:
        played = Audience(client, clock, running.url, targets).play(postbox.issues())
    clock.move(timedelta(minutes=2))  # a click keeps its provisional verdict for a minute (TRK-05)
    pipeline.load_hits(house)
    pipeline.refresh_leads(house)
    click.echo(_("6. Des lecteurs ont agi, un robot aussi ; les pistes sont confiées aux référents."))
    return played


def _count(
    house: House, postbox: Postbox, issue_id: int, *, imported: imports.Plan, played: Played, sign_ups: int
) -> Figures:
    with house.store.reading() as session:
        edition = edition_of(session, issue_id)
        assert edition is not None
        return Figures(
            imported=imported,
            subscribers=session.exec(select(sa.func.count()).select_from(Subscriber)).one(),
            sign_ups=sign_ups,
            balance=pipeline.issue_balance(house, issue_id),
            in_maildir=len(postbox.issues()),
            mailed_without_consent=mailed_without_consent(session, key(edition.id), left_since=played.leavers),
            played=played,
            verdicts=verdict_counts(session),
            leads={one.name: cards(session, adviser_id=key(one.id)) for one in people.advisers(session)},
        )


def _write_exports(folder: Path, leads: dict[str, list[Card]]) -> None:
    folder.mkdir()
    for name, theirs in leads.items():
        path = folder / name.lower().replace(" ", "-")
        with path.with_suffix(".csv").open("wb") as file:
            export.write_csv(theirs, file)
        with path.with_suffix(".xlsx").open("wb") as file:
            export.write_xlsx(theirs, file)


def _say_accounts() -> None:
    logins = ", ".join(login for login, _name, _role in ACCOUNTS)
    click.echo(_("Comptes : {logins} — mot de passe : {password}").format(logins=logins, password=PASSWORD))


def _wait(happened: Callable[[], T | None], *, what: str) -> T:
    """What happens by itself, once it has; raises with its name when it does not."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if result := happened():
            return result
        time.sleep(0.1)
    raise NewsletterError(_("La démo attend en vain : {what}.").format(what=what))
