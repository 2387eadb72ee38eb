"""The advisers, their absences and their territories, from a form or from a file."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from email_validator import EmailNotValidError, validate_email
from sqlmodel import Session, col, select

from newsletter.errors import NotFoundError, RefusedError
from newsletter.i18n import _
from newsletter.store.catalogue import Epci, Sector
from newsletter.store.leads import Adviser, Handover, Lead, TerritoryRule
from newsletter.store.staff import Account
from newsletter.text import fold
from newsletter.words import LeadState, Role


@dataclass(frozen=True, slots=True, kw_only=True)
class AdviserForm:
    """The fields of an adviser that can be edited."""

    name: str
    address: str
    capacity: int = 50
    absent_from: date | None = None
    absent_until: date | None = None
    stand_in_id: int | None = None
    account_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Territory:
    """One territory rule, in words."""

    rule_id: int
    adviser_id: int
    epci: str  # empty: everywhere
    sector: str  # empty: every trade


def advisers(session: Session) -> Sequence[Adviser]:
    """Every adviser, by name."""
    return session.exec(select(Adviser).order_by(col(Adviser.name))).all()


def adviser_named(session: Session, name: str) -> Adviser:
    """The adviser of this name, whatever its case and accents. Raises NotFoundError."""
    found = next((one for one in advisers(session) if fold(one.name) == fold(name)), None)
    if found is None:
        raise NotFoundError(
            _("Aucun référent ne s’appelle « {name} ». « newsletter adviser list » les nomme tous.").format(name=name)
        )
    return found


def find(session: Session, adviser_id: int) -> Adviser:
    """The adviser of this number. Raises NotFoundError."""
    found = session.get(Adviser, adviser_id)
    if found is None:
        raise NotFoundError(_("Ce référent n’existe pas. Revenez à la liste des référents."))
    return found


def adviser_of(session: Session, account_id: int) -> Adviser | None:
    """The adviser who logs in with this account."""
    return session.exec(select(Adviser).where(col(Adviser.account_id) == account_id)).first()


def accounts(session: Session) -> Sequence[Account]:
    """The open accounts of advisers."""
    open_ = (col(Account.role) == Role.adviser, col(Account.closed_at).is_(None))
    return session.exec(select(Account).where(*open_).order_by(col(Account.login))).all()


def save(session: Session, form: AdviserForm, *, adviser_id: int | None = None) -> Adviser:
    """Add an adviser, or write over one. Raises RefusedError, having written nothing, when something does not fit."""
    _check(session, form, adviser_id=adviser_id)
    row = find(session, adviser_id) if adviser_id is not None else Adviser(name="", address="")
    row.name, row.address, row.capacity = form.name.strip(), form.address.strip(), form.capacity
    row.absent_from, row.absent_until = form.absent_from, form.absent_until
    row.stand_in_id, row.account_id = form.stand_in_id, form.account_id
    session.add(row)
    session.flush()
    return row


def _check(session: Session, form: AdviserForm, *, adviser_id: int | None) -> None:
    if not form.name.strip():
        raise RefusedError(_("Il manque le nom du référent."))
    if not 0 <= form.capacity <= 10_000:
        raise RefusedError(_("Le nombre de pistes à la fois va de 0 à 10 000."))
    if form.absent_until and not form.absent_from:
        raise RefusedError(_("Dites aussi le premier jour de l’absence."))
    if form.absent_from and form.absent_until and form.absent_until < form.absent_from:
        raise RefusedError(_("L’absence finit avant de commencer : vérifiez les deux dates."))
    if form.stand_in_id is not None and form.stand_in_id == adviser_id:
        raise RefusedError(_("Personne ne se remplace soi-même : choisissez un autre référent."))
    _check_address(form.address, name=form.name)
    _check_unique(session, form, adviser_id=adviser_id)


def _check_address(address: str, *, name: str) -> None:
    try:
        validate_email(address.strip(), check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        raise RefusedError(
            _("L’adresse e-mail de {name} n’est pas complète. Exemple : prenom.nom@exemple.fr").format(name=name)
        ) from None


def _check_unique(session: Session, form: AdviserForm, *, adviser_id: int | None) -> None:
    others = sa.true() if adviser_id is None else col(Adviser.id) != adviser_id
    if session.exec(select(Adviser.id).where(col(Adviser.name) == form.name.strip(), others)).first() is not None:
        raise RefusedError(_("Il y a déjà un référent « {name} ».").format(name=form.name.strip()))
    if form.account_id is not None:
        taken = session.exec(select(Adviser.name).where(col(Adviser.account_id) == form.account_id, others)).first()
        if taken is not None:
            raise RefusedError(_("Ce compte est déjà celui de {name}.").format(name=taken))


def territories(session: Session) -> list[Territory]:
    """Every territory rule, the most exact first."""
    rows = session.execute(
        sa.select(col(TerritoryRule.id), col(TerritoryRule.adviser_id), col(Epci.name), col(Sector.name_fr))
        .outerjoin(Epci, col(Epci.siren) == col(TerritoryRule.epci_siren))
        .outerjoin(Sector, col(Sector.code) == col(TerritoryRule.sector_code))
    )
    found = [Territory(rule_id=i, adviser_id=a, epci=epci or "", sector=sector or "") for i, a, epci, sector in rows]
    return sorted(found, key=lambda rule: (not rule.epci, not rule.sector, rule.epci, rule.sector, rule.rule_id))


def add_territory_rule(session: Session, adviser_id: int, *, epci: str | None, sector: str | None) -> None:
    """Give an adviser a territory (SIREN), a trade (code), both, or, with neither, everything that is left.

    Adding the same rule twice changes nothing. UNIQUE does not compare NULLs, so the same rule is looked for here.
    """
    find(session, adviser_id)
    known_epci = epci is None or session.get(Epci, epci) is not None
    if not known_epci or (sector is not None and session.get(Sector, sector) is None):
        raise RefusedError(_("Ce territoire ou ce métier n’est pas dans nos listes : choisissez-le dans le menu."))
    same = select(TerritoryRule.id).where(
        col(TerritoryRule.adviser_id) == adviser_id,
        col(TerritoryRule.epci_siren).is_not_distinct_from(epci),
        col(TerritoryRule.sector_code).is_not_distinct_from(sector),
    )
    if session.exec(same).first() is None:
        session.add(TerritoryRule(adviser_id=adviser_id, epci_siren=epci, sector_code=sector))
        session.flush()


def drop_territory_rule(session: Session, rule_id: int) -> None:
    """Delete a territory rule; deleting it twice is no error. Handovers made by it stay."""
    session.execute(sa.delete(TerritoryRule).where(col(TerritoryRule.id) == rule_id))


def open_leads(session: Session) -> Counter[int]:
    """How many open leads each adviser has."""
    rows = session.execute(
        sa.select(col(Handover.adviser_id), sa.func.count())
        .join(Lead, col(Lead.id) == col(Handover.lead_id))
        .where(col(Lead.state) == LeadState.handed_over)
        .group_by(col(Handover.adviser_id))
    )
    return Counter(dict(rows.all()))
