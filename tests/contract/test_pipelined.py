"""What our own client promises beyond the contract: round trips, octets, TLS, and what is known of a loss."""

import asyncio
import base64
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from typing import Any

import pytest

from newsletter.config import Settings
from newsletter.smtp.contract import Envelope, RelayError
from newsletter.smtp.factory import transport_for
from newsletter.smtp.options import Security, SmtpClient, SmtpOptions, SmtpServer, Timeouts
from newsletter.smtp.pipelined import PipelinedTransport, ehlo_name
from newsletter.smtp.protocol import MalformedResponseError, ResponseReader
from newsletter.smtp.relay import RelayTransport
from tests.kit.certificates import Authority
from tests.kit.outboxes import ListOutbox, an_envelope, deliver_all
from tests.kit.scripted_smtp import (
    DROP,
    EVERYTHING,
    READ_NO_MORE,
    READ_SLOWLY,
    SILENCE,
    STALL,
    TAKE_AND_DROP,
    Script,
    Seen,
    scripted,
)
from tests.kit.timeouts import SECONDS

Runs = Callable[[Coroutine[Any, Any, Seen]], Seen]


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Iterator[Runs]:
    factory = asyncio.new_event_loop
    if request.param == "uvloop":
        factory = pytest.importorskip("uvloop").new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        yield runner.run


async def send(
    outbox: ListOutbox,
    script: Script | None = None,
    *,
    server: SmtpServer | None = None,
    options: SmtpOptions | None = None,
) -> Seen:
    """Everything over one connection."""
    async with scripted(script) as seen:
        transport = PipelinedTransport(
            server=replace(server or SmtpServer(host="127.0.0.1", port=0), port=seen.port),
            options=options or SmtpOptions(),
        )
        async with transport.connect() as connection:
            await connection.deliver(outbox)
    assert not outbox.held
    return seen


# Round trips ----------------------------------------------------------------------------------------------------------


def test_a_message_costs_one_round_trip(run: Runs) -> None:
    outbox = ListOutbox.of([an_envelope()] * 20)
    seen = run(send(outbox))
    assert outbox.fates == ["accepted"] * 20
    around = 4  # greeting, EHLO, the first envelope, QUIT
    assert seen.turns == 20 + around
    assert seen.count("RSET") == 0


@pytest.mark.parametrize(
    ("extensions", "options"),
    [(("SIZE",), SmtpOptions()), (EVERYTHING, SmtpOptions(pipelining=False))],
    ids=["not offered", "switched off"],
)
def test_one_command_at_a_time_where_pipelining_is_not_wanted(
    run: Runs, extensions: tuple[str, ...], options: SmtpOptions
) -> None:
    outbox = ListOutbox.of([an_envelope()] * 3)
    seen = run(send(outbox, Script(extensions=extensions), options=options))
    assert outbox.fates == ["accepted"] * 3
    assert seen.turns == 3 * 4 + 3


def test_nothing_is_pipelined_ahead_of_the_rate_limit(run: Runs) -> None:
    outbox = ListOutbox.of([an_envelope()] * 3)
    outbox.may_poll = lambda: False
    assert run(send(outbox)).turns == 3 * 2 + 3
    assert outbox.fates == ["accepted"] * 3


@pytest.mark.parametrize("data", ["354 go on", "503 5.5.1 no recipient"])
@pytest.mark.parametrize("refused", [[0], [1], [0, 1], [2]])
def test_a_refused_recipient_costs_no_other_and_nothing_reaches_nobody(
    run: Runs, data: str, refused: list[int]
) -> None:
    """RFC 2920 §3.1: should DATA be taken all the same, a lone dot gets the server out of it."""
    rcpt = ["550 5.1.1 unknown" if number in refused else "250 ok" for number in range(3)]
    answers = [data if number in refused else "354 go on" for number in range(3)]
    outbox = ListOutbox.of([an_envelope(f"{number}@example.org") for number in range(3)])
    seen = run(send(outbox, Script(answers={"RCPT": rcpt, "DATA": answers})))
    assert outbox.fates == ["refused" if number in refused else "accepted" for number in range(3)]
    assert seen.recipients == [f"{number}@example.org" for number in range(3) if number not in refused]
    assert seen.count("RSET") == (0 if data.startswith("354") else len(refused))


def test_a_refused_sender_with_a_taken_recipient_gets_no_empty_message(run: Runs) -> None:
    """Odd servers judge each command alone; then only cutting the connection keeps an empty message from its reader."""
    outbox = ListOutbox.of([an_envelope()])
    seen = run(send(outbox, Script(answers={"MAIL": ["550 5.7.1 not from you"]}, any_order=True)))
    assert (outbox.fates, seen.taken) == (["refused"], [])


