"""The story, in the order it happens in a year: met in summer, written to in autumn, called by an adviser."""

import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import click
import httpx
import sqlalchemy as sa
from lxml import html
from sqlmodel import col, select

from newsletter import pipeline, urls
from newsletter.accounts.accounts import create_account
from newsletter.advisers import export, files, people
from newsletter.advisers.cards import Card, cards
from newsletter.clock import in_paris, paris_day
from newsletter.delivery.ledger.balance import edition_of
from newsletter.delivery.sender.envelopes import link_targets
from newsletter.demo.figures import Figures, check, mailed_without_consent, summary, verdict_counts
from newsletter.demo.issue import write_issue
from newsletter.demo.readers import Audience, Played, submit
from newsletter.demo.samples import SAMPLES, load_samples
from newsletter.demo.stage import Stage
from newsletter.errors import NewsletterError
from newsletter.i18n import _
from newsletter.imports import reading, report
from newsletter.imports.plan import Plan, take_in
from newsletter.instance import Instance
from newsletter.store.columns import key
from newsletter.store.people import SignUp, Subscriber
from newsletter.words import Axis, Role

T = TypeVar("T")
PASSWORD = "bienvenue-dans-le-lot"  # noqa: S105  printed by the demo, on a store that holds nobody real
ACCOUNTS = (
    ("admin", "Administration", Role.admin),
    ("camille", "Camille Roques", Role.marketing),
    ("claire", "Claire Delmas", Role.adviser),
    ("hugo", "Hugo Ferrand", Role.adviser),
    ("nadia", "Nadia Belkacem", Role.adviser),
    ("paul", "Paul Marty", Role.adviser),
)
SIGN_UPS = SAMPLES / "signups-ete-2026.csv"
ADVISERS = SAMPLES / "advisers.yaml"
PATIENCE = 60.0  # seconds, for each thing that happens by itself


def play(stage: Stage) -> None:
    """Play the story into the stage's folder. Raises when a figure does not add up."""
    instance = stage.instance
    imported = _summer(instance, stage.folder)
    signed_up = _a_visitor_signs_up(stage)
    issue_id = _autumn(instance)
    played = _readers_act(stage, issue_id)
    figures = _count(stage, issue_id, imported=imported, played=played, sign_ups=signed_up)
    _write_exports(stage.folder / "exports", figures.leads)
    check(figures)
    click.echo(summary(figures, folder=str(stage.folder), url=stage.url))
    say_accounts()


def _summer(instance: Instance, folder: Path) -> Plan:
    """The territory is there; the catalogue, the team and the summer's coupons come in."""
    now = instance.clock.now()
    with instance.store.transaction() as session:
        load_samples(session, today=paris_day(now), media=instance.settings.media)
        for login, name, role in ACCOUNTS:
            create_account(session, login=login, name=name, role=role, password=PASSWORD, now=now)
        files.load_file(session, ADVISERS)
    click.echo(_("1. Catalogue, comptes et référents sont en place."))
    sheet = reading.read_file(SIGN_UPS)
    with instance.store.transaction() as session:
        plan = take_in(session, instance.keys, sheet, now=now, commit=True)
    (folder / "rapport-import.txt").write_text(report.file_text(sheet, plan), encoding="utf-8")
    click.echo(_("2. Le fichier d’inscriptions est importé ({lines} lignes).").format(lines=plan.lines))
    return plan


def _a_visitor_signs_up(stage: Stage) -> int:
    """Somebody at a campsite follows a QR code, ticks two boxes, and confirms from their mailbox."""
    visitor = "visiteuse@exemple.example"
    with httpx.Client() as client:
        boxes = {Axis.newsletter.value: "1", Axis.clicks.value: "1"}
        form = urls.support_url(stage.url, "bde26s")
        submit(client, stage.clock, form, address=visitor, first_name="Léonie", **boxes)
        letter = _wait(lambda: stage.mail_server.letter_to(visitor), what=_("la lettre de confirmation"))
        body = letter.get_body(("html",))
        assert body is not None
        links = [url for _element, _attribute, url, _at in html.fromstring(body.get_content()).iterlinks()]
        submit(client, stage.clock, next(url for url in links if urls.CONFIRM_PATH + "/" in url))
    with stage.instance.store.reading() as session:
        confirmed = session.exec(select(sa.func.count(col(SignUp.confirmed_at)))).one()
    click.echo(_("3. Une visiteuse s’est inscrite par un QR code et a confirmé depuis sa boîte."))
    return confirmed


def _autumn(instance: Instance) -> int:
    """Marketing writes an issue, approves it, and lets it leave in a few seconds."""
    with instance.store.transaction() as session:
        issue_id = write_issue(session, now=instance.clock.now())
    pipeline.approve_issue(instance, issue_id)
    soon = in_paris(instance.clock.now() + timedelta(seconds=4)).replace(tzinfo=None)
    pipeline.schedule_issue(instance, issue_id, local=soon)
    click.echo(_("4. Un numéro est écrit, approuvé et programmé dans quatre secondes."))
    _wait(lambda: pipeline.issue_balance(instance, issue_id).finished, what=_("l’envoi"))
    click.echo(_("5. Il est parti : chaque lettre a son sort dans le registre."))
    return issue_id


def _readers_act(stage: Stage, issue_id: int) -> Played:
    """Readers click, answer, leave; a mail scanner fetches everything. Their acts are loaded, judged and weighed."""
    with stage.instance.store.reading() as session:
        edition = edition_of(session, issue_id)
        assert edition is not None
        targets = link_targets(session, key(edition.id))
    with httpx.Client() as client:
        played = Audience(client, stage.clock, stage.url, targets).play(stage.mail_server.issues())
    stage.clock.move(timedelta(minutes=2))  # a click keeps its provisional verdict for a minute (TRK-05)
    pipeline.load_hits(stage.instance)
    pipeline.refresh_leads(stage.instance)
    click.echo(_("6. Des lecteurs ont agi, un robot aussi ; les pistes sont confiées aux référents."))
    return played


def _count(stage: Stage, issue_id: int, *, imported: Plan, played: Played, sign_ups: int) -> Figures:
    with stage.instance.store.reading() as session:
        edition = edition_of(session, issue_id)
        assert edition is not None
        return Figures(
            imported=imported,
            subscribers=session.exec(select(sa.func.count()).select_from(Subscriber)).one(),
            sign_ups=sign_ups,
            balance=pipeline.issue_balance(stage.instance, issue_id),
            in_maildir=len(stage.mail_server.issues()),
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


def say_accounts() -> None:
    """Tell who can log in to what the demo made."""
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
