"""The links of an edition, and what each of them is for one reader."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from newsletter.tokens import Keyring, Purpose
from newsletter.words import LinkKind

ANSWERED = frozenset({LinkKind.poll, LinkKind.callback})
"""Links that lead to a page of our own where the reader says something: never measured, always personal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkTarget:
    """A link registered when the issue was compiled (SEC-01), with what of the catalogue it points at."""

    number: int
    kind: LinkKind
    url: str = ""  # empty for polls and call-backs
    answer: str = ""  # a poll link's Horizon word
    label: str = ""
    employer_id: int | None = None
    opening_id: int | None = None
    portrait_id: int | None = None
    sector_code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderLinks:
    """Every address that one reader's mail carries. `pixel` is empty when opens are not measured."""

    urls: Mapping[int, str]
    pixel: str
    view: str
    unsubscribe: str
    preferences: str


def reader_links(
    keys: Keyring,
    base_url: str,
    *,
    edition_id: int,
    mail_id: int,
    subscriber_id: int,
    targets: Sequence[LinkTarget],
    clicks: bool,
    opens: bool,
) -> ReaderLinks:
    """The addresses in this reader's mail; the same every time, so that a resend is byte-identical.

    Without their yes to `clicks` each link is its plain target, without their yes to `opens` there is no pixel
    (LAW-02): what stays personal is what they need to answer, to leave, to choose and to read online.
    """
    answer = f"{base_url}/r/{keys.sign(Purpose.answer, edition_id, mail_id)}"
    click = f"{base_url}/l/{keys.sign(Purpose.click, edition_id, mail_id)}" if clicks else ""
    return ReaderLinks(
        urls={target.number: _address(target, click=click, answer=answer) for target in targets},
        pixel=f"{base_url}/f/{keys.sign(Purpose.open, edition_id, mail_id)}.gif" if opens else "",
        view=f"{base_url}/v/{keys.sign(Purpose.view, edition_id, mail_id)}",
        unsubscribe=f"{base_url}/d/{keys.sign(Purpose.unsubscribe, subscriber_id, edition_id)}",
        preferences=f"{base_url}/p/{keys.sign(Purpose.preferences, subscriber_id)}",
    )


def sample_links(base_url: str, *, targets: Sequence[LinkTarget]) -> ReaderLinks:
    """The addresses of a preview or a test: plain targets, and personal pages that belong to nobody."""
    return ReaderLinks(
        urls={target.number: _address(target, click="", answer=f"{base_url}/r/apercu") for target in targets},
        pixel="",
        view=f"{base_url}/v/apercu",
        unsubscribe=f"{base_url}/d/apercu",
        preferences=f"{base_url}/p/apercu",
    )


def _address(target: LinkTarget, *, click: str, answer: str) -> str:
    if target.kind in ANSWERED:
        return f"{answer}/{target.number}"
    return f"{click}/{target.number}" if click else target.url
