"""A draft's blocks with the catalogue's rows in them: what compose needs to know, in a fixed number of queries."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, assert_never
from urllib.parse import quote

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.clock import paris_day
from newsletter.compose import content
from newsletter.i18n import _
from newsletter.issues import blocks as drafted
from newsletter.issues.blocks import DraftError, read_blocks
from newsletter.store.catalogue import Commune, Employer, Opening, Portrait, Sector
from newsletter.store.columns import key
from newsletter.store.issues import Issue
from newsletter.words import Horizon, label

ANSWERS = (Horizon.this_year, Horizon.one_to_three_years, Horizon.later, Horizon.dreaming)
"""What the poll offers, in this order."""


@dataclass(slots=True)
class _Shelf:
    """The rows of the catalogue that an issue speaks of, by id."""

    media_url: str
    employers: dict[int, content.EmployerCard] = field(default_factory=dict)
    openings: dict[int, content.OpeningLine] = field(default_factory=dict)
    portraits: dict[int, content.PortraitBlock] = field(default_factory=dict)


def content_of(session: Session, issue: Issue, *, now: datetime, media_url: str) -> content.Content:
    """Everything the issue says at this moment. `media_url` is where the catalogue's pictures are public.

    An employer's card carries only the openings that still run; an opening that was chosen by hand stays, for
    preflight to name it. Raises DraftError for a block that cannot be read or speaks of a row that is gone.
    """
    blocks = read_blocks(issue.blocks)
    shelf = _gather(session, blocks, today=paris_day(now), media_url=media_url)
    return content.Content(
        subject=issue.subject,
        preheader=issue.preheader,
        blocks=tuple(_resolved(block, shelf, number=number) for number, block in enumerate(blocks, start=1)),
    )


def _gather(session: Session, blocks: Sequence[drafted.Block], *, today: date, media_url: str) -> _Shelf:
    employers = {id_ for block in blocks if isinstance(block, drafted.Employers) for id_ in block.employers}
    openings = {id_ for block in blocks if isinstance(block, drafted.Openings) for id_ in block.openings}
    portraits = {block.portrait for block in blocks if isinstance(block, drafted.Portrait)}
    shelf = _Shelf(media_url)
    running = sa.and_(col(Opening.employer_id).in_(employers), col(Opening.expires_on) >= today)
    lines = _openings(session, sa.or_(col(Opening.id).in_(openings), running)) if employers | openings else []
    shelf.openings = {line.id: line for line in lines}
    shelf.employers = _employers(session, employers, [line for line in lines if line.expires_on >= today], media_url)
    shelf.portraits = _portraits(session, portraits, media_url)
    return shelf


def _openings(session: Session, wanted: sa.ColumnElement[bool]) -> list[content.OpeningLine]:
    found: sa.CursorResult[Any] = session.connection().execute(
        sa.select(
            col(Opening.id),
            col(Opening.title),
            col(Opening.contract),
            col(Opening.about),
            col(Opening.url),
            col(Opening.expires_on),
            col(Employer.id).label("employer_id"),
            col(Employer.name).label("employer"),
            col(Employer.sector_code),
            col(Commune.name).label("place"),
        )
        .join_from(Opening, Employer, col(Opening.employer_id) == col(Employer.id))
        .join(Commune, col(Commune.insee_code) == col(Employer.commune_code))
        .where(wanted)
        .order_by(col(Opening.expires_on), col(Opening.id))
    )
    return [content.OpeningLine(**row._mapping) for row in found]  # noqa: SLF001  SQLAlchemy's public name for it


def _employers(
    session: Session, wanted: Iterable[int], running: Iterable[content.OpeningLine], media_url: str
) -> dict[int, content.EmployerCard]:
    jobs = defaultdict(list)
    for line in running:
        jobs[line.employer_id].append(line)
    found = session.exec(
        select(Employer, col(Sector.name_fr), col(Commune.name))
        .join(Sector, col(Sector.code) == col(Employer.sector_code))
        .join(Commune, col(Commune.insee_code) == col(Employer.commune_code))
        .where(col(Employer.id).in_(set(wanted)))
    )
    return {
        key(row.id): content.EmployerCard(
            id=key(row.id),
            name=row.name,
            sector=sector,
            sector_code=row.sector_code,
            place=place,
            about=row.about,
            url=row.website,
            picture=_picture(row.picture, row.picture_alt, media_url),
            openings=tuple(jobs[key(row.id)]),
        )
        for row, sector, place in found
    }


def _portraits(session: Session, wanted: Iterable[int], media_url: str) -> dict[int, content.PortraitBlock]:
    found = session.exec(
        select(Portrait, col(Employer.name), col(Employer.sector_code), col(Commune.name))
        .join(Employer, col(Employer.id) == col(Portrait.employer_id), isouter=True)
        .join(Commune, col(Commune.insee_code) == col(Portrait.commune_code), isouter=True)
        .where(col(Portrait.id).in_(set(wanted)))
    )
    return {
        key(row.id): content.PortraitBlock(
            id=key(row.id),
            person=row.person,
            role=row.role,
            employer=employer or "",
            employer_id=row.employer_id,
            sector_code=sector_code,
            place=place or "",
            quote=row.quote,
            story=row.story,
            url=row.url,
            picture=_picture(row.picture, row.picture_alt, media_url),
            image_right_until=row.image_right_until,
            withdrawn=row.withdrawn_at is not None,
        )
        for row, employer, sector_code, place in found
    }


def _picture(file: str, alt: str, media_url: str) -> content.Picture | None:
    return content.Picture(url=f"{media_url}/{quote(file)}", alt=alt) if file else None


def _resolved(block: drafted.Block, shelf: _Shelf, *, number: int) -> content.Block:
    try:
        return _content_block(block, shelf)
    except KeyError as error:
        raise DraftError(
            _("Bloc {number} ({kind}) : la fiche {id} n’est plus au catalogue. Choisissez-en une autre.").format(
                number=number, kind=label(block.kind), id=error.args[0]
            )
        ) from None


def _content_block(block: drafted.Block, shelf: _Shelf) -> content.Block:
    match block:
        case drafted.Text():
            return content.TextBlock(markdown=block.markdown)
        case drafted.Employers():
            cards = tuple(shelf.employers[id_] for id_ in block.employers)
            return content.EmployersBlock(title=block.title, employers=cards)
        case drafted.Openings():
            lines = tuple(shelf.openings[id_] for id_ in block.openings)
            return content.OpeningsBlock(title=block.title, openings=lines)
        case drafted.Portrait():
            return shelf.portraits[block.portrait]
        case drafted.Poll():
            answers = tuple(content.PollAnswer(word=word, label=_capital(label(word))) for word in ANSWERS)
            return content.PollBlock(question=block.question, answers=answers)
        case drafted.Callback():
            return content.CallbackBlock(title=block.title, text=block.text)
        case _:
            assert_never(block)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
