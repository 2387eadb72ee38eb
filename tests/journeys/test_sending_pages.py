"""Control of a send through pages and commands: late issues, hours, doubts, and the lock of a restored instance."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path

import httpx
import pytest
from click.testing import Result
from sqlmodel import col, select

import scheduler
from newsletter import pipeline
from newsletter.delivery.ledger import doubt, restore_lock
from newsletter.delivery.ledger.lanes import open_lane
from newsletter.delivery.throttle import backoff
from newsletter.instance import Instance
from newsletter.store.columns import key
from newsletter.store.issues import Issue
from newsletter.store.ledger import Mail, MailNote, ProviderBackoff
from newsletter.store.work import TickMark
from newsletter.web.senders import TICK_NAMES
from newsletter.words import IssueState, MailState, NoteKind
from tests.conftest import A_MONDAY
from tests.kit.certificates import Authority
from tests.kit.clock import StoppedClock
from tests.kit.makers import a_mail, a_subscriber, an_edition
from tests.kit.serving import a_browser, csrf_of, one_account_of_each_role, serve

NUMBERS = "/bureau/numeros"


@pytest.fixture
def desk(instance: Instance) -> Iterator[httpx.Client]:
    """The back office, as the marketing team sees it."""
    one_account_of_each_role(instance)
    with serve(instance) as served, a_browser(served.settings.base_url, "marketing") as browser:
        browser.follow_redirects = True
        yield browser


def send(desk: httpx.Client, path: str, **fields: str) -> httpx.Response:
    return desk.post(path, data={"csrf": csrf_of(desk.get("/bureau/compte"))} | fields)


def words(page: httpx.Response) -> str:
    """What a person reads on the page, on one line."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page.text)).replace("\N{NO-BREAK SPACE}", " ").split())


def an_issue(instance: Instance, state: IssueState, *, hours_ago: int = 0) -> int:
    with instance.store.transaction() as session:
        a_subscriber(session)
        issue = session.get_one(Issue, an_edition(session).issue_id)
        issue.state, issue.send_at = state, A_MONDAY - timedelta(hours=hours_ago)
        return key(issue.id)


def issue_in_doubt(instance: Instance) -> tuple[int, list[int]]:
    """An issue that has left, of whose four mails three are in doubt."""
    with instance.store.transaction() as session:
        edition = an_edition(session, planned_at=A_MONDAY)
        mails = [a_mail(session, a_subscriber(session), edition) for _ in range(4)]
        for mail in mails[1:]:
            mail.state, mail.armed_at = MailState.in_doubt, A_MONDAY
            session.add(MailNote(mail_id=key(mail.id), at=A_MONDAY, kind=NoteKind.doubt))
        session.flush()
        return edition.issue_id, [key(mail.id) for mail in mails[1:]]


def states(instance: Instance, mails: list[int]) -> list[MailState]:
    with instance.store.reading() as session:
        found = session.exec(select(Mail).where(col(Mail.id).in_(mails)).order_by(col(Mail.id))).all()
        return [mail.state for mail in found]


def test_a_late_issue_asks_at_home_and_on_its_page_and_leaves_when_told(instance: Instance, desk: httpx.Client) -> None:
    issue_id = an_issue(instance, IssueState.scheduled, hours_ago=20)
    assert "devait partir dimanche 22 novembre 2026 à 14:00 et attend votre accord" in words(desk.get("/bureau"))
    page = words(desk.get(f"{NUMBERS}/{issue_id}"))
    assert "Ce numéro attend votre accord" in page
    assert "Choisir une autre date" in page
    assert pipeline.release_due(instance) == []
    answer = words(send(desk, f"{NUMBERS}/{issue_id}/maintenant"))
    assert "il part maintenant" in answer
    assert "attend votre accord" not in answer
    assert len(pipeline.release_due(instance)) == 1
    assert send(desk, f"{NUMBERS}/{issue_id}/maintenant").status_code == 409


def test_the_hours_of_an_issue_are_set_said_and_taken_away(instance: Instance, desk: httpx.Client) -> None:
    issue_id = an_issue(instance, IssueState.scheduled)
    issue = f"{NUMBERS}/{issue_id}"
    said = words(send(desk, f"{issue}/heures", opens="18:00", closes="20:30"))
    assert "entre 18:00 et 20:30" in said
    pipeline.release_due(instance)
    assert "la suite part lundi 23 novembre 2026 à 18:00" in words(desk.get(issue))
    assert 'value="20:30"' in desk.get(issue).text
    assert "deux heures différentes" in words(send(desk, f"{issue}/heures", opens="18:00"))
    assert "comme 08:30" in words(send(desk, f"{issue}/heures", opens="tôt", closes="tard"))
    assert "à toute heure" in words(send(desk, f"{issue}/heures"))
    assert "la suite part" not in words(desk.get(issue))


