"""The commands that show and mend what is in the store: what they print, write and refuse."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from sqlmodel import Session, select

from newsletter.demo.samples import SAMPLES
from newsletter.instance import Instance
from newsletter.note_reasons import NoteReason
from newsletter.store.catalogue import Support
from newsletter.store.columns import key
from newsletter.store.leads import Lead, TerritoryRule, Warmth
from newsletter.store.ledger import Mail, MailNote
from newsletter.words import Axis, MailState, NoteKind
from tests.kit.makers import LONG_AGO, a_mail, a_partner, a_subscriber, an_adviser, an_edition

Command = Callable[..., Result]


def json_of(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


# The catalogue ----------------------------------------------------------------------------------------------------


def test_the_demonstration_catalogue_is_loaded_once_and_listed_by_kind(command: Command) -> None:
    assert "Rien encore" in command("catalogue", "list", "employers").output
    first, again = command("catalogue", "samples").output, command("catalogue", "samples").output
    assert all(" 0 en plus," not in line for line in first.splitlines())
    assert all("0 en plus, 0 avec changement" in line for line in again.splitlines())
    employers = json_of(command("catalogue", "list", "employers", "--json"))
    assert {"id", "name", "sector", "commune", "open"} == set(employers[0])
    openings = json_of(command("catalogue", "list", "openings", "--json"))
    assert {opening["employer"] for opening in openings} <= {employer["name"] for employer in employers}
    portraits = json_of(command("catalogue", "list", "portraits", "--json"))
    assert all(portrait["person"] and portrait["role"] for portrait in portraits)
    supports = {support["partner"] for support in json_of(command("catalogue", "list", "supports", "--json"))}
    partners = {partner["name"] for partner in json_of(command("catalogue", "list", "partners", "--json"))}
    assert supports <= partners
    lines = command("catalogue", "list", "employers").output.splitlines()
    assert len(lines) == len(employers)
    assert lines[0].startswith(f"{employers[0]['id']} · {employers[0]['name']} · ")


# Print runs ---------------------------------------------------------------------------------------------------------


def test_a_print_run_is_added_listed_and_drawn(command: Command, instance: Instance, tmp_path: Path) -> None:
    assert "Aucun support" in command("support", "list").output
    with instance.store.transaction() as session:
        a_partner(session, "Bois des elfes")
    added = command(
        "support", "add", "Bois des elfes", "--kind", "placemat", "--season", "2027", "--note", "200 ex."
    ).output
    with instance.store.reading() as session:
        made = session.exec(select(Support)).one()
    assert added.startswith(f"Le support {made.code} est créé. Son QR code mène à http")
    (row,) = json_of(command("support", "list", "--json"))
    assert (row["partner"], row["kind"], row["season"], row["note"]) == ("Bois des elfes", "placemat", 2027, "200 ex.")
    assert added.strip().endswith(row["address"])
    assert command("support", "list").output == f"{made.code} · Bois des elfes · set de table · 2027 · 200 ex.\n"
    sheet, code = tmp_path / "sheet.svg", tmp_path / "code.pdf"
    drawn = command("support", "qr", made.code, "--svg", sheet, "--pdf", code).output
    assert drawn == f"Écrit : {sheet}\nÉcrit : {code}\n"
    assert "<svg" in sheet.read_text(encoding="utf-8")
    assert code.read_bytes().startswith(b"%PDF")


def test_a_sheet_that_cannot_be_written_or_was_asked_nowhere_is_one_sentence(
    command: Command, instance: Instance, tmp_path: Path
) -> None:
    with instance.store.transaction() as session:
        a_partner(session, "Bois des elfes")
    command("support", "add", "Bois des elfes", "--kind", "poster", "--code", "elfes-26")
    nowhere = command("support", "qr", "elfes-26")
    assert (nowhere.exit_code, "--svg" in nowhere.output) == (2, True)
    (tmp_path / "file").touch()
    refused = command("support", "qr", "elfes-26", "--svg", tmp_path / "file" / "sheet.svg")
    assert refused.exit_code == 1
    assert "ne peut pas être écrit. Choisissez un autre endroit." in refused.output
    assert command("support", "qr", "INCONNU", "--svg", tmp_path / "x.svg").exit_code == 1


# Advisers and leads -------------------------------------------------------------------------------------------------


def test_advisers_are_loaded_listed_and_their_rules_said(command: Command) -> None:
    command("catalogue", "samples")
    loaded = command("adviser", "load", SAMPLES / "advisers.yaml").output
    assert loaded.startswith("4 référents ajoutés, 0 mis à jour, 12 règles de territoire.\n")
    assert "n’a pas encore de compte" in loaded
    advisers = json_of(command("adviser", "list", "--json"))
    assert [one["open"] for one in advisers] == [0] * 4
    first = advisers[0]
    assert f"{first['name']} : 0 pistes ouvertes sur {first['capacity']}\n" in command("adviser", "list").output
    rules = json_of(command("adviser", "rules", "--json"))
    assert {rule["adviser"] for rule in rules} <= {one["name"] for one in advisers}
    said = command("adviser", "rules").output.splitlines()
    assert len(said) == len(rules) == 12
    assert any(line.startswith("tout le reste → ") for line in said)


@pytest.fixture
def lead_of_claire(instance: Instance) -> int:
    """A lead that nobody has taken yet, which a rule of Claire's will give to her; its number."""
    with instance.store.transaction() as session:
        claire = an_adviser(session, name="Claire Delmas")
        session.add(TerritoryRule(adviser_id=key(claire.id)))
        reader = a_subscriber(session, Axis.newsletter, Axis.adviser, first_name="Anne", last_name="Ys", phone="0102")
        session.add(Warmth(subscriber_id=key(reader.id), score=1.0, because="Chaude.", last_act_at=LONG_AGO))
        lead = Lead(subscriber_id=key(reader.id), since=LONG_AGO, because="Chaude depuis juillet.", asked=True)
        session.add(lead)
        session.flush()
        return key(lead.id)


