"""pace.toml: how the operator changes limits and SMTP options without a restart; its mistakes are French sentences.

The file changes the shipped table (`reference/providers.toml`, in the same format).
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from newsletter.delivery.throttle.providers import BackoffRule, LaneSection, RateLimits, RateLimitTable
from newsletter.errors import NewsletterError
from newsletter.i18n import _, lazy

PACE_FILE = "pace.toml"
_SHIPPED = Path(__file__).parent / "reference" / "providers.toml"
_BOTH_NAMES = "both_names"

_EXPECTED = {
    "connections": lazy("un nombre entier de 0 à 10 000 000 (0 : sans limite)"),
    "per_minute": lazy("un nombre entier de 0 à 10 000 000 (0 : sans limite)"),
    "per_connection": lazy("un nombre entier de 0 à 10 000 000 (0 : sans limite)"),
    "domains": lazy("une liste de domaines, comme [\"exemple.fr\"]"),
    "first": lazy("un nombre entier, au moins 1"),
    "target": lazy("un nombre entier, au moins 1"),
    "growth": lazy("un nombre de plus de 1 à 2 au plus"),
    "client": lazy("« pipelined » ou « aiosmtplib »"),
    "pipelining": lazy("true ou false"),
    "ehlo": lazy("le nom complet de cette machine, comme « envoi.exemple.fr »"),
    "ca_file": lazy("un fichier de certificats au format PEM, à chercher dans le dossier des données"),
    "warmup": lazy("first et target, target n’étant pas plus petit que first"),
    "suspended": lazy("true ou false"),
    "suspend": lazy("true ou false"),
    "says": lazy("une liste de mots de réponse, comme [\"Trop de connexions\"]"),
    "times": lazy("un nombre entier, au moins 1"),
    "within_minutes": lazy("un nombre entier, au moins 1"),
    "for_minutes": lazy("un nombre entier, au moins 1"),
    "when": lazy("says, for_minutes, et l’un de suspend, per_minute ou connections"),
}  # fmt: skip


class PaceFileError(NewsletterError):
    """pace.toml says something that makes no sense; the sentence says what, and where."""


class _DefaultSection(RateLimits):
    when: tuple[BackoffRule, ...] = ()


class _ProviderSection(_DefaultSection):
    domains: tuple[str, ...] = ()


class _Contents(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    default: _DefaultSection = _DefaultSection()
    provider: Mapping[str, _ProviderSection] = {}
    family: Mapping[str, _ProviderSection] = {}  # the first name of `provider`, which is still read
    lane: Mapping[str, LaneSection] = {}

    @model_validator(mode="after")
    def _names_each_provider_once(self) -> Self:
        if twice := sorted(self.provider.keys() & self.family.keys()):
            raise PydanticCustomError(_BOTH_NAMES, "{provider}", {"provider": twice[0]})
        return self

    @property
    def providers(self) -> Mapping[str, _ProviderSection]:
        return {**self.family, **self.provider}


@cache
def shipped_table() -> RateLimitTable:
    """The table that comes with the program."""
    return _changed(None, _parsed(_SHIPPED.read_text(encoding="utf-8"), _SHIPPED.name, home=_SHIPPED.parent))


def read_pace(path: Path, *, home: Path | None = None) -> RateLimitTable:
    """The shipped table with the changes of this file; a file that is not there changes nothing. Raises PaceFileError.

    What the file names is looked for in `home`: the folder it lies in, unless it is only being tried.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return shipped_table()
    except (OSError, UnicodeDecodeError):
        sentence = _("Le fichier {name} ne se lit pas : du texte en UTF-8 est attendu.")
        raise PaceFileError(sentence.format(name=path.name)) from None
    return _changed(shipped_table(), _parsed(text, path.name, home=home or path.parent))


@dataclass(slots=True)
class PaceFile:
    """`pace.toml` of a home folder, looked at whenever it is asked: a change holds without a restart.

    A file that makes no sense changes nothing: the limits before it stay, and `trouble` is the sentence that says why.
    """

    home: Path
    trouble: str = ""
    _table: RateLimitTable = field(default_factory=shipped_table)
    _seen: tuple[int, int, int] | None = None

    def table(self) -> RateLimitTable:
        """The limits that hold now."""
        seen = self._fingerprint()
        if seen != self._seen or self.trouble:  # a certificate that was missing may stand beside the file by now
            self._seen = seen
            try:
                self._table, self.trouble = read_pace(self.home / PACE_FILE), ""
            except PaceFileError as error:
                self.trouble = str(error)
        return self._table

    def _fingerprint(self) -> tuple[int, int, int] | None:
        try:
            found = (self.home / PACE_FILE).stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino


def _changed(base: RateLimitTable | None, given: _Contents) -> RateLimitTable:
    default = _over(base.default if base else RateLimits(), given.default)
    # A provider of the base keeps its own figures: it follows a changed default only where it had none.
    providers = dict(base.providers) if base else {}
    domains = dict(base.domains) if base else {}
    rules = dict(base.rules) if base else {}
    for name, section in {"": given.default, **given.providers}.items():
        if "when" in section.model_fields_set:
            rules[name] = section.when
    for name, section in given.providers.items():
        providers[name] = _over(providers.get(name, default), section)
        domains |= {domain.lower(): name for domain in section.domains}
    return RateLimitTable(default=default, providers=providers, lanes=given.lane, domains=domains, rules=rules)


def _over(base: RateLimits, given: RateLimits) -> RateLimits:
    said = given.model_dump(exclude_unset=True, exclude={"domains", "when"})
    return RateLimits.model_validate(base.model_dump() | said)


def _parsed(text: str, name: str, *, home: Path) -> _Contents:
    try:
        return _Contents.model_validate(tomllib.loads(text), context=home)
    except tomllib.TOMLDecodeError as error:
        sentence = _("Le fichier {name} n’est pas du TOML ({why}). Les réglages d’avant restent en vigueur.")
        raise PaceFileError(sentence.format(name=name, why=error)) from None
    except ValidationError as error:
        raise _first_mistake(error, name=name) from None


def _first_mistake(error: ValidationError, *, name: str) -> PaceFileError:
    """The first mistake of the file of this name, with its place and what is expected there."""
    first = error.errors()[0]
    place = [str(part) for part in first["loc"]]
    if first["type"] == _BOTH_NAMES:
        sentence = _(
            "Dans {name}, « {provider} » est à la fois sous [provider.{provider}] et sous [family.{provider}]. "
            "Gardez la première section. Les réglages d’avant restent en vigueur."
        )
        return PaceFileError(sentence.format(name=name, provider=first["ctx"]["provider"]))
    if first["type"] == "extra_forbidden":
        sentence = _("Dans {name}, « {place} » n’existe pas. Les réglages d’avant restent en vigueur.")
        return PaceFileError(sentence.format(name=name, place=".".join(place)))
    expected = _EXPECTED.get(next((part for part in reversed(place) if part in _EXPECTED), ""), _("une autre valeur"))
    sentence = _("Dans {name}, « {place} » ne convient pas : {expected}. Les réglages d’avant restent en vigueur.")
    return PaceFileError(sentence.format(name=name, place=".".join(place), expected=expected))
