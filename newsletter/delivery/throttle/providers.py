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

from newsletter.delivery.throttle.pace_mistakes import PaceError, mistake
from newsletter.i18n import _
from newsletter.smtp.contract import RelayError
from newsletter.smtp.options import Client, Switches
from newsletter.smtp.tls import tls_context

SHIPPED = Path(__file__).parent / "reference" / "families.toml"
FILE = "pace.toml"
OTHER = "other:"
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


class Limits(_Pace):
    """How fast a family, or a lane, may be written to; 0 means no limit."""

    warmup: WarmUp | None = None
    suspended: bool = Field(default=False, strict=True)


class Rule(BaseModel):
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


class _Default(Limits):
    when: tuple[Rule, ...] = ()


class _Family(_Default):
    domains: tuple[str, ...] = ()


class LaneRules(_Pace):
    """A way out: its pace, and how its server is spoken to. Encryption goes with host and login, in the settings."""

    client: Client = Client.wire
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
    family: Mapping[str, _Family] = {}
    lane: Mapping[str, LaneRules] = {}


_SPEED = {"connections", "per_minute"}
"""What of a lane's rules the pacer keeps; the rest is for whoever opens a connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaceTable:
    """The limits that hold."""

    default: Limits
    families: Mapping[str, Limits]
    lanes: Mapping[str, LaneRules]  # what the file does not say is unset: the lane's row or the settings have it
    domains: Mapping[str, str]  # domain → family
    rules: Mapping[str, tuple[Rule, ...]] = field(default_factory=dict)  # by family; "" has those of every family

    def family_of(self, address: str) -> str:
        """The family of an address, or of a bare domain."""
        domain = address.rpartition("@")[2].lower().rstrip(".")
        return self.domains.get(domain, OTHER + domain)

    def limits(self, family: str) -> Limits:
        return self.families.get(family, self.default)

    def rules_of(self, family: str) -> tuple[Rule, ...]:
        """What to listen for in a family's answers: its own rules first, then those of every family."""
        return (*self.rules.get(family, ()), *self.rules.get("", ()))

    def lane(self, name: str, *, connections: int = 0, per_minute: int = 0) -> Limits:
        """The limits of a lane: what the file says of it, and for the rest what its row says."""
        row = {"connections": connections, "per_minute": per_minute}
        return Limits.model_validate(row | self._rules(name).model_dump(exclude_unset=True, include=_SPEED))

    def switches(self, name: str, usual: Switches) -> Switches:
        """How a lane's server is spoken to: what the file says of it, and for the rest as usual."""
        return replace(usual, **self._rules(name).model_dump(exclude_unset=True, exclude=_SPEED))

    def _rules(self, lane: str) -> LaneRules:
        return self.lanes.get(lane, LaneRules())


def name_of(family: str) -> str:
    """How a family is shown: one that is a domain of its own, by its domain."""
    return family.removeprefix(OTHER)


def is_limited(table: PaceTable, lane: Limits) -> bool:
    """Whether anything here limits how fast mails start, so that several senders have something to share."""
    limited = (table.default, *table.families.values(), Limits(per_minute=lane.per_minute))
    return any(limits.connections or limits.per_minute or limits.warmup for limits in limited)


@cache
def shipped() -> PaceTable:
    """The table that comes with the program."""
    return _changed(None, _parsed(SHIPPED.read_text(encoding="utf-8"), SHIPPED.name, home=SHIPPED.parent))


def read_pace(path: Path, *, home: Path | None = None) -> PaceTable:
    """The shipped table with the changes of this file; a file that is not there changes nothing. Raises PaceError.

    What the file names is looked for in `home`: the folder it lies in, unless it is only being tried.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return shipped()
    except (OSError, UnicodeDecodeError):
        sentence = _("Le fichier {name} ne se lit pas : du texte en UTF-8 est attendu.")
        raise PaceError(sentence.format(name=path.name)) from None
    return _changed(shipped(), _parsed(text, path.name, home=home or path.parent))


@dataclass(slots=True)
class PaceFile:
    """`pace.toml` of a home folder, looked at whenever it is asked: a change holds without a restart.

    A file that makes no sense changes nothing: the limits before it stay, and `trouble` is the sentence that says why.
    """

    home: Path
    trouble: str = ""
    _table: PaceTable = field(default_factory=shipped)
    _seen: tuple[int, int, int] | None = None

    def table(self) -> PaceTable:
        """The limits that hold now."""
        seen = self._look()
        if seen != self._seen or self.trouble:  # what was missing may stand beside the file by now
            self._seen = seen
            try:
                self._table, self.trouble = read_pace(self.home / FILE), ""
            except PaceError as error:
                self.trouble = str(error)
        return self._table

    def _look(self) -> tuple[int, int, int] | None:
        try:
            found = (self.home / FILE).stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino


def _changed(base: PaceTable | None, given: _File) -> PaceTable:
    default = _over(base.default if base else Limits(), given.default)
    # A family of the base follows a changed default only where it had no word of its own: it keeps its own figures.
    families = dict(base.families) if base else {}
    domains = dict(base.domains) if base else {}
    rules = dict(base.rules) if base else {}
    for name, family in {"": given.default, **given.family}.items():
        if "when" in family.model_fields_set:
            rules[name] = family.when
    for name, family in given.family.items():
        families[name] = _over(families.get(name, default), family)
        domains |= {domain.lower(): name for domain in family.domains}
    return PaceTable(default=default, families=families, lanes=given.lane, domains=domains, rules=rules)


def _over(base: Limits, given: Limits) -> Limits:
    said = given.model_dump(exclude_unset=True, exclude={"domains", "when"})
    return Limits.model_validate(base.model_dump() | said)


def _parsed(text: str, name: str, *, home: Path) -> _File:
    try:
        return _File.model_validate(tomllib.loads(text), context=home)
    except tomllib.TOMLDecodeError as error:
        sentence = _("Le fichier {name} n’est pas du TOML ({why}). Les réglages d’avant restent en vigueur.")
        raise PaceError(sentence.format(name=name, why=error)) from None
    except ValidationError as error:
        raise mistake(error, name=name) from None
