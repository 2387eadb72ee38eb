"""People who tell their life in the Lot, shown only while they let us."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.catalogue import employers
from newsletter.catalogue.forms import (
    CatalogueForm,
    Change,
    Day,
    OneLine,
    Paragraphs,
    PictureAlt,
    PictureName,
    RequiredName,
    WebAddress,
    change,
    resolved,
)
from newsletter.catalogue.territory import Gazetteer, gazetteer
from newsletter.errors import NotFoundError
from newsletter.i18n import _
from newsletter.store.catalogue import Commune, Employer, Portrait
from newsletter.text import fold


class PortraitForm(CatalogueForm):
    """A portrait. Employer and commune are given in words and may be empty; the image right has a last day."""

    person: RequiredName
    role: OneLine = ""
    employer: OneLine = ""
    commune: OneLine = ""
    quote: Paragraphs = ""
    story: Paragraphs = ""
    url: WebAddress = ""
    picture: PictureName = ""
    picture_alt: PictureAlt = ""
    image_right_until: Day


@dataclass(frozen=True, slots=True, kw_only=True)
class PortraitRow:
    """A portrait as a list shows it."""

    portrait: Portrait
    employer: Employer | None
    commune: Commune | None
    showable: bool


def showable(portrait: Portrait, today: date) -> bool:
    """Whether the portrait may be shown: never withdrawn, and its image right runs (the last day counts)."""
    return portrait.withdrawn_at is None and portrait.image_right_until >= today


def listed(session: Session, *, today: date) -> list[PortraitRow]:
    """Every portrait, by person."""
    rows = session.exec(
        select(Portrait, Employer, Commune)
        .select_from(Portrait)
        .join(Employer, col(Employer.id) == col(Portrait.employer_id), isouter=True)
        .join(Commune, col(Commune.insee_code) == col(Portrait.commune_code), isouter=True)
        .order_by(sa.func.lower(Portrait.person))
    )
    return [PortraitRow(portrait=p, employer=e, commune=c, showable=showable(p, today)) for p, e, c in rows]


def find(session: Session, portrait_id: int) -> Portrait:
    """This portrait. Raises NotFoundError."""
    portrait = session.get(Portrait, portrait_id)
    if portrait is None:
        raise NotFoundError(_("Ce portrait n’est pas, ou plus, dans le catalogue."))
    return portrait


def add(
    session: Session,
    form: PortraitForm,
    *,
    employed: Mapping[str, Employer] | None = None,
    places: Gazetteer | None = None,
) -> Portrait:
    """A new portrait. Raises FormError when the employer or the commune is unknown."""
    columns = _columns(form, employed or employers.employers_by_name(session), places or gazetteer(session))
    portrait = Portrait(**columns)
    session.add(portrait)
    session.flush()
    return portrait


def edit(session: Session, portrait_id: int, form: PortraitForm) -> Portrait:
    """The portrait with what the form says; a withdrawal stands. Raises NotFoundError or FormError."""
    portrait = find(session, portrait_id)
    change(portrait, _columns(form, employers.employers_by_name(session), gazetteer(session)))
    return portrait


def put(
    session: Session,
    form: PortraitForm,
    *,
    known: dict[str, Portrait],
    employed: Mapping[str, Employer],
    places: Gazetteer,
) -> Change:
    """Add the portrait, or bring the one of this person up to date. A withdrawal stands: a file never undoes it."""
    portrait = known.get(fold(form.person))
    if portrait is None:
        known[fold(form.person)] = add(session, form, employed=employed, places=places)
        return Change.added
    return change(portrait, _columns(form, employed, places))


def withdraw(session: Session, portrait_id: int, *, now: datetime) -> Portrait:
    """The person takes their word back: nothing shows the portrait any more. The first withdrawal's time stays."""
    portrait = find(session, portrait_id)
    portrait.withdrawn_at = portrait.withdrawn_at or now
    return portrait


def remove(session: Session, portrait_id: int) -> None:
    """Take the portrait out of the catalogue."""
    session.delete(find(session, portrait_id))
    session.flush()


def by_person(session: Session) -> dict[str, Portrait]:
    """Every portrait, under the person's name without case and accents."""
    return {fold(portrait.person): portrait for portrait in session.exec(select(Portrait))}


def values(session: Session, portrait: Portrait) -> dict[str, Any]:
    """What the form would hold for this portrait."""
    employer = session.get(Employer, portrait.employer_id) if portrait.employer_id else None
    commune = session.get(Commune, portrait.commune_code) if portrait.commune_code else None
    kept = portrait.model_dump(exclude={"id", "employer_id", "commune_code", "withdrawn_at"})
    return kept | {"employer": employer.name if employer else "", "commune": commune.name if commune else ""}


def _columns(form: PortraitForm, employed: Mapping[str, Employer], places: Gazetteer) -> dict[str, Any]:
    found = resolved(
        employer=lambda: employers.employer_named(employed, form.employer).id if form.employer else None,
        commune=lambda: places.commune(form.commune) if form.commune else None,
    )
    kept = form.model_dump(exclude={"employer", "commune"})
    return kept | {"employer_id": found["employer"], "commune_code": found["commune"]}
