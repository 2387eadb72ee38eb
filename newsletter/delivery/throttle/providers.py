"""Receiver families and their limits, lanes and their switches: a table of our own, changed by `pace.toml`.

A family is the domains that one receiver answers for, so that orange.fr and wanadoo.fr share two connections (THR-01).
A domain that no family names is a family of its own, `other:example.org`, under the default limits: one slow village
server must not hold up another.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from newsletter.delivery.throttle.pace_mistakes import PaceFileError, mistake
from newsletter.i18n import _
from newsletter.smtp.contract import RelayError
from newsletter.smtp.options import SmtpClient, SmtpOptions
from newsletter.smtp.tls import tls_context

_SHIPPED = Path(__file__).parent / "reference" / "providers.toml"
PACE_FILE = "pace.toml"
_OTHER = "other:"
_Count = Annotated[int, Field(ge=0, le=10_000_000, strict=True)]


class WarmUp(BaseModel):
    """How a family gets to know us: `first` mails on the first day, then at most `growth` times as many (THR-05)."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    first: int = Field(ge=1, strict=True)
    target: int = Field(ge=1, strict=True)  # a day with this many ends the warm-up
    growth: float = Field(default=2.0, gt=1, le=2)

    @model_validator(mode="after")
    def _grows(self) -> Self:
        if self.target < self.first:
            raise ValueError("target")
        return self


