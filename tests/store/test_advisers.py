"""Each lead is handed over once; an adviser sees and touches only their own; an export carries no formula."""

import csv
import io
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from click.testing import Result
from sqlmodel import Session, select

from newsletter.advisers import cards, export, files, outcome, people
from newsletter.advisers.handover import hand_over
from newsletter.catalogue import territory
from newsletter.demo.samples import SAMPLES
from newsletter.errors import NewsletterError, NotFoundError
from newsletter.store import Store
from newsletter.store.catalogue import Sector
from newsletter.store.columns import key
from newsletter.store.leads import Adviser, Handover, Lead, TerritoryRule, Warmth
from newsletter.store.people import Interest, Subscriber
from newsletter.words import Axis, ConsentState, LeadState, OutcomeKind, label
from tests.conftest import A_MONDAY as NOW
from tests.kit.makers import a_subscriber, an_adviser, an_epci, say

SAMPLE = SAMPLES / "advisers.yaml"
FIGEAC, DORDOGNE, CAHORS = "200067361", "200066371", "200023737"


def a_lead(
    session: Session, epci: str | None = FIGEAC, *, asked: bool = False, score: float = 1.0, **fields: Any
) -> Lead:
    reader = a_subscriber(session, Axis.newsletter, Axis.adviser, **fields)
    assert reader.id is not None
    session.add(Warmth(subscriber_id=reader.id, score=score, because="", last_act_at=NOW))
    lead = Lead(subscriber_id=reader.id, since=NOW, because="Chaude.", asked=asked, epci_siren=epci)
    session.add(lead)
    session.flush()
    return lead


def test_the_sample_of_advisers_loads_twice_alike_and_covers_the_whole_lot(store: Store) -> None:
    found = []
    for _twice in range(2):
        with store.transaction() as session:
            territory.load(session)
            loaded = files.load_file(session, SAMPLE)
            found.append((loaded.added, loaded.changed, loaded.rules))
    assert found == [(4, 0, 12), (0, 4, 12)]
    with store.transaction() as session:
        leads = [a_lead(session, epci) for epci in (FIGEAC, DORDOGNE, CAHORS, None)]
        maker = a_lead(session, FIGEAC)
        session.add(Interest(subscriber_id=maker.subscriber_id, sector_code="industrie"))
        hand_over(session, now=NOW)
        given = {card.lead_id: card.adviser for card in cards.cards(session)}
    names = [given[lead.id or 0].split()[0] for lead in [*leads, maker]]
    assert names == ["Claire", "Hugo", "Nadia", "Paul", "Hugo"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("referents: [{nom: A, adresse: a@b.example, territoires: [{epci: CC Grand-Figac}]}]", "« CC Grand-Figeac »"),
        ("referents: [{nom: A, adresse: a@b.example, territoires: [{}]}]", "pas clair"),
        ("referents: [{nom: A, adresse: a@b.example, remplacant: B}]", "remplaçant de A"),
        ("referents: [{nom: A, adresse: nulle part}]", "adresse e-mail de A"),
        ("referents: [{nom: A, adresse: a@b.example, couleur: bleu}]", "referents → 1 → couleur"),
        ("referents: [{nom: A\n", "ligne 2"),
        ("\x00", "ne convient pas"),
    ],
)  # fmt: skip
def test_a_bad_file_of_advisers_is_one_sentence_and_writes_nothing(
    store: Store, tmp_path: Path, text: str, sentence: str
) -> None:
    path = tmp_path / "advisers.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(NewsletterError, match=sentence), store.transaction() as session:
        an_epci(session)
        files.load_file(session, path)
    with store.reading() as session:
        assert session.exec(select(Adviser)).all() == []


