"""Both SMTP clients keep the contract of a transport, against servers that say no, later, or nothing."""

import asyncio
from collections.abc import Iterator

import pytest

from newsletter.config import Settings
from newsletter.smtp.contract import DeliveryStatus, Envelope, RelayError, Reply, Transport
from newsletter.smtp.factory import send_single_mails
from newsletter.smtp.options import SmtpOptions, SmtpServer
from newsletter.smtp.pipelined import PipelinedTransport
from newsletter.smtp.relay import RelayTransport
from tests.kit.outboxes import MESSAGE, ListOutbox, an_envelope
from tests.kit.scripted_smtp import DROP, TAKE_AND_DROP, Script, Seen, scripted
from tests.kit.smtp import MailServer, smtp_server

SMTP: dict[str, type[PipelinedTransport] | type[RelayTransport]] = {
    "pipelined": PipelinedTransport,
    "relay": RelayTransport,
}


def smtp(name: str, port: int, *, username: str = "", password: str = "", per_connection: int = 100) -> Transport:
    server = SmtpServer(host="127.0.0.1", port=port, username=username, password=password)
    return SMTP[name](server=server, options=SmtpOptions(per_connection=per_connection))


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    with smtp_server() as mail_server:
        yield mail_server


def deliver(transport: Transport, outbox: ListOutbox) -> ListOutbox:
    async def one_connection() -> None:
        async with transport.connect() as connection:
            await connection.deliver(outbox)

    asyncio.run(one_connection())
    assert not outbox.held
    return outbox


def deliver_to(name: str, script: Script, outbox: ListOutbox) -> Seen:
    """One connection to a scripted server; RelayError shows in `outbox` alone."""

    async def one_connection() -> Seen:
        async with scripted(script) as seen:
            async with smtp(name, seen.port).connect() as connection:
                await connection.deliver(outbox)
            return seen

    seen = asyncio.run(one_connection())
    assert not outbox.held
    return seen


@pytest.mark.parametrize("name", SMTP)
def test_messages_are_accepted(name: str, mail_server: MailServer) -> None:
    outbox = ListOutbox.of([an_envelope(), an_envelope()])
    assert deliver(smtp(name, mail_server.port), outbox).fates == ["accepted"] * 2


def test_single_mails_are_sent_in_their_order(mail_server: MailServer) -> None:
    settings = Settings(smtp_host="127.0.0.1", smtp_port=mail_server.port)
    replies = send_single_mails(settings, [an_envelope("a@example.org"), an_envelope()])
    assert [reply.status for reply in replies] == [DeliveryStatus.accepted] * 2
    assert [received.recipient for received in mail_server.received] == ["a@example.org", "b@example.org"]
    assert send_single_mails(settings, []) == []


@pytest.mark.parametrize("name", SMTP)
def test_what_may_not_be_sent_is_not_handed_over(name: str, mail_server: MailServer) -> None:
    async def never(_envelope: Envelope) -> bool:
        return False

    outbox = ListOutbox.of([an_envelope()], permission=never)
    assert deliver(smtp(name, mail_server.port), outbox).fates == ["withheld"]
    assert not mail_server.received


@pytest.mark.parametrize("name", SMTP)
def test_the_bytes_arrive_unchanged(mail_server: MailServer, name: str) -> None:
    deliver(smtp(name, mail_server.port), ListOutbox.of([an_envelope()]))
    assert mail_server.received[0].message == MESSAGE
    assert (mail_server.received[0].sender, mail_server.received[0].recipient) == (
        "retours@example.org",
        "b@example.org",
    )


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        ("550 5.1.1 <b@example.org> inconnu", DeliveryStatus.refused),
        ("451 4.7.1 greylisted", DeliveryStatus.try_later),
        ("552 5.2.2 boite pleine", DeliveryStatus.refused),
    ],
)
@pytest.mark.parametrize("when", ["MAIL", "RCPT", "DATA", "DOT"])
@pytest.mark.parametrize("name", SMTP)
def test_what_the_server_says_is_kept_without_the_address(
    name: str, when: str, reply: str, status: DeliveryStatus
) -> None:
    outbox = ListOutbox.of([an_envelope(), an_envelope("c@example.org")])
    seen = deliver_to(name, Script(answers={when: [reply]}), outbox)
    assert outbox.fates == [status.value, "accepted"]
    first = outbox.replies[0]
    assert (first.code, first.enhanced) == (int(reply[:3]), reply[4:9])
    assert "b@example.org" not in first.words
    assert seen.recipients == ["c@example.org"]


@pytest.mark.parametrize("name", SMTP)
def test_a_connection_that_breaks_after_the_dot_leaves_the_status_unknown(name: str) -> None:
    outbox = ListOutbox.of([an_envelope(), an_envelope("c@example.org")])
    seen = deliver_to(name, Script(answers={"DOT": [TAKE_AND_DROP]}), outbox)
    assert outbox.fates == ["unknown"]
    assert [envelope.recipient for envelope in outbox.waiting] == ["c@example.org"]
    assert seen.recipients == ["b@example.org"]


