"""The addresses outside the back office. Mailboxes and printed QR codes hold them for ever, so none may change.

Each function takes the site's base URL, or "" for a path within the site. A token is signed by `newsletter.tokens`.
"""

CLICK_PATH = "/l"
"""A measured link of a mail: redirects to its target. Answered by the tracker."""

OPEN_PATH = "/f"
"""The image of one pixel in a mail. Answered by the tracker."""

VIEW_PATH = "/v"
"""A mail in the browser."""

PREFERENCES_PATH = "/p"
"""What a reader agrees to, and what they wish."""

UNSUBSCRIBE_PATH = "/d"
"""Leaving: a page with a button, and the one-click POST of RFC 8058."""

ANSWER_PATH = "/r"
"""A button of a mail that asks something: a poll answer, "call me back"."""

CONFIRM_PATH = "/k"
"""The confirmation of a sign-up."""

SUPPORT_PATH = "/i"
"""The sign-up form behind a printed QR code."""

SIGN_UP_PATH = "/inscription"
"""The sign-up form for everybody else."""

THANKS_PATH = "/inscription/merci"
"""What a person sees after the sign-up form."""

PRIVACY_PATH = "/confidentialite"
"""The privacy notice."""

MEDIA_PATH = "/medias"
"""The pictures of the catalogue, in mails and pages."""


def click_url(base_url: str, token: str, number: int) -> str:
    """Where the measured link with this number leads, for the reader of the token."""
    return f"{base_url}{CLICK_PATH}/{token}/{number}"


def open_url(base_url: str, token: str) -> str:
    """The pixel that tells that this reader opened their mail."""
    return f"{base_url}{OPEN_PATH}/{token}.gif"


def view_url(base_url: str, token: str) -> str:
    """A reader's mail in the browser."""
    return f"{base_url}{VIEW_PATH}/{token}"


def preferences_url(base_url: str, token: str) -> str:
    """A reader's preference page."""
    return f"{base_url}{PREFERENCES_PATH}/{token}"


def unsubscribe_url(base_url: str, token: str) -> str:
    """What stands in the body of a letter and in List-Unsubscribe (LST-01, LST-06)."""
    return f"{base_url}{UNSUBSCRIBE_PATH}/{token}"


def answer_url(base_url: str, token: str, number: int) -> str:
    """The page of the button with this number, for the reader of the token."""
    return f"{base_url}{ANSWER_PATH}/{token}/{number}"


def confirm_url(base_url: str, token: str) -> str:
    """The page that confirms a sign-up."""
    return f"{base_url}{CONFIRM_PATH}/{token}"


def support_url(base_url: str, code: str) -> str:
    """What a printed QR code carries."""
    return f"{base_url}{SUPPORT_PATH}/{code}"
