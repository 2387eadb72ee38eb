"""What an import recognises by its name, a segment finds by the same name, on SQLite and on PostgreSQL."""

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlmodel import Session, col, select

from newsletter.audience.people import people_page
from newsletter.imports.plan import known_names
from newsletter.store import Store
from newsletter.store.catalogue import Commune, Employer, Epci, Partner, Sector
from newsletter.store.people import Subscriber
from newsletter.store.portable import insert_new, upsert
from newsletter.text import fold
from segments import condition
from segments.fields import Field
from segments.tree import OneOf, TypedName
from tests.conftest import A_MONDAY
from tests.kit.makers import a_commune, a_partner, a_subscriber, an_employer
from tests.kit.old_databases import insert_old, rebuild_at
from tests.kit.segment_world import TODAY

LETTERS = st.characters(exclude_categories=["Cs", "Cc"])
NAMES = st.text(LETTERS, min_size=1, max_size=12).filter(lambda name: bool(name.split()))
TYPED_IN_OTHER_WAYS = st.sampled_from(
    [str, str.upper, str.casefold, lambda name: name.replace("-", " "), lambda name: f" « {name} »", fold]
)
EIGHT = [
    ("Saint-Céré", "saint cere"),
    ("Čapek", "CAPEK"),
    ("Grand-Figeac (CC)", "grand figeac cc"),
    ("L’Hospitalet", "L'HOSPITALET"),
    ("Bois des elfes", "bois des elfes"),
    ("Écomusée de Cuzals", "ecomusee-de-cuzals"),
    ("Ébénisterie Œuvre", "EBENISTERIE OEUVRE"),
    ("Camping « Les Pins »", "camping les pins"),
]


def found_by_segment(session: Session, field: Field, typed: str) -> set[int | None]:
    which = condition(OneOf(field, (TypedName(typed),)), today=TODAY)
    return set(session.exec(select(Subscriber.id).where(which)).all())


def test_an_import_and_a_segment_agree_on_every_name_of_a_partner(store: Store) -> None:
    with store.transaction() as session:
        partner = a_partner(session)
        reader = a_subscriber(session, partner_id=partner.id)

        @settings(suppress_health_check=list(HealthCheck))
        @given(NAMES, NAMES, TYPED_IN_OTHER_WAYS)
        def agree(name: str, other: str, typed_as: object) -> None:
            partner.name = name
            session.add(partner)
            session.flush()
            for typed in (typed_as(name), other):  # type: ignore[operator]  # one of the functions above
                recognised = known_names(session).partners.get(fold(typed)) == partner.id
                assert (found_by_segment(session, Field.partner, typed) == {reader.id}) == recognised
            assert found_by_segment(session, Field.partner, name) == {reader.id}

        for name, typed in EIGHT:
            agree = example(name, typed, str)(agree)
        agree()


@pytest.mark.parametrize(("name", "typed"), EIGHT)
def test_every_list_finds_a_name_however_it_is_typed(store: Store, name: str, typed: str) -> None:
    with store.transaction() as session:
        an_employer(session, name)
        session.add(Sector(code="metier", name_fr=name, name_en="Trade"))
        commune = a_commune(session, name=name)
        session.merge(Epci(siren=commune.epci_siren, name=name))
        reader = a_subscriber(session, wished_commune=commune.insee_code)
    with store.reading() as session:
        assert found_by_segment(session, Field.commune, typed) == {reader.id}
        assert found_by_segment(session, Field.epci, typed) == {reader.id}
        assert session.exec(select(Employer.name).where(col(Employer.name_folded) == fold(typed))).one() == name
        assert known_names(session).sectors[fold(typed)] == "metier"
        assert session.exec(select(Sector.code).where(col(Sector.name_fr_folded) == fold(typed))).one() == "metier"


def test_a_name_that_changes_is_found_by_its_new_spelling_alone(store: Store) -> None:
    with store.transaction() as session:
        insert_new(session, Epci, [{"siren": "1", "name": "Vallée"}, {"siren": "2", "name": "Causse"}])
        upsert(session, Epci, [{"siren": "1", "name": "Châtaigneraie"}], key=["siren"], replace=["name"])
    with store.reading() as session:
        found = session.exec(select(Epci.siren, Epci.name_folded).order_by(col(Epci.siren))).all()
    assert found == [("1", "chataigneraie"), ("2", "causse")]


def test_people_are_found_by_parts_of_their_name_in_any_order(store: Store) -> None:
    with store.transaction() as session:
        sought = a_subscriber(session, first_name="Anne-Lise", last_name="O’Čapek")
        a_subscriber(session, first_name="Anna", last_name="Lot")
    with store.reading() as session:
        for typed in ("capek anne", "ANNE LISE", "lise-o'cap"):
            assert [one.id for one in people_page(session, sought=typed).people] == [sought.id]


def test_the_rows_of_an_older_database_get_their_folded_names(store: Store) -> None:
    rebuild_at(store, "0004")
    with store.engine.begin() as connection:
        insert_old(connection, "epci", siren="1", name="CC Grand-Figeac")
        insert_old(
            connection,
            "commune",
            insee_code="46251",
            name="Saint-Céré",
            postcodes="46400",
            population=1,
            epci_siren="1",
        )
        insert_old(connection, "sector", code="eau-air", name_fr="Éclairage", name_en="Lighting")
        insert_old(
            connection, "employer", name="Ébénisterie Œuvre", sector_code="eau-air", commune_code="46251",
            about="", website="", picture="", picture_alt="",
        )  # fmt: skip
        insert_old(connection, "partner", name="Camping « Les Pins »", kind="site", website="")
        insert_old(
            connection, "subscriber", address="a@example.org", address_hash=b"a", first_name="Zoé",
            last_name="L’Hospitalet", phone="", country="", postcode="", horizon="unknown", source="",
            joined_at=A_MONDAY,
        )  # fmt: skip
    assert store.upgrade()
    with store.reading() as session:
        assert session.exec(select(Epci)).one().name_folded == "cc grand figeac"
        assert session.exec(select(Commune)).one().name_folded == "saint cere"
        sector = session.exec(select(Sector)).one()
        assert (sector.code_folded, sector.name_fr_folded, sector.name_en_folded) == (
            "eau air",
            "eclairage",
            "lighting",
        )
        assert session.exec(select(Employer)).one().name_folded == "ebenisterie oeuvre"
        assert session.exec(select(Partner)).one().name_folded == "camping les pins"
        assert session.exec(select(Subscriber)).one().name_folded == "zoe l hospitalet"
