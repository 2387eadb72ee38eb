"""The four shelves of the catalogue, each with its form and what may be done with it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from sqlmodel import Session

from newsletter.catalogue import employers, openings, partners, portraits
from newsletter.catalogue.forms import CatalogueForm
from newsletter.i18n import lazy


class ShelfName(StrEnum):
    """What stands in the address."""

    employers = "employeurs"
    openings = "offres"
    portraits = "portraits"
    partners = "partenaires"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """One shelf: its words, and the functions of the station behind it."""

    name: ShelfName
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

    def blank(self) -> dict[str, str]:
        """An empty form."""
        return dict.fromkeys(self.form.model_fields, "")


SHELVES = {
    shelf.name: shelf
    for shelf in (
        Shelf(
            name=ShelfName.employers,
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
        Shelf(
            name=ShelfName.openings,
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
        Shelf(
            name=ShelfName.portraits,
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
        Shelf(
            name=ShelfName.partners,
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
