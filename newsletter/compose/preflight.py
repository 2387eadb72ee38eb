"""What is looked at before an issue may be approved: its blocks, each by its kind, and the issue as a whole."""

from collections.abc import Iterator
from datetime import date

from newsletter.compose.build import Compiled, compile_issue
from newsletter.compose.content import Content
from newsletter.compose.findings import Finding, blocking, warning
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


def inspect(content: Content, *, template: str, letterhead: Letterhead, today: date) -> list[Finding]:
    """Everything to put right or to think over, what blocks first."""
    found = [*_envelope(content), *_of_blocks(content, today=today)]
    try:
        found += _compiled(content, compile_issue(content, template=template, letterhead=letterhead), letterhead)
    except TemplateError as error:
        found.append(blocking(str(error)))
    return sorted(found, key=lambda finding: finding.level)


def sample(subject: str, compiled: Compiled, *, letterhead: Letterhead) -> Filled:
    """The mail as a reader called Camille would get it, with plain links."""
    links = sample_links(letterhead.base_url, targets=compiled.links)
    return _program(subject, compiled).fill(
        Reader(address=letterhead.sender_address, first_name="Camille", links=links)
    )


def _envelope(content: Content) -> Iterator[Finding]:
    if not content.subject.strip():
        yield blocking(_("L’objet est vide : écrivez-le, c’est la première chose qu’on lit."))
    if not is_fit(content.subject):
        yield blocking(_("L’objet contient un saut de ligne ou un caractère interdit : retapez-le sans copier-coller."))
    if len(content.subject) > _LONG_SUBJECT:
        yield warning(_("L’objet est long : au-delà de 70 caractères, un téléphone le coupe."))
    if not content.preheader.strip():
        yield blocking(_("L’accroche est vide : c’est la ligne qu’on lit à côté de l’objet, avant d’ouvrir."))
    if not content.blocks:
        yield blocking(_("Le numéro est vide : ajoutez au moins un bloc."))


def _of_blocks(content: Content, *, today: date) -> Iterator[Finding]:
    for block in content.blocks:
        yield from block.findings(today=today)


def _compiled(content: Content, compiled: Compiled, letterhead: Letterhead) -> Iterator[Finding]:
    filled = sample(content.subject, compiled, letterhead=letterhead)
    yield from _weight(len(filled.html.encode()))
    if coverage(filled.html, filled.text) < COVERED:
        yield warning(_("La version texte dit moins que la version en images : les filtres s’en méfient."))
    if why := _program(content.subject, compiled).why:
        yield warning(
            _("Chaque lettre devra être remplie une à une, et l’envoi sera bien plus lent : {why}.").format(why=why)
        )


def _program(subject: str, compiled: Compiled) -> Program:
    return Program(subject=subject, html=compiled.html, text=compiled.text)


def _weight(weight: int) -> Iterator[Finding]:
    kilobytes = weight // 1000
    if weight > TOO_HEAVY:
        yield blocking(
            _("Le numéro pèse {size} Ko, Gmail le couperait : retirez des blocs pour passer sous 100 Ko.").format(
                size=kilobytes
            )
        )
    elif weight > HEAVY:
        yield warning(_("Le numéro pèse {size} Ko : au-delà de 100 Ko, Gmail le couperait.").format(size=kilobytes))
