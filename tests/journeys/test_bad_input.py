"""What goes wrong outside gets one clear sentence, a non-zero exit, and leaves nothing half-done."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from sqlmodel import select

from newsletter.demo.samples import SAMPLES
from newsletter.instance import Instance, create_instance
from newsletter.sockets import PortTakenError, listen
from newsletter.store.catalogue import Employer
from newsletter.store.people import Subscriber
from tests.kit.smtp import smtp_server

SAMPLE = SAMPLES / "signups-ete-2026.csv"
Command = Callable[..., Result]


def refused(ran: Result, *, saying: str) -> None:
    """The command failed with one sentence that holds these words, and no trace."""
    assert ran.exit_code == 1, ran.output
    assert saying in ran.output
    assert "Traceback" not in ran.output


def test_a_file_that_is_missing_unreadable_or_of_another_kind(
    instance: Instance, command: Command, tmp_path: Path
) -> None:
    (tmp_path / "binaire.csv").write_bytes(bytes(range(256)) * 20)
    (tmp_path / "classeur.xlsx").write_bytes(b"PK\x03\x04" + bytes(200))
    (tmp_path / "vide.csv").write_text("")
    (tmp_path / "colonnes.csv").write_text("Nom;Prénom\nRoux;Anne\n", encoding="utf-8")
    for name in ("binaire.csv", "classeur.xlsx", "vide.csv", "colonnes.csv"):
        ran = command("import", tmp_path / name, "--commit")
        assert (ran.exit_code, "Traceback" in ran.output) == (1, False), (name, ran.output)
    refused(command("import", SAMPLE, "--encoding", "utf-8", "--commit"), saying="utf-8")
    with instance.store.reading() as session:
        assert session.exec(select(Subscriber)).all() == []


def test_an_unknown_sector_stops_the_whole_catalogue_file(instance: Instance, command: Command, tmp_path: Path) -> None:
    create_instance(instance.settings)
    file = tmp_path / "employers.yaml"
    employer = "- {{name: {name}, sector: {sector}, commune: Figeac, about: Un atelier.}}\n"
    file.write_text(
        "employers:\n" + employer.format(name="Bon", sector="santé") + employer.format(name="Faux", sector="industri"),
        encoding="utf-8",
    )
    refused(command("catalogue", "load", file), saying="Industrie")
    with instance.store.reading() as session:
        assert session.exec(select(Employer)).all() == []


def test_a_segment_with_an_unknown_word(command: Command) -> None:
    refused(command("segment", "count", "secteurr = santé"), saying="Vouliez-vous dire « secteur »")


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
def test_a_mail_server_that_is_down_or_refuses_the_login(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    command("issue", "new", "Automne")
    monkeypatch.setenv("NEWSLETTER_SMTP_PORT", "9")
    refused(command("issue", "test", "1", "camille@example.org"), saying="ne répond pas")
    with smtp_server(login=("lot", "juste")) as mail_server:
        monkeypatch.setenv("NEWSLETTER_SMTP_PORT", str(mail_server.port))
        monkeypatch.setenv("NEWSLETTER_SMTP_USERNAME", "lot")
        monkeypatch.setenv("NEWSLETTER_SMTP_PASSWORD", "faux")
        refused(command("issue", "test", "1", "camille@example.org"), saying="refuse notre compte")
        assert mail_server.received == []


def test_a_port_that_is_taken(command: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused(command("serve", "--port", port), saying="déjà pris")
        with pytest.raises(PortTakenError):
            listen("127.0.0.1", port)


def test_a_database_newer_than_the_program(instance: Instance, command: Command) -> None:
    with instance.store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    refused(command("issue", "list"), saying="plus récente")
    refused(command("init"), saying="plus récente")


def test_a_house_that_was_never_laid(tmp_path: Path) -> None:
    environment = os.environ | {"NEWSLETTER_HOME": str(tmp_path / "nulle-part")}  # noqa: TID251  a process of its own
    ran = subprocess.run(
        [sys.executable, "-m", "newsletter", "issue", "list"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "Lancez d’abord « newsletter init »" in ran.stderr
    assert not (tmp_path / "nulle-part").exists()


def test_laying_a_house_twice_keeps_everything(instance: Instance, command: Command) -> None:
    first = command("init", "--password-stdin", typed="un long mot de passe\n")
    assert first.exit_code == 0, first.output
    assert "312 communes" in first.output
    again = command("init")
    assert again.exit_code == 0
    assert again.output.count("gardé") == 2
    assert "mot de passe (montré" not in again.output


def test_a_setting_that_makes_no_sense_is_named(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSLETTER_SMTP_PORT", "beaucoup")
    refused(command("issue", "list"), saying="SMTP_PORT")