@pytest.mark.parametrize("name", SMTP)
@pytest.mark.parametrize("answers", [{"MAIL": [DROP]}, {"RCPT": [DROP]}, {"MAIL": ["421 4.3.2 going down"]}])
def test_a_connection_that_breaks_before_anything_may_leave_tries_nothing(
    name: str, answers: dict[str, list[str]]
) -> None:
    outbox = ListOutbox.of([an_envelope(), an_envelope("c@example.org")])
    with pytest.raises(RelayError, match="coupé la connexion"):
        deliver_to(name, Script(answers=answers), outbox)
    assert not outbox.replies
    assert len(outbox.waiting) == 2


@pytest.mark.parametrize("name", SMTP)
def test_a_connection_that_breaks_later_only_gives_the_rest_back(name: str) -> None:
    outbox = ListOutbox.of([an_envelope(), an_envelope("c@example.org")])
    deliver_to(name, Script(answers={"MAIL": ["250 ok", DROP]}), outbox)
    assert outbox.fates == ["accepted"]
    assert len(outbox.waiting) == 1


@pytest.mark.parametrize("name", SMTP)
@pytest.mark.parametrize("when", ["RCPT", "DOT"])
def test_after_421_the_connection_is_left_and_the_rest_waits_for_another(name: str, when: str) -> None:
    outbox = ListOutbox.of([an_envelope(), an_envelope("c@example.org")])
    seen = deliver_to(name, Script(answers={when: ["421 4.7.0 enough"]}), outbox)
    assert outbox.fates == ["try_later"]
    assert len(outbox.waiting) == 1
    assert seen.recipients == []


@pytest.mark.parametrize("name", SMTP)
def test_a_connection_ends_after_its_number_of_messages(mail_server: MailServer, name: str) -> None:
    outbox = deliver(smtp(name, mail_server.port, per_connection=2), ListOutbox.of([an_envelope()] * 3))
    assert (outbox.fates, len(outbox.waiting)) == (["accepted"] * 2, 1)


@pytest.mark.parametrize("name", SMTP)
def test_an_accented_address_goes_only_where_it_is_understood(name: str) -> None:
    envelopes = [an_envelope("zoé@example.org"), an_envelope()]
    able, unable = ListOutbox.of(envelopes), ListOutbox.of(envelopes)
    seen = deliver_to(name, Script(), able)
    assert able.fates == ["accepted"] * 2
    assert [("SMTPUTF8" in command) for command in seen.commands if command.startswith("MAIL")] == [True, False]
    seen = deliver_to(name, Script(extensions=("PIPELINING", "SMTPUTF8")), unable)
    assert unable.fates == ["refused", "accepted"]
    assert unable.replies[0] == Reply(status=DeliveryStatus.refused, enhanced="5.6.7", words=unable.replies[0].words)
    assert seen.count("MAIL") == 1


@pytest.mark.parametrize("name", SMTP)
def test_a_failure_to_ask_whether_it_may_leave_sends_nothing_and_is_not_hidden(name: str) -> None:
    async def fails(_envelope: Envelope) -> bool:
        raise LookupError

    outbox = ListOutbox.of([an_envelope(), an_envelope()], permission=fails)

    async def one_connection() -> Seen:
        async with scripted() as seen:
            with pytest.raises(LookupError):
                async with smtp(name, seen.port).connect() as connection:
                    await connection.deliver(outbox)
            return seen

    assert asyncio.run(one_connection()).recipients == []
    assert outbox.fates == ["withheld"]
    assert not outbox.held


@pytest.mark.parametrize("name", SMTP)
def test_a_server_that_is_down_is_named_in_one_sentence(name: str) -> None:
    with pytest.raises(RelayError, match=r"127\.0\.0\.1:9 ne répond pas"):
        deliver(smtp(name, 9), ListOutbox.of([an_envelope()]))


@pytest.mark.parametrize("name", SMTP)
def test_a_server_that_wants_no_mail_now_is_said_in_its_words(name: str) -> None:
    with pytest.raises(RelayError, match=r"554 5\.7\.1 not you"):
        deliver_to(name, Script(greeting="554 5.7.1 not you"), ListOutbox.of([an_envelope()]))


@pytest.mark.filterwarnings("ignore:Requiring AUTH")  # aiosmtpd warns of a login without TLS; this is loopback
@pytest.mark.parametrize("name", SMTP)
def test_a_refused_login_is_said_in_one_sentence(name: str) -> None:
    with smtp_server(login=("lot", "secret")) as mail_server:
        with pytest.raises(RelayError, match="refuse notre compte"):
            deliver(smtp(name, mail_server.port, username="lot", password="wrong"), ListOutbox.of([an_envelope()]))
        good = smtp(name, mail_server.port, username="lot", password="secret")
        assert deliver(good, ListOutbox.of([an_envelope()])).fates == ["accepted"]