def test_a_lead_is_listed_handed_over_and_exported(command: Command, lead_of_claire: int, tmp_path: Path) -> None:
    assert "à confier" in command("lead", "list").output
    (waiting,) = json_of(command("lead", "list", "--json"))
    assert (waiting["lead"], waiting["state"], waiting["asked"], waiting["adviser"]) == (
        lead_of_claire,
        "new",
        True,
        "",
    )
    done = json_of(command("lead", "refresh", "--json"))
    assert done["handed_over"] == 1
    assert "0 nouvelles pistes, 0 confiées" in command("lead", "refresh").output
    (given,) = json_of(command("lead", "list", "--json", "--state", "handed_over"))
    assert given["adviser"] == "Claire Delmas"
    assert "Claire Delmas" in command("lead", "list").output
    table, book = tmp_path / "new" / "leads.csv", tmp_path / "leads.xlsx"
    said = command("adviser", "export", "Claire Delmas", "--csv", table, "--xlsx", book).output
    assert said == f"1 piste dans {table}\n1 piste dans {book}\n"
    assert "Anne" in table.read_text(encoding="utf-8-sig")
    assert book.read_bytes().startswith(b"PK")
    assert table.stat().st_mode & 0o077 == 0


def test_no_lead_at_all_is_said_and_an_export_needs_somewhere_to_go(
    command: Command, instance: Instance, tmp_path: Path
) -> None:
    assert command("lead", "list").output == "Aucune piste pour le moment.\n"
    with instance.store.transaction() as session:
        an_adviser(session, name="Hugo")
    assert "Dites où écrire" in command("adviser", "export", "Hugo").output
    (tmp_path / "file").touch()
    refused = command("adviser", "export", "Hugo", "--csv", tmp_path / "file" / "leads.csv")
    assert (refused.exit_code, "ne peut pas être écrit" in refused.output) == (1, True)
    folder = tmp_path / "leads.csv"
    folder.mkdir()
    assert command("adviser", "export", "Nobody", "--csv", tmp_path / "leads.csv").exit_code != 0
    assert list(folder.iterdir()) == []


# The ledger ---------------------------------------------------------------------------------------------------------


def a_sent_edition(session: Session, instance: Instance) -> Mail:
    """Of three readers one got it, one was refused, of one nobody knows; the mail of that one."""
    edition = an_edition(session, planned_at=LONG_AGO)
    mails = []
    for name in ("anne", "bruno", "chloe"):
        address = f"{name}@exemple.fr"
        reader = a_subscriber(session, address=address, address_hash=instance.keys.address_hash(address))
        mails.append(a_mail(session, reader, edition))
    _arrived, refused, lost = mails
    refused.state = MailState.refused
    session.add(MailNote(mail_id=key(refused.id), at=LONG_AGO, kind=NoteKind.refused, code=550, enhanced="5.1.1"))
    lost.state, lost.armed_at, lost.answered_at = MailState.in_doubt, LONG_AGO, LONG_AGO
    session.add(MailNote(mail_id=key(lost.id), at=LONG_AGO, kind=NoteKind.doubt, words=NoteReason.timeout))
    session.flush()
    return lost


@pytest.fixture
def lost(instance: Instance) -> int:
    with instance.store.transaction() as session:
        return key(a_sent_edition(session, instance).id)