@pytest.mark.parametrize(
    "script",
    [Script(in_pieces=True), Script(answers={"RCPT": ["250-it\r\n250-is \xe9t\xe9\r\n250 fine"]})],
    ids=["octet by octet", "several lines"],
)
def test_answers_may_come_in_any_shape(run: Runs, script: Script) -> None:
    outbox = ListOutbox.of([an_envelope()] * 3)
    run(send(outbox, script))
    assert outbox.fates == ["accepted"] * 3


def test_words_of_any_character_set_can_be_kept() -> None:
    (answer,) = ResponseReader().feed(b"550-bo\xeete\x00 pleine\r\n550 5.2.2 fin\r\n")
    assert answer.reply.words == "bo\N{REPLACEMENT CHARACTER}te  pleine 5.2.2 fin"
    assert answer.reply.enhanced == "5.2.2"


@pytest.mark.parametrize("octets", [b"HTTP/1.1 400 Bad Request\r\n", b"25\r\n", b"199 no\r\n", b"2" * 70_000])
def test_what_is_no_answer_is_not_taken_for_one(octets: bytes) -> None:
    with pytest.raises(MalformedResponseError):
        ResponseReader().feed(octets)


# Octets ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [b".\r\n", b"..\r\n.\r\n", b"a\r\n.b\r\n", b"no end of line", b"", b"x" * 998 + b"\r\n" + b".\r\n" * 20_000],
    ids=["dot", "dots", "inside", "open end", "empty", "large"],
)
def test_the_body_arrives_unchanged_whatever_its_dots(run: Runs, body: bytes) -> None:
    outbox = ListOutbox.of([an_envelope(message=body), an_envelope()])
    seen = run(send(outbox))
    arrived = [b"".join(line.removeprefix(b".") for line in taken.splitlines(keepends=True)) for taken in seen.taken]
    assert arrived == [body if body.endswith(b"\r\n") else body + b"\r\n", an_envelope().message]
    assert outbox.fates == ["accepted"] * 2


def test_the_size_is_told_and_a_message_that_is_too_large_is_not_offered(run: Runs) -> None:
    outbox = ListOutbox.of([an_envelope(message=b"x" * 3000 + b"\r\n"), an_envelope()])
    seen = run(send(outbox, Script(extensions=("PIPELINING", "SIZE 2000"))))
    assert outbox.fates == ["refused", "accepted"]
    assert (outbox.replies[0].enhanced, outbox.asked) == ("5.3.4", [1])
    (mail,) = (command for command in seen.commands if command.startswith("MAIL"))
    assert mail == f"MAIL FROM:<retours@example.org> SIZE={len(an_envelope().message)}"


@pytest.mark.parametrize("recipient", ["a@b.fr>\r\nRCPT TO:<c@d.fr", "a\n@b.fr", "", "\udc80@b.fr"])
def test_an_address_cannot_speak_for_us(run: Runs, recipient: str) -> None:
    outbox = ListOutbox.of([an_envelope(recipient)])
    seen = run(send(outbox))
    assert (outbox.fates, seen.count("MAIL")) == (["refused"], 0)


# Losses ---------------------------------------------------------------------------------------------------------------

LARGE = b"x" * 998 + b"\r\n"


@pytest.mark.parametrize("security", list(Security))
def test_a_connection_lost_before_the_dot_left_is_no_doubt(run: Runs, security: Security, authority: Authority) -> None:
    outbox = ListOutbox.of([an_envelope(message=LARGE * 16_000), an_envelope("c@example.org")])
    script = authority.script(security, Script(answers={"DATA": [READ_NO_MORE]}))
    seen = run(send(outbox, script, options=authority.options(security)))
    assert (outbox.fates, seen.taken, len(outbox.waiting)) == (["try_later"], [], 1)


@pytest.mark.parametrize("security", list(Security))
@pytest.mark.parametrize("message", [LARGE, LARGE * 100], ids=["small", "large"])
@pytest.mark.parametrize("end", [DROP, TAKE_AND_DROP])
def test_a_connection_lost_after_the_dot_left_is_in_doubt(
    run: Runs, security: Security, authority: Authority, message: bytes, end: str
) -> None:
    outbox = ListOutbox.of([an_envelope(message=message), an_envelope("c@example.org")])
    run(
        send(
            outbox,
            authority.script(security, Script(answers={"DOT": [end]})),
            options=authority.options(security),
        )
    )
    assert (outbox.fates, len(outbox.waiting)) == (["unknown"], 1)


SHORT = 0.05  # seconds: of the one timeout that a test is about


