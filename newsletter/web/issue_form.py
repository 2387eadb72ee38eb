"""The form in which an issue is written: its fields, and blocks that are added, moved and removed without a script.

Field `b3-title` is the title of the fourth block. Each button sends the whole form, so nothing typed is lost.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from starlette.datastructures import FormData

from newsletter.i18n import _
from newsletter.issues.blocks import Block, DraftError, read_block, read_blocks, stored
from newsletter.store.issues import Issue
from newsletter.web.pages import text_of, texts_of
from newsletter.words import BlockKind

MOST_BLOCKS = 40
CHOSEN = {BlockKind.employers: "employers", BlockKind.openings: "openings", BlockKind.portrait: "portrait"}
"""The kinds that show rows of the catalogue, and where a stored block keeps their ids."""

_LEGIBLE = ("markdown", "title", "text", "question")


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockTyped:
    """One block as it was typed; what its kind has no field for stays empty."""

    kind: BlockKind
    markdown: str = ""
    title: str = ""
    text: str = ""
    question: str = ""
    chosen: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueTyped:
    """A whole issue as it was typed."""

    title: str = ""
    subject: str = ""
    preheader: str = ""
    segment: str = ""
    blocks: tuple[BlockTyped, ...] = ()


def as_typed(issue: Issue) -> IssueTyped:
    """The filled form of an issue. Raises DraftError for a block that cannot be read."""
    return IssueTyped(
        title=issue.title,
        subject=issue.subject,
        preheader=issue.preheader,
        segment=issue.segment,
        blocks=tuple(_block_typed(stored(block)) for block in read_blocks(issue.blocks)),
    )


def read_form(form: FormData) -> IssueTyped:
    """What was typed. Unknown fields, and blocks of an unknown kind, are passed over."""
    return IssueTyped(
        title=text_of(form, "title"),
        subject=text_of(form, "subject"),
        preheader=text_of(form, "preheader"),
        segment=text_of(form, "segment"),
        blocks=tuple(
            _block_sent(form, number)
            for number in range(MOST_BLOCKS)
            if text_of(form, f"b{number}-kind") in set(BlockKind)
        ),
    )


def press(typed: IssueTyped, button: str) -> IssueTyped:
    """The form after one of its buttons: "add-text", "up-2", "down-0", "remove-1".

    Any other button, or a place that does not exist, leaves the form as it is.
    """
    act, _dash, what = button.partition("-")
    if act == "add" and what in set(BlockKind) and len(typed.blocks) < MOST_BLOCKS:
        return replace(typed, blocks=(*typed.blocks, new_block(BlockKind(what))))
    if what.isdecimal() and int(what) < len(typed.blocks):
        return replace(typed, blocks=_moved(typed.blocks, act, here=int(what)))
    return typed


def new_block(kind: BlockKind) -> BlockTyped:
    """A block with the words its kind begins with."""
    return BlockTyped(kind=kind) if kind is BlockKind.portrait else _block_typed(stored(read_block({"kind": kind})))


def as_blocks(typed: IssueTyped) -> tuple[list[Block], dict[str, str]]:
    """The blocks to keep, and what is wrong with those that cannot be kept, by the field of the form."""
    blocks: list[Block] = []
    errors: dict[str, str] = {}
    for number, block in enumerate(typed.blocks):
        if block.kind is BlockKind.portrait and not block.chosen:
            errors[f"b{number}"] = _("Choisissez un portrait, ou retirez ce bloc.")
            continue
        try:
            blocks.append(read_block(_block_stored(block), number=number + 1))
        except DraftError as error:
            errors[f"b{number}"] = str(error)
    return blocks, errors


def _moved(blocks: tuple[BlockTyped, ...], act: str, *, here: int) -> tuple[BlockTyped, ...]:
    rest = [*blocks[:here], *blocks[here + 1 :]]
    match act:
        case "up":
            rest.insert(max(0, here - 1), blocks[here])
        case "down":
            rest.insert(here + 1, blocks[here])
        case "remove":
            pass
        case _:
            return blocks
    return tuple(rest)


def _block_sent(form: FormData, number: int) -> BlockTyped:
    return BlockTyped(
        kind=BlockKind(text_of(form, f"b{number}-kind")),
        chosen=tuple(int(one) for one in texts_of(form, f"b{number}-chosen") if one.isdecimal()),
        **{name: text_of(form, f"b{number}-{name}") for name in _LEGIBLE},
    )


def _block_typed(block: Mapping[str, Any]) -> BlockTyped:
    kind = BlockKind(block["kind"])
    chosen = block[CHOSEN[kind]] if kind in CHOSEN else ()
    return BlockTyped(
        kind=kind,
        chosen=(chosen,) if isinstance(chosen, int) else tuple(chosen),
        **{name: block.get(name, "") for name in _LEGIBLE},
    )


def _block_stored(block: BlockTyped) -> dict[str, Any]:
    """Only the words of its own kind are read from it."""
    ids: dict[str, Any] = {}
    if block.kind in CHOSEN:
        ids[CHOSEN[block.kind]] = block.chosen[0] if block.kind is BlockKind.portrait else block.chosen
    return {"kind": block.kind, **{name: getattr(block, name) for name in _LEGIBLE}, **ids}
