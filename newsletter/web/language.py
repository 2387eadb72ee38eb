"""The language of the pages without an account: the first of ours that the reader's browser asks for."""

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from newsletter.i18n import LANGUAGES, SOURCE, speaking

_ALWAYS_FRENCH = ("/bureau", "/healthz", "/metrics")


def preferred_language(accepted: str) -> str:
    """The language of ours that an Accept-Language header prefers (RFC 9110 §12.5.4); French when it names none."""
    wanted: list[tuple[float, str]] = []
    for part in accepted.split(","):
        name, _semicolon, quality = part.partition(";")
        weight = _weight(quality)
        language = name.strip().lower().partition("-")[0]
        if weight > 0 and language in LANGUAGES:
            wanted.append((weight, language))
    return max(wanted, key=lambda choice: choice[0], default=(0.0, SOURCE))[1]


class ReaderLanguage:
    """Has public pages in the reader's language, and the back office in French. The first wins among equals."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(_ALWAYS_FRENCH):
            await self.app(scope, receive, send)
            return
        language = preferred_language(Headers(scope=scope).get("accept-language", ""))

        async def send_labelled(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if headers.get("content-type", "").startswith(("text/html", "text/plain")):
                    headers.setdefault("content-language", language)
                    headers.add_vary_header("accept-language")
            await send(message)

        with speaking(language):
            await self.app(scope, receive, send_labelled)


def _weight(quality: str) -> float:
    """The weight of one language; 1 without one, and 0 for one that cannot be read."""
    _q, _equals, number = quality.strip().partition("=")
    try:
        return float(number) if number else 1.0
    except ValueError:
        return 0.0
