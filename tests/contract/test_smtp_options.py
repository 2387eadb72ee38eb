"""The SMTP options of a lane or the settings hold for both of our clients."""

import asyncio
import os
from dataclasses import replace
from pathlib import Path

import pytest

from newsletter.config import Settings
from newsletter.smtp.contract import RelayError
from newsletter.smtp.factory import TransportFactory, transport_for
from newsletter.smtp.options import Security, SmtpClient, SmtpOptions, smtp_options_of
from tests.kit.certificates import Authority
from tests.kit.outboxes import ListOutbox, an_envelope, deliver_all
from tests.kit.scripted_smtp import Script, Seen, scripted


def send(client: SmtpClient, script: Script, *, security: Security, home: Path, ca_file: str = "") -> ListOutbox:
    """One message by this client; its server has what the script says."""

    async def all_of_it() -> ListOutbox:
        async with scripted(script) as seen:
            settings = Settings(home=home, smtp_port=seen.port, smtp_security=security.value, smtp_ca_file=ca_file)
            options = replace(smtp_options_of(settings), client=client)
            async with transport_for(settings, options=options).connect() as connection:
                await connection.deliver(outbox)
        return outbox

    outbox = ListOutbox.of([an_envelope()])
    return asyncio.run(all_of_it())


@pytest.fixture(scope="module")
def strangers(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority that nobody here trusts."""
    return Authority(tmp_path_factory.mktemp("strangers"))


@pytest.mark.parametrize("security", [Security.starttls, Security.tls])
@pytest.mark.parametrize("client", SmtpClient)
def test_an_authority_of_our_own_is_trusted_and_no_other(
    client: SmtpClient, security: Security, authority: Authority, strangers: Authority
) -> None:
    home, name = authority.file.parent, authority.file.name
    assert send(client, authority.script(security, Script()), security=security, home=home, ca_file=name).fates == [
        "accepted"
    ]
    for server, ca_file in ((strangers, name), (authority, "")):
        with pytest.raises(RelayError, match="certificat"):
            send(client, server.script(security, Script()), security=security, home=home, ca_file=ca_file)


@pytest.mark.parametrize("client", SmtpClient)
def test_a_file_that_holds_no_authority_is_named_and_nothing_leaves(
    client: SmtpClient, tmp_path: Path, authority: Authority
) -> None:
    (tmp_path / "empty.pem").touch()
    script = authority.script(Security.starttls, Script())
    for name in ("missing.pem", "empty.pem", "."):
        with pytest.raises(RelayError, match="Le fichier de l’autorité de certification") as said:
            send(client, script, security=Security.starttls, home=tmp_path, ca_file=name)
        assert str(tmp_path) not in str(said.value)


def test_an_authority_that_was_renewed_holds_without_a_restart(
    tmp_path: Path, authority: Authority, strangers: Authority
) -> None:
    file, script = tmp_path / "authority.pem", authority.script(Security.tls, Script())
    file.write_bytes(strangers.file.read_bytes())
    with pytest.raises(RelayError):
        send(SmtpClient.pipelined, script, security=Security.tls, home=tmp_path, ca_file=file.name)
    file.write_bytes(authority.file.read_bytes())
    os.utime(file, ns=(0, file.stat().st_mtime_ns + 1))  # a file system whose clock is coarse
    assert send(SmtpClient.pipelined, script, security=Security.tls, home=tmp_path, ca_file=file.name).fates == [
        "accepted"
    ]


def sent_under(options: list[SmtpOptions], *, messages: int) -> Seen:
    """A lane's messages; each connection is opened under the next options of the list."""

    async def all_of_it() -> Seen:
        async with scripted() as seen:
            waiting = iter(options)
            await deliver_all(TransportFactory(Settings(smtp_port=seen.port), lambda: next(waiting)), outbox)
            return seen

    outbox = ListOutbox.of([an_envelope()] * messages)
    seen = asyncio.run(all_of_it())
    assert outbox.fates == ["accepted"] * messages
    return seen


@pytest.mark.parametrize("client", SmtpClient)
def test_each_connection_is_opened_as_the_options_say_by_then(client: SmtpClient) -> None:
    first = SmtpOptions(client=client, ehlo="un.example", per_connection=1)
    then = SmtpOptions(client=client, ehlo="deux.example", per_connection=2)
    seen = sent_under([first, then], messages=3)
    assert [word for word in seen.commands if word.startswith("EHLO")] == ["EHLO un.example", "EHLO deux.example"]


@pytest.mark.parametrize("client", SmtpClient)
def test_a_connection_may_carry_any_number(client: SmtpClient) -> None:
    assert sent_under([SmtpOptions(client=client, per_connection=0)], messages=120).connections == 1
