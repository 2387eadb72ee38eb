"""What is looked at before an issue may be approved: its blocks, each by its kind, and the issue as a whole."""

from collections.abc import Iterator
from datetime import date

from newsletter.compose.build import IssueSource, compile_issue
from newsletter.compose.content import Content
from newsletter.compose.findings import Finding, blocking, warning
from newsletter.compose.headers import SenderIdentity, is_fit
from newsletter.compose.links import sample_links
from newsletter.compose.mail_template import MailTemplate, Recipient, RenderedMail
from newsletter.compose.plaintext import coverage
from newsletter.compose.templates import TemplateError
from newsletter.i18n import _

_HEAVY, _TOO_HEAVY = 80_000, 100_000
"""Bytes of HTML; Gmail cuts a mail off at about 102,000 (SIZ-01)."""

_COVERED = 0.8
"""The share of the HTML's words that the plain text must carry (FMT-09)."""

_LONG_SUBJECT = 70


def inspect(content: Content, *, template: str, sender: SenderIdentity, today: date) -> list[Finding]:
    """Everything to put right or to think over, what blocks first."""
    found = [*_subject_and_preheader(content), *_of_blocks(content, today=today)]
    try:
        found += _of_mail(content, compile_issue(content, template=template, sender=sender), sender)
    except TemplateError as error:
        found.append(blocking(str(error)))
    return sorted(found, key=lambda finding: finding.level)


def sample(subject: str, source: IssueSource, *, sender: SenderIdentity) -> RenderedMail:
    """The mail as a recipient called Camille would get it, with plain links."""
    links = sample_links(sender.base_url, targets=source.links)
    return _mail_template(subject, source).render(
        Recipient(address=sender.sender_address, first_name="Camille", links=links)
    )


def _subject_and_preheader(content: Content) -> Iterator[Finding]:
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


def _of_mail(content: Content, source: IssueSource, sender: SenderIdentity) -> Iterator[Finding]:
    mail = sample(content.subject, source, sender=sender)
    yield from _weight(len(mail.html.encode()))
    if coverage(mail.html, mail.text) < _COVERED:
        yield warning(_("La version texte dit moins que la version en images : les filtres s’en méfient."))
    if why := _mail_template(content.subject, source).why:
        yield warning(
            _("Chaque lettre devra être remplie une à une, et l’envoi sera bien plus lent : {why}.").format(why=why)
        )


def _mail_template(subject: str, source: IssueSource) -> MailTemplate:
    return MailTemplate(subject=subject, html=source.html, text=source.text)


def _weight(weight: int) -> Iterator[Finding]:
    kilobytes = weight // 1000
    if weight > _TOO_HEAVY:
        yield blocking(
            _("Le numéro pèse {size} Ko, Gmail le couperait : retirez des blocs pour passer sous 100 Ko.").format(
                size=kilobytes
            )
        )
    elif weight > _HEAVY:
        yield warning(_("Le numéro pèse {size} Ko : au-delà de 100 Ko, Gmail le couperait.").format(size=kilobytes))
