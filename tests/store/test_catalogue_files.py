"""The territory, the catalogue's files and what partners brought, on real stores."""

from datetime import date, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.catalogue import employers, files, openings, partners, portraits, supports, territory
from newsletter.catalogue.entries import UnreadableFileError
from newsletter.catalogue.forms import FormError, validated_form
from newsletter.demo.samples import draw_samples, load_demo_catalogue
from newsletter.errors import NewsletterError, NotFoundError, RefusedError
from newsletter.reports.partners import partner_report
from newsletter.store import Store
from newsletter.store.catalogue import Commune, Employer, Epci, Opening, Partner, Portrait, Scan, Sector, Support
from newsletter.store.people import SignUp
from newsletter.words import SupportKind
from tests.conftest import A_MONDAY
from tests.kit.makers import a_subscriber, an_employer

TODAY = A_MONDAY.date()


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A media folder with the demonstration's pictures, drawn once."""
    folder = tmp_path_factory.mktemp("media")
    draw_samples(folder)
    return folder


def count(session: Session, table: type) -> int:
    return session.scalar(sa.select(sa.func.count()).select_from(table)) or 0


def test_the_territory_is_the_312_communes_of_the_lot_however_often_it_is_loaded(store: Store) -> None:
    with store.transaction() as session:
        territory.load(session)
        session.get_one(Commune, "46042").name = "Cahorse"
        session.flush()
        territory.load(session)
    with store.reading() as session:
        assert (count(session, Commune), count(session, Epci)) == (312, 10)
        assert session.get_one(Commune, "46042").name == "Cahors"
        places = territory.gazetteer(session)
        assert len({places.commune(one.name) for one in territory.communes(session)}) == 312
        for words, code in {"santé": "sante", "BTP": "btp", "services à la personne": "services-a-la-personne"}.items():
            assert places.sector(words) == code
        with pytest.raises(territory.UnknownWordError, match="« Figeac »"):
            places.commune("Figac")


def test_the_demonstration_catalogue_loads_twice_and_changes_nothing(store: Store, drawn: Path) -> None:
    with store.transaction() as session:
        territory.load(session)
        first = load_demo_catalogue(session, today=TODAY, media=drawn)
        again = load_demo_catalogue(session, today=TODAY, media=drawn)
    assert [(report.added, report.same) for report in first] == [(r.same, r.added) for r in again]
    assert not any(report.changed for report in again)
    with store.reading() as session:
        assert 6 <= count(session, Employer) <= 8
        assert count(session, Opening) >= 10
        assert all(line.showable for line in portraits.listed(session, today=TODAY))
        assert len({line.commune.epci_siren for line in employers.listed(session, today=TODAY)}) >= 4


WRONG = """\
employeurs:
  - nom: Bon
    secteur: industrie
    commune: Figeac
  - nom: Mauvais
    secteur: industri
    commune: Figac
openings:
  - employer: Bonn
    title: Soudeur
    expires_in_days: bientôt
"""


