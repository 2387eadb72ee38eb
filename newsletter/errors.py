"""The one root of every error that a person may read.

Each room keeps its few children beside the code that raises them. A message is a French sentence (through gettext)
that says what is wrong and what to do, and never holds an e-mail address (LAW-16). No HTTP status lives here: each door
maps classes to its own answers once.
"""


class NewsletterError(Exception):
    """Something a person can put right; `str(error)` is the sentence to show them."""


class SettingsError(NewsletterError):
    """A setting is missing or makes no sense."""


class NotFoundError(NewsletterError):
    """What was asked for is not in the store."""


class RefusedError(NewsletterError):
    """The act is not possible in the present state: an issue already sent, a name already taken."""
