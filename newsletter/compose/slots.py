"""The mails of an edition, written from ready pieces.

All that is the same for every reader is escaped, put into quoted-printable and joined once; of each reader only a name
and a few tokens are left to fill in. Tracked links share one token, so a mail has as many values as its links have
purposes, however many they are. What readers agreed to makes four moulds at most, each made when it is first needed:
where clicks are not measured, the plain targets are part of the text that is the same for everybody.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache

from markupsafe import escape

from newsletter import urls
from newsletter.compose.links import LazyLinks, LinkTarget, addresses
from newsletter.compose.mime import Letterhead, frame, personal_fields, write_message
from newsletter.compose.program import Program, Reader, link_values, name_values
from newsletter.compose.quoted_printable import SOFT_BREAK, on_the_wire, quoted, with_crlf, without_controls
from newsletter.compose.sources import Slot, cut, render_source
from newsletter.compose.templates import TemplateError
from newsletter.i18n import _
from newsletter.tokens import Purpose

_HOLE = re.compile("\0([^\0]*)\0")  # our texts hold no control characters, so nothing else looks like one
_PURPOSES = {purpose.name: purpose for purpose in Purpose}
_NAMES_KEPT = 4096


@lru_cache(maxsize=8)
def compile_message(
    program: Program, *, letterhead: Letterhead, date: datetime, targets: tuple[LinkTarget, ...], group: str = ""
) -> "MessageProgram":
    """How to write the mails of an edition, with the list headers. Asked again for the same edition it is at hand.

    Raises MessageError when the subject or the letterhead cannot stand in a message, TemplateError when the program
    asks for a link that is not among the targets.
    """
    made = MessageProgram(program, letterhead=letterhead, date=date, targets=targets, group=group)
    if made.compiled:
        made.mould(clicks=False, opens=False)
    return made


class MessageProgram:
    """Writes the whole message of one reader after the other. The same arguments give the same bytes.

    What it writes decodes to what Jinja and `write_message` would have written. Where the program is not `compiled`,
    they write each message, and `why` says what made it so.
    """

    def __init__(
        self, program: Program, *, letterhead: Letterhead, date: datetime, targets: tuple[LinkTarget, ...], group: str
    ) -> None:
        self.compiled, self.why = program.compiled, program.why
        self._program, self._letterhead, self._date, self._group = program, letterhead, date, group
        self._targets = targets
        self._names = tuple(_name_slots(program))
        self._moulds: dict[tuple[bool, bool], Mould] = {}
        self._named = lru_cache(maxsize=_NAMES_KEPT)(self._name_values)

    def write(self, address: str, first_name: str, links: LazyLinks, message_id: str) -> bytes:
        """The bytes of this reader's message.

        Raises MessageError for an address or a Message-ID that cannot stand in a message, TemplateError for a name
        that a filter of the source cannot take.
        """
        if not self.compiled:
            return self._by_jinja(address, first_name, links, message_id)
        mould = self._moulds.get((links.clicks, links.opens)) or self.mould(clicks=links.clicks, opens=links.opens)
        tokens = [links.token(purpose) for purpose in mould.purposes]
        unsubscribe = urls.unsubscribe_url(self._letterhead.base_url, tokens[0])
        pieces = mould.pieces.copy()
        pieces[0] = personal_fields(to=address, message_id=message_id, unsubscribe=unsubscribe)
        values = [token.encode("ascii") for token in tokens]
        for value, places in zip((*values, *self._named(first_name)), mould.places, strict=True):
            for place in places:
                pieces[place] = value
        return b"".join(pieces)

    def mould(self, *, clicks: bool, opens: bool) -> "Mould":
        """The mould for readers who agreed to this; kept for the next of them."""
        made = self._moulds[clicks, opens] = _mould(self._parts(clicks=clicks, opens=opens), self._names)
        return made

    def _parts(self, *, clicks: bool, opens: bool) -> Iterator["bytes | Hole"]:
        around = frame(
            self._program.subject, letterhead=self._letterhead, date=self._date, listed=True, group=self._group
        )
        links = addresses(
            self._letterhead.base_url,
            targets=[replace(target, url=without_controls(target.url)) for target in self._targets],
            token=lambda purpose: f"\0{purpose.name}\0",
            clicks=clicks,
            opens=opens,
        )
        yield around.before_text
        yield from _body(self._program.text, link_values(links), markup=False)
        yield around.before_html
        yield from _body(self._program.html, link_values(links), markup=True)
        yield around.after

    def _name_values(self, first_name: str) -> tuple[bytes, ...]:
        return tuple(name.value(first_name) for name in self._names)

    def _by_jinja(self, address: str, first_name: str, links: LazyLinks, message_id: str) -> bytes:
        theirs = links.addresses(self._letterhead.base_url, targets=self._targets)
        return write_message(
            self._program.fill(Reader(address=address, first_name=first_name, links=theirs)),
            letterhead=self._letterhead,
            to=address,
            message_id=message_id,
            date=self._date,
            links=theirs,
            one_click=True,
            group=self._group,
        )


@dataclass(frozen=True, slots=True)
class NameSlot:
    """A value made of the reader's name: one for each variable or expression, and way of escaping it."""

    slot: Slot
    markup: bool

    def value(self, first_name: str) -> bytes:
        """As Jinja would write it here, in quoted-printable."""
        values = name_values(first_name)
        if self.slot.expression is not None:
            said = render_source(self.slot.expression, values)
        else:
            said = str(escape(values[self.slot.name])) if self.markup else values[self.slot.name]
        return quoted(on_the_wire(said))


