"""What an import recognises by its name, a segment finds by the same name, on SQLite and on PostgreSQL."""

import pytest
import sqlalchemy as sa
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
from tests.kit.makers import a_commune, a_partner, a_subscriber, an_employer, before_0006
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
    tables = {Epci: ["name"], Commune: ["name"], Employer: ["name"], Partner: ["name"], Subscriber: ["name"],
              Sector: ["code", "name_fr", "name_en"]}  # fmt: skip
    with store.transaction() as session:
        a_partner(session, "Écomusée de Cuzals")
        an_employer(session, "Ébénisterie Œuvre")
        a_subscriber(session, first_name="Zoé", last_name="L’Hospitalet")
        before = {table: session.execute(sa.select(sa.inspect(table).local_table)).all() for table in tables}
    with store.engine.begin() as connection:
        for table, columns in tables.items():
            for column in columns:
                connection.exec_driver_sql(f"ALTER TABLE {sa.inspect(table).local_table} DROP COLUMN {column}_folded")
        before_0006(connection)
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0004'")
    assert store.upgrade()
    with store.reading() as session:
        for table, columns in tables.items():
            after = session.execute(sa.select(sa.inspect(table).local_table)).all()
            for column in columns:
                assert [getattr(row, f"{column}_folded") for row in after] == [
                    getattr(row, f"{column}_folded") for row in before[table]
                ]
    assert before[Partner][0].name_folded == "ecomusee de cuzals"
    assert before[Subscriber][0].name_folded == "zoe l hospitalet"
