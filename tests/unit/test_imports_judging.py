"""What one row of a sign-up file is worth: taken, set aside or refused, and the sentence that says what to look at."""

import csv
import io
from datetime import UTC, datetime

import pytest

from newsletter.imports.columns import Column
from newsletter.imports.judging import JudgedRow, KnownNames, RowDoubt, RowStatus, judge_row
from newsletter.imports.reading import read
from newsletter.words import Axis, ConsentState, Horizon

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
KNOWN = KnownNames(sectors={"btp": "btp", "sante": "sante"}, partners={"ecomusee de cuzals": 7})


def judged(**cell: str) -> JudgedRow:
    """The judgement on a row of these cells; an address and a yes to the letter unless others are given."""
    fields = {"adresse": "a@exemple.fr", "lettre": "oui"} | {
        name.replace("_", "-"): text for name, text in cell.items()
    }
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=";").writerows([list(fields), list(fields.values())])
    sheet = read(out.getvalue().encode(), name="x.csv", chosen={Column(name): name for name in fields})
    return judge_row(sheet.rows[0], KNOWN, now=NOW)


def test_a_whole_row_is_taken_with_everything_it_says() -> None:
    assert judged(
        adresse=" a@Exemple.fr ", clics="non", rappel="x", prenom="Anne", nom="d’Ys",
        telephone="05  65\n10", pays="France",
        code_postal="46 100", horizon="plus tard", partenaire="Écomusée de Cuzals", secteurs="btp",
        date="05/10/2026 14:30",
    ) == JudgedRow(
        number=2,
        status=RowStatus.taken,
        address="a@exemple.fr",
        first_name="Anne",
        last_name="d’Ys",
        phone="05 65 10",
        country="FR",
        postcode="46100",
        horizon=Horizon.later,
        partner_id=7,
        sectors=frozenset({"btp"}),
        met_on=datetime(2026, 10, 5, 12, 30, tzinfo=UTC),
        axes={
            Axis.newsletter: ConsentState.granted, Axis.clicks: ConsentState.denied, Axis.adviser: ConsentState.granted,
        },
        doubts=(),
    )  # fmt: skip


def test_a_row_without_a_valid_address_is_refused_and_says_nothing_more() -> None:
    refused = judged(adresse="pas une adresse", prenom="Anne", clics="oui")
    assert refused == JudgedRow(
        number=2,
        status=RowStatus.refused,
        doubts=(RowDoubt(Column.address, "Il manque le signe @ dans l’adresse e-mail. Corrigez-la."),),
    )


@pytest.mark.parametrize(
    ("lettre", "sentence"),
    [
        (
            "peut-être",
            "Ni oui ni non : la personne est mise de côté et ne recevra rien. Demandez-lui, puis écrivez oui.",
        ),
        ("", "Rien n’est coché pour la lettre : la personne est mise de côté et ne recevra rien."),
    ],
)
def test_without_a_clear_word_on_the_letter_a_row_is_set_aside_with_what_was_clear(lettre: str, sentence: str) -> None:
    assert judged(lettre=lettre, ouvertures="oui", prenom="Anne") == JudgedRow(
        number=2,
        status=RowStatus.quarantined,
        address="a@exemple.fr",
        axes={Axis.opens: ConsentState.granted},
        doubts=(RowDoubt(Column.newsletter, sentence),),
    )


LOST = "Une lettre a été perdue à l’export (« ? »). Rétablissez-la dans le fichier."
TOO_LONG = "Ce nom est trop long pour être un nom. Vérifiez-le."
NO_NAME = "Cela ne ressemble pas à un nom : gardé tel quel, comme du texte. Vérifiez-le."
BROKEN = "Le nom était coupé par un retour à la ligne : réuni sur une ligne. Vérifiez-le."


