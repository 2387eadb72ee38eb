"""Content, turned into the plain values a template may see, with a numbered link for all that can be followed."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any, assert_never

from markupsafe import Markup

from newsletter.compose import markdown
from newsletter.compose.content import (
    Block,
    CallbackBlock,
    Content,
    EmployerCard,
    EmployersBlock,
    OpeningLine,
    OpeningsBlock,
    Picture,
    PollBlock,
    PortraitBlock,
    TextBlock,
)
from newsletter.compose.links import LinkTarget
from newsletter.compose.mime import Letterhead
from newsletter.i18n import _
from newsletter.urls import PRIVACY_PATH
from newsletter.words import LinkKind

Values = dict[str, Any]


def lay_out(
    content: Content, *, letterhead: Letterhead, slot: Callable[[str], str]
) -> tuple[Values, tuple[LinkTarget, ...]]:
    """The values of a template, and the links in the order they first appear.

    `slot` gives the word that stands for a per-reader tag.
    """
    book = LinkBook(slot)
    blocks = [_block(block, book) for block in content.blocks]
    values = identity(letterhead) | {"subject": content.subject, "preheader": content.preheader, "blocks": blocks}
    return values, tuple(book.targets)


def identity(letterhead: Letterhead) -> Values:
    """Who writes, for the head and the foot of every mail (LAW-20)."""
    return {
        "programme": letterhead.sender_name,
        "organisation": letterhead.organisation,
        "postal_address": letterhead.postal_address,
        "privacy_contact": letterhead.privacy_contact,
        "privacy_url": letterhead.base_url + PRIVACY_PATH,
        "site_url": letterhead.base_url,
    }


def words_of(value: object) -> Iterator[str]:
    """Every text within a content value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for part in value:
            yield from words_of(part)
    elif dataclasses.is_dataclass(value):
        for part in dataclasses.fields(value):
            yield from words_of(getattr(value, part.name))


class LinkBook:
    """Numbers links from 1, the same target once, and gives the word that stands for each."""

    def __init__(self, slot: Callable[[str], str]) -> None:
        self._slot = slot
        self._words: dict[tuple[object, ...], str] = {}
        self.targets: list[LinkTarget] = []

    def register(self, kind: LinkKind, url: str, label: str, **points_at: Any) -> str:
        """The word for this link; the empty text when there is nowhere to lead to."""
        ours = kind in (LinkKind.poll, LinkKind.callback)
        if not ours and not markdown.allowed(url):
            return ""
        key = (kind, url, *sorted(points_at.items()))
        if key not in self._words:
            number = len(self.targets) + 1
            self.targets.append(LinkTarget(number=number, kind=kind, url=url, label=label[:200], **points_at))
            self._words[key] = self._slot(f"[[ link_{number} ]]")
        return self._words[key]

    def page(self, url: str, label: str) -> str:
        """Where a link of a text block leads: web pages are registered, `mailto:` and `tel:` stay as they are."""
        if not url.lower().startswith(("http://", "https://")):
            return url if markdown.allowed(url) else ""
        return self.register(LinkKind.page, url, label)


def _block(block: Block, book: LinkBook) -> Values:
    match block:
        case TextBlock():
            html = Markup(markdown.to_html(block.markdown, address=book.page))  # noqa: S704  cleaned by nh3
            return {"kind": "text", "html": html, "text": markdown.to_text(block.markdown, address=book.page)}
        case EmployersBlock():
            cards = [_employer(card, book) for card in block.employers]
            return {"kind": "employers", "title": block.title, "employers": cards}
        case OpeningsBlock():
            lines = [_opening(line, book) for line in block.openings]
            return {"kind": "openings", "title": block.title, "openings": lines}
        case PortraitBlock():
            return _portrait(block, book)
        case PollBlock():
            return _poll(block, book)
        case CallbackBlock():
            href = book.register(LinkKind.callback, "", _("Rappelez-moi"))
            return {"kind": "callback", "title": block.title, "text": block.text, "href": href}
        case _:
            assert_never(block)


def _employer(card: EmployerCard, book: LinkBook) -> Values:
    href = book.register(LinkKind.employer, card.url, card.name, employer_id=card.id, sector_code=card.sector_code)
    return {
        "name": card.name,
        "sector": card.sector,
        "place": card.place,
        "about": card.about,
        "href": href,
        "picture": _picture(card.picture),
        "openings": [_opening(line, book) for line in card.openings],
    }


def _opening(line: OpeningLine, book: LinkBook) -> Values:
    href = book.register(
        LinkKind.opening,
        line.url,
        line.title,
        opening_id=line.id,
        employer_id=line.employer_id,
        sector_code=line.sector_code,
    )
    return {
        "title": line.title,
        "employer": line.employer,
        "place": line.place,
        "contract": line.contract,
        "about": line.about,
        "until": _("jusqu’au {day}").format(day=line.expires_on.strftime("%d/%m/%Y")),
        "href": href,
    }


def _portrait(block: PortraitBlock, book: LinkBook) -> Values:
    href = book.register(
        LinkKind.portrait,
        block.url,
        block.person,
        portrait_id=block.id,
        employer_id=block.employer_id,
        sector_code=block.sector_code,
    )
    return {
        "kind": "portrait",
        "person": block.person,
        "role": block.role,
        "employer": block.employer,
        "place": block.place,
        "quote": block.quote.strip(' «»\u00a0\u202f"“”'),
        "story": [part for part in (" ".join(part.split()) for part in block.story.split("\n\n")) if part],
        "href": href,
        "picture": _picture(block.picture),
    }


def _poll(block: PollBlock, book: LinkBook) -> Values:
    answers = [
        {"label": answer.label, "href": book.register(LinkKind.poll, "", answer.label, answer=answer.word)}
        for answer in block.answers
    ]
    return {"kind": "poll", "question": block.question, "answers": answers}


def _picture(picture: Picture | None) -> Values:
    return {"src": picture.url, "alt": picture.alt} if picture else {"src": "", "alt": ""}
