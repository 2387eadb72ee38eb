"""Every transport keeps the same promise; the SMTP one also against a server that says no, later, or nothing."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from newsletter.transport.contract import Envelope, Fate, Permit, RelayError, Reply, Transport, always
from newsletter.transport.folder import Folder
from newsletter.transport.relay import SmtpRelay
from tests.smtp import Postbox, smtp_server

MESSAGE = (
    b"From: a@example.org\r\nTo: b@example.org\r\nSubject: Bonjour\r\n\r\n.Une ligne qui commence par un point.\r\n"
)


def an_envelope(recipient: str = "b@example.org") -> Envelope:
    return Envelope(sender="retours@example.org", recipient=recipient, message=MESSAGE)


def deliver(transport: Transport, *envelopes: Envelope, permit: Permit = always) -> list[Reply]:
    async def all_of_them() -> list[Reply]:
        async with transport.connect() as connection:
            return [await connection.deliver(envelope, permit=permit) for envelope in envelopes]

    return asyncio.run(all_of_them())


@pytest.fixture
def postbox() -> Iterator[Postbox]:
    with smtp_server() as postbox:
        yield postbox


@pytest.fixture(params=["smtp", "folder"])
def transport(request: pytest.FixtureRequest, tmp_path: Path) -> Transport:
    if request.param == "folder":
        return Folder(tmp_path / "Maildir")
    return relay(request.getfixturevalue("postbox"))


def relay(postbox: Postbox, *, username: str = "", password: str = "") -> SmtpRelay:
    return SmtpRelay(host="127.0.0.1", port=postbox.port, username=username, password=password, end_of_data_seconds=5)


def test_a_message_is_accepted(transport: Transport) -> None:
    assert [reply.fate for reply in deliver(transport, an_envelope(), an_envelope())] == [Fate.accepted] * 2


def test_without_a_permit_nothing_is_handed_over(transport: Transport, tmp_path: Path) -> None:
    async def never() -> bool:
        return False

    assert [reply.fate for reply in deliver(transport, an_envelope(), permit=never)] == [Fate.held]
    assert not list((tmp_path / "Maildir").glob("new/*"))


def test_the_bytes_arrive_unchanged(postbox: Postbox) -> None:
    deliver(relay(postbox), an_envelope())
    assert postbox.received[0].message == MESSAGE
    assert (postbox.received[0].sender, postbox.received[0].recipient) == ("retours@example.org", "b@example.org")


@pytest.mark.parametrize(
    ("reply", "fate"),
    [
        ("550 5.1.1 <b@example.org> inconnu", Fate.refused),
        ("451 4.7.1 greylisted", Fate.try_later),
        ("552 5.2.2 boite pleine", Fate.refused),
    ],
)
@pytest.mark.parametrize("when", ["at_rcpt", "after_dot"])
def test_what_the_server_says_is_kept_without_the_address(postbox: Postbox, when: str, reply: str, fate: Fate) -> None:
    getattr(postbox, when)["b@example.org"] = reply
    answers = deliver(relay(postbox), an_envelope(), an_envelope("c@example.org"))
    assert [answer.fate for answer in answers] == [fate, Fate.accepted]
    assert answers[0].code == int(reply[:3])
    assert answers[0].enhanced == reply[4:9]
    assert "b@example.org" not in answers[0].words


def test_a_line_that_breaks_after_the_dot_leaves_the_fate_unknown(postbox: Postbox) -> None:
    postbox.drop_after_dot.add("b@example.org")
    assert deliver(relay(postbox), an_envelope())[0].fate is Fate.unknown
    assert postbox.recipients == ["b@example.org"]


def test_a_server_that_is_down_is_named_in_one_sentence() -> None:
    with pytest.raises(RelayError, match=r"127\.0\.0\.1:9 ne répond pas"):
        deliver(SmtpRelay(host="127.0.0.1", port=9), an_envelope())


@pytest.mark.filterwarnings("ignore:Requiring AUTH")  # aiosmtpd warns of a login without TLS; the line is loopback
def test_a_refused_login_is_said_in_one_sentence() -> None:
    with smtp_server(login=("lot", "secret")) as postbox:
        with pytest.raises(RelayError, match="refuse notre compte"):
            deliver(relay(postbox, username="lot", password="wrong"), an_envelope())
        assert deliver(relay(postbox, username="lot", password="secret"), an_envelope())[0].fate is Fate.accepted
