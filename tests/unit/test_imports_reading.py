"""A sign-up file reads the same whatever program wrote it, and one that cannot be read says so in a sentence."""

import csv
import io
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.imports.columns import Column, ColumnError, parse_map
from newsletter.imports.judging import JudgedRow, KnownNames, RowStatus, judge_row
from newsletter.imports.reading import ReadingError, Sheet, read
from newsletter.words import Axis, ConsentState, Horizon

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
TITLES = ["Adresse e-mail", "Prénom", "Accepte la newsletter"]
LISTS = KnownNames(sectors={"btp": "btp", "sante": "sante"}, partners={"ecomusee de cuzals": 7})

cells = st.text(alphabet=st.sampled_from("aé@ ;,\"\n'œ€=<{?"), max_size=8)
lines = st.lists(st.tuples(cells, cells, cells).filter(lambda row: any(cell.strip() for cell in row)), min_size=1)


def _written(rows: list[tuple[str, ...]], *, delimiter: str, encoding: str, above: str = "") -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter)
    writer.writerow(TITLES)
    writer.writerows(rows)
    return (above + out.getvalue()).encode(encoding)


@given(
    rows=lines,
    delimiter=st.sampled_from([";", ",", "\t", "|"]),
    encoding=st.sampled_from(["cp1252", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"]),
    above=st.sampled_from(["", "Inscriptions été 2026\r\n\r\n"]),
)
def test_the_lines_are_the_same_in_every_encoding_and_with_every_delimiter(
    rows: list[tuple[str, ...]], delimiter: str, encoding: str, above: str
) -> None:
    raw = _written(rows, delimiter=delimiter, encoding=encoding, above=above)
    sheet = read(raw, name="été.csv")
    named = (Column.address, Column.first_name, Column.newsletter)
    assert [tuple(row.cell(column) for column in named) for row in sheet.rows] == [
        tuple(cell.strip() for cell in row) for row in rows
    ]
    assert sheet.titles == tuple(TITLES)
    assert sheet.rows[0].number == sheet.header_row + 1


def test_titles_above_totals_below_and_blank_lines_are_no_sign_ups() -> None:
    raw = (
        "Coupons de l’été;;\n;;\nE-mail;Newsletter;Prénom\na@exemple.fr;oui;Ana\n;;\nb@exemple.fr;non;Bo\n"
        ";;\nTotal;2;\nNombre de oui : 1;;\n"
    )
    sheet = read(raw.encode(), name="coupons.csv")
    assert [row.number for row in sheet.rows] == [4, 6]
    assert sheet.header_row == 3


def test_columns_can_be_named_by_hand_by_title_or_number() -> None:
    raw = b"Contact;Coche;Autre\na@exemple.fr;oui;Figeac\n"
    sheet = read(raw, name="x.csv", chosen=parse_map(["adresse=contact", "lettre=2", "partner=Autre"]))
    assert [sheet.rows[0].cell(column) for column in (Column.address, Column.newsletter, Column.partner)] == [
        "a@exemple.fr",
        "oui",
        "Figeac",
    ]


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "vide"),
        (b" \r\n ", "vide"),
        (b"PK\x03\x04rest of a workbook", "classeur Excel"),
        (b"\x00\x01\x02\x03\xff\xfe\x81", "texte lisible"),
        (b'E-mail;Newsletter\na@exemple.fr;"oui\nb@exemple.fr;non\n', "guillemets"),
        (b"E-mail;Newsletter\n", "aucune ligne"),
        (b"E-mail;Nom\na@exemple.fr;Roux\n", "--map lettre="),
        (b"Newsletter;Nom\noui;Roux\n", "--map adresse="),
    ],
)
def test_a_file_that_cannot_be_taken_says_why_in_one_sentence(raw: bytes, said: str) -> None:
    with pytest.raises((ReadingError, ColumnError), match=said):
        read(raw, name="x.csv")


