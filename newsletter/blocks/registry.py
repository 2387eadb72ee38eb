"""The kinds of block there are, found in the files of this package, and what is done with all blocks of an issue."""

import importlib
import pkgutil
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import cache
from types import ModuleType
from typing import Any, TypeGuard

from sqlmodel import Session

from newsletter import blocks as package
from newsletter.blocks.block import Block, Choices, DraftError, ResolvedBlock
from newsletter.i18n import _


@cache
def block_kinds() -> Mapping[str, type[Block]]:
    """Every kind by its name, in the order of `position`."""
    return {kind.kind: kind for kind in sorted(_found(), key=lambda kind: (kind.position, kind.kind))}


def read_block(stored: Mapping[str, Any], *, number: int = 1) -> Block:
    """The typed block of a stored one. Raises DraftError, naming the block (counted from 1) and the field."""
    name = str(stored.get("kind", ""))
    if name not in block_kinds():
        raise DraftError(
            _("Bloc {number} : la sorte « {kind} » n’existe pas. Les sortes possibles sont : {known}.").format(
                number=number, kind=name, known=", ".join(block_kinds())
            )
        )
    return block_kinds()[name].from_stored(stored, number=number)


def read_blocks(stored: Sequence[Any]) -> list[Block]:
    """The blocks of an issue, in their order."""
    found = []
    for number, block in enumerate(stored, start=1):
        if not isinstance(block, Mapping):
            raise DraftError(_("Le bloc {number} n’est pas lisible : il lui faut un « kind ».").format(number=number))
        found.append(read_block(block, number=number))
    return found


def resolve_blocks(
    session: Session, blocks: Sequence[Block], *, today: date, media_url: str
) -> tuple[ResolvedBlock, ...]:
    """The blocks of an issue with their catalogue rows: each kind asks once, however many blocks of it there are.

    Raises DraftError for a block that shows a row which is gone.
    """
    by_kind: dict[type[Block], list[Block]] = defaultdict(list)
    for block in blocks:
        by_kind[type(block)].append(block)
    rows = {kind: kind.load(session, theirs, today=today, media_url=media_url) for kind, theirs in by_kind.items()}
    return tuple(_resolved(block, rows[type(block)], number=number) for number, block in enumerate(blocks, start=1))


def choices_offered(session: Session, *, today: date) -> dict[str, Choices]:
    """What the forms of the kinds offer from the catalogue, by the name of the kind."""
    return {name: kind.choices(session, today=today) for name, kind in block_kinds().items()}


def _found() -> Iterator[type[Block]]:
    for found in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"{package.__name__}.{found.name}")
        yield from (kind for kind in vars(module).values() if _is_kind(kind, of=module))


def _is_kind(value: object, *, of: ModuleType) -> TypeGuard[type[Block]]:
    """Whether this is a kind of block that the module itself says, and not one that it imports."""
    return (
        isinstance(value, type) and issubclass(value, Block) and value.__module__ == of.__name__ and value is not Block
    )


def _resolved(block: Block, rows: Mapping[int, Any], *, number: int) -> ResolvedBlock:
    try:
        return ResolvedBlock(block, tuple(rows[id_] for id_ in block.row_ids))
    except KeyError as error:
        raise DraftError(
            _("Bloc {number} ({kind}) : la fiche {id} n’est plus au catalogue. Choisissez-en une autre.").format(
                number=number, kind=block.label, id=error.args[0]
            )
        ) from None