def test_doubts_are_listed_and_settled_one_by_one_or_all_after_a_question(
    instance: Instance, desk: httpx.Client
) -> None:
    issue_id, mails = issue_in_doubt(instance)
    other_issue, others = issue_in_doubt(instance)
    doubts = f"{NUMBERS}/{issue_id}/doutes"
    assert "Voir ces lettres, et décider" in words(desk.get(f"{NUMBERS}/{issue_id}"))
    page = desk.get(doubts)
    assert "3 lettres dans le doute" in words(page)
    assert page.text.count("choix=resend&amp;lettre=") == 3
    question = desk.get(f"{doubts}/decider?choix=arrived&lettre={mails[0]}")
    assert "Cette lettre est arrivée ?" in words(question)
    assert states(instance, mails) == [MailState.in_doubt] * 3  # a question changes nothing
    assert "1 doute est levé" in words(send(desk, f"{doubts}/decider", choix="arrived", lettre=str(mails[0])))
    assert "déjà levé" in words(desk.get(f"{doubts}/decider?choix=arrived&lettre={mails[0]}"))
    assert "Renvoyer ces 2 lettres ?" in words(desk.get(f"{doubts}/decider?choix=resend"))
    assert "2 doutes sont levés" in words(send(desk, f"{doubts}/decider", choix="resend"))
    assert states(instance, mails) == [MailState.settled, MailState.deferred, MailState.deferred]
    assert states(instance, others) == [MailState.in_doubt] * 3
    assert "0 doute est levé" in words(send(desk, f"{doubts}/decider", choix="drop", lettre=str(others[0])))
    assert "Tous les doutes sont levés." in words(desk.get(doubts))
    assert desk.get(f"{doubts}/decider?choix=burn").status_code in (400, 422)
    assert "Abandonner ces 3 lettres ?" in words(desk.get(f"{NUMBERS}/{other_issue}/doutes/decider?choix=drop"))


def test_what_becomes_of_doubts_is_chosen_before_and_while_an_issue_leaves(
    instance: Instance, desk: httpx.Client, command: Callable[..., Result]
) -> None:
    approved = an_issue(instance, IssueState.approved)
    page = desk.get(f"{NUMBERS}/{approved}")
    assert "Que faire de ces lettres ?" in words(page)
    assert chosen_on(page) == "reconcile"
    assert "renvoyer la même lettre" in words(send(desk, f"{NUMBERS}/{approved}/doutes/regle", regle="resend"))
    assert chosen_on(desk.get(f"{NUMBERS}/{approved}")) == "resend"
    issue_id, mails = issue_in_doubt(instance)
    issue = f"{NUMBERS}/{issue_id}"
    assert "Nous ne les renvoyons pas d’office" in words(desk.get(issue))
    said = words(send(desk, f"{issue}/doutes/regle", regle="drop"))
    assert "Dans le doute : abandonner la lettre. Cela vaut aussi pour les 3 qui y sont." in said
    assert "nous les abandonnons au bout d’un quart d’heure" in said
    with instance.store.transaction() as session:
        assert doubt.settle_by_policy(session, now=A_MONDAY + timedelta(minutes=20)) == 3
    assert states(instance, mails) == [MailState.cancelled] * 3
    assert "Que faire de ces lettres ?" not in words(desk.get(issue))  # nothing of it leaves, and nothing is in doubt
    assert send(desk, f"{issue}/doutes/regle", regle="burn").status_code in (400, 422)
    assert json.loads(command("issue", "doubts", issue_id, "--json").output) == {"policy": "drop", "in_doubt": 0}
    assert "ne rien décider sans nous (hold)" in command("issue", "doubts", approved, "hold").output
    assert command("issue", "doubts", 999).exit_code == 1


def test_a_page_that_renews_itself_asks_nothing_that_would_be_lost(instance: Instance, desk: httpx.Client) -> None:
    issue_id, _mails = issue_in_doubt(instance)
    with instance.store.transaction() as session:
        session.exec(select(Mail).limit(1)).one().state = MailState.planned
    page = desk.get(f"{NUMBERS}/{issue_id}")
    assert "http-equiv" in page.text
    assert "attendre une preuve, puis nous demander . Choisir autre chose" in words(page)
    assert 'type="radio"' not in page.text
    assert chosen_on(desk.get(f"{NUMBERS}/{issue_id}?fixe=1")) == "reconcile"


def chosen_on(page: httpx.Response) -> str:
    """The policy that the page shows as chosen."""
    (found,) = re.findall(r'name="regle"[^>]* value="(\w+)" checked', page.text)
    assert isinstance(found, str)
    return found


def lock_it(instance: Instance) -> None:
    """As after a copy: the database knows a home folder, and it is not this one."""
    with instance.store.transaction() as session:
        restore_lock.note_claims(session, instance.settings.home, now=A_MONDAY)
    (instance.settings.home / restore_lock.MARK_FILE).unlink()