@pytest.mark.parametrize(
    ("written", "name", "sentence"),
    [
        ("", "", ""),
        ("Anne-Marie", "Anne-Marie", ""),
        ("  Le   Goff ", "Le Goff", ""),
        ("Ren?e", "Ren?e", LOST),
        ("Ren�e", "Ren�e", LOST),
        ("a" * 80, "a" * 80, ""),
        ("a" * 81, "a" * 81, TOO_LONG),
        ("<b>Anne</b>", "<b>Anne</b>", NO_NAME),
        ("Du\npont", "Du pont", BROKEN),
        ("Du\rpont", "Du pont", BROKEN),
    ],
)
@pytest.mark.parametrize("column", [Column.first_name, Column.last_name])
def test_a_name_is_kept_on_one_line_and_what_is_odd_in_it_is_said(
    column: Column, written: str, name: str, sentence: str
) -> None:
    row = judged(**{column.value: written})
    assert (row.first_name if column is Column.first_name else row.last_name) == name
    assert row.doubts == ((RowDoubt(column, sentence),) if sentence else ())


@pytest.mark.parametrize(
    ("cells", "field", "value", "column", "sentence"),
    [
        ({"pays": "Belgique"}, "country", "BE", None, ""),
        (
            {"pays": "Atlantide"}, "country", "", Column.country,
            "Pays inconnu : laissé vide. Écrivez-le en entier, par exemple Belgique.",
        ),
        ({"pays": "France", "code_postal": "46\n100"}, "postcode", "46100", None, ""),
        ({"pays": "France", "code_postal": ""}, "postcode", "", None, ""),
        ({"pays": "Belgique", "code_postal": " B  1000"}, "postcode", "B 1000", None, ""),
        (
            {"pays": "France", "code_postal": "4610 0 1"}, "postcode", "4610 0 1", Column.postcode,
            "Un code postal français a cinq chiffres : gardé tel quel. Vérifiez le code ou le pays.",
        ),
        ({"horizon": "cette année"}, "horizon", Horizon.this_year, None, ""),
        (
            {"horizon": "un jour"}, "horizon", Horizon.unknown, Column.horizon,
            "Projet inconnu : laissé vide. Écrivez « dans l’année », « 1 à 3 ans » ou « plus tard ».",
        ),
        ({"horizon": ""}, "horizon", Horizon.unknown, None, ""),
        (
            {"partenaire": "Le Bois des elfes"}, "partner_id", None, Column.partner,
            "Lieu de rencontre inconnu : laissé vide. Ajoutez ce partenaire, ou corrigez son nom.",
        ),
        ({"partenaire": ""}, "partner_id", None, None, ""),
        ({"secteurs": "BTP; santé , - |btp/sante"}, "sectors", frozenset({"btp", "sante"}), None, ""),
        (
            {"secteurs": "btp, pêche"}, "sectors", frozenset({"btp"}), Column.sectors,
            "Secteur inconnu : laissé de côté. Choisissez dans la liste des secteurs du Lot.",
        ),
        (
            {"date": "31/02/2026"}, "met_on", None, Column.date,
            "Cette date n’existe pas : le jour de l’import en tient lieu. Écrivez-la JJ/MM/AAAA.",
        ),
        (
            {"date": "24/11/2026"}, "met_on", None, Column.date,
            "Cette date est dans l’avenir : le jour de l’import en tient lieu. Corrigez-la.",
        ),
        ({"date": "23/11/2026"}, "met_on", NOW, None, ""),  # midday of today has not come: the moment of the import
        ({"date": "25/10/2026 02:30"}, "met_on", datetime(2026, 10, 25, 11, 0, tzinfo=UTC), None, ""),  # twice
        ({"date": ""}, "met_on", None, None, ""),
    ],
)  # fmt: skip
def test_a_cell_is_read_or_left_empty_with_a_sentence_that_says_what_to_do(
    cells: dict[str, str], field: str, value: object, column: Column | None, sentence: str
) -> None:
    row = judged(**cells)
    assert row.status is RowStatus.taken
    assert getattr(row, field) == value
    assert row.doubts == ((RowDoubt(column, sentence),) if column else ())
