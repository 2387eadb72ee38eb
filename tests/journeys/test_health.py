"""What machines ask: is the instance well, and its figures. And the page that shows people who sends."""

import asyncio
import shutil
from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlmodel import select

from newsletter.delivery.ledger import throughput
from newsletter.delivery.workers.registry import Heartbeat
from newsletter.instance import Instance
from newsletter.reports import monitoring
from newsletter.store.columns import key
from newsletter.store.issues import Edition
from newsletter.store.ledger import Lane, Mail, MailNote
from newsletter.web.app import create_app
from newsletter.words import EventKind, MailState, NoteKind
from tests.kit.clock import StoppedClock
from tests.kit.makers import a_subscriber, an_edition, plan_for_everyone
from tests.kit.serving import a_browser, one_account_of_each_role, serve

TICK = timedelta(seconds=5)


@pytest.fixture
def well(instance: Instance) -> Instance:
    """An instance whose scheduler ticks and whose folders are there."""
    instance.settings.journal.mkdir(parents=True)
    heartbeat = Heartbeat(instance.store, instance.clock, host="cahors", pid=4601)
    with heartbeat.ticking("load hits", TICK), heartbeat.draining("default"):
        heartbeat.beat()
    return instance


def asked(instance: Instance, path: str, *, host: str = "127.0.0.1", **headers: str) -> httpx.Response:
    """What somebody at this address is answered."""

    async def ask() -> httpx.Response:
        line = httpx.ASGITransport(create_app(instance), client=(host, 50000))
        async with httpx.AsyncClient(transport=line, base_url="http://lot.example") as client:
            return await client.get(path, headers=headers)

    return asyncio.run(ask())