def test_each_lead_is_handed_over_once_and_the_unroutable_stay_new(store: Store) -> None:
    with store.transaction() as session:
        an_epci(session)
        an_epci(session, CAHORS, "CA du Grand Cahors")
        adviser = an_adviser(session)
        session.add(TerritoryRule(adviser_id=adviser.id or 0, epci_siren=FIGEAC))
        mine, elsewhere = a_lead(session), a_lead(session, CAHORS)
    for expected in ([mine.id], [], []):
        with store.transaction() as session:
            assert [made.lead_id for made in hand_over(session, now=NOW)] == expected
    with store.reading() as session:
        handover = session.exec(select(Handover)).one()
        assert (handover.adviser_id, handover.why) == (adviser.id, "Territoire : CC Grand-Figeac")
        assert [card.lead_id for card in cards.cards(session, state=LeadState.new)] == [elsewhere.id]


def test_leads_are_shared_by_load_up_to_each_ones_capacity(store: Store) -> None:
    with store.transaction() as session:
        an_epci(session)
        for capacity in (2, 1):
            adviser = an_adviser(session, capacity=capacity)
            session.add(TerritoryRule(adviser_id=adviser.id or 0, epci_siren=FIGEAC))
        last = [a_lead(session) for _n in range(3)][-1]
        first = a_lead(session, asked=True)
        made = hand_over(session, now=NOW)
    assert len(made) == 3
    assert first.id in {handover.lead_id for handover in made}
    assert last.id not in {handover.lead_id for handover in made}


def two_advisers(session: Session) -> tuple[Adviser, Adviser, Lead]:
    """Two advisers, and a lead of the first."""
    an_epci(session)
    mine, other = an_adviser(session), an_adviser(session)
    session.add(TerritoryRule(adviser_id=mine.id or 0, epci_siren=FIGEAC))
    lead = a_lead(session, first_name="Inès", phone="0612345678")
    hand_over(session, now=NOW)
    return mine, other, lead


def test_an_adviser_neither_sees_nor_touches_anothers_lead(store: Store) -> None:
    with store.transaction() as session:
        mine, other, lead = two_advisers(session)
        assert lead.id is not None
        assert cards.card(session, lead.id, adviser_id=mine.id).first_name == "Inès"
        assert cards.cards(session, adviser_id=other.id) == []
        with pytest.raises(NotFoundError):
            cards.card(session, lead.id, adviser_id=other.id)
        with pytest.raises(NotFoundError):
            outcome.record_outcome(
                session,
                adviser_id=other.id,
                lead_id=lead.id,
                kind=OutcomeKind.called,
                note="",
                account_id=None,
                now=NOW,
            )


def test_the_newest_outcome_closes_a_lead_or_opens_it_again(store: Store) -> None:
    with store.transaction() as session:
        mine, _other, lead = two_advisers(session)
        assert lead.id is not None
        states = []
        for n, kind in enumerate((OutcomeKind.called, OutcomeKind.settled, OutcomeKind.visit_planned)):
            outcome.record_outcome(
                session, adviser_id=mine.id, lead_id=lead.id, kind=kind, note=f" note {n} ", account_id=None,
                now=NOW + timedelta(hours=n),
            )  # fmt: skip
            states.append(cards.card(session, lead.id).state)
        history = [(heard.kind, heard.note) for heard in cards.card(session, lead.id).history]
        assert outcome.outcome_counts(session) == {OutcomeKind.visit_planned: 1}
    assert states == [LeadState.handed_over, LeadState.closed, LeadState.handed_over]
    assert history[0] == (OutcomeKind.visit_planned, "note 2")


def test_what_came_of_the_calls_is_counted_by_a_command(store: Store, command: Callable[..., Result]) -> None:
    assert "Aucun résultat" in command("lead", "outcomes").stdout
    with store.transaction() as session:
        mine, _other, lead = two_advisers(session)
        wanted, settled = key(lead.id), OutcomeKind.settled
        outcome.record_outcome(
            session, adviser_id=mine.id, lead_id=wanted, kind=settled, note="", account_id=None, now=NOW
        )
    assert json.loads(command("lead", "outcomes", "--json").stdout) == {
        kind.value: int(kind is OutcomeKind.settled) for kind in OutcomeKind
    }
    assert label(OutcomeKind.settled) in command("lead", "outcomes").stdout


