"""The exact words people say yes or no to, per axis and version (LAW-12).

The sign-up form and the preference page show these very sentences, and the proof of each consent keeps them. To
change one, add a version: a form shown under the old one may still be on its way. A file has its own words: the title
of its column.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from newsletter.i18n import lazy
from newsletter.words import Axis

VERSION = "2026-11"
FROM_FILE = "fichier"


@dataclass(frozen=True, slots=True)
class Wording:
    """One sentence, and the version under which its proof can be read years later."""

    text: str
    version: str


VERSIONS: Mapping[str, Mapping[Axis, str]] = {
    "2026-11": {
        Axis.newsletter: lazy(
            "Oui, je veux recevoir par e-mail la lettre d’Oh my Lot ! : ses métiers, ses employeurs, ses habitants."
        ),
        Axis.clicks: lazy(
            "J’accepte que les liens sur lesquels je clique soient notés, pour recevoir ce qui m’intéresse vraiment."
        ),
        Axis.opens: lazy("J’accepte qu’une image invisible dise si j’ai ouvert la lettre."),
        Axis.adviser: lazy("J’accepte qu’un référent accueil du Lot m’appelle ou m’écrive pour parler de mon projet."),
        Axis.employers: lazy("J’accepte que mon projet soit présenté à des employeurs du Lot qui recrutent."),
    }
}

CALL_ME_BACK = Wording(
    lazy("Oui, rappelez-moi : j’accepte qu’un référent accueil du Lot m’appelle ou m’écrive."), VERSION
)
UNSUBSCRIBE = Wording(lazy("Je ne veux plus recevoir la lettre."), VERSION)


def wording(axis: Axis, version: str = VERSION) -> Wording:
    """The sentence of an axis, as it stood in a version."""
    return Wording(VERSIONS[version][axis], version)


def from_file(title: str) -> Wording:
    """The words of a file are those of its column: « Accepte la newsletter »."""
    return Wording(title, FROM_FILE)
