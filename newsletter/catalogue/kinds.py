"""The kinds of entries that people edit, each with its words, its form and what may be done with it.

A new kind is one more `CatalogueKind` here, its own module, and two templates under `pages/catalogue/`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from sqlmodel import Session

from newsletter.catalogue import employers, openings, partners, portraits, territory
from newsletter.catalogue.forms import CatalogueForm
from newsletter.i18n import lazy
from newsletter.text import fold


class KindSlug(StrEnum):
    """What stands in the address of its pages."""

    employers = "employeurs"
    openings = "offres"
    portraits = "portraits"
    partners = "partenaires"


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueKind:
    """One kind of entry. Its `name` names its templates."""

    slug: KindSlug
    title: str
    about: str
    new: str  # the words of the button that adds one
    added: str
    form: type[CatalogueForm]
    listed: Callable[[Session, date], Sequence[Any]]
    find: Callable[[Session, int], Any]
    add: Callable[[Session, Any], Any]
    edit: Callable[[Session, int, Any], Any]
    remove: Callable[[Session, int], None]
    values: Callable[[Session, Any], dict[str, Any]]

    @property
    def name(self) -> str:
        return self.slug.name

    def blank(self) -> dict[str, str]:
        """An empty form."""
        return dict.fromkeys(self.form.model_fields, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryForm:
    """The form of an entry: its row, None for a new one, what it holds, and the closed lists it offers."""

    row: Any
    values: Mapping[str, Any]
    sectors: Sequence[tuple[str, str]]
    communes: Sequence[str]
    employers: Sequence[str]
    partner_kinds: Sequence[tuple[str, str]]


def entry_form(session: Session, kind: CatalogueKind, row_id: int | None) -> EntryForm:
    """The form of this entry, or an empty one. Raises NotFoundError."""
    row = kind.find(session, row_id) if row_id is not None else None
    return EntryForm(
        row=row,
        values=kind.values(session, row) if row is not None else kind.blank(),
        sectors=[(sector.code, sector.name_fr) for sector in territory.sectors(session)],
        communes=[commune.name for commune in territory.communes(session)],
        employers=sorted((one.name for one in employers.employers_by_name(session).values()), key=fold),
        partner_kinds=partners.PARTNER_KINDS,
    )


def entry_counts(session: Session, *, today: date) -> dict[KindSlug, int]:
    """How many entries of each kind there are."""
    return {slug: len(kind.listed(session, today)) for slug, kind in CATALOGUE_KINDS.items()}


CATALOGUE_KINDS = {
    kind.slug: kind
    for kind in (
        CatalogueKind(
            slug=KindSlug.employers,
            title=lazy("Employeurs"),
            about=lazy("Celles et ceux qui recrutent dans le Lot, à montrer dans les lettres."),
            new=lazy("Ajouter un employeur"),
            added=lazy("L’employeur est au catalogue."),
            form=employers.EmployerForm,
            listed=lambda session, today: employers.listed(session, today=today),
            find=employers.find,
            add=employers.add,
            edit=employers.edit,
            remove=employers.remove,
            values=employers.values,
        ),
        CatalogueKind(
            slug=KindSlug.openings,
            title=lazy("Offres"),
            about=lazy("Les postes ouverts, montrés jusqu’à leur dernier jour."),
            new=lazy("Ajouter une offre"),
            added=lazy("L’offre est au catalogue."),
            form=openings.OpeningForm,
            listed=lambda session, today: openings.listed(session, today=today),
            find=openings.find,
            add=openings.add,
            edit=openings.edit,
            remove=openings.remove,
            values=openings.values,
        ),
        CatalogueKind(
            slug=KindSlug.portraits,
            title=lazy("Portraits"),
            about=lazy("Des gens d’ici qui racontent, tant qu’ils nous en donnent le droit."),
            new=lazy("Ajouter un portrait"),
            added=lazy("Le portrait est au catalogue."),
            form=portraits.PortraitForm,
            listed=lambda session, today: portraits.listed(session, today=today),
            find=portraits.find,
            add=portraits.add,
            edit=portraits.edit,
            remove=portraits.remove,
            values=portraits.values,
        ),
        CatalogueKind(
            slug=KindSlug.partners,
            title=lazy("Partenaires"),
            about=lazy("Campings et sites qui distribuent nos supports, et ce que ces supports ont apporté."),
            new=lazy("Ajouter un partenaire"),
            added=lazy("Le partenaire est au catalogue. Créez maintenant son premier support."),
            form=partners.PartnerForm,
            listed=lambda session, _today: partners.listed(session),
            find=partners.find,
            add=partners.add,
            edit=partners.edit,
            remove=partners.remove,
            values=partners.values,
        ),
    )
}
