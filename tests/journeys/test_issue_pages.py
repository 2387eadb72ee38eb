"""An issue, from its first words to its balance, through the pages alone."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from html import unescape

import httpx
import pytest
from sqlmodel import col, select

from newsletter.instance import Instance
from newsletter.store.activity import Event
from newsletter.store.catalogue import Portrait
from newsletter.store.issues import Edition, Issue
from newsletter.store.ledger import Mail, MailNote
from newsletter.words import Axis, EventKind, IssueState, MailState, NoteKind, Verdict
from tests.conftest import A_MONDAY
from tests.kit.clock import StoppedClock
from tests.kit.makers import a_link, a_mail, a_subscriber, an_edition, an_employer
from tests.kit.serving import a_browser, csrf_of, one_account_of_each_role, serve
from tests.kit.smtp import smtp_server

NUMBERS = "/bureau/numeros"


@pytest.fixture
def desk(instance: Instance) -> Iterator[httpx.Client]:
    """The back office, as the marketing team sees it."""
    one_account_of_each_role(instance)
    with serve(instance) as served, a_browser(served.settings.base_url, "marketing") as browser:
        browser.follow_redirects = True
        yield browser


def send(desk: httpx.Client, path: str, **fields: str | list[str]) -> httpx.Response:
    csrf = csrf_of(desk.get("/bureau/compte"))
    return desk.post(path, data={"csrf": csrf} | {name.replace("_", "-"): typed for name, typed in fields.items()})


def words(page: httpx.Response) -> str:
    """What a person reads on the page, on one line."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page.text)).split())


def the_only_issue(instance: Instance) -> Issue:
    with instance.store.reading() as session:
        return session.exec(select(Issue)).one()


def a_written_issue(instance: Instance, desk: httpx.Client) -> str:
    """The address of a draft that is ready to leave."""
    with instance.store.transaction() as session:
        a_subscriber(session)
    fields = {
        "title": "Lettre de décembre",
        "subject": "Trois métiers du Lot qui recrutent",
        "preheader": "Et le portrait de celle qui soigne les loutres.",
        "b0_kind": "text",
        "b0_markdown": "Le **causse** vous attend, et ses ateliers aussi.",
        "act": "save",
    }
    assert "C’est enregistré." in words(send(desk, f"{NUMBERS}/nouveau", **fields))
    return f"{NUMBERS}/{the_only_issue(instance).id}"


def test_the_buttons_of_the_blocks_keep_all_that_was_typed_and_write_nothing(
    instance: Instance, desk: httpx.Client
) -> None:
    typed = {
        "title": "Décembre",
        "segment": "pays",
        "b0_kind": "text",
        "b0_markdown": "<b>Premier</b> & dernier",
        "b1_kind": "poll",
        "b1_question": "Quand ?",
    }
    page = send(desk, f"{NUMBERS}/nouveau", **typed, act="down-0").text
    assert 'name="b0-question" required' not in page
    assert re.search(r'name="b0-question"[^>]*value="Quand \?"', page)
    assert "&lt;b&gt;Premier&lt;/b&gt; &amp; dernier" in page
    assert 'value="Décembre"' in page
    more = send(desk, f"{NUMBERS}/nouveau", **typed, act="add-callback").text
    assert 'name="b2-title"' in more
    less = send(desk, f"{NUMBERS}/nouveau", **typed, act="remove-0").text
    assert "Premier" not in less
    for nonsense in ("up-0", "down-9", "add-bomb", "remove-x", "dance"):
        assert "Premier" in send(desk, f"{NUMBERS}/nouveau", **typed, act=nonsense).text
    with instance.store.reading() as session:
        assert session.exec(select(Issue)).all() == []


def test_an_issue_is_written_from_the_catalogue(instance: Instance, desk: httpx.Client) -> None:
    with instance.store.transaction() as session:
        first, second = an_employer(session, "Atelier du Célé").id, an_employer(session, "Fonderie de Cahors").id
        portrait = Portrait(person="Inès Fabre", image_right_until=date(2027, 6, 1))
        session.add(portrait)
        session.flush()
        shown = portrait.id
    blocks: dict[str, str | list[str]] = {
        "title": "Décembre",
        "b0_kind": "employers",
        "b0_title": "Ils recrutent",
        "b0_employers": [str(first), str(second)],
        "b1_kind": "portrait",
    }
    refused = send(desk, f"{NUMBERS}/nouveau", **blocks, act="save")
    assert refused.status_code == 400
    assert "Choisissez un portrait" in words(refused)
    assert re.search(r'<p class="error" id="f-b1-portrait-error">', refused.text)
    assert "Ils recrutent" in refused.text
    saved = send(desk, f"{NUMBERS}/nouveau", **blocks, b1_portrait=str(shown), act="save")
    assert "C’est enregistré." in words(saved)
    assert the_only_issue(instance).blocks == [
        {"kind": "employers", "title": "Ils recrutent", "employers": [first, second]},
        {"kind": "portrait", "portrait": shown},
    ]
    assert saved.text.count(" checked") == 2


