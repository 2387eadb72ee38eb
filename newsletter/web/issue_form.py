"""The form in which an issue is written: its fields, and blocks that are added, moved and removed without a script.

Field `b3-title` is the title of the fourth block. Each button sends the whole form, so nothing typed is lost.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from starlette.datastructures import FormData

from newsletter.blocks.block import Block, BlockFieldError, Choices, TypedFields
from newsletter.blocks.registry import block_kinds, read_blocks
from newsletter.store.issues import Issue
from newsletter.web.pages import text_of, texts_of

MOST_BLOCKS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockTyped:
    """One block as it was typed."""

    kind: type[Block]
    typed: TypedFields


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueTyped:
    """A whole issue as it was typed."""

    title: str = ""
    subject: str = ""
    preheader: str = ""
    segment: str = ""
    blocks: tuple[BlockTyped, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockFields:
    """The fields of one block, as `templates/blocks/<kind>.html` shows them."""

    name: str
    kind: str
    label: str
    typed: TypedFields
    choices: Choices
    errors: Mapping[str, str]

    def name_of(self, field: str) -> str:
        """What the form calls the field."""
        return f"{self.name}-{field}"

    def value(self, field: str) -> str:
        """What was typed in it, or chosen; empty when nothing was."""
        return next(iter(self.typed.get(field, ())), "")

    def chosen(self, field: str) -> Sequence[str]:
        """What was ticked in it."""
        return self.typed.get(field, ())

    def error(self, field: str) -> str:
        """What is wrong with it; empty when nothing is."""
        return self.errors.get(self.name_of(field), "")


def as_typed(issue: Issue) -> IssueTyped:
    """The filled form of an issue. Raises DraftError for a block that cannot be read."""
    return IssueTyped(
        title=issue.title,
        subject=issue.subject,
        preheader=issue.preheader,
        segment=issue.segment,
        blocks=tuple(BlockTyped(kind=type(block), typed=block.typed()) for block in read_blocks(issue.blocks)),
    )


def read_issue_form(form: FormData) -> IssueTyped:
    """What was typed. Unknown fields, and blocks of an unknown kind, are passed over."""
    sent = [(f"b{number}", block_kinds().get(text_of(form, f"b{number}-kind"))) for number in range(MOST_BLOCKS)]
    return IssueTyped(
        title=text_of(form, "title"),
        subject=text_of(form, "subject"),
        preheader=text_of(form, "preheader"),
        segment=text_of(form, "segment"),
        blocks=tuple(BlockTyped(kind=kind, typed=_sent(form, name, kind)) for name, kind in sent if kind),
    )


def press(typed: IssueTyped, button: str) -> IssueTyped:
    """The form after one of its buttons: "add-text", "up-2", "down-0", "remove-1".

    Any other button, or a place that does not exist, leaves the form as it is.
    """
    act, _dash, what = button.partition("-")
    if act == "add" and what in block_kinds() and len(typed.blocks) < MOST_BLOCKS:
        kind = block_kinds()[what]
        return replace(typed, blocks=(*typed.blocks, BlockTyped(kind=kind, typed=kind.typed_anew())))
    if what.isdecimal() and int(what) < len(typed.blocks):
        return replace(typed, blocks=_moved(typed.blocks, act, here=int(what)))
    return typed


def as_blocks(typed: IssueTyped) -> tuple[list[Block], dict[str, str]]:
    """The blocks to keep, and what is wrong with those that cannot be kept, by the field of the form."""
    blocks: list[Block] = []
    errors: dict[str, str] = {}
    for number, block in enumerate(typed.blocks):
        try:
            blocks.append(block.kind.from_typed(block.typed, number=number + 1))
        except BlockFieldError as error:
            errors[f"b{number}-{error.field}"] = str(error)
    return blocks, errors


def block_fields(typed: IssueTyped, *, choices: Mapping[str, Choices], errors: Mapping[str, str]) -> list[BlockFields]:
    """The blocks as the page shows them."""
    return [
        BlockFields(
            name=f"b{number}",
            kind=block.kind.kind,
            label=block.kind.label,
            typed=block.typed,
            choices=choices[block.kind.kind],
            errors=errors,
        )
        for number, block in enumerate(typed.blocks)
    ]


def _sent(form: FormData, name: str, kind: type[Block]) -> TypedFields:
    return {field: tuple(one.strip() for one in texts_of(form, f"{name}-{field}")) for field in kind.model_fields}


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
