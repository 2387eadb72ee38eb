"""The employers of the Lot that a letter can show."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.catalogue.forms import (
    CatalogueForm,
    Change,
    Paragraphs,
    PictureAlt,
    PictureName,
    RequiredName,
    WebAddress,
    change,
    one_of_a_kind,
    resolved,
)
from newsletter.catalogue.territory import Gazetteer, gazetteer, unknown
from newsletter.errors import NotFoundError, RefusedError
from newsletter.i18n import _
from newsletter.store.catalogue import Commune, Employer, Opening, Portrait, Sector
from newsletter.text import fold


class EmployerForm(CatalogueForm):
    """What we say of an employer. Sector and commune are given in words or by code."""

    name: RequiredName
    sector: RequiredName
    commune: RequiredName
    about: Paragraphs = ""
    website: WebAddress = ""
    picture: PictureName = ""
    picture_alt: PictureAlt = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmployerRow:
    """An employer as a list shows it."""

    employer: Employer
    sector: Sector
    commune: Commune
    openings: int  # open today


def listed(session: Session, *, today: date) -> list[EmployerRow]:
    """Every employer, by name, with how many openings run today."""
    running = (
        sa.select(sa.func.count())
        .where(col(Opening.employer_id) == col(Employer.id), col(Opening.expires_on) >= today)
        .correlate(Employer)
        .scalar_subquery()
    )
    rows = session.exec(
        select(Employer, Sector, Commune, running)
        .select_from(Employer)
        .join(Sector, col(Sector.code) == col(Employer.sector_code))
        .join(Commune, col(Commune.insee_code) == col(Employer.commune_code))
        .order_by(col(Employer.name_folded))
    )
    return [EmployerRow(employer=e, sector=s, commune=c, openings=n) for e, s, c, n in rows]


def find(session: Session, employer_id: int) -> Employer:
    """This employer. Raises NotFoundError."""
    employer = session.get(Employer, employer_id)
    if employer is None:
        raise NotFoundError(_("Cet employeur n’est pas, ou plus, dans le catalogue."))
    return employer


def add(session: Session, form: EmployerForm, *, places: Gazetteer | None = None) -> Employer:
    """A new employer. Raises FormError when a word is unknown or the name taken."""
    employer = Employer(**_columns(form, places or gazetteer(session)))
    with one_of_a_kind(session, field="name", sentence=_taken()):
        session.add(employer)
    return employer


def edit(session: Session, employer_id: int, form: EmployerForm) -> Employer:
    """The employer with what the form says. Raises NotFoundError, or FormError as for a new one."""
    employer, columns = find(session, employer_id), _columns(form, gazetteer(session))
    with one_of_a_kind(session, field="name", sentence=_taken()):
        change(employer, columns)
    return employer


def put(session: Session, form: EmployerForm, *, known: dict[str, Employer], places: Gazetteer) -> Change:
    """Add the employer, to `known` too, or bring the one of this name up to date."""
    employer = known.get(fold(form.name))
    if employer is None:
        known[fold(form.name)] = add(session, form, places=places)
        return Change.added
    return change(employer, _columns(form, places))


def remove(session: Session, employer_id: int) -> None:
    """Delete the employer and their openings. Raises RefusedError while a portrait speaks of them."""
    employer = find(session, employer_id)
    portrait = session.exec(select(Portrait).where(col(Portrait.employer_id) == employer_id)).first()
    if portrait is not None:
        raise RefusedError(
            _("Le portrait de {person} parle de cet employeur. Modifiez d’abord ce portrait.").format(
                person=portrait.person
            )
        )
    session.delete(employer)
    session.flush()


def employers_by_name(session: Session) -> dict[str, Employer]:
    """Every employer, under their name without case and accents."""
    return {fold(employer.name): employer for employer in session.exec(select(Employer))}


def employer_named(known: Mapping[str, Employer], name: str) -> Employer:
    """The employer people mean by this name. Raises UnknownWordError with the nearest one."""
    employer = known.get(fold(name))
    if employer is None:
        raise unknown(
            name,
            [one.name for one in known.values()],
            what=_("L’employeur « {name} » n’est pas au catalogue.").format(name=name),
            advice=_("Ajoutez-le d’abord."),
        )
    return employer


def values(session: Session, employer: Employer) -> dict[str, Any]:
    """What the form would hold for this employer."""
    commune = session.get_one(Commune, employer.commune_code)
    kept = employer.model_dump(include={"name", "about", "website", "picture", "picture_alt"})
    return kept | {"sector": employer.sector_code, "commune": commune.name}


def _columns(form: EmployerForm, places: Gazetteer) -> dict[str, Any]:
    found = resolved(sector=lambda: places.sector(form.sector), commune=lambda: places.commune(form.commune))
    kept = form.model_dump(exclude={"sector", "commune"})
    return kept | {"sector_code": found["sector"], "commune_code": found["commune"]}


def _taken() -> str:
    return _("Un employeur porte déjà ce nom. Modifiez celui-là, ou précisez le nom.")