def test_a_segment_says_whom_it_reaches_or_what_is_wrong_where_it_was_typed(
    instance: Instance, desk: httpx.Client
) -> None:
    with instance.store.transaction() as session:
        a_subscriber(session)
        a_subscriber(session, Axis.clicks)  # never said yes to the letter
    assert "1 personne recevrait ce numéro." in words(send(desk, f"{NUMBERS}/nouveau", act="count"))
    wrong = send(desk, f"{NUMBERS}/nouveau", segment="humeur = bonne", act="count")
    assert re.search(r'<p class="error" id="f-segment-error">', wrong.text)
    assert "humeur = bonne</textarea>" in wrong.text


def test_an_issue_without_a_title_is_not_saved(instance: Instance, desk: httpx.Client) -> None:
    answer = send(desk, f"{NUMBERS}/nouveau", subject="Sans titre", act="save")
    assert answer.status_code == 400
    assert "Donnez un titre" in words(answer)
    assert 'value="Sans titre"' in answer.text


def test_the_preview_shows_the_mail_in_frames_that_run_nothing(instance: Instance, desk: httpx.Client) -> None:
    page = desk.get(a_written_issue(instance, desk) + "/apercu")
    frames = re.findall(r'<iframe class="(\w+)" src="([^"]+)"', page.text)
    assert [kind for kind, _address in frames] == ["phone", "desktop"]
    assert "causse vous attend" in re.sub(r"[*_]", "", words(page))
    mail = desk.get(frames[0][1])
    assert "sandbox" in mail.headers["content-security-policy"]
    assert "default-src 'none'" in mail.headers["content-security-policy"]
    assert "causse" in mail.text


def test_a_test_goes_to_the_address_typed_and_a_wrong_one_is_said(instance: Instance) -> None:
    one_account_of_each_role(instance)
    with smtp_server() as mail_server:
        settings = instance.settings.model_copy(update={"smtp_port": mail_server.port})
        with (
            serve(replace(instance, settings=settings)) as served,
            a_browser(served.settings.base_url, "admin") as desk,
        ):
            desk.follow_redirects = True
            issue = a_written_issue(instance, desk)
            wrong = send(desk, f"{issue}/essai", to="pas une adresse")
            assert wrong.status_code == 400
            assert 'id="f-to-error"' in wrong.text
            assert "L’essai est parti" in words(send(desk, f"{issue}/essai", to="camille@example.org"))
    assert mail_server.recipients == ["camille@example.org"]


def test_an_issue_is_approved_scheduled_in_paris_time_and_reopened(instance: Instance, desk: httpx.Client) -> None:
    issue = a_written_issue(instance, desk)
    assert "Quand part-il ?" in words(send(desk, f"{issue}/approuver"))
    assert desk.get(f"{issue}/ecrire").status_code == 409
    gone_by = send(desk, f"{issue}/programmer", day="2026-11-22", time="09:00")
    assert gone_by.status_code == 400
    assert "déjà passé" in words(gone_by)
    assert "Donnez un jour et une heure" in words(send(desk, f"{issue}/programmer", day="jeudi", time="9h"))
    answer = send(desk, f"{issue}/programmer", day="2026-12-03", time="09:00")
    assert "il part jeudi 3 décembre 2026 à 09:00, heure de Paris" in words(answer)
    assert the_only_issue(instance).send_at == datetime(2026, 12, 3, 8, 0, tzinfo=UTC)
    assert "Part jeudi 3 décembre 2026 à 09:00" in words(desk.get("/bureau"))
    assert "Déprogrammer" in words(desk.get(issue))
    assert "n’a plus de date" in words(send(desk, f"{issue}/deprogrammer"))
    assert (the_only_issue(instance).state, the_only_issue(instance).send_at) == (IssueState.approved, None)
    assert "Déprogrammer" not in words(desk.get(issue))
    assert send(desk, f"{issue}/deprogrammer").status_code == 409
    assert "il part" in words(send(desk, f"{issue}/programmer", day="2026-12-03", time="09:00"))
    assert "de nouveau un brouillon" in words(send(desk, f"{issue}/rouvrir"))
    assert the_only_issue(instance).state is IssueState.draft
    assert "vous pourrez le rouvrir" in words(desk.get(f"{issue}/annuler"))
    assert "Rouvrir pour modifier" in words(send(desk, f"{issue}/annuler"))
    assert "de nouveau un brouillon" in words(send(desk, f"{issue}/rouvrir"))
    with instance.store.reading() as session:
        assert session.exec(select(Edition)).all() == []


