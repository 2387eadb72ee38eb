"""From the QR code on a campsite table to the list on an adviser's desk, over real HTTP and real SMTP."""

import csv
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from urllib.parse import urljoin

import httpx
import pytest
from lxml import html
from sqlmodel import col, select

from newsletter import pipeline, sending
from newsletter.accounts.accounts import create_account
from newsletter.advisers import files
from newsletter.clock import in_paris, paris_day
from newsletter.demo.samples import SAMPLES, load_demo_catalogue
from newsletter.instance import Instance, create_instance
from newsletter.reports.issues import issue_standing
from newsletter.store.activity import Event
from newsletter.store.leads import Adviser, Lead
from newsletter.store.people import Consent, Subscriber
from newsletter.tracking.journal import Journal
from newsletter.tracking.link_table import LinkTable
from newsletter.tracking.tracker import Tracker
from newsletter.words import Axis, ConsentState, Role, Verdict
from tests.kit.clock import StoppedClock
from tests.kit.serving import PHRASE, a_browser, csrf_of, serve, web_client
from tests.kit.smtp import MailServer, smtp_server

ADVISERS = SAMPLES / "advisers.yaml"
LEONIE, RENE, GATEWAY = "leonie@example.org", "rene@example.org", "gaston@example.org"


@dataclass
class Story:
    """A served instance with its catalogue, its team and a mail server behind it."""

    instance: Instance
    clock: StoppedClock
    mail_server: MailServer

    @property
    def site(self) -> str:
        return self.instance.settings.base_url

    def mails_to(self, address: str) -> list[EmailMessage]:
        taken = [message for message in self.mail_server.received if message.recipient == address]
        return [message_from_bytes(message.message, policy=policy.default) for message in taken]

    def sign_up(self, address: str, *axes: Axis) -> None:
        """Follow the QR code, fill in the form in half a minute, confirm from the letter."""
        with web_client() as client:
            boxes = {axis.value: "1" for axis in (Axis.newsletter, *axes)}
            self.fill(client, f"{self.site}/i/gra26c", address=address, first_name="Camille", **boxes)
            pipeline.send_pending_letters(self.instance)
            (letter,) = self.mails_to(address)
            self.fill(client, next(url for url in links(letter) if "/k/" in url))
            pipeline.send_pending_letters(self.instance)

    def fill(self, client: httpx.Client, url: str, **fields: str) -> httpx.Response:
        page = client.get(url).raise_for_status()
        self.clock.advance(timedelta(seconds=30))
        form = html.fromstring(page.text).forms[-1]
        answer = client.post(urljoin(url, form.action or ""), data=dict(form.form_values()) | fields)
        assert answer.status_code in (200, 303), answer.text
        return answer


@pytest.fixture
def story(instance: Instance, clock: StoppedClock) -> Iterator[Story]:
    create_instance(instance.settings)
    with instance.store.transaction() as session:
        load_demo_catalogue(session, today=paris_day(clock.now()), media=instance.settings.media)
    for login, role in (("marketing", Role.marketing), ("hugo", Role.adviser)):
        create_account(instance.store, login=login, name=login, role=role, password=PHRASE)
    with instance.store.transaction() as session:
        files.load_file(session, ADVISERS)
    with smtp_server() as mail_server, _served(instance, mail_server) as served:
        yield Story(served, clock, mail_server)


@contextmanager
def _served(instance: Instance, mail_server: MailServer) -> Iterator[Instance]:
    settings = instance.settings.model_copy(update={"smtp_port": mail_server.port})
    tracker = Tracker(
        keys=instance.keys,
        journal=Journal(settings.journal, clock=instance.clock),
        links=LinkTable(settings.links),
        clock=instance.clock,
    )
    with serve(Instance(settings, instance.store, instance.keys, instance.clock), tracker=tracker) as served:
        yield served


def links(mail: EmailMessage) -> list[str]:
    body = mail.get_body(("html",))
    assert body is not None
    return [url for _element, _attribute, url, _at in html.fromstring(body.get_content()).iterlinks()]


def test_from_the_qr_code_to_the_advisers_export(story: Story) -> None:
    # At the campsite: three visitors confirm, a fourth never does.
    story.sign_up(LEONIE, Axis.clicks)
    story.sign_up(RENE, Axis.clicks, Axis.adviser)
    story.sign_up(GATEWAY, Axis.clicks, Axis.adviser)
    with web_client() as client:
        story.fill(client, f"{story.site}/inscription", address="never@example.org", newsletter="1")
    pipeline.send_pending_letters(story.instance)

    issue_id = marketing_sends_an_issue(story)

    assert issue_standing(story.instance, issue_id).balance.accepted == 3
    assert {m.recipient for m in story.mail_server.received if b"List-Unsubscribe-Post" in m.message} == {
        LEONIE, RENE, GATEWAY
    }  # fmt: skip
    readers_act(story)
    story.clock.advance(timedelta(minutes=2))
    pipeline.load_hits(story.instance)
    pipeline.refresh_leads(story.instance)

    the_scanner_is_no_lead_and_the_caller_is(story)
    the_adviser_sees_and_exports(story)