Hole = Purpose | NameSlot
"""What is left to fill in: a token, or a value made of the reader's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mould:
    """A message in pieces, the first of them for the personal fields; each value has its places among them.

    The values are one token for each of the `purposes`, the first of which is to unsubscribe, then the name slots.
    """

    pieces: list[bytes]
    purposes: tuple[Purpose, ...]
    places: tuple[tuple[int, ...], ...]


def _mould(parts: Iterable[bytes | Hole], names: tuple[NameSlot, ...]) -> Mould:
    pieces = [b""]
    tokens: dict[Purpose, list[int]] = {Purpose.unsubscribe: []}
    named: dict[NameSlot, list[int]] = {name: [] for name in names}
    for part in parts:
        if isinstance(part, Purpose):
            tokens.setdefault(part, []).append(len(pieces))
        elif isinstance(part, NameSlot):
            named[part].append(len(pieces))
        pieces.append(part if isinstance(part, bytes) else b"")
    places = tuple(tuple(found) for found in (*tokens.values(), *named.values()))
    return Mould(pieces=pieces, purposes=tuple(tokens), places=places)


def _name_slots(program: Program) -> Iterator[NameSlot]:
    """The different name slots of both bodies."""
    for source, markup in ((program.html, True), (program.text, False)):
        yield from dict.fromkeys(
            NameSlot(piece, markup)
            for piece in cut(source, markup=markup).pieces
            if isinstance(piece, Slot) and piece.of_name
        )


def _body(source: str, links: Mapping[str, str], *, markup: bool) -> Iterator[bytes | Hole]:
    """A body in quoted-printable, with holes. Soft line breaks set each hole apart from the text around it."""
    names: list[NameSlot] = []
    written = "".join(_written(piece, links, names, markup=markup) for piece in cut(source, markup=markup).pieces)
    texts = _HOLE.split(with_crlf(written))
    for at, text in enumerate(texts):
        if at % 2:
            yield names[int(text)] if text.isdigit() else _PURPOSES[text]
            continue
        encoded, last = quoted(text), at == len(texts) - 1
        before = SOFT_BREAK if at and (text or not last) else b""
        after = SOFT_BREAK if text and not last and not text.endswith("\r\n") else b""
        yield before + encoded + after


def _written(piece: str | Slot, links: Mapping[str, str], names: list[NameSlot], *, markup: bool) -> str:
    """A piece of a source as it reads for everybody; a hole, spelled between two NULs, where readers differ."""
    if isinstance(piece, str):
        return without_controls(piece)
    if piece.of_name:
        names.append(NameSlot(piece, markup))
        return f"\0{len(names) - 1}\0"
    if piece.name not in links:
        raise TemplateError(_("Le lien « {name} » n’est pas un lien de ce numéro.").format(name=piece.name))
    return str(escape(links[piece.name])) if markup else links[piece.name]
