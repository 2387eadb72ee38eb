"""What fetched a link or the pixel, reduced to one word before anything is stored (TRK-09, TRK-11).

The table is our own, made for mail: generic bot lists take Gmail's picture proxy, a sign of a person, for a robot. The
order matters: the first word found wins.
"""

import hashlib
import ipaddress
import secrets
from collections.abc import Mapping
from enum import StrEnum


class Agent(StrEnum):
    """The family of a user agent."""

    browser = "browser"  # nothing says it is anything else
    gmail_proxy = "gmail-proxy"  # Gmail shows the picture to a person
    gmail_prefetch = "gmail-prefetch"  # Gmail fetches ahead, nobody looks
    yahoo_proxy = "yahoo-proxy"  # Yahoo shows the picture to a person
    bare = "bare"  # "Mozilla/5.0" and no more: Apple's privacy proxy on pictures
    office = "office"  # Outlook and its look before a click
    headless = "headless"  # a browser without a person
    scanner = "scanner"  # a mail filter that says its name
    preview = "preview"  # a messenger that shows a card of the link
    program = "program"  # curl, a script
    crawler = "crawler"  # any other that calls itself a bot
    none = "none"  # it gave no name


_FAMILIES: tuple[tuple[Agent, tuple[str, ...]], ...] = (
    (Agent.gmail_prefetch, ("edge/12.246 mozilla/5.0", "edge/12.246")),
    (Agent.gmail_proxy, ("googleimageproxy", "ggpht.com")),
    (Agent.yahoo_proxy, ("yahoomailproxy",)),
    (Agent.scanner, ("barracuda", "proofpoint", "mimecast", "symantec", "zscaler", "trendmicro", "forcepoint",
                     "fortinet", "fortiguard", "sophos", "ironport", "safelinks", "mailguard", "vade")),
    (Agent.office, ("ms-office", "msoffice", "microsoft office", "microsoft outlook")),
    (Agent.headless, ("headless", "phantomjs", "puppeteer", "playwright", "selenium")),
    (Agent.preview, ("facebookexternalhit", "whatsapp", "slackbot", "twitterbot", "telegrambot", "discordbot",
                     "linkedinbot", "skypeuripreview", "bingpreview", "iframely")),
    (Agent.program, ("curl", "wget", "python", "aiohttp", "httpx", "go-http-client", "java/", "libwww", "okhttp",
                     "node-fetch", "axios", "ruby", "scrapy", "powershell")),
    (Agent.crawler, ("bot", "crawl", "spider", "scan", "monitor")),
)  # fmt: skip
_REWRITING = ("urldefense", "safelinks", "cudasvc.com", "mimecast", "secure-web.cisco", "trendmicro", "fireeye",
              "sophos.com", "barracuda", "mailanyone", "url-protection")  # fmt: skip


class Hint(StrEnum):
    """A raw signal beside the agent that the rules read."""

    prefetch = "prefetch"  # the request says so itself
    rewritten = "rewritten-host"  # it came by the address of a mail filter
    crowd = "crowd"  # one network took many readers' links within a minute; found when loading


def family(user_agent: str) -> Agent:
    """The family of this user agent."""
    name = user_agent.strip().lower()
    if not name:
        return Agent.none
    if name == "mozilla/5.0":
        return Agent.bare
    return next((agent for agent, words in _FAMILIES if any(word in name for word in words)), Agent.browser)


def hints(headers: Mapping[str, str]) -> list[Hint]:
    """The signals in these header fields (names in lower case)."""
    purposes = " ".join(headers.get(name, "") for name in ("purpose", "sec-purpose", "x-moz", "x-purpose")).lower()
    referer = headers.get("referer", "").lower()
    found = []
    if "prefetch" in purposes or "preview" in purposes:
        found.append(Hint.prefetch)
    if any(host in referer for host in _REWRITING):
        found.append(Hint.rewritten)
    return found


class Networks:
    """Short names for networks (a /24 or a /48): good for seeing that two hits of a minute share one, and no more.

    The salt lives in this process alone and is never written, so a name cannot be led back to an address.
    """

    def __init__(self) -> None:
        self._salt = secrets.token_bytes(16)

    def name(self, address: str) -> str:
        """Eight letters for the network of this address; empty when it is none."""
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return ""
        kept = parsed.packed[:3] if parsed.version == 4 else parsed.packed[:6]
        return hashlib.blake2b(kept, key=self._salt, digest_size=4).hexdigest()
