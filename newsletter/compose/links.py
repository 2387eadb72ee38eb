"""The links of an edition: how they are numbered when it is compiled, and where each leads for one recipient."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from newsletter import urls
from newsletter.compose import markdown
from newsletter.tokens import Keyring, Purpose
from newsletter.words import LinkKind

ANSWERED = frozenset({LinkKind.poll, LinkKind.callback})
"""Links that lead to a page of our own where the recipient answers: never measured, always personal."""


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


class LinkNumbering:
    """Numbers the links of an issue from 1, the same target once, in the order they are registered.

    `placeholder_for` gives what stands in the values of a template for a tag such as `[[ link_1 ]]`.
    """

    def __init__(self, placeholder_for: Callable[[str], str]) -> None:
        self._placeholder_for = placeholder_for
        self._registered: dict[tuple[object, ...], str] = {}
        self.targets: list[LinkTarget] = []

    def register(self, kind: LinkKind, url: str, label: str, **points_at: Any) -> str:
        """What stands for this link in a template; the empty text for an address that may not stand in a mail.

        `points_at` are the fields of LinkTarget that say what of the catalogue it leads to, or the answer of a poll.
        """
        if kind not in ANSWERED and not markdown.allowed(url):
            return ""
        target = (kind, url, *sorted(points_at.items()))
        if target not in self._registered:
            number = len(self.targets) + 1
            self.targets.append(LinkTarget(number=number, kind=kind, url=url, label=label[:200], **points_at))
            self._registered[target] = self._placeholder_for(f"[[ link_{number} ]]")
        return self._registered[target]

    def page(self, url: str, label: str) -> str:
        """Where a link of a text leads: web pages are registered, `mailto:` and `tel:` stay as they are."""
        if not url.lower().startswith(("http://", "https://")):
            return url if markdown.allowed(url) else ""
        return self.register(LinkKind.page, url, label)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientLinks:
    """Every address in the mail of one recipient. `pixel` is empty when opens are not measured."""

    urls: Mapping[int, str]
    pixel: str
    view: str
    unsubscribe: str
    preferences: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LazyLinks:
    """What signs the links of one recipient. A token is signed when it is asked for, and is the same every time."""

    keys: Keyring
    edition_id: int
    mail_id: int
    subscriber_id: int
    clicks: bool
    opens: bool

    def token(self, purpose: Purpose) -> str:
        """This recipient's token for a purpose that mails have links for."""
        if purpose is Purpose.unsubscribe:
            return self.keys.sign(purpose, self.subscriber_id, self.edition_id)
        if purpose is Purpose.preferences:
            return self.keys.sign(purpose, self.subscriber_id)
        return self.keys.sign(purpose, self.edition_id, self.mail_id)

    def addresses(self, base_url: str, *, targets: Sequence[LinkTarget]) -> RecipientLinks:
        """Every address in this recipient's mail; the same each time, so that a resend is byte-identical."""
        return addresses(base_url, targets=targets, token=self.token, clicks=self.clicks, opens=self.opens)


def addresses(
    base_url: str, *, targets: Sequence[LinkTarget], token: Callable[[Purpose], str], clicks: bool, opens: bool
) -> RecipientLinks:
    """The addresses in a mail, with these tokens in them.

    Without consent to `clicks` each link is its plain target, without consent to `opens` there is no pixel (LAW-02):
    what stays personal is what the recipient needs to answer, to leave, to choose and to read online.
    """
    answer = token(Purpose.answer)
    click = token(Purpose.click) if clicks else ""
    return RecipientLinks(
        urls={target.number: _address(target, base_url, click=click, answer=answer) for target in targets},
        pixel=urls.open_url(base_url, token(Purpose.open)) if opens else "",
        view=urls.view_url(base_url, token(Purpose.view)),
        unsubscribe=urls.unsubscribe_url(base_url, token(Purpose.unsubscribe)),
        preferences=urls.preferences_url(base_url, token(Purpose.preferences)),
    )


def sample_links(base_url: str, *, targets: Sequence[LinkTarget]) -> RecipientLinks:
    """The addresses of a preview or a test: plain targets, and personal pages that belong to nobody."""
    return addresses(base_url, targets=targets, token=lambda purpose: "apercu", clicks=False, opens=False)


def _address(target: LinkTarget, base_url: str, *, click: str, answer: str) -> str:
    if target.kind in ANSWERED:
        return urls.answer_url(base_url, answer, target.number)
    return urls.click_url(base_url, click, target.number) if click else target.url
