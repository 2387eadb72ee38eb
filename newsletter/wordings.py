"""The exact words people say yes or no to, per axis and version (LAW-12).

The sign-up form and the preference page show these very sentences, in the reader's language, and the proof of each
consent keeps them. They are not translated by gettext: a language is a version of its own. To change one, add a
version: a form shown under the old one may still be on its way. A file has its own words: the title of its column.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from newsletter.i18n import SOURCE, language
from newsletter.words import Axis

FROM_FILE = "fichier"
_SHOWN = {SOURCE: "2026-11", "en": "2026-11-en"}
"""The version that is shown at present, by language."""


@dataclass(frozen=True, slots=True)
class Wording:
    """One sentence, and the version under which its proof can be read years later."""

    text: str
    version: str


_VERSIONS: Mapping[str, Mapping[Axis, str]] = {
    "2026-11": {
        Axis.newsletter: (
            "Oui, je veux recevoir par e-mail la lettre d’Oh my Lot ! : ses métiers, ses employeurs, ses habitants."
        ),
        Axis.clicks: (
            "J’accepte que les liens sur lesquels je clique soient notés, pour recevoir ce qui m’intéresse vraiment."
        ),
        Axis.opens: "J’accepte qu’une image invisible dise si j’ai ouvert la lettre.",
        Axis.adviser: "J’accepte qu’un référent accueil du Lot m’appelle ou m’écrive pour parler de mon projet.",
        Axis.employers: "J’accepte que mon projet soit présenté à des employeurs du Lot qui recrutent.",
    },
    "2026-11-en": {
        Axis.newsletter: (
            "Yes, I want to receive the Oh my Lot! newsletter by e-mail: its jobs, its employers, its people. "
            "(It is written in French.)"
        ),
        Axis.clicks: "I agree that the links I click are noted, so that I receive what really interests me.",
        Axis.opens: "I agree that an invisible image tells whether I opened the newsletter.",
        Axis.adviser: "I agree that a welcome adviser of the Lot calls or writes to me to talk about my plans.",
        Axis.employers: "I agree that my plans are presented to employers of the Lot who are recruiting.",
    },
}
_CALL_ME_BACK = {
    "2026-11": "Oui, rappelez-moi : j’accepte qu’un référent accueil du Lot m’appelle ou m’écrive.",
    "2026-11-en": "Yes, call me back: I agree that a welcome adviser of the Lot calls or writes to me.",
}
_UNSUBSCRIBE = {
    "2026-11": "Je ne veux plus recevoir la lettre.",
    "2026-11-en": "I no longer want to receive the newsletter.",
}


def shown_version() -> str:
    """The version that a reader of the present language is shown."""
    return _SHOWN[language()]


def wording(axis: Axis, version: str = "") -> Wording:
    """The sentence of an axis in a version, or as it is shown now. Raises KeyError for a version that never was."""
    chosen = version or shown_version()
    return Wording(_VERSIONS[chosen][axis], chosen)


def call_me_back_wording() -> Wording:
    """What pressing "call me back" says."""
    return Wording(_CALL_ME_BACK[shown_version()], shown_version())


def unsubscribe_wording() -> Wording:
    """What leaving the newsletter says."""
    return Wording(_UNSUBSCRIBE[shown_version()], shown_version())


def from_file(title: str) -> Wording:
    """The words of a file are those of its column: « Accepte la newsletter »."""
    return Wording(title, FROM_FILE)
