"""Writing the mails of an edition fast: each message is joined from ready segments of bytes.

All that is the same for every recipient is escaped, encoded as quoted-printable and joined once; per recipient only a
name and a few tokens are left to fill in. Tracked links share one token, so a mail has as many values as its links have
purposes, however many they are. What recipients agreed to makes four skeletons at most, each made when it is first
needed: where clicks are not measured, the plain targets are part of the text that all mails share.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache

from markupsafe import escape

from newsletter import urls
from newsletter.compose.headers import SenderIdentity, recipient_headers
from newsletter.compose.links import LazyLinks, LinkTarget, addresses
from newsletter.compose.mail_template import MailTemplate, Recipient, link_values, name_values
from newsletter.compose.mime import mime_structure, write_message
from newsletter.compose.quoted_printable import SOFT_BREAK, on_the_wire, quoted, with_crlf, without_controls
from newsletter.compose.sources import Slot, render_source, source_parts
from newsletter.compose.templates import TemplateError
from newsletter.i18n import _
from newsletter.tokens import Purpose

_MARKED = re.compile("\0([^\0]*)\0")  # our texts hold no control characters, so nothing else looks like one
_PURPOSES = {purpose.name: purpose for purpose in Purpose}
_NAMES_KEPT = 4096


@lru_cache(maxsize=8)
def compile_mails(
    template: MailTemplate, *, sender: SenderIdentity, date: datetime, targets: tuple[LinkTarget, ...], group: str = ""
) -> "MailProgram":
    """How to write the mails of an edition, with the list headers; kept for the next call with the same arguments.

    Raises MessageError when the subject or the sender cannot stand in a header, TemplateError when the template uses
    a link that is not among the targets.
    """
    program = MailProgram(template, sender=sender, date=date, targets=targets, group=group)
    if program.compiled:
        program.skeleton(clicks=False, opens=False)
    return program


class MailProgram:
    """Writes the whole message of one recipient after the other. The same arguments give the same bytes.

    What it writes decodes to what Jinja and `write_message` would have written. Where the template is not `compiled`,
    they write each message, and `why` says what made it so.
    """

    def __init__(
        self,
        template: MailTemplate,
        *,
        sender: SenderIdentity,
        date: datetime,
        targets: tuple[LinkTarget, ...],
        group: str,
    ) -> None:
        self.compiled, self.why = template.compiled, template.why
        self._template, self._sender, self._date, self._group = template, sender, date, group
        self._targets = targets
        self._name_slots = tuple(_name_slots(template))
        self._skeletons: dict[tuple[bool, bool], Skeleton] = {}
        self._name_values = lru_cache(maxsize=_NAMES_KEPT)(self._encoded_names)

    def write(self, address: str, first_name: str, links: LazyLinks, message_id: str) -> bytes:
        """The bytes of this recipient's message.

        Raises MessageError for an address or a Message-ID that cannot stand in a message, TemplateError for a name
        that a filter of the template cannot take.
        """
        if not self.compiled:
            return self._by_jinja(address, first_name, links, message_id)
        skeleton = self._skeletons.get((links.clicks, links.opens)) or self.skeleton(
            clicks=links.clicks, opens=links.opens
        )
        tokens = [links.token(purpose) for purpose in skeleton.purposes]
        unsubscribe = urls.unsubscribe_url(self._sender.base_url, tokens[0])
        segments = skeleton.segments.copy()
        segments[0] = recipient_headers(to=address, message_id=message_id, unsubscribe=unsubscribe)
        values = [token.encode("ascii") for token in tokens]
        for value, positions in zip((*values, *self._name_values(first_name)), skeleton.positions, strict=True):
            for position in positions:
                segments[position] = value
        return b"".join(segments)

    def skeleton(self, *, clicks: bool, opens: bool) -> "Skeleton":
        """The skeleton for recipients who agreed to this; kept for the next of them."""
        made = self._skeletons[clicks, opens] = _skeleton(self._parts(clicks=clicks, opens=opens), self._name_slots)
        return made

    def _parts(self, *, clicks: bool, opens: bool) -> Iterator["bytes | ByteSlot"]:
        around = mime_structure(
            self._template.subject, sender=self._sender, date=self._date, listed=True, group=self._group
        )
        links = addresses(
            self._sender.base_url,
            targets=[replace(target, url=without_controls(target.url)) for target in self._targets],
            token=lambda purpose: f"\0{purpose.name}\0",
            clicks=clicks,
            opens=opens,
        )
        yield around.before_text
        yield from _body(self._template.text, link_values(links), markup=False)
        yield around.before_html
        yield from _body(self._template.html, link_values(links), markup=True)
        yield around.after

    def _encoded_names(self, first_name: str) -> tuple[bytes, ...]:
        return tuple(slot.value(first_name) for slot in self._name_slots)

    def _by_jinja(self, address: str, first_name: str, links: LazyLinks, message_id: str) -> bytes:
        theirs = links.addresses(self._sender.base_url, targets=self._targets)
        return write_message(
            self._template.render(Recipient(address=address, first_name=first_name, links=theirs)),
            sender=self._sender,
            to=address,
            message_id=message_id,
            date=self._date,
            links=theirs,
            one_click=True,
            group=self._group,
        )


@dataclass(frozen=True, slots=True)
class NameSlot:
    """A slot made of the recipient's name: one for each variable or expression, and way of escaping it."""

    slot: Slot
    markup: bool

    def value(self, first_name: str) -> bytes:
        """As Jinja would write it here, in quoted-printable."""
        values = name_values(first_name)
        if self.slot.expression is not None:
            text = render_source(self.slot.expression, values)
        else:
            text = str(escape(values[self.slot.name])) if self.markup else values[self.slot.name]
        return quoted(on_the_wire(text))


