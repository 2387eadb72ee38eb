"""Each answered hit is counted once, whatever crashes; and only for those who said yes."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.store import Store
from newsletter.store.activity import Engagement, Event
from newsletter.store.issues import Edition
from newsletter.store.ledger import Mail
from newsletter.store.people import Subscriber
from newsletter.tracking import answers, verdicts
from newsletter.tracking.journal import Hit, Journal
from newsletter.tracking.load import delete_loaded_segments, load
from newsletter.tracking.robots import RULES_VERSION
from newsletter.words import Axis, ConsentState, EventKind, Horizon, LinkKind, Verdict
from tests.conftest import A_MONDAY
from tests.kit.clock import StoppedClock
from tests.kit.makers import a_link, a_mail, a_sector, a_subscriber, an_edition, an_employer, say

LATER = A_MONDAY + timedelta(hours=3)


def hit(mail: Mail, after: float, link: int = 1, *, kind: str = "clicked", **fields: str) -> Hit:
    at = int((A_MONDAY + timedelta(seconds=after)).timestamp() * 1000)
    return Hit(
        at=at, kind=kind, edition=mail.edition_id, mail=mail.id or 0, link=link,
        **({"agent": "browser", "network": ""} | fields),
    )  # fmt: skip


def note(folder: Path, hits: Sequence[Hit], *, journal: Journal | None = None) -> None:
    """Put these hits into the journal, as the tracker does."""

    async def append() -> None:
        for one in hits:
            await writer.append(one)

    writer = journal or Journal(folder, clock=StoppedClock(A_MONDAY))
    asyncio.run(append())
    if journal is None:
        writer.close()


def a_reader(session: Session, edition: Edition, *axes: Axis) -> tuple[Subscriber, Mail]:
    reader = a_subscriber(session, Axis.newsletter, *(axes or (Axis.clicks, Axis.opens)))
    return reader, a_mail(session, reader, edition, accepted_at=A_MONDAY)


def load_all(store: Store, folder: Path) -> int:
    with store.transaction() as session:
        return load(session, folder, now=LATER).events


def events(store: Store) -> Sequence[Event]:
    with store.reading() as session:
        return session.exec(select(Event).order_by(col(Event.at))).all()


def test_a_hit_is_loaded_once_whatever_crashes_between(store: Store, tmp_path: Path) -> None:
    with store.transaction() as session:
        edition = an_edition(session)
        link = a_link(session, edition, 1)
        _reader, mail = a_reader(session, edition)
    journal = Journal(tmp_path, clock=StoppedClock(A_MONDAY))
    note(tmp_path, [hit(mail, 60), hit(mail, 90, 0, kind="opened")], journal=journal)
    with pytest.raises(RuntimeError, match="killed"), store.transaction() as session:
        load(session, tmp_path, now=LATER)
        raise RuntimeError("killed")
    assert [load_all(store, tmp_path) for _again in range(3)] == [2, 0, 0]
    note(tmp_path, [hit(mail, 120)], journal=journal)
    assert [load_all(store, tmp_path) for _again in range(2)] == [1, 0]
    journal.close()
    assert [(e.kind, e.link_id, e.mail_id) for e in events(store)] == [
        (EventKind.clicked, link.id, mail.id), (EventKind.opened, None, mail.id), (EventKind.clicked, link.id, mail.id),
    ]  # fmt: skip


def test_a_large_journal_is_loaded_in_parts(store: Store, tmp_path: Path) -> None:
    with store.transaction() as session:
        _reader, mail = a_reader(session, an_edition(session))
    note(tmp_path, [hit(mail, n) for n in range(25)])
    note(tmp_path, [hit(mail, 100 + n) for n in range(10)])
    loaded = []
    for _turn in range(4):
        with store.transaction() as session:
            loaded.append(load(session, tmp_path, now=LATER, limit=10))
    assert [(turn.events, turn.more) for turn in loaded] == [(10, True), (10, True), (10, True), (5, False)]
    assert len(events(store)) == 35


def test_a_segment_goes_when_it_is_finished_and_wholly_loaded(store: Store, tmp_path: Path) -> None:
    with store.transaction() as session:
        _reader, mail = a_reader(session, an_edition(session))
    journal = Journal(tmp_path, clock=StoppedClock(A_MONDAY))
    note(tmp_path, [hit(mail, 60)], journal=journal)

    def swept() -> int:
        with store.transaction() as session:
            return delete_loaded_segments(session, tmp_path)

    assert swept() == 0  # not loaded
    load_all(store, tmp_path)
    assert swept() == 0  # still being written
    journal.close()
    assert swept() == 1
    assert list(tmp_path.glob("*.jsonl")) == []
    assert (load_all(store, tmp_path), len(events(store))) == (0, 1)


def test_only_those_who_agreed_then_and_still_agree_are_measured(store: Store, tmp_path: Path) -> None:
    with store.transaction() as session:
        edition = an_edition(session)
        a_link(session, edition, 1)
        _agreed, counted = a_reader(session, edition, Axis.clicks)
        _silent, unasked = a_reader(session, edition, Axis.newsletter)
        left, withdrawn = a_reader(session, edition, Axis.clicks)
        say(session, left, Axis.clicks, ConsentState.denied, at=A_MONDAY + timedelta(minutes=5))
        late, before_yes = a_reader(session, edition, Axis.newsletter)
        say(session, late, Axis.clicks, ConsentState.granted, at=A_MONDAY + timedelta(hours=1))
        stranger = Mail(id=999_999, edition_id=edition.id or 0, seq=99)
    everyone = [counted, unasked, withdrawn, before_yes, stranger]
    note(tmp_path, [hit(mail, 60) for mail in everyone] + [hit(counted, 70, 0, kind="opened")])
    assert load_all(store, tmp_path) == 1
    assert [event.mail_id for event in events(store)] == [counted.id]


def test_a_crowd_from_one_network_is_seen_and_its_name_is_not_kept(store: Store, tmp_path: Path) -> None:
    with store.transaction() as session:
        edition = an_edition(session)
        mails = [a_reader(session, edition)[1] for _n in range(21)]
    note(tmp_path, [hit(mail, 10 + n, network="abcd") for n, mail in enumerate(mails[:20])])
    note(tmp_path, [hit(mails[20], 30, network="beef")])
    load_all(store, tmp_path)
    assert [event.hints for event in events(store)] == ["crowd"] * 20 + [""]


def test_verdicts_come_after_a_minute_and_human_clicks_are_engaged_once(store: Store, tmp_path: Path) -> None:
    with store.transaction() as session:
        edition = an_edition(session)
        employer = an_employer(session)
        a_link(session, edition, 1, LinkKind.employer, employer_id=employer.id)
        for number in range(2, 8):
            a_link(session, edition, number)
        reader, mail = a_reader(session, edition)
    scan = [hit(mail, 3 + number / 50, number) for number in range(1, 8)]
    note(tmp_path, [*scan, hit(mail, 7200), hit(mail, 7260, 2)])
    load_all(store, tmp_path)
    for seconds, judged, human in ((7230, 7, 0), (7290, 1, 1), (7400, 1, 1), (9000, 0, 0)):
        with store.transaction() as session:
            found = verdicts.judge_new(session, now=A_MONDAY + timedelta(seconds=seconds))
        assert (found.events, found.human) == (judged, human)
    assert [event.verdict for event in events(store)] == [Verdict.scanner] * 7 + [Verdict.human] * 2
    assert {event.rules for event in events(store)} == {RULES_VERSION}
    assert engagement(store) == {
        (reader.id, "any"): 2, (reader.id, "sector:industrie"): 1, (reader.id, f"employer:{employer.id}"): 1,
    }  # fmt: skip


def test_judging_the_past_again_is_reversible_and_rebuilds_engagement(store: Store, tmp_path: Path) -> None:
    with store.transaction() as session:
        edition = an_edition(session)
        a_sector(session)
        a_link(session, edition, 1, sector_code="industrie")
        _reader, mail = a_reader(session, edition)
    note(tmp_path, [hit(mail, 600), hit(mail, 3600), hit(mail, 7200, agent="scanner")])
    load_all(store, tmp_path)
    with store.transaction() as session:
        verdicts.judge_new(session, now=LATER)
    honest, engaged = [event.verdict for event in events(store)], engagement(store)
    with store.transaction() as session:  # an old rule set took everything for people, and lost count
        session.execute(sa.update(Event).values(verdict=Verdict.human, rules=-1))
        session.execute(sa.update(Engagement).values(clicks=77))
    for repeated in range(2):
        with store.transaction() as session:
            done = verdicts.rejudge_readers(session, verdicts.judged_readers(session), now=LATER)
        assert (done.events, done.changed) == (3, 0 if repeated else 1)
        assert [event.verdict for event in events(store)] == honest
        assert engagement(store) == engaged


def test_judging_again_leaves_what_waits_for_its_minute_to_be_counted_once(store: Store, tmp_path: Path) -> None:
    with store.transaction() as session:
        edition = an_edition(session)
        a_link(session, edition, 1)
        reader, mail = a_reader(session, edition)
    note(tmp_path, [hit(mail, 600), hit(mail, 3600)])
    load_all(store, tmp_path)
    soon = A_MONDAY + timedelta(seconds=3630)
    with store.transaction() as session:
        verdicts.judge_new(session, now=soon)
        verdicts.rejudge_readers(session, verdicts.judged_readers(session), now=soon)
    assert engagement(store) == {(reader.id, "any"): 1}
    with store.transaction() as session:
        verdicts.rejudge_readers(session, verdicts.judged_readers(session), now=LATER)
        verdicts.judge_new(session, now=LATER)
    assert engagement(store) == {(reader.id, "any"): 2}


def engagement(store: Store) -> dict[tuple[int, str], int]:
    with store.reading() as session:
        return {(row.subscriber_id, row.topic): row.clicks for row in session.exec(select(Engagement)).all()}


def test_a_poll_answer_stands_until_another_is_given(store: Store) -> None:
    with store.transaction() as session:
        edition = an_edition(session)
        a_link(session, edition, 1)
        a_link(session, edition, 5, LinkKind.poll, answer=Horizon.this_year)
        a_link(session, edition, 6, LinkKind.poll, answer=Horizon.dreaming)
        a_link(session, edition, 7, LinkKind.callback)
        reader, mail = a_reader(session, edition, Axis.newsletter)
    assert mail.id is not None
    given = []
    for number in (5, 5, 6, 7, 7):
        with store.transaction() as session:
            answer = answers.record_answer(session, mail_id=mail.id, link_number=number, now=LATER)
            assert answer is not None
            given.append((answer.kind, answer.horizon, answer.new))
    assert given == [
        (EventKind.answered, Horizon.this_year, True),
        (EventKind.answered, Horizon.this_year, False),
        (EventKind.answered, Horizon.dreaming, True),
        (EventKind.callback, Horizon.unknown, True),
        (EventKind.callback, Horizon.unknown, False),
    ]
    assert [(event.answer, event.verdict) for event in events(store)] == [
        ("this_year", Verdict.human), ("dreaming", Verdict.human), ("", Verdict.human),
    ]  # fmt: skip
    with store.transaction() as session:
        assert session.get_one(Subscriber, reader.id).horizon == Horizon.dreaming
        for mail_id, number in ((mail.id, 1), (mail.id, 99), (999_999, 5)):
            assert answers.record_answer(session, mail_id=mail_id, link_number=number, now=LATER) is None
