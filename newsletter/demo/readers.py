"""Labelled readers of the demo: they open their mail and act through the real addresses in it, over HTTP."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from email.message import EmailMessage
from urllib.parse import urljoin

import httpx
from lxml import html

from newsletter import urls
from newsletter.compose.links import LinkTarget
from newsletter.demo.clock import MovedClock
from newsletter.words import Horizon, LinkKind

BROWSER = {"user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}
GATEWAY = {"user-agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/141.0 Safari/537.36"}


@dataclass(frozen=True, slots=True)
class OpenedMail:
    """A mail of the issue as the person who opens it sees it; `links` are those to our own site, each once."""

    recipient: str
    links: tuple[str, ...]
    unsubscribe_url: str

    @property
    def tracked(self) -> tuple[str, ...]:
        """The links that are counted: those of the readers who agreed to it."""
        return tuple(url for url in self.links if urls.CLICK_PATH + "/" in url)


@dataclass(slots=True)
class ReaderActs:
    """Who did what: the addresses per part, and how many requests it took."""

    clickers: list[str] = field(default_factory=list)
    scanned: list[str] = field(default_factory=list)
    leavers: list[str] = field(default_factory=list)
    pollsters: list[str] = field(default_factory=list)
    callers: list[str] = field(default_factory=list)
    requests: int = 0


@dataclass(slots=True)
class DemoReaders:
    """The readers of one issue, who act one after the other on a clock that moves between their acts."""

    client: httpx.Client
    clock: MovedClock
    targets: Sequence[LinkTarget]
    acts: ReaderActs = field(default_factory=ReaderActs)

    def act(self, mails: Sequence[OpenedMail]) -> ReaderActs:
        """Give each part to some of the readers. A mail scanner comes first, seconds after delivery, as they do."""
        measured = [mail for mail in mails if mail.tracked]
        others = [mail for mail in mails if not mail.tracked]
        self.clock.move(timedelta(seconds=5))
        for mail in measured[:3]:
            self.scan(mail)
        for mail in measured[3:27]:
            self.click(mail)
        for mail in others[:20] + measured[24:30]:
            self.vote(mail)
        for mail in others[18:28] + measured[28:31]:
            self.call_me_back(mail, phone=f"06 00 00 00 {len(self.acts.callers):02d}")
        for mail in others[28:31]:
            self.leave(mail)
        return self.acts

    def scan(self, mail: OpenedMail) -> None:
        """A mail gateway fetches every link there is, at once; it presses no button."""
        for url in mail.links:
            self._get(url, GATEWAY)
        self.acts.scanned.append(mail.recipient)

    def click(self, mail: OpenedMail) -> None:
        """A curious person looks at one or two offers, minutes apart."""
        wanted = [t.number for t in self.targets if t.kind in (LinkKind.opening, LinkKind.employer)]
        chosen = wanted[len(self.acts.clickers) % len(wanted) :][:2]
        for url in mail.tracked:
            if int(url.rpartition("/")[2]) in chosen:
                self.clock.move(timedelta(minutes=3))
                self._get(url, BROWSER)
        self.acts.clickers.append(mail.recipient)

    def vote(self, mail: OpenedMail) -> None:
        """Somebody says when they might move."""
        answers = [t.number for t in self.targets if t.kind is LinkKind.poll and t.answer != Horizon.dreaming]
        self._answer(mail, answers[len(self.acts.pollsters) % len(answers)])
        self.acts.pollsters.append(mail.recipient)

    def call_me_back(self, mail: OpenedMail, *, phone: str) -> None:
        """Somebody asks to be called, and leaves a number."""
        (number,) = (t.number for t in self.targets if t.kind is LinkKind.callback)
        self._answer(mail, number, phone=phone)
        self.acts.callers.append(mail.recipient)

    def leave(self, mail: OpenedMail) -> None:
        """Somebody's mail program unsubscribes them in one click (RFC 8058)."""
        self.clock.move(timedelta(minutes=1))
        self.client.post(mail.unsubscribe_url, data={"List-Unsubscribe": "One-Click"}).raise_for_status()
        self.acts.requests += 1
        self.acts.leavers.append(mail.recipient)

    def _answer(self, mail: OpenedMail, number: int, **fields: str) -> None:
        self.clock.move(timedelta(minutes=2))
        (url,) = (u for u in mail.links if urls.ANSWER_PATH + "/" in u and u.endswith(f"/{number}"))
        submit(self.client, self.clock, url, **fields)
        self.acts.requests += 2

    def _get(self, url: str, headers: dict[str, str]) -> None:
        answer = self.client.get(url, headers=headers)  # the tracker's redirect is not followed: it leads out of here
        if not answer.is_redirect:
            answer.raise_for_status()
        self.acts.requests += 1


def open_mail(message: EmailMessage, *, base_url: str) -> OpenedMail:
    """A mail of the issue, its page searched for our links once."""
    body = message.get_body(("html",))
    assert body is not None
    return OpenedMail(
        recipient=str(message["To"]),
        links=tuple(dict.fromkeys(_ours(body.get_content(), base_url))),
        unsubscribe_url=str(message["List-Unsubscribe"]).strip("<>"),
    )


def submit(client: httpx.Client, clock: MovedClock, url: str, **fields: str | list[str]) -> httpx.Response:
    """Open a page, fill in its form as a person would, in half a minute, and send it. Raises when either goes wrong."""
    page = client.get(url, headers=BROWSER).raise_for_status()
    clock.move(timedelta(seconds=30))
    form = html.fromstring(page.text).forms[-1]
    values: dict[str, str | list[str]] = dict(form.form_values()) | fields
    answer = client.post(urljoin(str(page.url), form.action or ""), data=values, headers=BROWSER)
    return answer if answer.is_redirect else answer.raise_for_status()


def _ours(page: str, base_url: str) -> Iterator[str]:
    for url in html.fromstring(page).xpath("//a/@href"):
        if url.startswith(base_url):
            yield str(url)
