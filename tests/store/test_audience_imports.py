"""A file of sign-ups is taken in once, whole, with a proof per consent, and revives nobody."""

import sqlalchemy as sa
from sqlmodel import Session, col, func, select

from newsletter.audience import privacy
from newsletter.catalogue import territory
from newsletter.demo.samples import SAMPLES
from newsletter.imports import reading
from newsletter.imports.plan import ImportPlan, import_sheet
from newsletter.imports.report import abridged, file_text
from newsletter.store import Store, consents
from newsletter.store.people import Consent, ImportedFile, Interest, Quarantine, Subscriber, Suppression, mailable
from newsletter.tokens import Keyring
from newsletter.words import Axis, Channel, ConsentState, Horizon, SuppressionReason
from tests.conftest import A_MONDAY
from tests.kit.makers import a_partner

SAMPLE = SAMPLES / "signups-ete-2026.csv"
TITLES = "E-mail;Prénom;Newsletter;Clics;Secteurs;Rencontré à;Projet;Date"


def _import(session: Session, keys: Keyring, *lines: str, name: str = "coupons.csv") -> ImportPlan:
    sheet = reading.read("\n".join([TITLES, *lines]).encode(), name=name)
    plan = import_sheet(session, keys, sheet, now=A_MONDAY, commit=True)
    assert plan.imported + plan.merged + plan.quarantined + plan.refused == plan.rows
    return plan


def _counts(plan: ImportPlan) -> tuple[int, int, int, int]:
    return plan.imported, plan.merged, plan.quarantined, plan.refused


def _mailable(session: Session) -> set[str]:
    return set(session.exec(select(Subscriber.address).where(mailable())).all())


def test_the_summers_file_adds_up_and_a_second_import_changes_nothing(store: Store, keys: Keyring) -> None:
    sheet = reading.read_file(SAMPLE)
    with store.transaction() as session:
        territory.load(session)
        a_partner(session, "Cap nature")
        rehearsal = import_sheet(session, keys, sheet, now=A_MONDAY, commit=False)
        assert session.exec(select(func.count()).select_from(Subscriber)).one() == 0
        plan = import_sheet(session, keys, sheet, now=A_MONDAY, commit=True)
        assert _counts(plan) == _counts(rehearsal) == (503, 31, 69, 37)
        assert plan.rows == 640
    with store.transaction() as session:
        before = [session.exec(select(func.count()).select_from(table)).one() for table in (Consent, Interest)]
        again = import_sheet(session, keys, sheet, now=A_MONDAY, commit=True)
        assert again.already == A_MONDAY
        assert before == [session.exec(select(func.count()).select_from(table)).one() for table in (Consent, Interest)]
        assert session.exec(select(func.count()).select_from(Subscriber)).one() == 503
        assert session.exec(select(func.count()).select_from(ImportedFile)).one() == 1
        assert session.exec(select(func.count()).select_from(Quarantine)).one() == 69
        for reader in session.exec(select(Subscriber.id).limit(5)):
            assert reader is not None
            assert consents.verify_chain(session, reader)


def test_nobody_without_a_clear_yes_is_mailed_and_the_report_names_no_address(store: Store, keys: Keyring) -> None:
    sheet = reading.read_file(SAMPLE)
    with store.transaction() as session:
        plan = import_sheet(session, keys, sheet, now=A_MONDAY, commit=True)
        mailed = _mailable(session)
        no = {line.address for line in plan.judged if line.axes.get(Axis.newsletter) == ConsentState.denied}
        yes = {line.address for line in plan.judged if line.axes.get(Axis.newsletter) == ConsentState.granted}
        assert mailed == yes - no
    report = file_text(sheet, plan)
    assert "@" not in report.replace("signe @", "")
    assert "503 importées + 31 fusionnées + 69 mises de côté + 37 refusées = 640 lignes" in report
    assert report.count("\nLigne ") == sum(1 for line in plan.judged if line.doubts)
    assert len(list(abridged(plan, at_most=20))) < 60


