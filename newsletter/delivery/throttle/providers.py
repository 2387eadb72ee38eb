"""Mailbox providers and their rate limits, and lanes with their SMTP options: the table that every sender obeys.

A provider is the domains that one receiver answers for, so that orange.fr and wanadoo.fr share two connections
(THR-01). A domain that no provider names is a provider of its own, `other:example.org`, under the default limits: one
slow village server must not hold up another. `pace_file` reads the table.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from newsletter.smtp.contract import RelayError
from newsletter.smtp.options import SmtpClient, SmtpOptions
from newsletter.smtp.tls import tls_context

_OTHER = "other:"
_Count = Annotated[int, Field(ge=0, le=10_000_000, strict=True)]


class WarmUp(BaseModel):
    """How a provider gets to know us: `first` mails on the first day, then at most `growth` times as many (THR-05)."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    first: int = Field(ge=1, strict=True)
    target: int = Field(ge=1, strict=True)  # a day with this many ends the warm-up
    growth: float = Field(default=2.0, gt=1, le=2)

    @model_validator(mode="after")
    def _grows(self) -> Self:
        if self.target < self.first:
            raise ValueError("target")
        return self


class _Limited(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    connections: _Count = 0
    per_minute: _Count = 0
    per_connection: _Count = 0


class RateLimits(_Limited):
    """How fast a provider, or a lane, may be written to; 0 means no limit."""

    warmup: WarmUp | None = None
    suspended: bool = Field(default=False, strict=True)


class BackoffRule(BaseModel):
    """What to do when a provider answers with certain words so many times within so many minutes (THR-03)."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    says: tuple[str, ...] = Field(min_length=1)  # any of these, anywhere in the answer, in any case
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
        """Whether a server's answer contains any of the words of the rule."""
        return any(said.casefold() in words.casefold() for said in self.says)


class LaneSection(_Limited):
    """What pace.toml says of a lane: its limits and its SMTP options. Encryption goes with host and login instead."""

    client: SmtpClient = SmtpClient.pipelined
    pipelining: bool = Field(default=True, strict=True)
    ehlo: str = Field(default="", max_length=255, pattern=r"^([0-9A-Za-z.-]*|\[[0-9A-Za-z:.]+\])$")
    ca_file: Path | None = None

    @field_validator("ca_file")
    @classmethod
    def _from_home(cls, name: Path, asked: ValidationInfo[Path]) -> Path:
        """The whole path of a readable certificate file, named from the home folder (the context of validation)."""
        assert asked.context is not None
        file = asked.context / name
        try:
            tls_context(file)
        except RelayError as error:
            raise ValueError("ca_file") from error
        return file


_RATES = {"connections", "per_minute"}
"""What of a lane's section the rate limiter keeps; the rest is for whoever opens a connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimitTable:
    """The limits that hold."""

    default: RateLimits
    providers: Mapping[str, RateLimits]
    lanes: Mapping[str, LaneSection]  # what the file does not say is unset: the lane's row or the settings have it
    domains: Mapping[str, str]  # domain → provider
    # By provider; "" has those of every provider.
    rules: Mapping[str, tuple[BackoffRule, ...]] = field(default_factory=dict)

    def provider_of(self, address: str) -> str:
        """The provider of an address, or of a bare domain."""
        domain = address.rpartition("@")[2].lower().rstrip(".")
        return self.domains.get(domain, _OTHER + domain)

    def limits(self, provider: str) -> RateLimits:
        return self.providers.get(provider, self.default)

    def rules_of(self, provider: str) -> tuple[BackoffRule, ...]:
        """The back-off rules of a provider: its own first, then those of every provider."""
        return (*self.rules.get(provider, ()), *self.rules.get("", ()))

    def lane(self, name: str, *, connections: int = 0, per_minute: int = 0) -> RateLimits:
        """The limits of a lane: what the file says of it, and for the rest what its row says."""
        row = {"connections": connections, "per_minute": per_minute}
        return RateLimits.model_validate(row | self._section(name).model_dump(exclude_unset=True, include=_RATES))

    def smtp_options(self, name: str, usual: SmtpOptions) -> SmtpOptions:
        """How a lane's server is spoken to: what the file says of it, and for the rest as usual."""
        return replace(usual, **self._section(name).model_dump(exclude_unset=True, exclude=_RATES))

    def _section(self, lane: str) -> LaneSection:
        return self.lanes.get(lane, LaneSection())


def provider_label(provider: str) -> str:
    """How a provider is shown: one that is a domain of its own, by its domain."""
    return provider.removeprefix(_OTHER)


def is_rate_limited(table: RateLimitTable, lane: RateLimits) -> bool:
    """Whether anything here limits how fast mails start, so that several senders have something to share."""
    limited = (table.default, *table.providers.values(), RateLimits(per_minute=lane.per_minute))
    return any(limits.connections or limits.per_minute or limits.warmup for limits in limited)
