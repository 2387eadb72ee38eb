"""What a person fills in about the catalogue, checked; a mistake comes back as one French sentence beside its field."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidationInfo,
)
from pydantic_core import PydanticCustomError
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, SQLModel

from newsletter.errors import NewsletterError
from newsletter.i18n import _, lazy
from newsletter.text import fold
from newsletter.words import label


class FormError(NewsletterError):
    """A form that cannot be kept; `fields` gives the sentence of each field that is wrong."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        self.fields = dict(fields)
        super().__init__(" ".join(self.fields.values()))


class CatalogueForm(BaseModel):
    """A filled form, whole and valid. Text is stripped; a field it does not know is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True, coerce_numbers_to_str=True)


def _one_line(text: str) -> str:
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def _web_address(text: str) -> str:
    """Only http(s) with a host: anything else could run in a reader's browser (SEC-12)."""
    parts = urlsplit(text)
    if text and (parts.scheme not in ("http", "https") or not parts.hostname or len(text.split()) > 1):
        raise PydanticCustomError("address", _("Écrivez une adresse complète, qui commence par https://"))
    return text


def _day(value: object) -> object:
    """A day as people write it: 31/12/2026 as well as 2026-12-31."""
    if isinstance(value, datetime):
        return value.date()
    text = str(value).strip()
    for pattern in ("%Y-%m-%d", "%d/%m/%Y", "%d.%m.%Y"):
        try:
            return datetime.strptime(text, pattern).date()  # noqa: DTZ007  a day has no zone
        except ValueError:
            continue
    raise PydanticCustomError("day", _("Donnez une date qui existe, comme 31/12/2026."))


def _described(alt: str, form: ValidationInfo) -> str:
    """No picture goes without words for those who do not see it."""
    if form.data.get("picture") and not alt:
        raise PydanticCustomError("alt", _("Décrivez l’image en une phrase, pour qui ne la voit pas."))
    return alt


def word_in(words: type[StrEnum]) -> BeforeValidator:
    """A word of a closed list, written as stored or by its French label."""
    known = {fold(label(word)): word for word in words} | {fold(word.value): word for word in words}

    def read(value: object) -> object:
        return known.get(fold(str(value)), value)

    return BeforeValidator(read)


OneLine = Annotated[str, AfterValidator(_one_line), StringConstraints(max_length=160)]
RequiredName = Annotated[str, AfterValidator(_one_line), StringConstraints(min_length=1, max_length=120)]
Paragraphs = Annotated[str, StringConstraints(max_length=4000)]
WebAddress = Annotated[str, StringConstraints(max_length=500), AfterValidator(_web_address)]
PictureName = Annotated[
    str, StringConstraints(pattern=r"^([a-z0-9][a-z0-9-]{0,80}\.jpg)?$")
]  # a file of the media folder
PictureAlt = Annotated[OneLine, AfterValidator(_described), Field(validate_default=True)]
Day = Annotated[date, BeforeValidator(_day)]

_AnyForm = TypeVar("_AnyForm", bound=CatalogueForm)


def validated_form(kind: type[_AnyForm], values: Mapping[str, Any]) -> _AnyForm:
    """The form with these values. Raises FormError with a sentence for each field that is wrong."""
    try:
        return kind.model_validate(dict(values))
    except ValidationError as error:
        found: dict[str, str] = {}
        for mistake in error.errors():
            field = str(mistake["loc"][0])
            found.setdefault(field, _sentence(mistake["type"], mistake, field=field))
        raise FormError(found) from None


NEEDED = {
    "name": lazy("Donnez un nom."),
    "sector": lazy("Choisissez un secteur."),
    "commune": lazy("Donnez une commune."),
    "employer": lazy("Choisissez un employeur."),
    "title": lazy("Donnez le nom du poste."),
    "person": lazy("Donnez le nom de la personne."),
    "expires_on": lazy("Donnez le dernier jour de l’offre."),
    "image_right_until": lazy("Donnez le dernier jour du droit à l’image."),
    "partner": lazy("Donnez le nom du partenaire."),
    "kind": lazy("Dites ce que c’est : choisissez un mot de la liste."),
    "season": lazy("Donnez l’année."),
}


def _sentence(kind: str, mistake: Mapping[str, Any], *, field: str) -> str:
    match kind:
        case "missing" | "string_too_short" | "too_short":
            return NEEDED.get(field, _("Ce champ est nécessaire."))
        case "string_too_long" | "too_long":
            return _("C’est trop long : {most} caractères au plus.").format(most=mistake["ctx"]["max_length"])
        case "extra_forbidden":
            return _("Ce champ n’existe pas ici.")
        case "enum":
            return _("« {word} » ne convient pas. Choisissez parmi : {words}.").format(
                word=mistake["input"], words=mistake["ctx"]["expected"].replace("'", "").replace(" or ", ", ")
            )
        case "int_parsing" | "int_type" | "greater_than_equal" | "less_than_equal":
            return _("Donnez un nombre qui convient, comme {example}.").format(example=2026)
        case "address" | "day" | "alt":
            return str(mistake["msg"])
        case _:
            return _("Cette valeur ne convient pas.")


def resolved(**lookups: Callable[[], Any]) -> dict[str, Any]:
    """The value found for each field. Raises FormError with the sentence of every look-up that found nothing."""
    values, wrong = {}, {}
    for field, look_up in lookups.items():
        try:
            values[field] = look_up()
        except NewsletterError as error:
            wrong[field] = str(error)
    if wrong:
        raise FormError(wrong)
    return values


class Change(StrEnum):
    """What keeping a form did to the catalogue."""

    added = "added"
    changed = "changed"
    same = "same"  # it was there, exactly so


def change(row: SQLModel, columns: Mapping[str, Any]) -> Change:
    """Give the row these values; says whether that changed anything."""
    different = {name: value for name, value in columns.items() if getattr(row, name) != value}
    for name, value in different.items():
        setattr(row, name, value)
    return Change.changed if different else Change.same


@contextmanager
def one_of_a_kind(session: Session, *, field: str, sentence: str) -> Iterator[None]:
    """Write in the block; a name that is already taken comes back as FormError, and the transaction goes on."""
    try:
        with session.begin_nested():
            yield
            session.flush()
    except IntegrityError:
        raise FormError({field: sentence}) from None
