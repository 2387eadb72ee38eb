"""Why a person is in a segment or out of it, judged by the very conditions that choose readers."""

from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlmodel import Session, col

from newsletter.errors import NotFoundError
from newsletter.i18n import _
from newsletter.store.people import Subscriber
from segments.facts import known_facts
from segments.sql import condition
from segments.tree import Every, Everyone, Leaf, Not, Some, Tree, leaves, segment_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One condition of the segment and what it makes of this person."""

    holds: bool
    condition: str  # in the language
    known: str  # what we know that decides it: « pays : Belgique »


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """In or out, and the conditions that decide it (those that would not change the answer are left out)."""

    inside: bool
    because: tuple[Reason, ...]


def explain(session: Session, tree: Tree, subscriber_id: int, *, today: date) -> Explanation:
    """Why this person is in or out, and what decides it.

    Raises NotFoundError for an unknown person.
    """
    asked = list(dict.fromkeys(leaves(tree)))
    columns = [sa.case((condition(leaf, today=today), 1), else_=0) for leaf in asked]
    row = (
        session.connection()
        .execute(sa.select(col(Subscriber.id), *columns).where(col(Subscriber.id) == subscriber_id))
        .one_or_none()
    )
    if row is None:
        raise NotFoundError(_("Cette personne n’est pas (ou plus) dans la base."))
    holds = {leaf: bool(value) for leaf, value in zip(asked, row[1:], strict=True)}
    facts = known_facts(session, subscriber_id, asked)
    inside = _is_true(tree, holds)
    return Explanation(
        inside=inside,
        because=tuple(
            Reason(holds=holds[leaf], condition=segment_text(leaf), known=facts[leaf])
            for leaf in dict.fromkeys(_deciding(tree, holds))
        ),
    )


def _is_true(tree: Tree, holds: dict[Leaf, bool]) -> bool:
    match tree:
        case Everyone():
            return True
        case Every(parts):
            return all(_is_true(part, holds) for part in parts)
        case Some(parts):
            return any(_is_true(part, holds) for part in parts)
        case Not(part):
            return not _is_true(part, holds)
        case _:
            return holds[tree]


def _deciding(tree: Tree, holds: dict[Leaf, bool]) -> list[Leaf]:
    """The leaves that make the answer what it is: of an « et » that fails only those that fail, and so on."""
    match tree:
        case Everyone():
            return []
        case Every(parts) | Some(parts):
            answer = _is_true(tree, holds)
            return [leaf for part in parts if _is_true(part, holds) == answer for leaf in _deciding(part, holds)]
        case Not(part):
            return _deciding(part, holds)
        case _:
            return [tree]
