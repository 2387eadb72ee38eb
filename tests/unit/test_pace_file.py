"""The provider table and pace.toml: who belongs to whom, and what a file changes while mails leave."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from newsletter.delivery.throttle.pace_file import PaceFile, PaceFileError, read_pace, shipped_table
from newsletter.delivery.throttle.providers import RateLimits
from newsletter.smtp.options import Security, SmtpClient, SmtpOptions
from tests.kit.certificates import Authority


@pytest.mark.parametrize(
    ("address", "provider"),
    [
        ("camille@gmail.com", "gmail"),
        ("camille@Hotmail.FR", "outlook"),
        ("camille@aol.com", "yahoo"),
        ("camille@me.com", "icloud"),
        ("camille@wanadoo.fr", "orange"),
        ("camille@orange.fr", "orange"),
        ("camille@laposte.net", "laposte"),
        ("camille@neuf.fr", "sfr"),
        ("camille@web.de", "gmx"),
        ("camille@figeac.example", "other:figeac.example"),
    ],
)
def test_domains_of_one_receiver_are_one_provider(address: str, provider: str) -> None:
    assert shipped_table().provider_of(address) == provider


def test_the_shipped_limits_are_those_of_kumomta() -> None:
    shipped = shipped_table()
    assert shipped.limits("orange").connections == 2
    assert (shipped.limits("gmail").connections, shipped.limits("gmail").per_connection) == (5, 50)
    assert (shipped.limits("gmx").connections, shipped.limits("gmx").per_connection) == (4, 20)
    assert shipped.limits("other:figeac.example") == shipped.default
    assert shipped.default.per_minute == 6000


def test_a_file_changes_the_limits_while_mails_leave_and_a_broken_one_changes_nothing(tmp_path: Path) -> None:
    pace = PaceFile(tmp_path)
    assert pace.table() == shipped_table()
    file = tmp_path / "pace.toml"
    file.write_text(
        '[provider.orange]\nconnections = 1\n[provider.mairies]\ndomains = ["figeac.example"]\nper_minute = 30\n'
        "[lane.default]\nper_minute = 100\n"
    )
    changed = pace.table()
    assert changed.limits("orange") == RateLimits(connections=1, per_minute=6000, per_connection=100)
    assert changed.limits(changed.provider_of("accueil@figeac.example")).per_minute == 30
    assert changed.limits("gmail") == shipped_table().limits("gmail")
    assert changed.lane("default", connections=4, per_minute=6000) == RateLimits(connections=4, per_minute=100)
    file.write_text("[provider.orange]\nconnections = many\n")
    assert pace.table() == changed
    assert "pace.toml" in pace.trouble
    file.unlink()
    assert pace.table() == shipped_table()
    assert pace.trouble == ""


def test_a_provider_may_still_stand_under_its_first_name_of_family(tmp_path: Path) -> None:
    file = tmp_path / "pace.toml"
    file.write_text(
        '[family.orange]\nconnections = 1\n[[family.orange.when]]\nsays = ["stop"]\nfor_minutes = 9\nsuspend = true\n'
        "[provider.gmail]\nconnections = 3\n"
    )
    table = read_pace(file)
    assert (table.limits("orange").connections, table.limits("gmail").connections) == (1, 3)
    assert table.rules_of("orange")[0].for_minutes == 9


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[provider.orange]\nconnections = -1", "« provider.orange.connections » ne convient pas : un nombre entier"),
        ("[provider.orange]\nconnexions = 1", "« provider.orange.connexions » n’existe pas"),
        ("[defaut]\nconnections = 1", "« defaut » n’existe pas"),
        ('[provider.orange]\ndomains = "orange.fr"', "une liste de domaines"),
        ("[default]\nwarmup = { first = 10, target = 5 }", "first et target"),
        ("[default]\nwarmup = { first = 10, target = 50, growth = 3 }", "de plus de 1 à 2"),
        (
            "[provider.orange]\n[family.orange]",
            "« orange » est à la fois sous [provider.orange] et sous [family.orange]",
        ),
        ("[family.orange]\nconnections = -1", "« family.orange.connections » ne convient pas"),
        ("[default", "n’est pas du TOML"),
        ("[default]\nconnections = true", "un nombre entier"),
        (
            '[lane.default]\nclient = "postfix"',
            "« lane.default.client » ne convient pas : « pipelined » ou « aiosmtplib »",
        ),
        ("[lane.default]\npipelining = 0", "« lane.default.pipelining » ne convient pas : true ou false"),
        ("[lane.default]\nper_connection = -1", "« lane.default.per_connection » ne convient pas"),
        ('[lane.default]\nehlo = "moi\\r\\nQUIT"', "« lane.default.ehlo » ne convient pas : le nom complet"),
        ('[lane.default]\nca_file = "ailleurs.pem"', "« lane.default.ca_file » ne convient pas : un fichier de cert"),
        ('[lane.default]\nca_file = "pace.toml"', "« lane.default.ca_file » ne convient pas : un fichier de cert"),
        ('[lane.default]\nsecurity = "tls"', "« lane.default.security » n’existe pas"),  # with host and login
        ("[lane.default]\nwarmup = { first = 1, target = 2 }", "« lane.default.warmup » n’existe pas"),
    ],
)
def test_a_mistake_is_said_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "pace.toml"
    file.write_text(text)
    with pytest.raises(PaceFileError, match=re.escape(said)):
        read_pace(file)


def test_a_lane_s_smtp_options_are_those_of_the_file_and_for_the_rest_as_usual(
    tmp_path: Path, authority: Authority
) -> None:
    usual = SmtpOptions(security=Security.tls, ca_file=Path("usual.pem"))
    file = tmp_path / "pace.toml"
    assert read_pace(file).smtp_options("default", usual) == usual
    (tmp_path / "lot.pem").write_bytes(authority.file.read_bytes())
    file.write_text(
        '[lane.default]\nper_minute = 100\npipelining = false\nper_connection = 0\nca_file = "lot.pem"\n'
        '[lane.slow]\nclient = "aiosmtplib"\nehlo = "envoi.ohmylot.example"\n'
    )
    table = read_pace(file)
    assert table.smtp_options("default", usual) == replace(
        usual, pipelining=False, per_connection=0, ca_file=tmp_path / "lot.pem"
    )
    assert table.smtp_options("slow", usual) == replace(
        usual, client=SmtpClient.aiosmtplib, ehlo="envoi.ohmylot.example"
    )
    assert table.smtp_options("other", usual) == usual
    assert table.lane("default", connections=4, per_minute=6000) == RateLimits(connections=4, per_minute=100)


def test_the_pipelined_client_may_still_be_called_by_its_first_name(tmp_path: Path) -> None:
    file = tmp_path / "pace.toml"
    file.write_text('[lane.default]\nclient = "wire"\n[lane.slow]\nclient = "pipelined"\n')
    table = read_pace(file)
    for lane in ("default", "slow"):
        assert table.smtp_options(lane, SmtpOptions(client=SmtpClient.aiosmtplib)).client is SmtpClient.pipelined


def test_an_authority_that_was_missing_is_found_once_it_is_there(tmp_path: Path, authority: Authority) -> None:
    pace = PaceFile(tmp_path)
    (tmp_path / "pace.toml").write_text('[lane.default]\nca_file = "lot.pem"\n')
    assert pace.table() == shipped_table()
    assert "lane.default.ca_file" in pace.trouble
    (tmp_path / "lot.pem").write_bytes(authority.file.read_bytes())
    assert pace.table().smtp_options("default", SmtpOptions()).ca_file == tmp_path / "lot.pem"
    assert pace.trouble == ""