def marketing_sends_an_issue(story: Story) -> int:
    """All of it from the back-office pages."""
    with a_browser(story.site, "marketing") as browser:
        new = browser.get("/bureau/numeros/nouveau").raise_for_status()
        made = browser.post(
            "/bureau/numeros/nouveau",
            data={"csrf": csrf_of(new), "title": "Automne", "segment": "accord newsletter = oui"},
        )
        page = urljoin(story.site, made.headers["location"])
        found = re.search(r"/bureau/numeros/(\d+)", page)
        assert found
        number = int(found[1])
        write_blocks(story, number)
        assert "Et si vous restiez" in browser.get(f"/bureau/numeros/{number}/apercu/lettre").text
        csrf = csrf_of(browser.get(f"/bureau/numeros/{number}"))
        browser.post(f"/bureau/numeros/{number}/approuver", data={"csrf": csrf})
        local = in_paris(story.clock.now() + timedelta(hours=1))
        when = {"csrf": csrf, "day": f"{local:%Y-%m-%d}", "time": f"{local:%H:%M}"}
        browser.post(f"/bureau/numeros/{number}/programmer", data=when)
        assert pipeline.release_due(story.instance) == []  # not before its hour
        story.clock.advance(timedelta(hours=1))
        assert [plan.mails for plan in pipeline.release_due(story.instance)] == [3]
        assert sending.deliver(story.instance).attempts == 3
        assert "acceptée" in browser.get(f"/bureau/numeros/{number}").text
    return number


def write_blocks(story: Story, issue_id: int) -> None:
    from newsletter.demo.issue import write_issue
    from newsletter.issues import draft

    with story.instance.store.transaction() as session:
        sample = draft.the_issue(session, write_issue(session, now=story.clock.now()))
        draft.edit(
            session,
            issue_id,
            subject=sample.subject,
            preheader=sample.preheader,
            blocks=draft.blocks_of(sample),
        )


def readers_act(story: Story) -> None:
    """Léonie clicks a job and asks to be called; René unsubscribes; a gateway fetches all of the third one's links."""
    with web_client() as client:
        story.clock.advance(timedelta(seconds=5))
        for url in links(story.mails_to(GATEWAY)[-1]):
            if url.startswith(story.site):
                client.get(url)
        story.clock.advance(timedelta(minutes=20))
        mail = story.mails_to(LEONIE)[-1]
        job = client.get(next(url for url in links(mail) if "/l/" in url))
        assert job.status_code == 302
        assert job.headers["location"].startswith("https://trois-vallees.example/")
        callback = [url for url in links(mail) if "/r/" in url][-1]
        story.fill(client, callback, phone="06 12 34 56 78")
        story.clock.advance(timedelta(minutes=5))
        leave = str(story.mails_to(RENE)[-1]["List-Unsubscribe"]).strip("<>")
        assert client.post(leave, data={"List-Unsubscribe": "One-Click"}).status_code == 200


def the_scanner_is_no_lead_and_the_caller_is(story: Story) -> None:
    with story.instance.store.reading() as session:
        leads = session.exec(select(Subscriber.address).join(Lead, col(Lead.subscriber_id) == col(Subscriber.id))).all()
        assert leads == [LEONIE]
        scanned = session.exec(
            select(Event.verdict)
            .join(Subscriber, col(Subscriber.id) == col(Event.subscriber_id))
            .where(col(Subscriber.address) == GATEWAY)
        ).all()
        assert set(scanned) == {Verdict.scanner}
        said = session.exec(
            select(Consent.state)
            .join(Subscriber, col(Subscriber.id) == col(Consent.subscriber_id))
            .where(col(Subscriber.address) == RENE, col(Consent.axis) == Axis.newsletter)
            .order_by(col(Consent.id))
        ).all()
        assert said == [ConsentState.granted, ConsentState.denied]


def the_adviser_sees_and_exports(story: Story) -> None:
    """Gramat, where they were met, is Hugo's territory."""
    with a_browser(story.site, "hugo") as browser:
        assert "Camille" in browser.get("/bureau/pistes").text
        exported = browser.get("/bureau/pistes/export.csv").raise_for_status()
        rows = list(csv.reader(io.StringIO(exported.content.decode("utf-8-sig")), delimiter=";"))
    assert len(rows) == 2
    assert LEONIE in rows[1]
    with story.instance.store.reading() as session:
        assert session.exec(select(Adviser.name)).all()