def test_the_ledger_shows_each_mail_or_that_of_one_person(command: Command, lost: int) -> None:
    rows = json_of(command("ledger", "show", 1, "--json"))
    assert [row["state"] for row in rows] == ["accepted", "refused", "in_doubt"]
    (one,) = command("ledger", "show", 1, "bruno@exemple.fr").output.splitlines()
    assert one.split()[0] == "1"
    assert one.endswith("550 5.1.1")
    assert len(command("ledger", "show", 1, "--state", "in_doubt").output.splitlines()) == 1
    nobody = command("ledger", "show", 1, "dora@exemple.fr")
    assert (nobody.exit_code, "aucune lettre qui réponde" in nobody.output) == (1, True)


def test_the_balance_can_be_added_up_by_eye(command: Command, lost: int) -> None:
    assert command("ledger", "balance").output == (
        "Édition 1 : 3 prévues = 1 acceptées + 1 refusées + 0 retirées + 1 en doute + 0 annulées + 0 à venir\n"
    )
    balances = json_of(command("ledger", "balance", 1, "--json"))
    assert (balances["1"]["planned"], balances["1"]["in_doubt"]) == (3, 1)


def state_of(instance: Instance, mail_id: int) -> MailState:
    with instance.store.reading() as session:
        return session.get_one(Mail, mail_id).state


def test_a_doubt_is_listed_and_settled_by_its_number(command: Command, instance: Instance, lost: int) -> None:
    (listed,) = json_of(command("ledger", "doubt", "list", "--json"))
    assert listed["mail_id"] == lost
    assert command("ledger", "doubt", "list", 1).output.startswith(f"lettre {lost} (édition 1), partie le 14/07/2026 ")
    for unclear in (("settle", "drop"), ("settle", "drop", lost, "--all")):
        assert command("ledger", "doubt", *unclear).exit_code == 2
    assert command("ledger", "doubt", "settle", "arrived", lost).output == "1 doute(s) levé(s).\n"
    assert state_of(instance, lost) is MailState.settled
    assert command("ledger", "doubt", "list").output == "Aucune lettre n’est dans le doute.\n"


def test_every_doubt_of_an_edition_is_settled_at_once(command: Command, instance: Instance, lost: int) -> None:
    assert command("ledger", "doubt", "settle", "drop", "--all", "--edition", 9).output == "0 doute(s) levé(s).\n"
    assert command("ledger", "doubt", "settle", "resend", "--all").output == "1 doute(s) levé(s).\n"
    assert state_of(instance, lost) in (MailState.planned, MailState.deferred)


def test_sending_that_is_open_needs_no_opening(command: Command) -> None:
    assert command("ledger", "unlock").output == "L’envoi est ouvert : rien à faire.\n"


# Segments -----------------------------------------------------------------------------------------------------------


def test_a_segment_is_read_counted_and_explained(command: Command, instance: Instance, tmp_path: Path) -> None:
    with instance.store.transaction() as session:
        inside = key(a_subscriber(session, country="BE").id)
        outside = key(a_subscriber(session, Axis.opens, country="FR").id)
    assert (
        command("segment", "check", "pays = BE").output.strip()
        == command("segment", "count", "pays = BE").output.splitlines()[0]
    )
    file = tmp_path / "belges.txt"
    file.write_text("pays = BE", encoding="utf-8")
    counted = json_of(command("segment", "count", file, "--json"))
    assert (counted["matching"], counted["mailable"], counted["segment"]) == (1, 1, "pays = BE")
    everybody = command("segment", "count", "").output
    assert "2 personne(s) dans le segment, dont 1 à qui l’on peut écrire." in everybody
    assert "1 sans oui à la lettre." in everybody
    assert command("segment", "explain", "pays = BE", "--subscriber", inside).output.startswith("Dans le segment")
    hors = command("segment", "explain", "pays = BE", "--subscriber", outside).output
    assert hors.startswith("Hors du segment")
    assert "✗" in hors
    assert "prend tout le monde" in command("segment", "explain", "", "--subscriber", outside).output


def test_segments_of_the_library_are_listed_and_shown(command: Command, tmp_path: Path) -> None:
    first = command("segment", "library").output.splitlines()[0]
    name = first.split()[0]
    assert command("segment", "check", command("segment", "library", name).output).exit_code == 0
    unknown = command("segment", "library", "nulle-part")
    assert (unknown.exit_code, name in unknown.output) == (1, True)
    binary = tmp_path / "segment.txt"
    binary.write_bytes(b"\xff\xfe\xff")
    assert "UTF-8" in command("segment", "check", binary).output
