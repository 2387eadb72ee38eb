"""The figures the demo ends with, and whether they add up."""

from collections.abc import Iterable
from dataclasses import dataclass

from newsletter.advisers.cards import Card
from newsletter.delivery.ledger.balance import Balance
from newsletter.demo.readers import ReaderActs
from newsletter.errors import NewsletterError
from newsletter.i18n import _
from newsletter.imports.plan import ImportPlan
from newsletter.words import Verdict


class DemoFigureError(NewsletterError):
    """The demo's figures do not add up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoFigures:
    """What one play of the story came to."""

    imported: ImportPlan
    subscribers: int
    sign_ups: int
    balance: Balance
    in_maildir: int
    without_consent: int
    acts: ReaderActs
    verdicts: dict[Verdict, int]
    leads: dict[str, list[Card]]  # adviser → their leads


def check(figures: DemoFigures) -> None:
    """Raise FigureError with a sentence per figure that does not add up."""
    wrong = [sentence for holds, sentence in _promises(figures) if not holds]
    if wrong:
        raise DemoFigureError(_("La démo ne tombe pas juste :") + "\n- " + "\n- ".join(wrong))


def _promises(figures: DemoFigures) -> Iterable[tuple[bool, str]]:
    plan, balance, acts = figures.imported, figures.balance, figures.acts
    sum_of_fates = plan.imported + plan.merged + plan.quarantined + plan.refused
    called = {card.address for cards in figures.leads.values() for card in cards}
    yield sum_of_fates == plan.rows, _("les lignes du fichier ne sont pas toutes comptées")
    yield balance.adds_up and balance.finished, _("le bilan de l’envoi n’est pas juste, ou l’envoi n’est pas fini")
    yield balance.accepted == figures.in_maildir, _("les lettres reçues ne sont pas celles du registre")
    yield figures.without_consent == 0, _("quelqu’un a reçu la lettre sans avoir dit oui")
    yield not called.intersection(acts.scanned), _("un robot de messagerie est devenu une piste")
    yield called.issuperset(acts.callers), _("quelqu’un a demandé à être rappelé et n’est la piste de personne")
    yield not called.intersection(acts.leavers), _("quelqu’un qui s’est désinscrit est devenu une piste")


def summary(figures: DemoFigures, *, folder: str, url: str) -> str:
    """The story in figures, for somebody who sees this for the first time."""
    plan, balance, acts = figures.imported, figures.balance, figures.acts
    leads = "\n".join(
        _("    {name} : {count}").format(name=f"{name:<20}", count=len(cards)) for name, cards in figures.leads.items()
    )
    return _(
        """
Ce qui s’est passé
  Fichier d’inscriptions   {lines} lignes = {imported} importées + {merged} fusionnées
                           + {quarantined} en quarantaine + {refused} refusées
  Abonnés                  {subscribers}, dont {sign_ups} inscrit aujourd’hui par un QR code et confirmé
  Lettre envoyée           {planned} prévues = {accepted} acceptées + {refusals} refusées + {suppressed} retirées
                           + {in_doubt} dans le doute + {cancelled} annulées
                           ({maildir} lettres dans la boîte : le compte y est)
  Lecteurs                 {clickers} ont cliqué, {pollsters} ont répondu au sondage, {callers} veulent être
                           rappelés, {leavers} se sont désinscrits, un robot a ouvert {scanned} lettres
  Faits enregistrés        {human} voulus par une personne, {scanner} d’un robot, {unknown} incertains
  Pistes par référent
{leads}

Où regarder
  {folder}/boite               les lettres, telles qu’elles sont arrivées (un Maildir)
  {folder}/exports             la liste de chaque référent, en CSV et en XLSX
  {folder}/rapport-import.txt  une phrase par ligne refusée ou douteuse
  make serve                   ouvre {url}/bureau
"""
    ).format(
        lines=plan.rows,
        imported=plan.imported,
        merged=plan.merged,
        quarantined=plan.quarantined,
        refused=plan.refused,
        subscribers=figures.subscribers,
        sign_ups=figures.sign_ups,
        planned=balance.planned,
        accepted=balance.accepted,
        refusals=balance.refused,
        suppressed=balance.suppressed,
        in_doubt=balance.in_doubt,
        cancelled=balance.cancelled,
        maildir=figures.in_maildir,
        clickers=len(acts.clickers),
        pollsters=len(acts.pollsters),
        callers=len(acts.callers),
        leavers=len(acts.leavers),
        scanned=len(acts.scanned),
        human=figures.verdicts.get(Verdict.human, 0),
        scanner=figures.verdicts.get(Verdict.scanner, 0) + figures.verdicts.get(Verdict.prefetch, 0),
        unknown=figures.verdicts.get(Verdict.unknown, 0),
        leads=leads,
        folder=folder,
        url=url,
    )
