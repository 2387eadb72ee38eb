"""Who may send, and when: late issues, two schedulers, clocks that jump, windows and warm-ups."""

import dataclasses
import threading
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta

import pytest
import sqlalchemy as sa
from click.testing import Result
from sqlmodel import select

from newsletter import pipeline, sending
from newsletter.delivery.throttle.pace_file import PaceFile
from newsletter.delivery.throttle.providers import RateLimits, RateLimitTable, WarmUp
from newsletter.delivery.throttle.warmup import accepted_by_day, warmup_left_today
from newsletter.errors import RefusedError
from newsletter.instance import Instance
from newsletter.issues import calendar
from newsletter.store import Store
from newsletter.store.columns import key
from newsletter.store.issues import Issue, leaves_at
from newsletter.store.ledger import Mail
from newsletter.words import IssueState, MailState
from tests.conftest import A_MONDAY
from tests.kit.clock import StoppedClock
from tests.kit.makers import a_mail, a_subscriber, an_edition
from tests.kit.smtp import smtp_server


def a_scheduled_issue(instance: Instance, *, send_at: datetime, readers: int = 3) -> int:
    with instance.store.transaction() as session:
        for _ in range(readers):
            a_subscriber(session)
        issue = session.get_one(Issue, an_edition(session).issue_id)
        issue.state, issue.send_at = IssueState.scheduled, send_at
        return key(issue.id)


def state_of(instance: Instance, issue_id: int) -> IssueState:
    with instance.store.reading() as session:
        return session.get_one(Issue, issue_id).state


def mails(store: Store) -> int:
    with store.reading() as session:
        return session.exec(select(sa.func.count()).select_from(Mail)).one()


def test_an_issue_that_is_late_waits_for_a_person(instance: Instance, clock: StoppedClock) -> None:
    hour_late = a_scheduled_issue(instance, send_at=A_MONDAY - timedelta(hours=1))
    day_late = a_scheduled_issue(instance, send_at=A_MONDAY - timedelta(days=1))
    assert len(pipeline.release_due(instance)) == 1
    assert state_of(instance, hour_late) is IssueState.sending
    with instance.store.reading() as session:
        (late,) = calendar.late(session, now=clock.now())
    assert late.id == day_late
    assert calendar.is_late(late, clock.now(), timedelta(hours=6))
    assert not calendar.is_late(late, clock.now(), timedelta(days=2))
    with instance.store.transaction() as session:
        calendar.send_now(session, day_late, now=clock.now())
    assert len(pipeline.release_due(instance)) == 1
    with pytest.raises(RefusedError), instance.store.transaction() as session:
        calendar.send_now(session, day_late, now=clock.now())  # it leaves already: asked twice, it leaves once