def test_a_wrong_word_for_encoding_or_column_is_said() -> None:
    raw = "E-mail;Newsletter\na@exemple.fr;peut-être\n".encode("cp1252")
    with pytest.raises(ReadingError, match="n’est pas écrit en utf-8"):
        read(raw, name="x.csv", encoding="utf-8")
    with pytest.raises(ReadingError, match="n’existe pas"):
        read(raw, name="x.csv", encoding="klingon")
    with pytest.raises(ColumnError, match="pas de colonne « Courrier »"):
        read(raw, name="x.csv", chosen={Column.address: "Courrier"})
    with pytest.raises(ColumnError, match="CHAMP=COLONNE"):
        parse_map(["couleur=3"])


def _judged(**cell: str) -> JudgedRow:
    fields = {"adresse": "a@exemple.fr", "lettre": "oui"} | cell
    raw = _table([list(fields), list(fields.values())])
    sheet: Sheet = read(raw, name="x.csv", chosen={Column(name): name for name in fields})
    return judge_row(sheet.rows[0], LISTS, now=NOW)


def _table(rows: list[list[str]]) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=";").writerows(rows)
    return out.getvalue().encode()


@pytest.mark.parametrize("said", ["oui", "OUI", " x ", "X", "1", "Vrai", "yes", "true"])
def test_only_a_clear_yes_is_consent(said: str) -> None:
    assert _judged(lettre=said).axes == {Axis.newsletter: ConsentState.granted}


@pytest.mark.parametrize("said", ["non", "NON", "no", "0", "Faux", "false"])
def test_a_clear_no_is_a_no(said: str) -> None:
    assert _judged(lettre=said).axes == {Axis.newsletter: ConsentState.denied}


@pytest.mark.parametrize("said", ["", "peut-être", "ok", "oui?", "2", "oui non"])
def test_anything_else_is_set_aside(said: str) -> None:
    judged = _judged(lettre=said, clics="oui")
    assert judged.status == RowStatus.quarantined
    assert len(judged.doubts) == 1


def test_an_unclear_word_on_another_axis_is_nothing() -> None:
    assert _judged(clics="peut-être", rappel="non").axes == {
        Axis.newsletter: ConsentState.granted,
        Axis.adviser: ConsentState.denied,
    }


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("05/10/2026", datetime(2026, 10, 5, 10, 0, tzinfo=UTC)),
        ("4/10/26", datetime(2026, 10, 4, 10, 0, tzinfo=UTC)),
        ("2026-06-04", datetime(2026, 6, 4, 10, 0, tzinfo=UTC)),
        ("24/06/2026 13:45", datetime(2026, 6, 24, 11, 45, tzinfo=UTC)),
        ("29/03/2026 02:30", datetime(2026, 3, 29, 10, 0, tzinfo=UTC)),  # an hour that summer time skips
        ("31/02/2026", None),
        ("2027-01-01", None),
        ("juillet", None),
    ],
)
def test_dates_are_read_as_the_french_write_them_and_impossible_ones_are_doubted(
    written: str, moment: datetime | None
) -> None:
    judged = _judged(date=written)
    assert judged.met_on == moment
    assert bool(judged.doubts) == (moment is None)


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "{{ 7*7 }}", '=HYPERLINK("http://evil.example";"clic")', "+33 6 12 34 56 78"]
)
def test_markup_formulas_and_braces_in_a_name_are_text(name: str) -> None:
    judged = _judged(prenom=name)
    assert judged.first_name == name
    assert len(judged.doubts) == 1


def test_a_name_broken_over_two_lines_becomes_one() -> None:
    assert _judged(nom="Du\r\npont").last_name == "Du pont"


def test_places_trades_and_plans_are_recognised_however_they_are_spelled() -> None:
    judged = _judged(
        pays="ALLEMAGNE", partenaire="ecomusée de  CUZALS", secteurs="btp; Santé;pas sûr", horizon="1 à 3 ans"
    )
    assert (judged.country, judged.partner_id, judged.sectors) == ("DE", 7, frozenset({"btp", "sante"}))
    assert judged.horizon == Horizon.one_to_three_years
    assert [doubt.column for doubt in judged.doubts] == [Column.sectors]
