"""The partners: campsites and sites that distribute our supports."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.catalogue.forms import (
    CatalogueForm,
    Change,
    OneLine,
    RequiredName,
    WebAddress,
    change,
    one_of_a_kind,
    resolved,
    word_in,
)
from newsletter.catalogue.territory import Gazetteer, gazetteer, unknown
from newsletter.errors import NotFoundError, RefusedError
from newsletter.i18n import _
from newsletter.store.catalogue import Commune, Partner, Support
from newsletter.store.people import Subscriber
from newsletter.text import fold
from newsletter.words import PartnerKind, label

PARTNER_KINDS = [(kind.value, label(kind)) for kind in PartnerKind]
"""The kinds of partner, to choose from."""


class PartnerForm(CatalogueForm):
    """A partner. The commune is given in words and may be empty."""

    name: RequiredName
    kind: Annotated[PartnerKind, word_in(PartnerKind)] = PartnerKind.other
    commune: OneLine = ""
    website: WebAddress = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerRow:
    """A partner as a list shows it."""

    partner: Partner
    commune: Commune | None
    supports: int


def listed(session: Session) -> list[PartnerRow]:
    """Every partner, by name, with how many supports were printed for them."""
    printed = (
        sa.select(sa.func.count())
        .where(col(Support.partner_id) == col(Partner.id))
        .correlate(Partner)
        .scalar_subquery()
    )
    rows = session.exec(
        select(Partner, Commune, printed)
        .select_from(Partner)
        .join(Commune, col(Commune.insee_code) == col(Partner.commune_code), isouter=True)
        .order_by(col(Partner.name_folded))
    )
    return [PartnerRow(partner=p, commune=c, supports=n) for p, c, n in rows]


def find(session: Session, partner_id: int) -> Partner:
    """This partner. Raises NotFoundError."""
    partner = session.get(Partner, partner_id)
    if partner is None:
        raise NotFoundError(_("Ce partenaire n’est pas, ou plus, dans le catalogue."))
    return partner


def add(session: Session, form: PartnerForm, *, places: Gazetteer | None = None) -> Partner:
    """A new partner. Raises FormError when the commune is unknown or the name taken."""
    partner = Partner(**_columns(form, places or gazetteer(session)))
    with one_of_a_kind(session, field="name", sentence=_taken()):
        session.add(partner)
    return partner


def edit(session: Session, partner_id: int, form: PartnerForm) -> Partner:
    """The partner with what the form says. Raises NotFoundError, or FormError as for a new one."""
    partner, columns = find(session, partner_id), _columns(form, gazetteer(session))
    with one_of_a_kind(session, field="name", sentence=_taken()):
        change(partner, columns)
    return partner


def put(session: Session, form: PartnerForm, *, known: dict[str, Partner], places: Gazetteer) -> Change:
    """Add the partner, to `known` too, or bring the one of this name up to date."""
    partner = known.get(fold(form.name))
    if partner is None:
        known[fold(form.name)] = add(session, form, places=places)
        return Change.added
    return change(partner, _columns(form, places))


def remove(session: Session, partner_id: int) -> None:
    """Delete a partner that never brought anyone. Raises RefusedError once a support or a subscriber names them."""
    partner = find(session, partner_id)
    printed = sa.exists().where(col(Support.partner_id) == partner_id)
    met = sa.exists().where(col(Subscriber.partner_id) == partner_id)
    if session.scalar(sa.select(sa.or_(printed, met))):
        raise RefusedError(
            _("Des supports ou des abonnés portent le nom de « {name} » : ce partenaire reste au catalogue.").format(
                name=partner.name
            )
        )
    session.delete(partner)
    session.flush()


def partners_by_name(session: Session) -> dict[str, Partner]:
    """Every partner, under their name without case and accents."""
    return {fold(partner.name): partner for partner in session.exec(select(Partner))}


def partner_named(known: Mapping[str, Partner], name: str) -> Partner:
    """The partner people mean by this name. Raises UnknownWordError with the nearest one."""
    partner = known.get(fold(name))
    if partner is None:
        raise unknown(
            name,
            [one.name for one in known.values()],
            what=_("Le partenaire « {name} » n’est pas au catalogue.").format(name=name),
            advice=_("Ajoutez-le d’abord."),
        )
    return partner


def values(session: Session, partner: Partner) -> dict[str, Any]:
    """What the form would hold for this partner."""
    commune = session.get(Commune, partner.commune_code) if partner.commune_code else None
    return partner.model_dump(include={"name", "kind", "website"}) | {"commune": commune.name if commune else ""}


def _columns(form: PartnerForm, places: Gazetteer) -> dict[str, Any]:
    found = resolved(commune=lambda: places.commune(form.commune) if form.commune else None)
    return form.model_dump(exclude={"commune"}) | {"commune_code": found["commune"]}


def _taken() -> str:
    return _("Un partenaire porte déjà ce nom. Modifiez celui-là, ou précisez le nom.")
