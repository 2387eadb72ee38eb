"""What is looked at before an issue may be approved. Each finding is one French sentence."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Literal, assert_never

from newsletter.compose import markdown
from newsletter.compose.build import Compiled, compile_issue
from newsletter.compose.content import (
    Block,
    CallbackBlock,
    Content,
    EmployersBlock,
    OpeningLine,
    OpeningsBlock,
    Picture,
    PollBlock,
    PortraitBlock,
    TextBlock,
)
from newsletter.compose.links import sample_links
from newsletter.compose.mime import Letterhead, is_fit
from newsletter.compose.plaintext import coverage
from newsletter.compose.program import Filled, Program, Reader
from newsletter.compose.templates import TemplateError
from newsletter.i18n import _

HEAVY, TOO_HEAVY = 80_000, 100_000
"""Bytes of HTML; Gmail cuts a mail off at about 102,000 (SIZ-01)."""

COVERED = 0.8
"""The share of the HTML's words that the plain text must carry (FMT-09)."""

_LONG_SUBJECT = 70


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something to look at; `block` keeps the issue from being approved."""

    level: Literal["block", "warn"]
    sentence: str


def inspect(content: Content, *, template: str, letterhead: Letterhead, today: date) -> list[Finding]:
    """Everything to put right or to think over, what blocks first."""
    found = [*_envelope(content), *(finding for block in content.blocks for finding in _block(block, today))]
    try:
        found += _compiled(content, compile_issue(content, template=template, letterhead=letterhead), letterhead)
    except TemplateError as error:
        found.append(_blocks(str(error)))
    return sorted(found, key=lambda finding: finding.level)


def sample(subject: str, compiled: Compiled, *, letterhead: Letterhead) -> Filled:
    """The mail as a reader called Camille would get it, with plain links."""
    links = sample_links(letterhead.base_url, targets=compiled.links)
    return _program(subject, compiled).fill(
        Reader(address=letterhead.sender_address, first_name="Camille", links=links)
    )


def _envelope(content: Content) -> Iterator[Finding]:
    if not content.subject.strip():
        yield _blocks(_("L’objet est vide : écrivez-le, c’est la première chose qu’on lit."))
    if not is_fit(content.subject):
        yield _blocks(_("L’objet contient un saut de ligne ou un caractère interdit : retapez-le sans copier-coller."))
    if len(content.subject) > _LONG_SUBJECT:
        yield _warns(_("L’objet est long : au-delà de 70 caractères, un téléphone le coupe."))
    if not content.preheader.strip():
        yield _blocks(_("L’accroche est vide : c’est la ligne qu’on lit à côté de l’objet, avant d’ouvrir."))
    if not content.blocks:
        yield _blocks(_("Le numéro est vide : ajoutez au moins un bloc."))


def _block(block: Block, today: date) -> Iterator[Finding]:
    match block:
        case TextBlock():
            yield from _text(block)
        case EmployersBlock():
            yield from _employers(block, today)
        case OpeningsBlock():
            if not block.openings:
                yield _blocks(_("Un bloc d’offres est vide : choisissez des offres, ou retirez-le."))
            yield from (finding for line in block.openings for finding in _opening(line, today))
        case PortraitBlock():
            yield from _portrait(block, today)
        case PollBlock() | CallbackBlock():
            return
        case _:
            assert_never(block)


def _text(block: TextBlock) -> Iterator[Finding]:
    if not block.markdown.strip():
        yield _blocks(_("Un bloc de texte est vide : écrivez-le, ou retirez-le."))
    for url, label in markdown.links_of(block.markdown):
        if not markdown.allowed(url):
            yield _wrong_link(url, label)
        if not label.strip():
            yield _blocks(_("Un lien n’a pas de texte : écrivez les mots sur lesquels on clique."))


def _employers(block: EmployersBlock, today: date) -> Iterator[Finding]:
    if not block.employers:
        yield _blocks(_("Un bloc d’employeurs est vide : choisissez des employeurs, ou retirez-le."))
    for card in block.employers:
        if not card.openings:
            yield _warns(_("{name} n’a aucune offre d’emploi en cours.").format(name=card.name))
        yield from _website(card.url, card.name)
        yield from _alternative(card.picture, card.name)
        yield from (finding for line in card.openings for finding in _opening(line, today))


def _opening(line: OpeningLine, today: date) -> Iterator[Finding]:
    if line.expires_on < today:
        yield _blocks(
            _("L’offre « {title} » ({employer}) a expiré le {day} : retirez-la ou prolongez-la.").format(
                title=line.title, employer=line.employer, day=line.expires_on.strftime("%d/%m/%Y")
            )
        )
    yield from _website(line.url, line.title)


def _portrait(block: PortraitBlock, today: date) -> Iterator[Finding]:
    if block.withdrawn:
        yield _blocks(_("{name} a retiré son portrait : choisissez quelqu’un d’autre.").format(name=block.person))
    elif block.image_right_until < today:
        yield _blocks(
            _("Le droit à l’image de {name} a pris fin le {day} : renouvelez-le ou retirez le portrait.").format(
                name=block.person, day=block.image_right_until.strftime("%d/%m/%Y")
            )
        )
    yield from _website(block.url, block.person)
    yield from _alternative(block.picture, block.person)


def _website(url: str, name: str) -> Iterator[Finding]:
    if url and not markdown.allowed(url):
        yield _wrong_link(url, name)


def _alternative(picture: Picture | None, name: str) -> Iterator[Finding]:
    if picture and not picture.alt.strip():
        yield _blocks(
            _(
                "La photo de « {name} » n’a pas de texte de remplacement : dites en une phrase ce qu’elle montre."
            ).format(name=name)
        )


def _compiled(content: Content, compiled: Compiled, letterhead: Letterhead) -> Iterator[Finding]:
    filled = sample(content.subject, compiled, letterhead=letterhead)
    yield from _weight(len(filled.html.encode()))
    if coverage(filled.html, filled.text) < COVERED:
        yield _warns(_("La version texte dit moins que la version en images : les filtres s’en méfient."))
    if why := _program(content.subject, compiled).why:
        yield _warns(
            _("Chaque lettre devra être remplie une à une, et l’envoi sera bien plus lent : {why}.").format(why=why)
        )


def _program(subject: str, compiled: Compiled) -> Program:
    return Program(subject=subject, html=compiled.html, text=compiled.text)


def _weight(weight: int) -> Iterator[Finding]:
    kilobytes = weight // 1000
    if weight > TOO_HEAVY:
        yield _blocks(
            _("Le numéro pèse {size} Ko, Gmail le couperait : retirez des blocs pour passer sous 100 Ko.").format(
                size=kilobytes
            )
        )
    elif weight > HEAVY:
        yield _warns(_("Le numéro pèse {size} Ko : au-delà de 100 Ko, Gmail le couperait.").format(size=kilobytes))


def _wrong_link(url: str, label: str) -> Finding:
    return _blocks(
        _("Le lien « {label} » mène à « {url} » : il doit commencer par https://, mailto: ou tel:.").format(
            label=label, url=url[:60]
        )
    )


def _blocks(sentence: str) -> Finding:
    return Finding(level="block", sentence=sentence)


def _warns(sentence: str) -> Finding:
    return Finding(level="warn", sentence=sentence)
