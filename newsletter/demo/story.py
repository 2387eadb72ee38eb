"""The story, in the order it happens in a year: met in summer, written to in autumn, called by an adviser."""

import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import click
import httpx
from lxml import html

from newsletter import pipeline, urls
from newsletter.accounts.accounts import create_account
from newsletter.advisers import export, files, people
from newsletter.advisers.cards import Card, cards
from newsletter.audience.people import newsletter_readers, people_page
from newsletter.clock import in_paris, paris_day
from newsletter.delivery.sender.envelopes import link_targets
from newsletter.demo.figures import DemoFigures, check, summary
from newsletter.demo.issue import write_issue
from newsletter.demo.readers import DemoReaders, OpenedMail, ReaderActs, open_mail, submit
from newsletter.demo.samples import SAMPLES, load_demo_catalogue
from newsletter.demo.stage import Stage
from newsletter.errors import NewsletterError
from newsletter.i18n import _
from newsletter.imports import reading, report
from newsletter.imports.plan import ImportPlan, import_sheet
from newsletter.instance import Instance
from newsletter.reports.issues import issue_standing
from newsletter.store.columns import key
from newsletter.store.issues import edition_of
from newsletter.tracking.verdicts import verdict_counts
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
LONGEST_WAIT = 60.0  # seconds, for each thing that happens by itself


def play(stage: Stage) -> None:
    """Play the story into the stage's folder. Raises DemoFigureError when a figure does not add up."""
    instance = stage.instance
    imported = _summer(instance, stage.folder)
    signed_up = _a_visitor_signs_up(stage)
    issue_id = _autumn(instance)
    mails = [open_mail(message, base_url=stage.url) for message in stage.mail_server.issues()]
    acts = _readers_act(stage, issue_id, mails)
    figures = _count(stage, issue_id, imported=imported, mails=mails, acts=acts, sign_ups=signed_up)
    _write_exports(stage.folder / "exports", figures.leads)
    check(figures)
    click.echo(summary(figures, folder=str(stage.folder), url=stage.url))
    say_accounts()


def _summer(instance: Instance, folder: Path) -> ImportPlan:
    """The territory is there; the catalogue, the team and the summer's coupons come in."""
    now = instance.clock.now()
    with instance.store.transaction() as session:
        load_demo_catalogue(session, today=paris_day(now), media=instance.settings.media)
    for login, name, role in ACCOUNTS:
        create_account(instance.store, login=login, name=name, role=role, password=PASSWORD)
    with instance.store.transaction() as session:
        files.load_file(session, ADVISERS)
    click.echo(_("1. Catalogue, comptes et référents sont en place."))
    sheet = reading.read_file(SIGN_UPS)
    with instance.store.transaction() as session:
        plan = import_sheet(session, instance.keys, sheet, now=now, commit=True)
    (folder / "rapport-import.txt").write_text(report.file_text(sheet, plan), encoding="utf-8")
    click.echo(_("2. Le fichier d’inscriptions est importé ({lines} lignes).").format(lines=plan.rows))
    return plan


def _a_visitor_signs_up(stage: Stage) -> int:
    """Somebody at a campsite follows a QR code, ticks two boxes, and confirms from their mailbox."""
    visitor = "visiteuse@exemple.example"
    with httpx.Client() as client:
        boxes = {Axis.newsletter.value: "1", Axis.clicks.value: "1"}
        form = urls.support_url(stage.url, "bde26s")
        submit(client, stage.clock, form, address=visitor, first_name="Léonie", **boxes)
        letter = _wait(lambda: stage.mail_server.letter_to(visitor), what=_("le message de confirmation"))
        body = letter.get_body(("html",))
        assert body is not None
        links = [url for _element, _attribute, url, _at in html.fromstring(body.get_content()).iterlinks()]
        submit(client, stage.clock, next(url for url in links if urls.CONFIRM_PATH + "/" in url))
    with stage.instance.store.reading() as session:
        confirmed = people_page(session, sought=visitor).found
    click.echo(_("3. Une visiteuse s’est inscrite par un QR code et a confirmé depuis sa boîte."))
    return confirmed


def _autumn(instance: Instance) -> int:
    """Marketing writes an issue, approves it, and schedules it for the next second."""
    with instance.store.transaction() as session:
        issue_id = write_issue(session, now=instance.clock.now())
    pipeline.approve_issue(instance, issue_id)
    soon = in_paris(instance.clock.now() + timedelta(seconds=1)).replace(tzinfo=None)
    pipeline.schedule_issue(instance, issue_id, local=soon)
    click.echo(_("4. Un numéro est écrit, approuvé et programmé dans une seconde."))
    _wait(lambda: issue_standing(instance, issue_id).balance.finished, what=_("l’envoi"))
    click.echo(_("5. Il est parti : chaque lettre a son sort dans le registre."))
    return issue_id


def _readers_act(stage: Stage, issue_id: int, mails: Sequence[OpenedMail]) -> ReaderActs:
    """Readers click, answer, leave; a mail scanner fetches everything. Their acts are loaded, judged and weighed."""
    with stage.instance.store.reading() as session:
        edition = edition_of(session, issue_id)
        assert edition is not None
        targets = link_targets(session, key(edition.id))
    with httpx.Client() as client:
        acts = DemoReaders(client, stage.clock, targets).act(mails)
    stage.clock.move(timedelta(minutes=2))  # a click keeps its provisional verdict for a minute (TRK-05)
    pipeline.load_hits(stage.instance)
    pipeline.refresh_leads(stage.instance)
    click.echo(_("6. Des lecteurs ont agi, un robot aussi ; les pistes sont confiées aux référents."))
    return acts


def _count(
    stage: Stage, issue_id: int, *, imported: ImportPlan, mails: Sequence[OpenedMail], acts: ReaderActs, sign_ups: int
) -> DemoFigures:
    with stage.instance.store.reading() as session:
        said_yes = newsletter_readers(session).union(acts.leavers)  # who left after their mail had said yes before
        return DemoFigures(
            imported=imported,
            subscribers=people_page(session).found,
            sign_ups=sign_ups,
            balance=issue_standing(stage.instance, issue_id).balance,
            in_maildir=len(mails),
            without_consent=sum(mail.recipient not in said_yes for mail in mails),
            acts=acts,
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
    until = time.monotonic() + LONGEST_WAIT
    while time.monotonic() < until:
        if result := happened():
            return result
        time.sleep(0.2)
    raise NewsletterError(_("La démo attend en vain : {what}.").format(what=what))