def test_a_server_that_stays_silent_after_the_dot_leaves_a_doubt(run: Runs) -> None:
    outbox = ListOutbox.of([an_envelope(), an_envelope("c@example.org")])
    run(send(outbox, Script(answers={"DOT": [SILENCE]}), options=SmtpOptions(timeouts=Timeouts(end_of_data=SHORT))))
    assert (outbox.fates, outbox.replies[0].words) == (["unknown"], "#timeout")


STUCK = Timeouts(block=0.2)


@pytest.mark.parametrize("security", list(Security))
def test_a_server_that_reads_none_of_a_message_times_out_without_a_doubt(
    run: Runs, security: Security, authority: Authority
) -> None:
    outbox = ListOutbox.of([an_envelope(message=LARGE * 16_000), an_envelope("c@example.org")])
    script = authority.script(security, Script(answers={"DATA": [STALL]}))
    began = time.monotonic()
    run(send(outbox, script, options=replace(authority.options(security), timeouts=STUCK)))
    assert (outbox.fates, outbox.replies[0].words, len(outbox.waiting)) == (["try_later"], "#write-timeout", 1)
    assert time.monotonic() - began >= STUCK.block


@pytest.mark.parametrize("security", [Security.none, Security.tls])
def test_a_server_that_reads_a_message_slowly_is_waited_for(
    run: Runs, security: Security, authority: Authority
) -> None:
    outbox = ListOutbox.of([an_envelope(message=LARGE * 16_000), an_envelope("c@example.org")])
    script, timeouts = authority.script(security, Script(answers={"DATA": [READ_SLOWLY]})), Timeouts(block=1.0)
    began = time.monotonic()
    run(send(outbox, script, options=replace(authority.options(security), timeouts=timeouts)))
    assert outbox.fates == ["accepted"] * 2
    assert time.monotonic() - began > timeouts.block


@pytest.mark.parametrize(
    ("when", "timeouts"),
    [
        ("EHLO", Timeouts(command=SHORT)),
        ("MAIL", Timeouts(command=SHORT)),
        ("RCPT", Timeouts(command=SHORT)),
        ("DATA", Timeouts(data=SHORT)),
    ],
)
def test_a_server_that_stays_silent_before_is_out_of_reach(run: Runs, when: str, timeouts: Timeouts) -> None:
    outbox = ListOutbox.of([an_envelope(), an_envelope("c@example.org")])
    with pytest.raises(RelayError):
        run(send(outbox, Script(answers={when: [SILENCE]}), options=SmtpOptions(timeouts=timeouts)))
    assert (outbox.fates, len(outbox.waiting)) == ([], 2)


def test_what_may_not_leave_after_354_cuts_the_connection_and_delivers_nothing(run: Runs) -> None:
    async def only_the_second(envelope: Envelope) -> bool:
        return envelope.key == 1

    async def all_of_it() -> Seen:
        async with scripted() as seen:
            await deliver_all(PipelinedTransport(server=SmtpServer(host="127.0.0.1", port=seen.port)), outbox)
            return seen

    outbox = ListOutbox.of([an_envelope("a@example.org"), an_envelope("b@example.org")], permission=only_the_second)
    seen = run(all_of_it())
    assert outbox.fates == ["withheld", "accepted"]
    assert (seen.recipients, seen.connections) == (["b@example.org"], 2)


def test_cancelled_while_the_server_thinks_the_mail_is_in_doubt(run: Runs) -> None:
    outbox = ListOutbox.of([an_envelope(), an_envelope("c@example.org")])

    async def cancelled() -> Seen:
        async with scripted(Script(answers={"DOT": [SILENCE]})) as seen:
            sending = asyncio.create_task(deliver_all(transport_to(seen), outbox))
            await asyncio.wait_for(seen.silent.wait(), SECONDS)
            sending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sending
            return seen

    def transport_to(seen: Seen) -> PipelinedTransport:
        return PipelinedTransport(server=SmtpServer(host="127.0.0.1", port=seen.port))

    run(cancelled())
    assert (outbox.fates, len(outbox.waiting), outbox.held) == (["unknown"], 1, set())


@pytest.mark.parametrize(
    "answers",
    [
        {"DATA": ["250 what?"]},
        {"MAIL": ["354 go on"]},
        {"RCPT": ["503 5.5.1 order"]},
        {"DATA": ["354 go on\r\n250 taken"]},
    ],
)
def test_out_of_step_nothing_is_believed(run: Runs, answers: dict[str, list[str]]) -> None:
    outbox = ListOutbox.of([an_envelope()])
    try:
        seen = run(send(outbox, Script(answers=answers)))
    except RelayError:
        assert outbox.fates == []
    else:
        assert (outbox.fates, seen.taken) == (["try_later"], [])


