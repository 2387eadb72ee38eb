"""A segment as somebody tries it: what it gives, where it is wrong, and whether it holds one person."""

from dataclasses import dataclass, field
from datetime import date

from sqlmodel import Session

from segments.check import understand
from segments.errors import SegmentError
from segments.explain import Explanation, explain
from segments.reach import Reach, Sampled, reach, sample
from segments.sentence import sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkedText:
    """A text cut at the place of a mistake; `found` is empty where something is missing."""

    before: str
    found: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentTrial:
    """What a segment gives, or what is wrong with it."""

    sentence: str = ""
    reach: Reach | None = None
    sample: tuple[Sampled, ...] = field(default=())
    wrong: SegmentError | None = None
    marked: MarkedText | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """Why a person is in a segment or not; or why the segment cannot be read."""

    sentence: str = ""
    told: Explanation | None = None
    wrong: str = ""


def try_segment(session: Session, text: str, *, today: date) -> SegmentTrial:
    """Read and count a segment; a mistake is part of the answer."""
    try:
        tree = understand(session, text)
    except SegmentError as error:
        return SegmentTrial(wrong=error, marked=mark_mistake(text, error))
    return SegmentTrial(
        sentence=sentence(tree),
        reach=reach(session, tree, today=today),
        sample=sample(session, tree, today=today),
    )


def membership(session: Session, text: str, subscriber_id: int, *, today: date) -> Membership:
    """Whether this person is in the segment, and why; a mistake is part of the answer."""
    try:
        tree = understand(session, text)
    except SegmentError as error:
        return Membership(wrong=str(error))
    return Membership(sentence=sentence(tree), told=explain(session, tree, subscriber_id, today=today))


def mark_mistake(text: str, error: SegmentError) -> MarkedText:
    """The text cut at the place of the mistake."""
    lines = text.split("\n")
    start = sum(len(line) + 1 for line in lines[: error.line - 1]) + error.column - 1
    end = start + (len(error.found) if text.startswith(error.found, start) else 1)
    return MarkedText(before=text[:start], found=text[start:end], after=text[end:])