ByteSlot = Purpose | NameSlot
"""What is left to fill in between two segments: a token, or a value made of the recipient's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Skeleton:
    """A message in segments, the first of them for the recipient's headers; each value has its positions among them.

    The values are one token for each of the `purposes`, the first of which is to unsubscribe, then the name slots.
    """

    segments: list[bytes]
    purposes: tuple[Purpose, ...]
    positions: tuple[tuple[int, ...], ...]


def _skeleton(parts: Iterable[bytes | ByteSlot], names: tuple[NameSlot, ...]) -> Skeleton:
    segments = [b""]
    tokens: dict[Purpose, list[int]] = {Purpose.unsubscribe: []}
    named: dict[NameSlot, list[int]] = {name: [] for name in names}
    for part in parts:
        if isinstance(part, Purpose):
            tokens.setdefault(part, []).append(len(segments))
        elif isinstance(part, NameSlot):
            named[part].append(len(segments))
        segments.append(part if isinstance(part, bytes) else b"")
    positions = tuple(tuple(found) for found in (*tokens.values(), *named.values()))
    return Skeleton(segments=segments, purposes=tuple(tokens), positions=positions)


def _name_slots(template: MailTemplate) -> Iterator[NameSlot]:
    """The different name slots of both bodies."""
    for source, markup in ((template.html, True), (template.text, False)):
        yield from dict.fromkeys(
            NameSlot(part, markup)
            for part in source_parts(source, markup=markup).parts
            if isinstance(part, Slot) and part.of_name
        )


def _body(source: str, links: Mapping[str, str], *, markup: bool) -> Iterator[bytes | ByteSlot]:
    """A body in quoted-printable, with slots. Soft line breaks set each slot apart from the text around it."""
    names: list[NameSlot] = []
    marked = "".join(_marked(part, links, names, markup=markup) for part in source_parts(source, markup=markup).parts)
    texts = _MARKED.split(with_crlf(marked))
    for at, text in enumerate(texts):
        if at % 2:
            yield names[int(text)] if text.isdigit() else _PURPOSES[text]
            continue
        encoded, last = quoted(text), at == len(texts) - 1
        before = SOFT_BREAK if at and (text or not last) else b""
        after = SOFT_BREAK if text and not last and not text.endswith("\r\n") else b""
        yield before + encoded + after


def _marked(part: str | Slot, links: Mapping[str, str], names: list[NameSlot], *, markup: bool) -> str:
    """A part of a source as all mails have it; a mark between two NULs where recipients differ."""
    if isinstance(part, str):
        return without_controls(part)
    if part.of_name:
        names.append(NameSlot(part, markup))
        return f"\0{len(names) - 1}\0"
    if part.name not in links:
        raise TemplateError(_("Le lien « {name} » n’est pas un lien de ce numéro.").format(name=part.name))
    return str(escape(links[part.name])) if markup else links[part.name]