def test_the_same_address_twice_merges_and_keeps_its_first_source(store: Store, keys: Keyring) -> None:
    with store.transaction() as session:
        territory.load(session)
        first, second = a_partner(session, "Cap nature"), a_partner(session, "Bois des elfes")
        plan = _import(
            session, keys,
            "a@exemple.fr;;oui;oui;BTP;CAP NATURE;;05/07/2026",
            "a@EXEMPLE.fr;Ana;x;;santé;Bois des elfes;plus tard;06/07/2026",
        )  # fmt: skip
        assert _counts(plan) == (1, 1, 0, 0)
        plan = _import(session, keys, "a@exemple.fr;Zoé;oui;;tourisme;Bois des elfes;dans l’année;", name="2.csv")
        assert _counts(plan) == (0, 1, 0, 0)
        known = session.exec(select(Subscriber)).one()
        assert (known.first_name, known.partner_id, known.horizon) == ("Ana", first.id, Horizon.later)
        assert second.id != first.id
        assert known.source == "fichier « coupons.csv », ligne 2"
        assert set(session.exec(select(Interest.sector_code))) == {"btp", "sante", "tourisme"}
        proof = session.exec(select(Consent).where(col(Consent.axis) == Axis.newsletter)).one()
        assert "coupons.csv" in proof.proof
        assert "ligne 2, daté du 05/07/2026" in proof.proof
        assert proof.wording == "Newsletter"


def test_a_file_revives_nobody_who_said_no_left_or_was_erased(store: Store, keys: Keyring) -> None:
    with store.transaction() as session:
        _import(session, keys, "no@exemple.fr;;non;;;;;", "left@exemple.fr;;oui;;;;;")
        left = session.exec(select(Subscriber.id).where(col(Subscriber.address) == "left@exemple.fr")).one()
        assert left is not None
        privacy.unsubscribe(session, left, now=A_MONDAY, channel=Channel.one_click)
        erased = keys.address_hash("erased@exemple.fr")
        session.add(Suppression(address_hash=erased, reason=SuppressionReason.erased, at=A_MONDAY))
        session.flush()
        plan = _import(
            session, keys,
            "no@exemple.fr;;oui;;;;;", "left@exemple.fr;;oui;;;;;", "erased@exemple.fr;;peut-être;;;;;", name="2.csv",
        )  # fmt: skip
        assert _counts(plan) == (0, 1, 0, 2)
        assert _mailable(session) == set()
        assert all(line.doubts for line in plan.judged)
        assert session.exec(select(Quarantine)).all() == []  # of an erased person a file brings nothing back


def test_a_no_beats_a_yes_of_the_same_file_and_an_older_no_leaves_a_later_yes_of_their_own(
    store: Store, keys: Keyring
) -> None:
    with store.transaction() as session:
        _import(session, keys, "a@exemple.fr;;oui;;;;;", "a@exemple.fr;;non;;;;;")
        assert _mailable(session) == set()
        reader = session.exec(select(Subscriber.id)).one()
        assert reader is not None
        privacy.set_preferences(session, reader, {Axis.newsletter: True}, now=A_MONDAY)
        _import(session, keys, "a@exemple.fr;;non;;;;;05/07/2026", name="2.csv")
        assert _mailable(session) == {"a@exemple.fr"}


def test_a_long_file_takes_a_few_statements_per_thousand_lines(store: Store, keys: Keyring) -> None:
    statements: list[str] = []
    sa.event.listen(store.engine, "before_cursor_execute", lambda *told: statements.append(told[2]))
    with store.transaction() as session:
        plan = _import(session, keys, *(f"r{number}@exemple.fr;Ana;oui;non;;;;" for number in range(2_000)))
    assert _counts(plan) == (2_000, 0, 0, 0)
    assert len(statements) < 60
