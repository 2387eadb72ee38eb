"""What an issue says, resolved: plain frozen values, so that compose needs no database and a template no objects."""

from dataclasses import dataclass
from datetime import date

from newsletter.words import BlockKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture of the catalogue, at its public address."""

    url: str
    alt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningLine:
    """A job, as one line of an issue."""

    id: int
    title: str
    employer: str
    employer_id: int
    sector_code: str
    place: str
    contract: str
    about: str
    url: str
    expires_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class EmployerCard:
    """An employer with the jobs they offer at this moment."""

    id: int
    name: str
    sector: str
    sector_code: str
    place: str
    about: str
    url: str
    picture: Picture | None
    openings: tuple[OpeningLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TextBlock:
    """The marketing team's own words, in Markdown."""

    markdown: str
    kind: BlockKind = BlockKind.text


@dataclass(frozen=True, slots=True, kw_only=True)
class EmployersBlock:
    title: str
    employers: tuple[EmployerCard, ...]
    kind: BlockKind = BlockKind.employers


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningsBlock:
    title: str
    openings: tuple[OpeningLine, ...]
    kind: BlockKind = BlockKind.openings


@dataclass(frozen=True, slots=True, kw_only=True)
class PortraitBlock:
    """A person of the Lot, with what preflight must know of their image right."""

    id: int
    person: str
    role: str
    employer: str
    employer_id: int | None
    sector_code: str | None
    place: str
    quote: str
    story: str
    url: str
    picture: Picture | None
    image_right_until: date
    withdrawn: bool
    kind: BlockKind = BlockKind.portrait


@dataclass(frozen=True, slots=True, kw_only=True)
class PollAnswer:
    word: str  # a Horizon word
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PollBlock:
    question: str
    answers: tuple[PollAnswer, ...]
    kind: BlockKind = BlockKind.poll


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackBlock:
    title: str
    text: str
    kind: BlockKind = BlockKind.callback


Block = TextBlock | EmployersBlock | OpeningsBlock | PortraitBlock | PollBlock | CallbackBlock


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Everything an issue says, in the order it says it."""

    subject: str
    preheader: str
    blocks: tuple[Block, ...]