def test_one_wrong_entry_leaves_nothing_and_every_mistake_has_its_line_and_a_hint(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "catalogue.yaml"
    path.write_text(WRONG, encoding="utf-8")
    with store.transaction() as session:
        territory.load(session)
        with pytest.raises(files.CatalogueFileError) as caught:
            files.load(session, path, today=TODAY, media=tmp_path)
    told = str(caught.value)
    assert "ligne 5 (employers), sector" in told
    assert "« Industrie »" in told
    assert "« Figeac »" in told
    assert "ligne 9 (openings), expires_in_days" in told
    with store.reading() as session:
        assert count(session, Employer) == 0


def test_a_csv_from_a_french_excel_is_read_and_brings_its_picture(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "employeurs-2026.csv"
    lines = 'Nom;Secteur;Commune;Présentation\r\nL’Écluse;Santé;saint cere;"à l’écoute ; vraiment"\r\n;;;\r\n'
    path.write_bytes(lines.encode("cp1252"))
    with store.transaction() as session:
        territory.load(session)
        (report,) = files.load(session, path, today=TODAY, media=tmp_path / "media")
        kept = session.exec(select(Employer)).one()
    assert report.added == 1
    assert (kept.name, kept.commune_code, kept.about) == ("L’Écluse", "46251", "à l’écoute ; vraiment")


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.yaml", "employers: [\n", "ligne 2"),
        ("a.yaml", "- 1", "rubrique"),
        ("a.yaml", "employer: []", "Vouliez-vous dire « employers »"),
        ("a.yaml", "employers: x", "tiret"),
        ("a.yaml", "!!python/object/apply:os.system [ls]", "YAML"),
        ("a.yaml", "employers: []", "aucune fiche"),
        ("a.csv", "nom\nx", "--kind"),
        ("employeurs.csv", 'nom\n"x', "guillemet"),
        ("a.xlsx", "x", "ni un fichier"),
    ],
)
def test_an_unreadable_file_gets_one_sentence(
    name: str, content: str, sentence: str, tmp_path: Path, store: Store
) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    with store.transaction() as session, pytest.raises(UnreadableFileError, match=sentence):
        files.load(session, tmp_path / name, today=TODAY, media=tmp_path)


def test_a_picture_outside_the_files_folder_is_refused(store: Store, tmp_path: Path) -> None:
    (tmp_path / "secret.jpg").write_bytes(b"x")
    folder = tmp_path / "here"
    folder.mkdir()
    path = folder / "a.yaml"
    path.write_text(
        "employers: [{name: A, sector: btp, commune: Bach, picture: ../secret.jpg, picture_alt: x}]", encoding="utf-8"
    )
    with store.transaction() as session:
        territory.load(session)
        with pytest.raises(files.CatalogueFileError, match="n’est pas dans le dossier"):
            files.load(session, path, today=TODAY, media=tmp_path / "media")


def test_a_taken_name_is_said_beside_its_field_and_the_transaction_goes_on(store: Store) -> None:
    with store.transaction() as session:
        an_employer(session, "Atelier")
        form = validated_form(employers.EmployerForm, {"name": "Atelier", "sector": "industrie", "commune": "Figeac"})
        with pytest.raises(FormError) as caught:
            employers.add(session, form)
        assert list(caught.value.fields) == ["name"]
        assert employers.add(session, form.model_copy(update={"name": "Autre"})).id


def test_an_employer_leaves_with_its_openings_but_not_while_a_portrait_speaks_of_it(store: Store) -> None:
    with store.transaction() as session:
        employer = an_employer(session)
        assert employer.id is not None
        job = {"employer": employer.name, "title": "Soudeur", "expires_on": TODAY}
        openings.add(session, validated_form(openings.OpeningForm, job))
        portrait = portraits.add(
            session,
            validated_form(
                portraits.PortraitForm, {"person": "Maud", "employer": employer.name, "image_right_until": TODAY}
            ),
        )
        with pytest.raises(RefusedError, match="Maud"):
            employers.remove(session, employer.id)
        session.delete(portrait)
        session.flush()
        employers.remove(session, employer.id)
    with store.reading() as session:
        assert (count(session, Employer), count(session, Opening)) == (0, 0)


def test_expired_openings_stand_last_and_a_withdrawal_outlives_a_reload(store: Store, drawn: Path) -> None:
    with store.transaction() as session:
        territory.load(session)
        load_demo_catalogue(session, today=TODAY, media=drawn)
        person = session.exec(select(Portrait)).first()
        assert person is not None
        assert person.id is not None
        portraits.withdraw(session, person.id, now=A_MONDAY)
        portraits.withdraw(session, person.id, now=A_MONDAY + timedelta(days=1))
        load_demo_catalogue(session, today=TODAY, media=drawn)
    with store.reading() as session:
        assert session.get_one(Portrait, person.id).withdrawn_at == A_MONDAY
        later = openings.listed(session, today=TODAY + timedelta(days=95))
        assert [line.open for line in later] == sorted((line.open for line in later), reverse=True)
        assert {line.open for line in later} == {True, False}


def test_a_support_gets_a_code_keeps_it_and_is_found_by_it(store: Store) -> None:
    form = {"partner": "Bois des elfes", "kind": "set de table", "season": "2026"}
    with store.transaction() as session:
        partners.add(session, validated_form(partners.PartnerForm, {"name": "Bois des elfes"}))
        support = supports.add(session, validated_form(supports.SupportForm, form))
        assert supports.find(session, support.code.upper()).partner.name == "Bois des elfes"
        taken = validated_form(supports.SupportForm, form | {"code": support.code, "season": 2027})
        with pytest.raises(FormError, match="déjà imprimé"):
            supports.add(session, taken)
        with pytest.raises(NotFoundError, match="« nope »"):
            supports.find(session, "nope")
        with pytest.raises(NewsletterError, match="Vouliez-vous dire « Bois des elfes »"):
            supports.add(session, validated_form(supports.SupportForm, form | {"partner": "Bois des elfe"}))
        with pytest.raises(RefusedError, match="reste au catalogue"):
            partners.remove(session, support.partner_id)


def test_a_partners_report_counts_rows_for_each_support(store: Store) -> None:
    with store.transaction() as session:
        partner = Partner(name="Camping des Bois")
        session.add(partner)
        session.flush()
        assert partner.id is not None
        shown, quiet = (
            Support(partner_id=partner.id, code=code, kind=SupportKind.flyer, season=2026) for code in ("aaa", "bbb")
        )
        session.add_all([shown, quiet])
        session.flush()
        assert shown.id is not None
        session.add_all([Scan(support_id=shown.id, day=date(2026, 7, day), count=day) for day in (1, 2)])
        for number in range(3):
            session.add(
                SignUp(
                    address=f"r{number}@example.org", address_hash=bytes([number]), support_id=shown.id,
                    wording_version="1", asked_at=A_MONDAY, confirmed_at=A_MONDAY if number else None,
                )
            )  # fmt: skip
        a_subscriber(session, partner_id=partner.id)
        found = partner_report(session, partner.id)
    assert [(one.support.code, one.scans, one.sign_ups, one.confirmed) for one in found.supports] == [
        ("aaa", 3, 3, 2),
        ("bbb", 0, 0, 0),
    ]
    assert found.met == 1


def test_sectors_have_a_name_in_both_languages(store: Store) -> None:
    with store.transaction() as session:
        territory.load(session)
        assert all(s.name_fr and s.name_en and s.code.isascii() for s in territory.sectors(session))
        assert session.exec(select(Sector).where(col(Sector.code) == "numerique")).one().name_fr == "Numérique"
