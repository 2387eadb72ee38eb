"""Print runs, each with the code that its QR carries."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, StringConstraints
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import Select

from newsletter.catalogue import partners
from newsletter.catalogue.forms import (
    CatalogueForm,
    Change,
    OneLine,
    RequiredName,
    change,
    one_of_a_kind,
    resolved,
    word_in,
)
from newsletter.errors import NotFoundError
from newsletter.i18n import _
from newsletter.store.catalogue import Partner, Support
from newsletter.text import fold, typed_code
from newsletter.words import SupportKind

ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
"""Letters and digits that nobody mistakes for one another on paper: no 0 o, 1 i l."""
CODE_LENGTH = 6  # 31⁶: 900 million codes, so nobody happens on one by typing


class SupportForm(CatalogueForm):
    """A print run. Without a code, one is made; a code is never changed once it may be printed."""

    partner: RequiredName
    kind: Annotated[SupportKind, word_in(SupportKind)]
    season: Annotated[int, Field(ge=2000, le=2100)]
    code: Annotated[str, StringConstraints(to_lower=True, pattern=r"^([a-z0-9][a-z0-9-]{2,23})?$")] = ""
    note: OneLine = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SupportRow:
    """A support as a list shows it."""

    support: Support
    partner: Partner


def listed(session: Session, *, partner_id: int | None = None) -> list[SupportRow]:
    """Every support, or those of one partner: the newest season first."""
    wanted = _with_partner().order_by(col(Support.season).desc(), col(Support.id))
    if partner_id is not None:
        wanted = wanted.where(col(Support.partner_id) == partner_id)
    return [SupportRow(support=s, partner=p) for s, p in session.exec(wanted)]


def find(session: Session, code: str) -> SupportRow:
    """The support that carries this code. Raises NotFoundError."""
    found = session.exec(_with_partner().where(col(Support.code) == typed_code(code))).first()
    if found is None:
        raise NotFoundError(
            _("Aucun support ne porte le code « {code} ». « newsletter support list » les montre tous.").format(
                code=code
            )
        )
    return SupportRow(support=found[0], partner=found[1])


def _with_partner() -> Select[Support, Partner]:
    return select(Support, Partner).select_from(Support).join(Partner, col(Partner.id) == col(Support.partner_id))


def add(
    session: Session,
    form: SupportForm,
    *,
    known: Mapping[str, Partner] | None = None,
    new_code: Callable[[], str] | None = None,
) -> Support:
    """A new print run, with the form's code or a new one. Raises FormError for an unknown partner or a taken code."""
    columns = _columns(form, known or partners.partners_by_name(session))
    columns["code"] = form.code or (new_code or fresh_code)()
    support = Support(**columns)
    with one_of_a_kind(session, field="code", sentence=_("Ce code est déjà imprimé ailleurs. Choisissez-en un autre.")):
        session.add(support)
    return support


Run = tuple[int, SupportKind, int, str]


def put(
    session: Session,
    form: SupportForm,
    *,
    by_code: dict[str, Support],
    by_run: dict[Run, Support],
    known: Mapping[str, Partner],
) -> Change:
    """Add the support, or bring it up to date: known by its code, else by partner, kind, season and note."""
    columns = _columns(form, known)
    run = (columns["partner_id"], form.kind, form.season, fold(form.note))
    support = by_code.get(form.code) if form.code else by_run.get(run)
    if support is None:
        support = add(session, form, known=known)
        by_code[support.code] = by_run[run] = support
        return Change.added
    return change(support, columns)


def fresh_code() -> str:
    """A random code without look-alike letters."""
    return "".join(secrets.choice(ALPHABET) for _place in range(CODE_LENGTH))


def run_of(support: Support) -> Run:
    """What tells one print run from another when no code is given."""
    return (support.partner_id, support.kind, support.season, fold(support.note))


def _columns(form: SupportForm, known: Mapping[str, Partner]) -> dict[str, Any]:
    found = resolved(partner=lambda: partners.partner_named(known, form.partner))
    return form.model_dump(exclude={"partner", "code"}) | {"partner_id": found["partner"].id}
