"""The blocks an issue is written from, as they are kept in `Issue.blocks`."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from newsletter.errors import NewsletterError
from newsletter.i18n import _, lazy
from newsletter.words import BlockKind


class DraftError(NewsletterError):
    """Something in a draft does not make sense; the sentence says which block."""


class _Block(BaseModel):
    # what a later version adds is passed over, so that an older program still reads the draft
    model_config = ConfigDict(frozen=True, extra="ignore", str_strip_whitespace=True)

    @model_validator(mode="before")
    @classmethod
    def _left_blank(cls, values: Any) -> Any:
        """A field left blank says what it says by default: a form sends every field it shows."""
        return {name: value for name, value in values.items() if value != ""} if isinstance(values, dict) else values


class Text(_Block):
    kind: Literal[BlockKind.text] = BlockKind.text
    markdown: str = ""


class Employers(_Block):
    kind: Literal[BlockKind.employers] = BlockKind.employers
    title: str = lazy("Ils recrutent dans le Lot")
    employers: tuple[int, ...] = ()  # their ids, in the order they are shown


class Openings(_Block):
    kind: Literal[BlockKind.openings] = BlockKind.openings
    title: str = lazy("Les offres du moment")
    openings: tuple[int, ...] = ()


class Portrait(_Block):
    kind: Literal[BlockKind.portrait] = BlockKind.portrait
    portrait: int


class Poll(_Block):
    kind: Literal[BlockKind.poll] = BlockKind.poll
    question: str = lazy("Quand pourriez-vous venir vivre dans le Lot ?")


class Callback(_Block):
    kind: Literal[BlockKind.callback] = BlockKind.callback
    title: str = lazy("Envie d’en parler de vive voix ?")
    text: str = lazy(
        "Un référent accueil vous rappelle et répond à vos questions sur l’emploi, le logement ou l’école. "
        "C’est gratuit, et sans engagement."
    )


Block = Annotated[Text | Employers | Openings | Portrait | Poll | Callback, Field(discriminator="kind")]
_reader: TypeAdapter[Block] = TypeAdapter(Block)


def read_block(stored: Mapping[str, Any], *, number: int = 1) -> Block:
    """The typed block of a stored or typed one. Raises DraftError, naming the block (counted from 1) and the field."""
    try:
        return _reader.validate_python(dict(stored))
    except ValidationError as error:
        raise _unreadable(error, number=number, kind=str(stored.get("kind", ""))) from None


def read_blocks(stored: Sequence[Any]) -> list[Block]:
    """The blocks of an issue, in their order."""
    found = []
    for number, block in enumerate(stored, start=1):
        if not isinstance(block, Mapping):
            raise DraftError(_("Le bloc {number} n’est pas lisible : il lui faut un « kind ».").format(number=number))
        found.append(read_block(block, number=number))
    return found


def stored(block: Block) -> dict[str, Any]:
    """The block as JSON values."""
    return block.model_dump(mode="json")


def _unreadable(error: ValidationError, *, number: int, kind: str) -> DraftError:
    first = error.errors()[0]
    if first["type"].startswith("union_tag"):
        return DraftError(
            _("Bloc {number} : la sorte « {kind} » n’existe pas. Les sortes possibles sont : {known}.").format(
                number=number, kind=kind, known=", ".join(BlockKind)
            )
        )
    place = ".".join(str(part) for part in first["loc"][1:])
    return DraftError(
        _("Bloc {number} ({kind}) : le champ « {field} » manque ou n’est pas de la bonne forme.").format(
            number=number, kind=kind, field=place
        )
    )