class _Pace(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    connections: _Count = 0
    per_minute: _Count = 0
    per_connection: _Count = 0


class RateLimits(_Pace):
    """How fast a family, or a lane, may be written to; 0 means no limit."""

    warmup: WarmUp | None = None
    suspended: bool = Field(default=False, strict=True)


class BackoffRule(BaseModel):
    """What to do when a family answers with certain words so many times within so many minutes (THR-03)."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    says: tuple[str, ...] = Field(min_length=1)  # any of these, anywhere in the answer, in capitals or not
    times: int = Field(default=1, ge=1, strict=True)
    within_minutes: int = Field(default=60, ge=1, strict=True)
    for_minutes: int = Field(ge=1, strict=True)
    suspend: bool = Field(default=False, strict=True)
    per_minute: _Count = 0
    connections: _Count = 0

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        if not (self.suspend or self.per_minute or self.connections) or not all(self.says):
            raise ValueError("when")
        return self

    def is_met_by(self, words: str) -> bool:
        """Whether a server's words are those that the rule waits for."""
        return any(said.casefold() in words.casefold() for said in self.says)


class _Default(RateLimits):
    when: tuple[BackoffRule, ...] = ()


class _ProviderSection(_Default):
    domains: tuple[str, ...] = ()


class LaneSection(_Pace):
    """A way out: its pace, and how its server is spoken to. Encryption goes with host and login, in the settings."""

    client: SmtpClient = SmtpClient.pipelined
    pipelining: bool = Field(default=True, strict=True)
    ehlo: str = Field(default="", max_length=255, pattern=r"^([0-9A-Za-z.-]*|\[[0-9A-Za-z:.]+\])$")
    ca_file: Path | None = None

    @field_validator("ca_file")
    @classmethod
    def _from_home(cls, name: Path, asked: ValidationInfo[Path]) -> Path:
        """The whole path of a file that can be trusted, named from the home folder."""
        assert asked.context is not None  # `_parsed` says where
        file = asked.context / name
        try:
            tls_context(file)
        except RelayError as error:
            raise ValueError("ca_file") from error
        return file


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    default: _Default = _Default()
    provider: Mapping[str, _ProviderSection] = {}
    family: Mapping[str, _ProviderSection] = {}  # how `provider` was called first, and may still be
    lane: Mapping[str, LaneSection] = {}

    @model_validator(mode="after")
    def _names_each_provider_once(self) -> Self:
        if twice := sorted(self.provider.keys() & self.family.keys()):
            raise PydanticCustomError("twice", "{name}", {"name": twice[0]})
        return self

    @property
    def providers(self) -> Mapping[str, _ProviderSection]:
        return {**self.family, **self.provider}


_SPEED = {"connections", "per_minute"}
"""What of a lane's rules the pacer keeps; the rest is for whoever opens a connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimitTable:
    """The limits that hold."""

    default: RateLimits
    providers: Mapping[str, RateLimits]
    lanes: Mapping[str, LaneSection]  # what the file does not say is unset: the lane's row or the settings have it
    domains: Mapping[str, str]  # domain → family
    # By provider; "" has those of every provider.
    rules: Mapping[str, tuple[BackoffRule, ...]] = field(default_factory=dict)

    def provider_of(self, address: str) -> str:
        """The family of an address, or of a bare domain."""
        domain = address.rpartition("@")[2].lower().rstrip(".")
        return self.domains.get(domain, _OTHER + domain)

    def limits(self, provider: str) -> RateLimits:
        return self.providers.get(provider, self.default)

    def rules_of(self, provider: str) -> tuple[BackoffRule, ...]:
        """What to listen for in a family's answers: its own rules first, then those of every family."""
        return (*self.rules.get(provider, ()), *self.rules.get("", ()))

    def lane(self, name: str, *, connections: int = 0, per_minute: int = 0) -> RateLimits:
        """The limits of a lane: what the file says of it, and for the rest what its row says."""
        row = {"connections": connections, "per_minute": per_minute}
        return RateLimits.model_validate(row | self._rules(name).model_dump(exclude_unset=True, include=_SPEED))

    def smtp_options(self, name: str, usual: SmtpOptions) -> SmtpOptions:
        """How a lane's server is spoken to: what the file says of it, and for the rest as usual."""
        return replace(usual, **self._rules(name).model_dump(exclude_unset=True, exclude=_SPEED))

    def _rules(self, lane: str) -> LaneSection:
        return self.lanes.get(lane, LaneSection())


def provider_label(provider: str) -> str:
    """How a family is shown: one that is a domain of its own, by its domain."""
    return provider.removeprefix(_OTHER)


def is_rate_limited(table: RateLimitTable, lane: RateLimits) -> bool:
    """Whether anything here limits how fast mails start, so that several senders have something to share."""
    limited = (table.default, *table.providers.values(), RateLimits(per_minute=lane.per_minute))
    return any(limits.connections or limits.per_minute or limits.warmup for limits in limited)


@cache
def shipped_table() -> RateLimitTable:
    """The table that comes with the program."""
    return _changed(None, _parsed(_SHIPPED.read_text(encoding="utf-8"), _SHIPPED.name, home=_SHIPPED.parent))


def read_pace(path: Path, *, home: Path | None = None) -> RateLimitTable:
    """The shipped table with the changes of this file; a file that is not there changes nothing. Raises PaceError.

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
        seen = self._look()
        if seen != self._seen or self.trouble:  # what was missing may stand beside the file by now
            self._seen = seen
            try:
                self._table, self.trouble = read_pace(self.home / PACE_FILE), ""
            except PaceFileError as error:
                self.trouble = str(error)
        return self._table

    def _look(self) -> tuple[int, int, int] | None:
        try:
            found = (self.home / PACE_FILE).stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino


def _changed(base: RateLimitTable | None, given: _File) -> RateLimitTable:
    default = _over(base.default if base else RateLimits(), given.default)
    # A family of the base follows a changed default only where it had no word of its own: it keeps its own figures.
    providers = dict(base.providers) if base else {}
    domains = dict(base.domains) if base else {}
    rules = dict(base.rules) if base else {}
    for name, provider in {"": given.default, **given.providers}.items():
        if "when" in provider.model_fields_set:
            rules[name] = provider.when
    for name, provider in given.providers.items():
        providers[name] = _over(providers.get(name, default), provider)
        domains |= {domain.lower(): name for domain in provider.domains}
    return RateLimitTable(default=default, providers=providers, lanes=given.lane, domains=domains, rules=rules)


def _over(base: RateLimits, given: RateLimits) -> RateLimits:
    said = given.model_dump(exclude_unset=True, exclude={"domains", "when"})
    return RateLimits.model_validate(base.model_dump() | said)


def _parsed(text: str, name: str, *, home: Path) -> _File:
    try:
        return _File.model_validate(tomllib.loads(text), context=home)
    except tomllib.TOMLDecodeError as error:
        sentence = _("Le fichier {name} n’est pas du TOML ({why}). Les réglages d’avant restent en vigueur.")
        raise PaceFileError(sentence.format(name=name, why=error)) from None
    except ValidationError as error:
        raise mistake(error, name=name) from None
