"""The jobs that employers offer, each until a day."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlmodel import Session, col, select

from newsletter.catalogue import employers
from newsletter.catalogue.forms import (
    CatalogueForm,
    Change,
    Day,
    OneLine,
    Paragraphs,
    RequiredName,
    WebAddress,
    change,
    resolved,
)
from newsletter.errors import NotFoundError
from newsletter.i18n import _
from newsletter.store.catalogue import Employer, Opening
from newsletter.text import fold


class OpeningForm(CatalogueForm):
    """A job. The employer is given by name; the job is shown up to and including its last day."""

    employer: RequiredName
    title: RequiredName
    contract: OneLine = ""
    about: Paragraphs = ""
    url: WebAddress = ""
    expires_on: Day


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningRow:
    """An opening as a list shows it."""

    opening: Opening
    employer: Employer
    open: bool


def listed(session: Session, *, today: date) -> list[OpeningRow]:
    """Every opening: those that run first, the soonest to end at the top; then the expired, newest first."""
    rows = session.exec(
        select(Opening, Employer)
        .select_from(Opening)
        .join(Employer, col(Employer.id) == col(Opening.employer_id))
        .order_by(col(Opening.expires_on), col(Opening.id))
    )
    lines = [OpeningRow(opening=o, employer=e, open=is_open(o, today=today)) for o, e in rows]
    return [line for line in lines if line.open] + [line for line in reversed(lines) if not line.open]


def is_open(opening: Opening, *, today: date) -> bool:
    """Whether the job may still be shown; its last day counts."""
    return opening.expires_on >= today


def find(session: Session, opening_id: int) -> Opening:
    """This opening. Raises NotFoundError."""
    opening = session.get(Opening, opening_id)
    if opening is None:
        raise NotFoundError(_("Cette offre n’est pas, ou plus, dans le catalogue."))
    return opening


def add(session: Session, form: OpeningForm, *, known: Mapping[str, Employer] | None = None) -> Opening:
    """A new opening. Raises FormError when the employer is unknown."""
    opening = Opening(**_columns(form, known or employers.employers_by_name(session)))
    session.add(opening)
    session.flush()
    return opening


def edit(session: Session, opening_id: int, form: OpeningForm) -> Opening:
    """The opening with what the form says. Raises NotFoundError, or FormError as for a new one."""
    opening, columns = find(session, opening_id), _columns(form, employers.employers_by_name(session))
    change(opening, columns)
    return opening


def put(
    session: Session,
    form: OpeningForm,
    *,
    known: dict[tuple[int, str], Opening],
    employed: Mapping[str, Employer],
) -> Change:
    """Add the opening, to `known` too, or bring the one of this employer and title up to date."""
    columns = _columns(form, employed)
    opening = known.get((columns["employer_id"], fold(form.title)))
    if opening is None:
        known[columns["employer_id"], fold(form.title)] = add(session, form, known=employed)
        return Change.added
    return change(opening, columns)


def remove(session: Session, opening_id: int) -> None:
    """Take the opening out of the catalogue. Editions already frozen keep their link."""
    session.delete(find(session, opening_id))
    session.flush()


def by_title(session: Session) -> dict[tuple[int, str], Opening]:
    """Every opening, under its employer and its title without case and accents."""
    return {(opening.employer_id, fold(opening.title)): opening for opening in session.exec(select(Opening))}


def values(session: Session, opening: Opening) -> dict[str, Any]:
    """What the form would hold for this opening."""
    kept = opening.model_dump(include={"title", "contract", "about", "url", "expires_on"})
    return kept | {"employer": session.get_one(Employer, opening.employer_id).name}


def _columns(form: OpeningForm, known: Mapping[str, Employer]) -> dict[str, Any]:
    found = resolved(employer=lambda: employers.employer_named(known, form.employer))
    return form.model_dump(exclude={"employer"}) | {"employer_id": found["employer"].id}
