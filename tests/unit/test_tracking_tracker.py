"""The tracker answers whatever comes in, notes what is ours, and writes nothing that names a machine."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.errors import RefusedError
from newsletter.tokens import Keyring, Purpose
from newsletter.tracking import link_table
from newsletter.tracking.agents import Agent, family
from newsletter.tracking.journal import Hit, Journal, segments
from newsletter.tracking.link_table import LinkTable
from newsletter.tracking.tracker import PIXEL, Tracker
from tests.conftest import A_MONDAY
from tests.kit.clock import StoppedClock

PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Version/18.1 Mobile Safari/604.1"
KEYS = Keyring.fresh()
BOOK = {1: "https://atelier.example/offres?x=1&y=é", 2: "tel:+33565000000"}


class Answer:
    """What the tracker said."""

    def __init__(self, sent: list[Mapping[str, Any]]) -> None:
        self.status: int = sent[0]["status"]
        self.headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        self.body: bytes = sent[1]["body"]


def ask(tracker: Tracker, path: str, *, method: str = "GET", headers: Mapping[bytes, bytes] | None = None) -> Answer:
    return asyncio.run(_ask(tracker, path, method, headers or {b"user-agent": PHONE.encode()}))


async def _ask(tracker: Tracker, path: str, method: str, headers: Mapping[bytes, bytes]) -> Answer:
    sent: list[Mapping[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError("the tracker reads no body")

    scope = {
        "type": "http", "method": method, "path": path, "headers": list(headers.items()),
        "client": ("203.0.113.77", 4711), "query_string": b"",
    }  # fmt: skip
    await tracker(scope, receive, send)
    return Answer(sent)


def a_tracker(folder: Path) -> Tracker:
    link_table.write(folder / "links", 7, BOOK)
    clock = StoppedClock(A_MONDAY)
    journal = Journal(folder / "journal", clock=clock)
    return Tracker(keys=KEYS, journal=journal, links=LinkTable(folder / "links"), clock=clock)


def noted(folder: Path) -> list[Hit]:
    return [r for segment in segments(folder / "journal") for _start, _end, r in segment.hits(start=0) if r]


def click(edition: int = 7, mail: int = 42, link: int = 1) -> str:
    return f"/l/{KEYS.sign(Purpose.click, edition, mail)}/{link}"


def test_a_click_leads_to_the_registered_page_and_is_noted(tmp_path: Path) -> None:
    answer = ask(a_tracker(tmp_path), click())
    assert (answer.status, answer.headers["location"]) == (302, "https://atelier.example/offres?x=1&y=%C3%A9")
    assert (answer.headers["cache-control"], answer.headers["referrer-policy"]) == ("no-store", "no-referrer")
    (record,) = noted(tmp_path)
    assert (record.kind, record.edition, record.mail, record.link, record.moment) == ("clicked", 7, 42, 1, A_MONDAY)


def test_a_look_ahead_gets_the_same_redirect_and_keeps_its_method(tmp_path: Path) -> None:
    answer = ask(a_tracker(tmp_path), click(link=2), method="HEAD")
    assert (answer.status, answer.headers["location"], answer.body) == (302, "tel:+33565000000", b"")
    assert [record.method for record in noted(tmp_path)] == ["HEAD"]


def test_forged_foreign_and_unknown_links_are_one_and_the_same_404(tmp_path: Path) -> None:
    tracker = a_tracker(tmp_path)
    foreign = KEYS.sign(Purpose.open, 7, 42)
    paths = ["/l/", "/l/x/1", f"/l/{foreign}/1", click(link=99), click(edition=8), click() + "/", click()[:-1] + "١"]
    paths += [click().replace("/l/", "/l//evil.example/"), "/l/..%2f/1", click() + "\n"]
    answers = [ask(tracker, path) for path in paths]
    assert {(a.status, a.body, tuple(a.headers.items())) for a in answers} == {
        (404, answers[0].body, tuple(answers[0].headers.items()))
    }
    assert noted(tmp_path) == []


def test_a_post_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    assert ask(a_tracker(tmp_path), click(), method="POST").status == 405
    assert noted(tmp_path) == []


def test_the_dot_is_always_the_same_and_only_ours_is_noted(tmp_path: Path) -> None:
    tracker = a_tracker(tmp_path)
    ours = ask(tracker, f"/f/{KEYS.sign(Purpose.open, 7, 42)}.gif")
    forged = ask(tracker, "/f/whatever.gif")
    assert ours.body == forged.body == PIXEL
    assert len(PIXEL) == 43
    assert (ours.status, ours.headers) == (forged.status, forged.headers)
    assert [record.kind for record in noted(tmp_path)] == ["opened"]


def test_neither_the_network_address_nor_the_user_agent_is_ever_written(tmp_path: Path) -> None:
    ask(a_tracker(tmp_path), click())
    written = b"".join(segment.path.read_bytes() for segment in segments(tmp_path / "journal"))
    assert written
    assert not any(trace in written for trace in (b"203.0.113", b"iPhone", b"Safari", b"Mozilla"))


def test_hits_of_one_turn_share_a_write_and_are_all_answered(tmp_path: Path) -> None:
    tracker = a_tracker(tmp_path)

    async def crowd() -> list[Answer]:
        return await asyncio.gather(*(_ask(tracker, click(mail=n), "GET", {}) for n in range(50)))

    assert {answer.status for answer in asyncio.run(crowd())} == {302}
    assert sorted(record.mail for record in noted(tmp_path)) == list(range(50))


def test_a_full_disk_still_redirects(tmp_path: Path) -> None:
    tracker = a_tracker(tmp_path)
    (tmp_path / "journal").write_text("a file where the folder should be")
    assert ask(tracker, click()).status == 302


def test_a_torn_last_line_is_not_read_and_a_torn_middle_is_passed_over(tmp_path: Path) -> None:
    ask(a_tracker(tmp_path), click())
    (segment,) = segments(tmp_path / "journal")
    whole = segment.path.read_bytes()
    segment.path.write_bytes(whole + b'{"at":1,"ki' + b"\n" + whole + b'{"at":17')
    assert [r.mail if r else None for _s, _e, r in segment.hits(start=0)] == [42, None, 42]


def test_a_segment_is_finished_when_its_writer_let_go(tmp_path: Path) -> None:
    journal = Journal(tmp_path, clock=StoppedClock(A_MONDAY))
    asyncio.run(journal.append(Hit(at=1, kind="opened", edition=1, mail=1)))
    (segment,) = segments(tmp_path)
    assert not segment.finished()
    journal.close()
    assert segment.finished()


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "//evil.example", "\\\\evil", "https:evil", "data:text/html,x", "https://a\r\nX: y", "ftp://a",
     "https:///evil", "https://", ""],
)  # fmt: skip
def test_only_plain_addresses_enter_a_link_book(tmp_path: Path, url: str) -> None:
    with pytest.raises(RefusedError, match="lien"):
        link_table.write(tmp_path, 1, {1: "https://lot.example/", 2: url})
    assert LinkTable(tmp_path).url(1, 1) is None


def test_a_book_written_after_the_first_look_is_found(tmp_path: Path) -> None:
    book = LinkTable(tmp_path)
    assert book.url(3, 1) is None
    link_table.write(tmp_path, 3, {1: "https://lot.example/a?q=%20"})
    assert book.url(3, 1) == "https://lot.example/a?q=%20"
    assert [path.name for path in tmp_path.iterdir()] == ["3.json"]


@pytest.mark.parametrize(
    ("user_agent", "agent"),
    [
        (PHONE, Agent.browser),
        ("Mozilla/5.0 (Windows NT 5.1) Firefox/11.0 (via ggpht.com GoogleImageProxy)", Agent.gmail_proxy),
        ("Mozilla/5.0 Chrome/42.0.2311.135 Safari/537.36 Edge/12.246 Mozilla/5.0", Agent.gmail_prefetch),
        ("YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html", Agent.yahoo_proxy),
        ("Mozilla/5.0", Agent.bare),
        ("Mozilla/4.0 (compatible; ms-office; MSOffice 16)", Agent.office),
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/120.0 Safari/537.36", Agent.headless),
        ("Mozilla/5.0 (compatible; BarracudaSentinel)", Agent.scanner),
        ("curl/8.5.0", Agent.program),
        ("python-requests/2.32", Agent.program),
        ("WhatsApp/2.23", Agent.preview),
        ("", Agent.none),
    ],
)  # fmt: skip
def test_user_agents_are_known_by_a_table_made_for_mail(user_agent: str, agent: Agent) -> None:
    assert family(user_agent) is agent


@given(
    path=st.one_of(st.text(), st.text().map("/l/".__add__), st.text().map("/f/".__add__)),
    method=st.sampled_from(["GET", "HEAD", "POST", "OPTIONS", "BREW"]),
    headers=st.dictionaries(st.sampled_from([b"user-agent", b"referer", b"purpose", b"x"]), st.binary(max_size=40)),
)
def test_any_bytes_get_the_dot_or_a_plain_refusal(
    tmp_path_factory: pytest.TempPathFactory, path: str, method: str, headers: dict[bytes, bytes]
) -> None:
    folder = tmp_path_factory.getbasetemp() / "fuzz"
    answer = ask(a_tracker(folder), path, method=method, headers=headers)
    assert answer.status in ({200, 404} if method in ("GET", "HEAD") else {405})
    assert noted(folder) == []


@given(headers=st.dictionaries(st.sampled_from([b"user-agent", b"referer", b"purpose"]), st.binary(max_size=60)))
def test_any_header_fields_leave_one_clean_line(
    tmp_path_factory: pytest.TempPathFactory, headers: dict[bytes, bytes]
) -> None:
    folder = tmp_path_factory.mktemp("lines")
    assert ask(a_tracker(folder), click(), headers=headers).status == 302
    assert len(noted(folder)) == 1
