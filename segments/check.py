"""Whether the names in a segment exist in this store."""

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from newsletter.i18n import lazy
from newsletter.store.catalogue import Commune, Employer, Epci, Partner, Sector
from newsletter.text import fold
from segments.errors import SegmentError, hint_among
from segments.fields import Field
from segments.grammar import parse
from segments.tree import Clicked, Leaf, OneOf, Topic, Tree, TypedName, leaves


def understand(session: Session, text: str) -> Tree:
    """The tree of a segment whose names all exist. Raises SegmentError, with line and column, for any other."""
    tree = parse(text)
    check(session, tree)
    return tree


def check(session: Session, tree: Tree) -> None:
    """Raise SegmentError at the first name that is in no list: a sector, partner, commune, EPCI or employer."""
    asked = [(kind, name) for leaf in leaves(tree) for kind, name in _names(leaf) if name.text]
    for kind in dict.fromkeys(kind for kind, _name in asked):
        _check_names(session, kind, [name for other, name in asked if other is kind])


_NamedThing = Field | Topic
_NAME_COLUMNS: dict[_NamedThing, tuple[Any, ...]] = {
    Field.sector: (col(Sector.name_fr), col(Sector.name_en), col(Sector.code)),
    Topic.sector: (col(Sector.name_fr), col(Sector.name_en), col(Sector.code)),
    Field.partner: (col(Partner.name),),
    Field.commune: (col(Commune.name), col(Commune.insee_code)),
    Field.epci: (col(Epci.name), col(Epci.siren)),
    Topic.employer: (col(Employer.name),),
}
"""The columns a name may be found in; the first holds what we suggest."""

_UNKNOWN: dict[_NamedThing, str] = {
    Field.sector: lazy("Ce n’est pas un secteur de la liste."),
    Topic.sector: lazy("Ce n’est pas un secteur de la liste."),
    Field.partner: lazy("Aucun partenaire ne porte ce nom."),
    Field.commune: lazy("Ce n’est pas une commune du Lot."),
    Field.epci: lazy("Ce n’est pas une intercommunalité du Lot."),
    Topic.employer: lazy("Aucun employeur ne porte ce nom."),
}


def _names(leaf: Leaf) -> Iterable[tuple[_NamedThing, TypedName]]:
    match leaf:
        case OneOf(field, names) if field in _NAME_COLUMNS:
            return [(field, name) for name in names]
        case Clicked(topic, TypedName() as name):
            return [(topic, name)]
        case _:
            return []


def _check_names(session: Session, kind: _NamedThing, names: list[TypedName]) -> None:
    rows = session.connection().execute(sa.select(*_NAME_COLUMNS[kind])).all()
    known = {fold(word) for row in rows for word in row}
    for name in names:
        if fold(name.text) not in known:
            raise SegmentError(
                at=name.at, found=name.text, hint=_UNKNOWN[kind] + hint_among(name.text, [row[0] for row in rows])
            )
