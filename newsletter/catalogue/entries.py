"""Reading a catalogue file (YAML or CSV) into entries of a kind, each with its line; not validated yet."""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import yaml

from newsletter.errors import NewsletterError
from newsletter.i18n import _
from newsletter.text import fold, nearest

_LARGEST = 5_000_000
"""Bytes of a catalogue file; no catalogue of a département comes near."""


class UnreadableFileError(NewsletterError):
    """The file cannot be opened or understood at all."""


class EntryKind(StrEnum):
    """What a file lists. In this order: an opening may name an employer that stands in the same file."""

    employers = "employers"
    openings = "openings"
    portraits = "portraits"
    partners = "partners"
    supports = "supports"


_KIND_TITLES = {
    "employeurs": EntryKind.employers,
    "offres": EntryKind.openings,
    "portraits": EntryKind.portraits,
    "partenaires": EntryKind.partners,
    "supports": EntryKind.supports,
} | {kind.value: kind for kind in EntryKind}

_FIELD_TITLES = {
    "nom": "name",
    "secteur": "sector",
    "presentation": "about",
    "description": "about",
    "site": "website",
    "image": "picture",
    "texte de l image": "picture_alt",
    "employeur": "employer",
    "titre": "title",
    "contrat": "contract",
    "lien": "url",
    "expire le": "expires_on",
    "expire dans jours": "expires_in_days",
    "personne": "person",
    "metier": "role",
    "citation": "quote",
    "recit": "story",
    "droit a l image jusqu au": "image_right_until",
    "droit a l image jours": "image_right_days",
    "partenaire": "partner",
    "genre": "kind",
    "saison": "season",
}
"""French names of the fields, folded; the English names are those of the forms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEntry:
    """One entry of a file, its fields under their English names; empty fields are left out."""

    kind: EntryKind
    line: int
    fields: dict[str, Any]


def read_entries(path: Path, *, kind: EntryKind | None = None) -> list[FileEntry]:
    """The entries of a YAML or CSV file. Raises UnreadableFileError with what to do."""
    text = _decoded(_bytes_of(path))
    match path.suffix.lower():
        case ".yaml" | ".yml":
            entries = list(_from_yaml(text, name=path.name))
        case ".csv" | ".tsv" | ".txt":
            entries = list(_from_csv(text, kind=kind or _kind_of(path), name=path.name))
        case _:
            raise UnreadableFileError(
                _(
                    "{name} n’est ni un fichier .yaml ni un fichier .csv. Enregistrez-le sous l’une de ces formes."
                ).format(name=path.name)
            )
    if not entries:
        raise UnreadableFileError(_("{name} ne contient aucune fiche.").format(name=path.name))
    return entries


def _bytes_of(path: Path) -> bytes:
    try:
        raw = path.read_bytes()
    except OSError:
        raise UnreadableFileError(
            _("Le fichier {name} ne s’ouvre pas. Vérifiez son chemin et qu’il est lisible.").format(name=path.name)
        ) from None
    if len(raw) > _LARGEST:
        raise UnreadableFileError(_("{name} pèse plus de 5 Mo : ce n’est pas un catalogue.").format(name=path.name))
    return raw


def _decoded(raw: bytes) -> str:
    """UTF-8, with or without its byte-order mark; else what a French Excel writes."""
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace")


class _Numbered(yaml.SafeLoader):
    """A safe loader that notes on which line each mapping begins."""


def _mapping(loader: _Numbered, node: yaml.MappingNode) -> dict[Any, Any]:
    return loader.construct_mapping(node, deep=True) | {_LINE: node.start_mark.line + 1}


_LINE = object()
"""The key of a mapping's line: no file can write it."""
_Numbered.add_constructor("tag:yaml.org,2002:map", _mapping)


def _from_yaml(text: str, *, name: str) -> Iterator[FileEntry]:
    try:
        page = yaml.load(text, Loader=_Numbered)  # noqa: S506  a SafeLoader
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise UnreadableFileError(
            _("{name}, ligne {line} : le YAML est mal formé. Vérifiez les retraits et les deux-points.").format(
                name=name, line=line
            )
        ) from None
    except (yaml.YAMLError, RecursionError, ValueError):
        raise UnreadableFileError(_("{name} n’est pas du YAML lisible.").format(name=name)) from None
    if not isinstance(page, dict):
        raise UnreadableFileError(
            _("{name} doit commencer par une rubrique : employers, openings, portraits, partners ou supports.").format(
                name=name
            )
        )
    for title, entries in page.items():
        if title is not _LINE:
            yield from _section(str(title), entries, name=name)


def _section(title: str, entries: object, *, name: str) -> Iterator[FileEntry]:
    kind = _KIND_TITLES.get(fold(title))
    if kind is None:
        close = nearest(title, _KIND_TITLES)
        hint = _(" Vouliez-vous dire « {nearest} » ?").format(nearest=close) if close else ""
        raise UnreadableFileError(
            _("{name} : la rubrique « {title} » n’existe pas.").format(name=name, title=title) + hint
        )
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise UnreadableFileError(
            _("{name} : sous « {title} », chaque fiche commence par un tiret.").format(name=name, title=title)
        )
    for entry in entries:
        line = entry.pop(_LINE)
        yield FileEntry(kind=kind, line=line, fields=_named(entry))


def _kind_of(path: Path) -> EntryKind:
    """What a CSV file lists, by its name: employeurs-2026.csv lists employers."""
    for word in fold(path.stem).split():
        if word in _KIND_TITLES:
            return _KIND_TITLES[word]
    raise UnreadableFileError(
        _("Que contient {name} ? Dites-le avec --kind : employers, openings, portraits, partners ou supports.").format(
            name=path.name
        )
    )


def _from_csv(text: str, *, kind: EntryKind, name: str) -> Iterator[FileEntry]:
    first = text.split("\n", 1)[0]
    comma = max(";,\t", key=first.count)
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=comma, strict=True, restkey="", restval="")
    try:
        for row in rows:
            if any(value for value in row.values()):
                yield FileEntry(kind=kind, line=rows.line_num, fields=_named(row))
    except csv.Error:
        raise UnreadableFileError(
            _("{name}, ligne {line} : un guillemet est resté ouvert.").format(name=name, line=rows.line_num)
        ) from None


def _named(fields: Mapping[Any, Any]) -> dict[str, Any]:
    """The fields under their English names, without the empty ones."""
    named = {_field(str(name)): value for name, value in fields.items()}
    return {name: value for name, value in named.items() if value is not None and value != ""}


def _field(name: str) -> str:
    plain = fold(name)
    return _FIELD_TITLES.get(plain, plain.replace(" ", "_"))