def test_a_restored_house_says_so_everywhere_and_opens_with_what_was_under_way_on_pause(
    instance: Instance, desk: httpx.Client
) -> None:
    assert "rien n’est verrouillé" in words(desk.get("/bureau/verrou"))
    issue_id, _mails = issue_in_doubt(instance)
    with instance.store.transaction() as session:
        session.exec(select(Mail).limit(1)).one().state = MailState.planned
    lock_it(instance)
    for path in ("/bureau", f"{NUMBERS}/{issue_id}", "/bureau/verrou"):
        assert "L’envoi est verrouillé" in words(desk.get(path)), path
    assert "1 lettre attend et repartirait" in words(desk.get("/bureau/verrou"))
    assert "1 numéro est en pause" in words(send(desk, "/bureau/verrou", issues="hold"))
    assert "verrouillé" not in words(desk.get("/bureau"))
    with instance.store.reading() as session:
        assert session.get_one(Issue, issue_id).state is IssueState.paused


def test_a_receiver_that_asked_for_less_is_named_with_its_words(instance: Instance, desk: httpx.Client) -> None:
    assert "au ralenti" not in words(desk.get("/bureau/envoi"))
    with instance.store.transaction() as session:
        open_lane(session, connections=4)
        until = A_MONDAY + timedelta(hours=1)
        slow = ProviderBackoff(lane="default", provider="orange", began_at=A_MONDAY, until=until, connections=1)
        slow.words = "421 Trop de connexions <b>"
        backoff.start_backoff(session, [slow])
    page = words(desk.get("/bureau/envoi"))
    assert "Messageries au ralenti" in page
    assert re.search(r"orange 1 connexion à la fois .* 421 Trop de connexions <b>", page)


def test_ticks_that_are_late_are_named_in_words_of_the_team(instance: Instance, desk: httpx.Client) -> None:
    assert {tick.name for tick in scheduler.ticks()} == set(TICK_NAMES)
    with instance.store.transaction() as session:
        session.add(TickMark(name="release due issues", at=A_MONDAY - timedelta(hours=1), every=2))
    assert "en retard : le départ des numéros" in words(desk.get("/bureau/envoi"))


def test_the_commands_do_the_same(instance: Instance, clock: StoppedClock, command: Callable[..., Result]) -> None:
    issue_id = an_issue(instance, IssueState.scheduled, hours_ago=20)
    assert "entre 08:00 et 20:00" in command("issue", "window", issue_id, "08:00", "20:00").output
    assert "à toute heure" in command("issue", "window", issue_id, "--none").output
    assert command("issue", "window", issue_id, "08:00").exit_code == 1
    assert command("issue", "window", issue_id).exit_code == 2
    assert "part maintenant" in command("issue", "now", issue_id).output
    clock.moment = datetime.now(UTC)  # the one that commands go by
    assert len(pipeline.release_due(instance)) == 1
    assert "rien à faire" in command("ledger", "unlock").output
    lock_it(instance)
    refused = command("ledger", "unlock", typed="n\n")
    assert refused.exit_code == 1
    assert "verrouillé" in refused.output
    assert "mis en pause : 1" in command("ledger", "unlock", "--yes").output
    assert "rien à faire" in command("ledger", "unlock").output


def test_the_pace_is_shown_and_a_broken_file_is_said(
    instance: Instance, command: Callable[..., Result], tmp_path: Path, authority: Authority
) -> None:
    with instance.store.transaction() as session:
        a_mail(session, a_subscriber(session, address="a@wanadoo.fr"), an_edition(session))
    instance.settings.home.mkdir(exist_ok=True)
    assert "limites livrées" in command("pace", "check").output
    file = instance.settings.home / "pace.toml"
    file.write_text(
        "[provider.orange]\nconnections = 1\nwarmup = { first = 20, target = 2000 }\n"
        "[lane.default]\npipelining = false\n"
    )
    assert "se lit" in command("pace", "check").output
    assert re.search(r"orange +1 connexions, 6000 par minute.*encore 20 ", command("pace", "show").output)
    assert "voie default : pipelining = false" in command("pace", "show").output
    assert '"connections": 1' in command("pace", "show", "--json").output
    assert json.loads(command("pace", "show", "--json").output)["lanes"] == {"default": {"pipelining": False}}
    tried = tmp_path / "essai.toml"
    tried.write_text('[lane.default]\nca_file = "lot.pem"\n')
    assert "« lane.default.ca_file » ne convient pas" in command("pace", "check", tried).output
    (instance.settings.home / "lot.pem").write_bytes(authority.file.read_bytes())  # it will lie beside the file in use
    assert "se lit" in command("pace", "check", tried).output
    file.write_text("[provider.orange]\nconnections = 'une'\n")
    broken = command("pace", "check")
    assert broken.exit_code == 1
    assert "« provider.orange.connections » ne convient pas" in broken.output
    assert "ne convient pas" in command("pace", "show").output
