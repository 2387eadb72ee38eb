"""What every kind of block says of itself: how it is stored, typed, filled from the catalogue, checked and shown.

A kind is one subclass of `Block` in a file of this package, and three templates: `templates/blocks/<kind>.mjml` and
`.txt` are what recipients get, `.html` has its fields in the form of an issue.
"""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar, Self, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from sqlmodel import Session

from newsletter.compose.content import Values
from newsletter.compose.findings import Finding
from newsletter.compose.links import LinkNumbering
from newsletter.errors import NewsletterError
from newsletter.i18n import _

TypedFields = Mapping[str, Sequence[str]]
"""What was typed into the fields of a block: each field's name, and every value sent under it."""

Choices = Mapping[str, Sequence[tuple[str, str]]]
"""What a field of a form may be chosen from: the values, and the words that people read."""


class DraftError(NewsletterError):
    """Something in a draft does not make sense; the sentence says which block."""


class BlockFieldError(DraftError):
    """A field of a form that cannot be stored; `field` is its name."""

    def __init__(self, field: str, sentence: str) -> None:
        self.field = field
        super().__init__(sentence)


class Block(BaseModel):
    """A block of a draft. Its fields are what `Issue.blocks` keeps beside its kind, and what its form asks for.

    A form sends texts; pydantic makes of them what the annotation says. A field annotated as a tuple may be sent
    several times.
    """

    # fields added by a later version are ignored, so that an older program still reads the draft
    model_config = ConfigDict(frozen=True, extra="ignore", str_strip_whitespace=True)

    kind: ClassVar[str]
    """Its name in stored drafts, YAML files and template names. Stored as written: never rename one."""

    label: ClassVar[str]
    """What people read for it, in French."""

    position: ClassVar[int]
    """Where it stands among the kinds, from low to high."""

    mistakes: ClassVar[Mapping[str, str]] = {}
    """What the form says of a field that cannot be stored, where there is more to say than which one it is."""

    @classmethod
    def load(cls, session: Session, blocks: Sequence[Self], *, today: date, media_url: str) -> Mapping[int, Any]:
        """The catalogue rows that these blocks show, by id; `media_url` is where pictures are public.

        Called once per issue with all its blocks of this kind, so that queries do not grow with their number.
        """
        return {}

    @property
    def row_ids(self) -> tuple[int, ...]:
        """Which of the loaded rows this block shows, in its order."""
        return ()

    @abstractmethod
    def values(self, rows: Sequence[Any], links: LinkNumbering) -> Values:
        """What its templates see as `block`: plain texts, lists and mappings, each link registered in `links`."""

    def findings(self, rows: Sequence[Any], *, today: date) -> Iterator[Finding]:
        """What is to be put right or thought over before an issue with this block is approved."""
        yield from ()

    @classmethod
    def choices(cls, session: Session, *, today: date) -> Choices:
        """What the catalogue offers for the fields of the form that are chosen rather than written."""
        return {}

    def stored(self) -> dict[str, Any]:
        """The block as JSON values."""
        return {"kind": self.kind, **self.model_dump(mode="json")}

    @classmethod
    def typed_anew(cls) -> TypedFields:
        """The form of a new block: the words it begins with."""
        fields = cls.model_fields.items()
        return {name: () if field.is_required() else _texts(field.get_default()) for name, field in fields}

    def typed(self) -> TypedFields:
        """The form of this block."""
        return {name: _texts(getattr(self, name)) for name in type(self).model_fields}

    @classmethod
    def from_typed(cls, typed: TypedFields, *, number: int) -> Self:
        """The block of a form, the `number`th of its issue. Raises BlockFieldError for what cannot be stored."""
        sent = {name: typed.get(name, ()) for name in cls.model_fields}
        try:
            return cls.model_validate(
                {name: values if cls._repeats(name) else "".join(values[-1:]) for name, values in sent.items()}
            )
        except ValidationError as error:
            field = str(error.errors()[0]["loc"][0])
            sentence = cls.mistakes.get(field) or cls._unreadable(error, number=number)
            raise BlockFieldError(field, str(sentence)) from None

    @classmethod
    def from_stored(cls, stored: Mapping[str, Any], *, number: int) -> Self:
        """The block of stored values. Raises DraftError, naming the block and the field."""
        try:
            return cls.model_validate(dict(stored))
        except ValidationError as error:
            raise DraftError(cls._unreadable(error, number=number)) from None

    @model_validator(mode="before")
    @classmethod
    def _drop_blanks(cls, values: Any) -> Any:
        """A field left blank has its default: a form sends every field it shows."""
        return {name: value for name, value in values.items() if value != ""} if isinstance(values, dict) else values

    @classmethod
    def _repeats(cls, name: str) -> bool:
        return get_origin(cls.model_fields[name].annotation) is tuple

    @classmethod
    def _unreadable(cls, error: ValidationError, *, number: int) -> str:
        place = ".".join(str(part) for part in error.errors()[0]["loc"])
        return _("Bloc {number} ({kind}) : le champ « {field} » manque ou n’est pas de la bonne forme.").format(
            number=number, kind=cls.kind, field=place
        )


@dataclass(frozen=True, slots=True)
class ResolvedBlock:
    """A block with the catalogue rows it shows, in its order: what compose lays out and checks."""

    block: Block
    rows: tuple[Any, ...] = ()

    def values(self, links: LinkNumbering) -> Values:
        return {"kind": self.block.kind, **self.block.values(self.rows, links)}

    def findings(self, *, today: date) -> Iterator[Finding]:
        return self.block.findings(self.rows, today=today)


def _texts(value: object) -> tuple[str, ...]:
    return tuple(str(one) for one in value) if isinstance(value, tuple) else (str(value),)
