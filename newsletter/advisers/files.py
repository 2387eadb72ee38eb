"""Advisers and their territories from a YAML file (as `demo/samples/advisers.yaml`): all of it, or nothing."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Annotated

import sqlalchemy as sa
import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from sqlmodel import Session, col, select

from newsletter.advisers import people
from newsletter.advisers.people import AdviserForm
from newsletter.errors import NewsletterError
from newsletter.i18n import _
from newsletter.store.catalogue import Epci, Sector
from newsletter.store.leads import Adviser, TerritoryRule
from newsletter.store.staff import Account
from newsletter.text import fold, nearest

_LARGEST = 1_000_000  # bytes


class AdviserFileError(NewsletterError):
    """The file cannot be read or does not fit; nothing of it was written."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True, str_strip_whitespace=True)


def _yes(value: object) -> object:
    """YAML knows true and yes; people here write oui."""
    return {"oui": True, "non": False}.get(str(value).lower(), value)


class _Absence(_Strict):
    du: date
    au: date | None = None


class _Rule(_Strict):
    epci: str = ""
    metier: str = ""
    tout: Annotated[bool, BeforeValidator(_yes)] = False


class _Adviser(_Strict):
    nom: Annotated[str, Field(min_length=1)]
    adresse: str
    identifiant: str = ""
    capacite: int = 50
    absence: _Absence | None = None
    remplacant: str = ""
    territoires: tuple[_Rule, ...] = ()