def test_an_issue_with_nothing_in_it_cannot_be_approved_and_says_why(instance: Instance, desk: httpx.Client) -> None:
    page = send(desk, f"{NUMBERS}/nouveau", title="Vide", act="save")
    issue = f"{NUMBERS}/{the_only_issue(instance).id}"
    assert "à corriger" in words(desk.get(issue))
    assert "Approuver ce numéro" not in words(page)
    assert send(desk, f"{issue}/approuver").status_code == 409


def a_departed_issue(instance: Instance) -> tuple[str, int]:
    """An issue half-way: of four mails one was accepted, one refused, one is in doubt, one waits."""
    with instance.store.transaction() as session:
        edition = an_edition(session, planned_at=A_MONDAY)
        readers = [a_subscriber(session, Axis.newsletter, Axis.clicks) for _ in range(4)]
        mails = [a_mail(session, reader, edition) for reader in readers]
        states = (MailState.accepted, MailState.refused, MailState.in_doubt, MailState.planned)
        for mail, state in zip(mails, states, strict=True):
            mail.state = state
        refusal = MailNote(
            mail_id=mails[1].id or 0,
            at=A_MONDAY,
            kind=NoteKind.refused,
            code=550,
            enhanced="5.1.1",
            words="No such user",
        )
        session.add_all([*mails, refusal])
        link = a_link(session, edition, 1, label="Atelier du Célé")
        for verdict in (Verdict.human, Verdict.human, Verdict.scanner):
            session.add(
                Event(
                    subscriber_id=readers[0].id or 0, mail_id=mails[0].id, link_id=link.id,
                    kind=EventKind.clicked, at=A_MONDAY, verdict=verdict,
                )
            )  # fmt: skip
        return f"{NUMBERS}/{edition.issue_id}", edition.issue_id


def test_a_send_is_followed_paused_resumed_and_cancelled_after_a_question(
    instance: Instance, desk: httpx.Client
) -> None:
    issue, issue_id = a_departed_issue(instance)
    page = desk.get(issue)
    assert "Lettres acceptées : 1 sur 4" in words(page)
    assert "550 5.1.1 No such user" in words(page)
    assert 'http-equiv="refresh"' in page.text
    assert 'http-equiv="refresh"' not in desk.get(f"{issue}?fixe=1").text
    assert "en pause" in words(send(desk, f"{issue}/pause"))
    assert 'http-equiv="refresh"' not in desk.get(issue).text
    assert "reprend" in words(send(desk, f"{issue}/reprendre"))
    assert "on ne peut plus le rouvrir. Mettez-le en pause" in words(send(desk, f"{issue}/rouvrir"))
    assert "1 lettre ne partira jamais" in words(desk.get(f"{issue}/annuler"))
    assert "C’est définitif" in words(desk.get(f"{issue}/annuler"))
    cancelled = words(send(desk, f"{issue}/annuler"))
    assert "Le numéro est annulé" in cancelled
    assert "Rouvrir pour modifier" not in cancelled
    with instance.store.reading() as session:
        states = session.exec(select(Mail.state).order_by(col(Mail.seq))).all()
        assert session.exec(select(Issue.state).where(col(Issue.id) == issue_id)).one() is IssueState.cancelled
    assert list(states) == [MailState.accepted, MailState.refused, MailState.in_doubt, MailState.cancelled]


def test_a_report_counts_people_among_those_who_accepted_and_leaves_robots_out(
    instance: Instance, desk: httpx.Client
) -> None:
    _issue, issue_id = a_departed_issue(instance)
    page = words(desk.get(f"/bureau/bilans/{issue_id}"))
    assert "Une seule personne a accepté la mesure : 1 sur 1." in page
    assert "Personne n’a accepté cette mesure" in page  # opens
    assert "1 passage de robot" in page
    assert "Atelier du Célé 1 personne" in page
    assert desk.get("/bureau/bilans/999").status_code == 404


def test_home_says_what_waits_for_a_person(instance: Instance, desk: httpx.Client, clock: StoppedClock) -> None:
    assert "La page est blanche" in words(desk.get("/bureau"))
    a_departed_issue(instance)
    with instance.store.transaction() as session:
        session.add(Portrait(person="Inès Fabre", image_right_until=date(2026, 12, 4)))
    page = words(desk.get("/bureau"))
    assert "1 lettre dans le doute" in page
    assert "Portrait « Inès Fabre » : le droit à l’image finit le 4 décembre 2026" in page