def test_two_schedulers_at_once_freeze_one_audience(instance: Instance) -> None:
    issue_id = a_scheduled_issue(instance, send_at=A_MONDAY, readers=20)
    together = threading.Barrier(3)
    plans: list[int] = []

    def tick() -> None:
        together.wait()
        plans.extend(plan.mails for plan in pipeline.release_due(instance))

    threads = [threading.Thread(target=tick) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(plans) == {20}  # whoever helped to plan says the whole number
    assert state_of(instance, issue_id) is IssueState.sending
    assert mails(instance.store) == 20


def test_a_clock_that_jumps_a_day_and_back_sends_once(instance: Instance, clock: StoppedClock) -> None:
    issue_id = a_scheduled_issue(instance, send_at=A_MONDAY + timedelta(hours=20))
    plans = []
    for hours in (0, 24, 0, -24, 21, 24):
        clock.moment = A_MONDAY + timedelta(hours=hours)
        plans += pipeline.release_due(instance)
    assert len(plans) == 1
    assert state_of(instance, issue_id) is IssueState.sending
    assert mails(instance.store) == 3


@pytest.mark.parametrize(
    ("local", "leaves"),
    [
        (datetime(2026, 10, 25, 9, 0), datetime(2026, 10, 25, 8, 0, tzinfo=UTC)),  # noqa: DTZ001  the hour repeats
        (datetime(2027, 3, 28, 9, 0), datetime(2027, 3, 28, 7, 0, tzinfo=UTC)),  # noqa: DTZ001  an hour is skipped
    ],
)
def test_the_change_of_the_clocks_leaves_one_send_at_the_hour_people_read(
    instance: Instance, clock: StoppedClock, local: datetime, leaves: datetime
) -> None:
    clock.moment = leaves - timedelta(days=1)
    issue_id = a_scheduled_issue(instance, send_at=leaves)
    with instance.store.transaction() as session:
        calendar.schedule(session, issue_id, local=local, now=clock.now())
    left = []
    for minutes in range(-600, 120, 30):  # through the hour that happens twice or not at all
        clock.moment = leaves + timedelta(minutes=minutes)
        left += [clock.now() for _plan in pipeline.release_due(instance)]
    assert left == [leaves]
    assert mails(instance.store) == 3


MINUTES = (0, 1, 419, 420, 421, 719, 720, 1199, 1200, 1201, 1439)


@pytest.mark.parametrize("window", [(None, None), (time(7), time(20)), (time(20), time(7)), (time(0), time(12))])
def test_a_window_is_the_same_in_sql_and_in_python(instance: Instance, window: tuple[time | None, time | None]) -> None:
    issue_id = a_scheduled_issue(instance, send_at=A_MONDAY)
    with instance.store.transaction() as session:
        calendar.set_window(session, issue_id, opens=window[0], closes=window[1])
    midnight = datetime(2026, 11, 22, 23, 0, tzinfo=UTC)  # in Paris
    with instance.store.reading() as session:
        for minute in MINUTES:
            found = session.exec(select(Issue).where(leaves_at(minute))).all()
            opens = calendar.opens_at(session.get_one(Issue, issue_id), midnight + timedelta(minutes=minute))
            assert bool(found) == (opens is None), minute
            assert opens is None or timedelta(0) < opens - midnight - timedelta(minutes=minute) < timedelta(days=1)


def test_mails_wait_outside_their_window_and_leave_inside_it_once(instance: Instance, clock: StoppedClock) -> None:
    issue_id = a_scheduled_issue(instance, send_at=A_MONDAY)
    with instance.store.transaction() as session:
        calendar.set_window(session, issue_id, opens=time(14), closes=time(15))
    pipeline.release_due(instance)
    with smtp_server() as mail_server:
        settings = instance.settings.model_copy(update={"smtp_port": mail_server.port})
        instance = dataclasses.replace(instance, settings=settings)
        for hours, left in ((0, 0), (4, 3), (3.9, 0), (27.5, 0), (4, 0)):  # from ten o'clock in Paris
            clock.moment = A_MONDAY + timedelta(hours=hours)
            assert sending.deliver(instance).attempts == left, hours
        assert len(set(mail_server.recipients)) == len(mail_server.recipients) == 3


def test_a_lane_is_spoken_to_as_the_pace_file_says_without_a_restart(instance: Instance) -> None:
    file = instance.settings.home / "pace.toml"
    file.parent.mkdir(exist_ok=True)
    with smtp_server() as mail_server:
        instance = dataclasses.replace(
            instance, settings=instance.settings.model_copy(update={"smtp_port": mail_server.port})
        )
        memory = sending.SenderMemory(PaceFile(instance.settings.home))
        for text, hello in (
            ('ehlo = "un.example"\npipelining = false', "un.example"),
            ('ehlo = "deux.example"\nclient = "aiosmtplib"', "deux.example"),
            ('ehlo = "trois example"', "deux.example"),  # a mistake changes nothing
        ):
            file.write_text(f"[lane.default]\n{text}\n")
            a_scheduled_issue(instance, send_at=A_MONDAY, readers=1)
            pipeline.release_due(instance)
            assert sending.deliver(instance, memory=memory).trouble == ""
            assert mail_server.received[-1].hello == hello


def test_a_window_needs_two_hours(instance: Instance) -> None:
    issue_id = a_scheduled_issue(instance, send_at=A_MONDAY)
    for opens, closes in ((time(8), None), (None, time(8)), (time(8), time(8))):
        with pytest.raises(RefusedError), instance.store.transaction() as session:
            calendar.set_window(session, issue_id, opens=opens, closes=closes)


def test_a_warm_up_counts_what_each_provider_accepted(store: Store, clock: StoppedClock) -> None:
    warm = WarmUp(first=2, target=100)
    table = RateLimitTable(
        default=RateLimits(), providers={"gmail": RateLimits(warmup=warm), "orange": RateLimits(warmup=warm)}, lanes={},
        domains={"gmail.com": "gmail", "googlemail.com": "gmail", "orange.fr": "orange", "wanadoo.fr": "orange"},
    )  # fmt: skip
    with store.transaction() as session:
        edition = an_edition(session)
        ages = {"gmail.com": (1, 1, 1, 3), "googlemail.com": (1, 0), "wanadoo.fr": (40, 40), "lot.example": (0,)}
        for domain, days in ages.items():
            for number, days_ago in enumerate(days):
                reader = a_subscriber(session, address=f"{number}@{domain}")
                a_mail(session, reader, edition, accepted_at=clock.now() - timedelta(days=days_ago))
        refused = a_mail(session, a_subscriber(session, address="refused@gmail.com"), edition, accepted_at=clock.now())
        refused.state = MailState.refused
    with store.reading() as session:
        taken = accepted_by_day(session, table, now=clock.now())
        assert taken["gmail"][:4] == [1, 4, 0, 1]
        assert taken["other:lot.example"][0] == 1
        assert warmup_left_today(session, table, now=clock.now()) == {
            "gmail": 7
        }  # twice yesterday's four, less today's one


def test_a_scheduled_issue_loses_its_date_from_the_command_line(
    instance: Instance, clock: StoppedClock, command: Callable[..., Result]
) -> None:
    issue_id = a_scheduled_issue(instance, send_at=A_MONDAY + timedelta(hours=1))
    assert "n’a plus de date" in command("issue", "unschedule", issue_id).output
    clock.advance(timedelta(hours=2))
    assert pipeline.release_due(instance) == []
    again = command("issue", "unschedule", issue_id)
    assert (again.exit_code, "On ne peut pas déprogrammer ce numéro" in again.output) == (1, True)
