"""The letter of every measurement: about 20 KB once it is written, 24 measured links, in French."""

from newsletter.words import LinkKind

LINKS = 24
_STORY = (
    "À Figeac, l’atelier cherche une soudeuse ou un soudeur ; le logement, l’école et le marché du samedi sont à deux "
    "pas. Y vivre toute l’année n’est plus une idée en l’air. "
)


def html() -> str:
    """The compiled body, as a variant keeps it."""
    blocks = "".join(
        f'<table role="presentation" width="100%"><tr><td style="padding:12px 24px;font-family:Georgia,serif">'
        f'<p style="margin:0 0 12px;line-height:1.5">{_STORY}</p>'
        f'<a href="[[ link_{number} ]]" style="color:#8a2b0e">Lire la suite</a></td></tr></table>\n'
        for number in range(1, LINKS + 1)
    )
    return (
        '<!doctype html><html lang="fr"><head><meta charset="utf-8"><title>Garder contact</title></head><body>'
        f"<p>[[ hello ]]</p>{blocks}"
        '<p><a href="[[ view ]]">Lire en ligne</a> · <a href="[[ preferences ]]">Mes choix</a> · '
        '<a href="[[ unsubscribe ]]">Se désinscrire</a></p>[[ pixel ]]</body></html>\n'
    )


def text() -> str:
    """The same in plain text."""
    blocks = "".join(f"{_STORY[:66]}\nLire la suite : [[ link_{number} ]]\n\n" for number in range(1, LINKS + 1))
    return f"[[ hello ]]\n\n{blocks}Lire en ligne : [[ view ]]\nSe désinscrire : [[ unsubscribe ]]\n"


def links() -> list[dict[str, object]]:
    """The registered links, as rows without their edition."""
    return [
        {"number": number, "kind": LinkKind.page, "url": f"https://www.lot.example/histoires/{number}", "label": ""}
        for number in range(1, LINKS + 1)
    ]