def test_whoever_takes_their_yes_back_disappears_from_the_advisers_list_at_once(store: Store) -> None:
    with store.transaction() as session:
        mine, _other, lead = two_advisers(session)
        say(session, session.get_one(Subscriber, lead.subscriber_id), Axis.adviser, ConsentState.denied, at=NOW)
        assert cards.cards(session, adviser_id=mine.id) == []


EVIL = ['=cmd|" /C calc"!A0', "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "＝1+1", "'=1", ' ="x";=1', "\x00=1", "﹦1"]


def test_an_export_carries_no_formula_and_puts_those_who_asked_first(store: Store, tmp_path: Path) -> None:
    with store.transaction() as session:
        an_epci(session, name="=HYPERLINK(1)")
        for n, evil in enumerate(EVIL):
            a_lead(session, first_name=evil.replace("\x00", "\x01"), last_name="Énée ; « Zoé »", phone="+33612345678",
                   score=100.0 - n)  # fmt: skip
        a_lead(session, first_name="Zoé", asked=True, score=0.1, phone="+447911123456")
        found = cards.cards(session)
    plain, sheet = io.BytesIO(), io.BytesIO()
    export.write_csv(found, plain)
    export.write_xlsx(found, sheet)
    text = plain.getvalue().decode("utf-8")
    assert text.startswith("\ufeff")
    rows = list(csv.reader(io.StringIO(text[1:], newline=""), delimiter=";"))
    assert [row[0] for row in rows[:3]] == ["Prénom", "Zoé", "'" + EVIL[0]]
    assert (rows[1][2], rows[2][2], rows[2][1]) == ("00447911123456", "06 12 34 56 78", "Énée ; « Zoé »")
    cells = [cell for row in rows for cell in row]
    assert not [cell for cell in cells if cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "＝"))]
    written = openpyxl.load_workbook(sheet).active
    assert written is not None
    assert {cell.data_type for row in written.iter_rows() for cell in row if cell.value is not None} == {"s"}
    assert written.max_row == len(EVIL) + 2


def test_forms_about_advisers_say_what_is_wrong(store: Store) -> None:
    with store.transaction() as session:
        an_epci(session)
        session.add(Sector(code="btp", name_fr="BTP", name_en="Building"))
        claire = people.save(session, people.AdviserForm(name="Claire", address="claire@lot.example"))
        assert claire.id is not None
        wrong = [
            people.AdviserForm(name="Claire", address="autre@lot.example"),
            people.AdviserForm(name=" ", address="autre@lot.example"),
            people.AdviserForm(name="Hugo", address="hugo"),
            people.AdviserForm(name="Hugo", address="hugo@lot.example", absent_until=NOW.date()),
            people.AdviserForm(name="Hugo", address="hugo@lot.example", capacity=-1),
        ]
        for form in wrong:
            with pytest.raises(NewsletterError):
                people.save(session, form)
        for epci, sector in ((FIGEAC, None), (FIGEAC, None), (None, None), (None, None), (FIGEAC, "btp")):
            people.add_territory_rule(session, claire.id, epci=epci, sector=sector)
        rules = people.territories(session)
        assert [(rule.epci, rule.sector) for rule in rules] == [
            ("CC Grand-Figeac", "BTP"),
            ("CC Grand-Figeac", ""),
            ("", ""),
        ]
        people.drop_territory_rule(session, rules[0].rule_id)
        people.drop_territory_rule(session, rules[0].rule_id)
        assert len(people.territories(session)) == 2
        with pytest.raises(NewsletterError):
            people.add_territory_rule(session, claire.id, epci="000", sector=None)
