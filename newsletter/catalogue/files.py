"""Loading the catalogue from YAML and CSV files (docs/reference/catalogue-files.md): the whole file, or nothing."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from sqlmodel import Session, select

from newsletter.catalogue import employers, openings, partners, pictures, portraits, supports
from newsletter.catalogue.employers import EmployerForm
from newsletter.catalogue.entries import EntryKind, FileEntry, read_entries
from newsletter.catalogue.forms import CatalogueForm, Change, FormError, validated_form
from newsletter.catalogue.openings import OpeningForm
from newsletter.catalogue.partners import PartnerForm
from newsletter.catalogue.portraits import PortraitForm
from newsletter.catalogue.supports import SupportForm
from newsletter.catalogue.territory import gazetteer
from newsletter.errors import NewsletterError
from newsletter.i18n import _, ngettext
from newsletter.store.catalogue import Support

MOST_TOLD = 20
"""Sentences shown about one file; whoever has more to mend will see the rest the next time."""


class CatalogueFileError(NewsletterError):
    """Entries that cannot be kept; `sentences` has one for each mistake, with its line."""

    def __init__(self, name: str, sentences: Sequence[str]) -> None:
        self.sentences = tuple(sentences)
        first = ngettext(
            "{name} : {count} chose à corriger ; rien n’a été enregistré.",
            "{name} : {count} choses à corriger ; rien n’a été enregistré.",
            len(sentences),
        ).format(name=name, count=len(sentences))
        super().__init__("\n".join([first, *(f"  {sentence}" for sentence in sentences[:MOST_TOLD])]))


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadReport:
    """What loading a file did, kind by kind."""

    kind: EntryKind
    added: int
    changed: int
    same: int


def load(session: Session, path: Path, *, today: date, media: Path, kind: EntryKind | None = None) -> list[LoadReport]:
    """Keep every entry of the file. Loading it again changes nothing.

    `kind` says what a CSV file lists when its name does not. A picture named in the file is looked for beside it, then
    in `media`, where it is kept. Raises CatalogueFileError, and then nothing at all was written to the store.
    """
    entries = read_entries(path, kind=kind)
    wrong: list[str] = []
    done: Counter[tuple[EntryKind, Change]] = Counter()
    with session.begin_nested():
        put = _putters(session)
        for entry in sorted(entries, key=lambda entry: list(EntryKind).index(entry.kind)):
            try:
                fields = _dated(entry.fields, today=today)
                form = validated_form(FORMS[entry.kind], _pictured(fields, beside=path.parent, media=media))
                done[entry.kind, put[entry.kind](form)] += 1
            except FormError as error:
                wrong += [f"{_where(entry)}, {field} : {sentence}" for field, sentence in error.fields.items()]
        if wrong:
            raise CatalogueFileError(path.name, wrong)
    seen = {entry.kind for entry in entries}
    return [
        LoadReport(
            kind=k,
            added=done[k, Change.added],
            changed=done[k, Change.changed],
            same=done[k, Change.same],
        )
        for k in EntryKind
        if k in seen
    ]


FORMS: dict[EntryKind, type[CatalogueForm]] = {
    EntryKind.employers: EmployerForm,
    EntryKind.openings: OpeningForm,
    EntryKind.portraits: PortraitForm,
    EntryKind.partners: PartnerForm,
    EntryKind.supports: SupportForm,
}


def _putters(session: Session) -> dict[EntryKind, Callable[[Any], Change]]:
    """How to keep a form of each kind, over what the catalogue holds, which is read once for the whole file."""
    places = gazetteer(session)
    employed, partnered = employers.employers_by_name(session), partners.partners_by_name(session)
    jobs, people = openings.by_title(session), portraits.by_person(session)
    printed = session.exec(select(Support)).all()
    by_code = {support.code: support for support in printed}
    by_run = {supports.run_of(support): support for support in printed}
    return {
        EntryKind.employers: lambda form: employers.put(session, form, known=employed, places=places),
        EntryKind.openings: lambda form: openings.put(session, form, known=jobs, employed=employed),
        EntryKind.portraits: lambda form: portraits.put(session, form, known=people, employed=employed, places=places),
        EntryKind.partners: lambda form: partners.put(session, form, known=partnered, places=places),
        EntryKind.supports: lambda form: supports.put(session, form, by_code=by_code, by_run=by_run, known=partnered),
    }


RELATIVE = {"expires_in_days": "expires_on", "image_right_days": "image_right_until"}


def _dated(fields: dict[str, Any], *, today: date) -> dict[str, Any]:
    """The fields with days counted from today turned into dates."""
    counted = {}
    for name, value in fields.items():
        if name not in RELATIVE:
            counted[name] = value
            continue
        try:
            counted[RELATIVE[name]] = today + timedelta(days=int(value))
        except (ValueError, TypeError, OverflowError):
            raise FormError({name: _("Donnez un nombre de jours, comme 90.")}) from None
    return counted


def _pictured(fields: dict[str, Any], *, beside: Path, media: Path) -> dict[str, Any]:
    """The fields with the picture kept in the media folder, under its name there."""
    name = str(fields.get("picture") or "").strip()
    if not name or pictures.find(name, folder=media) is not None:
        return fields
    found = (beside / name).resolve()
    if not found.is_relative_to(beside.resolve()) or not found.is_file():
        raise FormError({"picture": _("L’image « {name} » n’est pas dans le dossier de ce fichier.").format(name=name)})
    try:
        return fields | {"picture": pictures.keep(found.read_bytes(), folder=media)}
    except pictures.PictureError as error:
        raise FormError({"picture": str(error)}) from None


def _where(entry: FileEntry) -> str:
    return _("ligne {line} ({kind})").format(line=entry.line, kind=entry.kind.value)
