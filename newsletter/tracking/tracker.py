"""The two addresses that a mail's links and picture lead to: a plain ASGI callable, for speed.

`urls.click_url` redirects to the registered link of an edition; `urls.open_url` is one transparent pixel. Both read a
signed token, append the hit to the journal and answer; neither ever asks the database. Whatever bytes come in, the
answer is the redirect, the pixel, or one and the same plain 404 (SEC-01, SEC-04, SEC-18). Nothing of the network
address or of the full user agent is written down (TRK-11).
"""

import base64
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from newsletter.clock import Clock
from newsletter.i18n import _
from newsletter.tokens import Keyring, Purpose
from newsletter.tracking.agents import Networks, family, hints
from newsletter.tracking.journal import Hit, Journal
from newsletter.tracking.link_table import LinkTable
from newsletter.urls import CLICK_PATH, OPEN_PATH
from newsletter.words import EventKind

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

PIXEL = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAICRAEAOw==")
"""A transparent GIF of one pixel, 43 bytes."""

_CLICK = re.compile(re.escape(CLICK_PATH) + r"/([A-Za-z0-9_-]{1,60})/([0-9]{1,6})")
_OPEN = re.compile(re.escape(OPEN_PATH) + r"/([A-Za-z0-9_-]{1,60})\.gif")
_ALWAYS = [(b"cache-control", b"no-store"), (b"referrer-policy", b"no-referrer"), (b"x-robots-tag", b"noindex")]
_PLAIN = (b"content-type", b"text/plain; charset=utf-8")


class Tracker:
    """The callable to mount under `CLICK_PATH` and `OPEN_PATH`."""

    def __init__(self, *, keys: Keyring, journal: Journal, links: LinkTable, clock: Clock) -> None:
        self._keys, self._journal, self._links, self._clock = keys, journal, links, clock
        self._networks = Networks()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close"})
            return
        path = str(scope["path"])
        if scope["method"] not in ("GET", "HEAD"):
            await _answer(send, 405, [_PLAIN, (b"allow", b"GET, HEAD")])
        elif path.startswith(OPEN_PATH + "/"):
            await self._open(scope, path, send)
        else:
            await self._click(scope, path, send)

    async def _open(self, scope: Scope, path: str, send: Send) -> None:
        """The pixel, always; the hit is journaled when the token is valid."""
        asked = _OPEN.fullmatch(path)
        ids = self._keys.read(Purpose.open, asked[1]) if asked else None
        if ids and len(ids) == 2:
            await self._note(scope, EventKind.opened, ids[0], ids[1])
        body = b"" if scope["method"] == "HEAD" else PIXEL
        await _answer(send, 200, [(b"content-type", b"image/gif")], body, length=len(PIXEL))

    async def _click(self, scope: Scope, path: str, send: Send) -> None:
        """A redirect to a registered link, or the 404."""
        asked = _CLICK.fullmatch(path)
        ids = self._keys.read(Purpose.click, asked[1]) if asked else None
        url = self._links.url(ids[0], int(asked[2])) if asked and ids and len(ids) == 2 else None
        if not asked or not ids or not url:
            body = _("Ce lien n’existe pas ou n’est plus valable. Retrouvez-nous depuis la dernière lettre.").encode()
            await _answer(send, 404, [_PLAIN], b"" if scope["method"] == "HEAD" else body, length=len(body))
            return
        await self._note(scope, EventKind.clicked, ids[0], ids[1], link=int(asked[2]))
        await _answer(send, 302, [(b"location", url.encode("ascii"))])

    async def _note(self, scope: Scope, kind: EventKind, edition: int, mail: int, *, link: int = 0) -> None:
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        client = scope.get("client")
        await self._journal.append(
            Hit(
                at=int(self._clock.now().timestamp() * 1000),
                kind=kind.value,
                edition=edition,
                mail=mail,
                link=link,
                method=scope["method"],
                agent=family(headers.get("user-agent", "")).value,
                hints=" ".join(hints(headers)),
                network=self._networks.name(client[0]) if client else "",
            )
        )


async def _answer(
    send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes = b"", *, length: int | None = None
) -> None:
    size = (b"content-length", str(len(body) if length is None else length).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, size, *_ALWAYS]})
    await send({"type": "http.response.body", "body": body})