class _File(_Strict):
    referents: tuple[_Adviser, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedAdvisers:
    """What a file brought."""

    added: int
    changed: int
    rules: int
    without_account: tuple[str, ...]  # names whose login does not exist (yet): they cannot log in


def load_file(session: Session, path: Path) -> LoadedAdvisers:
    """Load a file of advisers: new ones are added, known names follow the file, their territories included.

    Advisers that the file does not name stay as they are. Raises AdviserFileError, naming the adviser, and the caller's
    transaction then leaves nothing.
    """
    wanted = _read(path).referents
    known = {row.name: row for row in people.advisers(session)}
    saved = {one.nom: people.save(session, _form(one), adviser_id=_id_of(known, one.nom)) for one in wanted}
    everyone = {row.name: row for row in people.advisers(session)}
    for one in wanted:
        saved[one.nom].stand_in_id = _stand_in(everyone, one)
    without_account = _link_accounts(session, wanted, saved)
    rules = _write_rules(session, wanted, saved)
    session.flush()
    added = len(set(saved) - set(known))
    return LoadedAdvisers(added=added, changed=len(saved) - added, rules=rules, without_account=tuple(without_account))


def _read(path: Path) -> _File:
    try:
        if path.stat().st_size > _LARGEST:
            raise AdviserFileError(
                _("Le fichier {name} est trop gros pour être une liste de référents.").format(name=path.name)
            )
        return _File.model_validate(yaml.safe_load(path.read_text(encoding="utf-8-sig")))
    except OSError:
        raise AdviserFileError(
            _("Le fichier {name} ne s’ouvre pas. Vérifiez son nom.").format(name=path.name)
        ) from None
    except UnicodeDecodeError:
        raise AdviserFileError(
            _("Le fichier {name} n’est pas en UTF-8. Enregistrez-le en UTF-8.").format(name=path.name)
        ) from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise AdviserFileError(
            _(
                "Le fichier {name} n’est pas du YAML correct, ligne {line}. Vérifiez les deux-points et les retraits."
            ).format(name=path.name, line=line)
        ) from None
    except (yaml.YAMLError, ValidationError) as error:
        raise AdviserFileError(_misfit(path, error)) from None


def _misfit(path: Path, error: Exception) -> str:
    """Where in the file something does not fit."""
    place = _("au début")
    if isinstance(error, ValidationError):
        place = (
            " → ".join(str(part + 1 if isinstance(part, int) else part) for part in error.errors()[0]["loc"]) or place
        )
    return _(
        "Le fichier {name} ne convient pas ({place}). Comparez-le à newsletter/demo/samples/advisers.yaml."
    ).format(name=path.name, place=place)


def _id_of(known: Mapping[str, Adviser], name: str) -> int | None:
    return known[name].id if name in known else None


def _form(one: _Adviser) -> AdviserForm:
    form = AdviserForm(name=one.nom, address=one.adresse, capacity=one.capacite)
    return replace(form, absent_from=one.absence.du, absent_until=one.absence.au) if one.absence else form


def _stand_in(everyone: Mapping[str, Adviser], one: _Adviser) -> int | None:
    if not one.remplacant:
        return None
    found = {fold(name): row for name, row in everyone.items()}.get(fold(one.remplacant))
    if found is None or found.name == one.nom:
        raise AdviserFileError(
            _("Le remplaçant de {name} n’est pas un autre référent connu : « {other} ».").format(
                name=one.nom, other=one.remplacant
            )
        )
    return found.id


def _link_accounts(session: Session, wanted: Iterable[_Adviser], saved: Mapping[str, Adviser]) -> list[str]:
    """Link advisers to their accounts; the names whose account is not there."""
    logins = dict(session.execute(sa.select(col(Account.login), col(Account.id))).all())
    ours = {row.id for row in saved.values()}
    taken = {row.account_id for row in people.advisers(session) if row.id not in ours}
    missing = []
    for one in wanted:
        account = logins.get(one.identifiant.lower())
        if account is None and one.identifiant:
            missing.append(one.nom)
        if account is not None and account in taken:
            raise AdviserFileError(
                _("Le compte « {login} » est déjà celui d’un autre référent.").format(login=one.identifiant)
            )
        saved[one.nom].account_id = account
        taken.add(account)
    return missing


def _write_rules(session: Session, wanted: Iterable[_Adviser], saved: Mapping[str, Adviser]) -> int:
    """Write the territories of these advisers in place of those they had."""
    epcis = _names(session.exec(select(Epci.name, Epci.siren)).all())
    sectors = _names(session.exec(select(Sector.name_fr, Sector.code)).all())
    session.flush()
    ids = [row.id for row in saved.values()]
    session.execute(sa.delete(TerritoryRule).where(col(TerritoryRule.adviser_id).in_(ids)))
    rules = {
        (saved[one.nom].id, _find(epcis, rule.epci, one.nom), _find(sectors, rule.metier, one.nom))
        for one in wanted
        for rule in one.territoires
        if _speaks(rule, one.nom)
    }
    rows = sorted(rules, key=str)
    session.add_all(
        TerritoryRule(adviser_id=who or 0, epci_siren=epci, sector_code=sector) for who, epci, sector in rows
    )
    return len(rules)


def _speaks(rule: _Rule, name: str) -> bool:
    """A rule names a territory, a trade, or says that it takes everything; an empty one is a mistake."""
    if rule.tout == bool(rule.epci or rule.metier):
        raise AdviserFileError(
            _("Un territoire de {name} n’est pas clair : donnez epci et/ou metier, ou bien « tout: oui ».").format(
                name=name
            )
        )
    return True


def _names(rows: Iterable[tuple[str, str]]) -> dict[str, tuple[str, str]]:
    """Folded name, and code → (name, code)."""
    found = {}
    for name, code in rows:
        found[fold(name)] = found[fold(code)] = (name, code)
    return found


def _find(words: Mapping[str, tuple[str, str]], text: str, name: str) -> str | None:
    if not text:
        return None
    if fold(text) in words:
        return words[fold(text)][1]
    near = nearest(text, [name for name, _code in words.values()])
    hint = _(" Vouliez-vous dire « {word} » ?").format(word=near) if near else ""
    raise AdviserFileError(
        _("Territoires de {name} : « {text} » n’est ni un EPCI ni un métier de nos listes.").format(
            name=name, text=text
        )
        + hint
    )