# TLS and logins -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("security", [Security.starttls, Security.tls])
def test_messages_leave_under_tls_in_one_round_trip(run: Runs, security: Security, authority: Authority) -> None:
    outbox = ListOutbox.of([an_envelope(message=LARGE * size) for size in (1, 20, 100)])
    seen = run(send(outbox, authority.script(security, Script()), options=authority.options(security)))
    assert outbox.fates == ["accepted"] * 3
    assert seen.taken == [LARGE, LARGE * 20, LARGE * 100]
    assert seen.count("EHLO") == (2 if security is Security.starttls else 1)


@pytest.mark.parametrize("security", [Security.starttls, Security.tls])
def test_a_stranger_s_certificate_gets_no_mail(run: Runs, security: Security, authority: Authority) -> None:
    outbox = ListOutbox.of([an_envelope()])
    with pytest.raises(RelayError, match="certificat"):
        run(send(outbox, authority.script(security, Script()), options=SmtpOptions(security=security)))


@pytest.mark.parametrize(
    "script",
    [Script(), Script(extensions=("STARTTLS",), answers={"STARTTLS": ["454 4.7.0 no"]})],
    ids=["not offered", "not done"],
)
def test_without_its_encryption_nothing_is_said_to_a_server(run: Runs, script: Script) -> None:
    with pytest.raises(RelayError, match="STARTTLS"):
        run(send(ListOutbox.of([an_envelope()]), script, options=SmtpOptions(security=Security.starttls)))


def test_octets_in_clear_behind_starttls_are_refused(run: Runs, authority: Authority) -> None:
    script = authority.script(Security.starttls, Script(answers={"STARTTLS": ["220 go on\r\n250 PIPELINING"]}))
    with pytest.raises(RelayError):
        run(send(ListOutbox.of([an_envelope()]), script, options=authority.options(Security.starttls)))


@pytest.mark.parametrize("offered", ["AUTH PLAIN LOGIN", "AUTH LOGIN", "AUTH=LOGIN"])
def test_both_logins_are_spoken(run: Runs, offered: str) -> None:
    server = SmtpServer(host="127.0.0.1", port=0, username="lot", password="clé")
    outbox = ListOutbox.of([an_envelope()])
    script = Script(extensions=("PIPELINING", offered), answers={"LOGIN": ["235 2.7.0 welcome"]})
    seen = run(send(outbox, script, server=server))
    if "PLAIN" in offered:
        assert "AUTH PLAIN " + base64.b64encode("\0lot\0clé".encode()).decode() in seen.commands
    else:
        login = seen.commands.index("AUTH LOGIN")
        said = [base64.b64decode(line).decode() for line in seen.commands[login + 1 : login + 3]]
        assert said == ["lot", "clé"]
    assert outbox.fates == ["accepted"]


@pytest.mark.parametrize(
    ("extensions", "sentence"), [(("AUTH PLAIN",), "535 5.7.8 no"), (("AUTH CRAM-MD5",), "PLAIN ou LOGIN")]
)
def test_a_login_that_fails_is_said(run: Runs, extensions: tuple[str, ...], sentence: str) -> None:
    server = SmtpServer(host="127.0.0.1", port=0, username="lot", password="secret")
    with pytest.raises(RelayError, match=sentence):
        run(send(ListOutbox.of([]), Script(extensions=extensions, answers={"LOGIN": ["535 5.7.8 no"]}), server=server))


# The rest -------------------------------------------------------------------------------------------------------------


def test_a_server_that_knows_no_ehlo_is_greeted_the_old_way(run: Runs) -> None:
    outbox = ListOutbox.of([an_envelope()] * 2)
    seen = run(send(outbox, Script(answers={"EHLO": ["502 5.5.1 what?"]})))
    assert (outbox.fates, seen.count("HELO")) == (["accepted"] * 2, 1)


def test_a_machine_without_a_full_name_says_its_address() -> None:
    assert ehlo_name("::1").startswith(("[IPv6:::1]", "[")) or "." in ehlo_name("::1")


def test_the_options_choose_the_client() -> None:
    settings = Settings(smtp_host="relay.example", smtp_port=587, smtp_security="starttls")
    transport = transport_for(settings)
    assert isinstance(transport, PipelinedTransport)
    assert (transport.server.host, transport.server.port, transport.options.security) == (
        "relay.example",
        587,
        Security.starttls,
    )
    assert isinstance(transport_for(settings, options=SmtpOptions(client=SmtpClient.aiosmtplib)), RelayTransport)