def test_a_house_is_well_until_a_part_of_it_is_not(
    well: Instance, clock: StoppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = asked(well, "/healthz")
    assert (answer.status_code, answer.json()["ok"]) == (200, True)
    clock.advance(timedelta(hours=1))
    shutil.rmtree(well.settings.journal)
    monkeypatch.setattr(monitoring, "ENOUGH_FREE", 10**18)
    answer = asked(well, "/healthz")
    parts = answer.json()["parts"]
    assert answer.status_code == 503
    assert "load hits" in parts.pop("scheduler")
    assert parts.pop("database") == "ok"
    assert "ok" not in parts.values()


def test_a_database_that_is_away_is_named_and_nothing_else_breaks(well: Instance) -> None:
    with well.store.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE alembic_version RENAME TO taken_away")
    answer = asked(well, "/healthz")
    assert answer.status_code == 503
    assert answer.json()["parts"]["database"] != "ok"


def test_only_the_machine_itself_or_who_has_the_token_sees_the_figures(well: Instance) -> None:
    def asks(host: str, **headers: str) -> int:
        return asked(well, "/metrics", host=host, **headers).status_code

    assert asks("127.0.0.1") == asks("::1") == 200
    assert asks("192.0.2.7") == asks("192.0.2.7", authorization="Bearer ") == 403
    assert asks("127.0.0.1", **{"x-forwarded-for": "127.0.0.1"}) == 403  # through a proxy on this machine
    object.__setattr__(well, "settings", well.settings.model_copy(update={"metrics_token": "un-jeton"}))
    assert asks("192.0.2.7", authorization="Bearer un-jeton") == 200
    assert asks("192.0.2.7", authorization="Bearer un-autre") == 403


def test_the_figures_count_what_the_store_holds_and_name_nobody(well: Instance) -> None:
    under_way(well)
    segment = well.settings.journal / "20261123T090000-1-ab.jsonl"
    at = int((well.clock.now() - timedelta(seconds=30)).timestamp() * 1000)
    segment.write_text(f'{{"at":{at},"kind":"{EventKind.clicked}","edition":1,"mail":1}}\n')
    text = asked(well, "/metrics").text
    found = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert found["newsletter_mails", "accepted"] == 60
    assert found["newsletter_mails", "planned"] == 39
    assert found["newsletter_mails", "refused"] == 0
    assert found["newsletter_mails_in_doubt",] == 1
    assert found["newsletter_lane_troubled", "default"] == 1
    assert found["newsletter_lane_paused", "default"] == 0
    assert found["newsletter_senders", "sending"] == 1
    assert found["newsletter_tick_timestamp_seconds", "load hits"] == well.clock.now().timestamp()
    assert found["newsletter_journal_lag_bytes",] == segment.stat().st_size
    assert found["newsletter_journal_lag_seconds",] == 30
    assert [value for (name, *_), value in found.items() if name == "newsletter_mails_per_second"] == [pytest.approx(2)]
    assert "@" not in text


def test_the_rate_is_that_of_the_last_minute_and_says_how_long_the_rest_takes(
    well: Instance, clock: StoppedClock
) -> None:
    edition_id = under_way(well)

    def rate() -> throughput.Rate:
        with well.store.reading() as session:
            return throughput.rate(session, edition_id, clock.now())

    assert rate() == throughput.Rate(per_second=2.0, seconds_left=19.5)
    clock.advance(timedelta(minutes=2))
    assert rate() == throughput.Rate()


@pytest.mark.parametrize(("seconds", "words"), [(5, "moins d’une minute"), (100, "2 minutes"), (7000, "2 heures")])
def test_the_time_left_is_said_in_words(seconds: float, words: str) -> None:
    assert throughput.time_left(seconds).replace("\N{NO-BREAK SPACE}", " ") == words


@pytest.fixture
def site(well: Instance) -> Iterator[str]:
    one_account_of_each_role(well)
    with serve(well) as served:
        yield served.settings.base_url


def test_marketing_sees_who_sends_how_fast_and_why_a_lane_stands_still(
    well: Instance, clock: StoppedClock, site: str
) -> None:
    page = seen(site)
    assert "Rien n’est en route" in page.text
    edition_id = under_way(well)
    page = seen(site)
    for words in (
        "Lettre d’automne",
        "2 lettres par seconde",
        "moins d’une minute",
        "cahors",
        "envoie",
        "ne répond pas",
    ):
        assert words in page.text
    assert 'http-equiv="refresh"' in page.text
    assert 'http-equiv="refresh"' not in seen(site, "/bureau/envoi?fixe=1").text
    with well.store.reading() as session:
        issue_id = session.get_one(Edition, edition_id).issue_id
    assert "2 lettres par seconde" in seen(site, f"/bureau/numeros/{issue_id}").text
    clock.advance(timedelta(minutes=5))
    assert "sans signe de vie depuis" in seen(site).text
    with a_browser(site, "adviser") as browser:
        assert browser.get("/bureau/envoi").status_code == 403


def seen(site: str, path: str = "/bureau/envoi") -> httpx.Response:
    with a_browser(site, "marketing") as browser:
        return browser.get(path).raise_for_status()


def under_way(instance: Instance) -> int:
    """An edition of a hundred mails: sixty left within half a minute, one is in doubt, the lane is in trouble."""
    now = instance.clock.now()
    with instance.store.transaction() as session:
        for _ in range(100):
            a_subscriber(session)
        edition_id = key(an_edition(session).id)
    plan_for_everyone(instance.store, edition_id, now=now - timedelta(minutes=1))
    with instance.store.transaction() as session:
        session.get_one(Lane, "default").why = "Le serveur d’envoi ne répond pas."
        for mail in session.exec(select(Mail)).all():
            if mail.seq < 60:
                mail.state, mail.answered_at = MailState.accepted, now - timedelta(seconds=mail.seq / 2 + 0.5)
            elif mail.seq == 60:
                mail.state = MailState.in_doubt
                session.add(MailNote(mail_id=key(mail.id), at=now, kind=NoteKind.doubt, words="the line broke"))
    return edition_id
