"""The closed lists of the house, each word with its one meaning (docs/words.md), and the French that people read.

Values are stored as written here, so a word may be added but never renamed without a migration. `LABELS` gives the
French label of every word shown to a person.
"""

import gettext as _gettext
from enum import StrEnum
from pathlib import Path

_catalogue = _gettext.translation("newsletter", Path(__file__).parent / "locales", languages=["fr"], fallback=True)


def _(sentence: str) -> str:
    """The sentence in the reader's language. Sources are written in French: docs/why/0006 says why."""
    return _catalogue.gettext(sentence)


def ngettext(singular: str, plural: str, number: int) -> str:
    """The sentence for this number; French takes the singular for 0 and 1."""
    if isinstance(_catalogue, _gettext.GNUTranslations):
        return _catalogue.ngettext(singular, plural, number)
    return singular if number < 2 else plural


class Axis(StrEnum):
    """What a person can say yes or no to; each axis stands alone (LAW-10)."""

    newsletter = "newsletter"  # receive the issues
    clicks = "clicks"  # have clicks measured
    opens = "opens"  # have opens measured
    adviser = "adviser"  # be called by an adviser
    employers = "employers"  # be made known to employers


class ConsentState(StrEnum):
    """Where a person stands on an axis. Unknown is no."""

    unknown = "unknown"
    granted = "granted"
    denied = "denied"


class Channel(StrEnum):
    """How a consent reached us."""

    web = "web"  # the sign-up form, confirmed by mail
    imported = "imported"  # a file of coupons or of a partner
    preferences = "preferences"  # the preference page
    one_click = "one_click"  # the unsubscribe of RFC 8058
    answer = "answer"  # a button of a mail, such as "call me back"
    staff = "staff"  # said to one of us


class Horizon(StrEnum):
    """When a person might move."""

    unknown = "unknown"
    this_year = "this_year"
    one_to_three_years = "one_to_three_years"
    later = "later"
    dreaming = "dreaming"  # just curious


class SuppressionReason(StrEnum):
    """Why an address is never mailed again."""

    unsubscribed = "unsubscribed"
    complained = "complained"
    bounced = "bounced"
    erased = "erased"
    objected = "objected"
    manual = "manual"


class PartnerKind(StrEnum):
    campsite = "campsite"
    site = "site"
    office = "office"
    other = "other"


class SupportKind(StrEnum):
    """What the QR code is printed on."""

    placemat = "placemat"
    postcard = "postcard"
    flyer = "flyer"
    poster = "poster"
    coupon = "coupon"


class IssueState(StrEnum):
    """What marketing decided about an issue. That it is finished is derived from its balance, never stored."""

    draft = "draft"  # being written
    approved = "approved"  # frozen into an edition, no date yet
    scheduled = "scheduled"  # leaves at `send_at`
    sending = "sending"  # planned: mails leave
    paused = "paused"  # planned, and held by a person
    cancelled = "cancelled"


class IssueMove(StrEnum):
    """What a person, or the hour, does to an issue (issues/calendar has the table of what is allowed when)."""

    approve = "approve"
    reopen = "reopen"
    schedule = "schedule"
    unschedule = "unschedule"
    start = "start"
    pause = "pause"
    resume = "resume"
    cancel = "cancel"


class MailState(StrEnum):
    """Where one mail of the ledger is (docs/reference/delivery.md has the picture)."""

    planned = "planned"  # to be sent
    armed = "armed"  # durably noted before its body may reach a socket
    accepted = "accepted"  # the server said 250 after the final dot
    deferred = "deferred"  # the server said 4xx, or the line broke before the body left: tried again at `due_at`
    refused = "refused"  # the server said 5xx, or the last try was used up
    suppressed = "suppressed"  # the person left after planning: never handed over
    in_doubt = "in_doubt"  # the line broke after the body: nobody knows
    settled = "settled"  # was in doubt, and evidence or a person said it arrived
    cancelled = "cancelled"  # the issue was cancelled, or a doubt was dropped


class DoubtPolicy(StrEnum):
    """What becomes of a mail in doubt."""

    reconcile = "reconcile"  # look for evidence, list the rest (the default)
    hold = "hold"  # list it, whatever the evidence
    resend = "resend"  # send the same bytes again
    drop = "drop"  # close it


class NoteKind(StrEnum):
    """What a mail note tells."""

    deferred = "deferred"
    refused = "refused"
    doubt = "doubt"
    settled = "settled"
    suppressed = "suppressed"


class WorkerState(StrEnum):
    """What a sending process does."""

    idle = "idle"  # waits for work
    sending = "sending"


class LinkKind(StrEnum):
    """What a link of an edition points at."""

    employer = "employer"
    opening = "opening"
    portrait = "portrait"
    poll = "poll"  # an answer to "when might you move?"
    callback = "callback"  # "call me back"
    page = "page"  # any other page


class EventKind(StrEnum):
    """A recorded fact."""

    clicked = "clicked"
    opened = "opened"
    answered = "answered"  # a poll answer, given by POST
    callback = "callback"  # "call me back", given by POST
    unsubscribed = "unsubscribed"


class Verdict(StrEnum):
    """Who caused an event, as the present rule set judges it."""

    human = "human"
    prefetch = "prefetch"
    scanner = "scanner"
    unknown = "unknown"


class LeadState(StrEnum):
    new = "new"  # warm, nobody has it yet
    handed_over = "handed_over"
    closed = "closed"


class OutcomeKind(StrEnum):
    """What came of an adviser's call."""

    called = "called"
    not_reachable = "not_reachable"
    visit_planned = "visit_planned"
    settled = "settled"
    not_now = "not_now"
    not_interested = "not_interested"


class Role(StrEnum):
    marketing = "marketing"
    adviser = "adviser"
    admin = "admin"


class BlockKind(StrEnum):
    """What an issue is written from."""

    text = "text"
    employers = "employers"
    openings = "openings"
    portrait = "portrait"
    poll = "poll"
    callback = "callback"


_LABELS: tuple[tuple[StrEnum, str], ...] = (
    (Axis.newsletter, _("recevoir la lettre")),
    (Axis.clicks, _("mesure des clics")),
    (Axis.opens, _("mesure des ouvertures")),
    (Axis.adviser, _("être rappelé par un référent")),
    (Axis.employers, _("être présenté à des employeurs")),
    (ConsentState.unknown, _("non demandé")),
    (ConsentState.granted, _("oui")),
    (ConsentState.denied, _("non")),
    (Channel.web, _("formulaire d’inscription")),
    (Channel.imported, _("fichier importé")),
    (Channel.preferences, _("page de préférences")),
    (Channel.one_click, _("désinscription en un clic")),
    (Channel.answer, _("bouton d’une lettre")),
    (Channel.staff, _("dit à l’équipe")),
    (Horizon.unknown, _("pas encore dit")),
    (Horizon.this_year, _("dans l’année")),
    (Horizon.one_to_three_years, _("d’ici 1 à 3 ans")),
    (Horizon.later, _("plus tard")),
    (Horizon.dreaming, _("juste par curiosité")),
    (SuppressionReason.unsubscribed, _("désinscription")),
    (SuppressionReason.complained, _("plainte")),
    (SuppressionReason.bounced, _("adresse morte")),
    (SuppressionReason.erased, _("effacement demandé")),
    (SuppressionReason.objected, _("opposition")),
    (SuppressionReason.manual, _("décision de l’équipe")),
    (PartnerKind.campsite, _("camping")),
    (PartnerKind.site, _("site touristique")),
    (PartnerKind.office, _("office de tourisme")),
    (PartnerKind.other, _("autre")),
    (SupportKind.placemat, _("set de table")),
    (SupportKind.postcard, _("carte postale")),
    (SupportKind.flyer, _("dépliant")),
    (SupportKind.poster, _("affiche")),
    (SupportKind.coupon, _("coupon papier")),
    (IssueState.draft, _("brouillon")),
    (IssueState.approved, _("approuvé")),
    (IssueState.scheduled, _("programmé")),
    (IssueState.sending, _("en cours d’envoi")),
    (IssueState.paused, _("en pause")),
    (IssueState.cancelled, _("annulé")),
    (IssueMove.approve, _("approuver")),
    (IssueMove.reopen, _("rouvrir")),
    (IssueMove.schedule, _("programmer")),
    (IssueMove.unschedule, _("déprogrammer")),
    (IssueMove.start, _("envoyer")),
    (IssueMove.pause, _("mettre en pause")),
    (IssueMove.resume, _("reprendre")),
    (IssueMove.cancel, _("annuler")),
    (MailState.planned, _("à envoyer")),
    (MailState.armed, _("en cours")),
    (MailState.accepted, _("acceptés")),
    (MailState.deferred, _("à réessayer")),
    (MailState.refused, _("refusés")),
    (MailState.suppressed, _("retirés (désinscrits depuis)")),
    (MailState.in_doubt, _("dans le doute")),
    (MailState.settled, _("doute levé")),
    (MailState.cancelled, _("annulés")),
    (DoubtPolicy.reconcile, _("attendre une preuve, puis nous demander")),
    (DoubtPolicy.hold, _("ne rien décider sans nous")),
    (DoubtPolicy.resend, _("renvoyer la même lettre")),
    (DoubtPolicy.drop, _("abandonner la lettre")),
    (WorkerState.idle, _("attend")),
    (WorkerState.sending, _("envoie")),
    (LinkKind.employer, _("employeur")),
    (LinkKind.opening, _("offre d’emploi")),
    (LinkKind.portrait, _("portrait")),
    (LinkKind.poll, _("réponse au sondage")),
    (LinkKind.callback, _("demande de rappel")),
    (LinkKind.page, _("page")),
    (EventKind.clicked, _("clic")),
    (EventKind.opened, _("ouverture")),
    (EventKind.answered, _("réponse")),
    (EventKind.callback, _("demande de rappel")),
    (EventKind.unsubscribed, _("désinscription")),
    (Verdict.human, _("une personne")),
    (Verdict.prefetch, _("préchargement")),
    (Verdict.scanner, _("robot de messagerie")),
    (Verdict.unknown, _("incertain")),
    (LeadState.new, _("nouveau")),
    (LeadState.handed_over, _("confié")),
    (LeadState.closed, _("clos")),
    (OutcomeKind.called, _("appelé")),
    (OutcomeKind.not_reachable, _("injoignable")),
    (OutcomeKind.visit_planned, _("visite prévue")),
    (OutcomeKind.settled, _("installé")),
    (OutcomeKind.not_now, _("pas maintenant")),
    (OutcomeKind.not_interested, _("pas intéressé")),
    (Role.marketing, _("communication")),
    (Role.adviser, _("référent accueil")),
    (Role.admin, _("administration")),
    (BlockKind.text, _("texte")),
    (BlockKind.employers, _("employeurs")),
    (BlockKind.openings, _("offres d’emploi")),
    (BlockKind.portrait, _("portrait")),
    (BlockKind.poll, _("sondage « quand pourriez-vous venir ? »")),
    (BlockKind.callback, _("bouton « rappelez-moi »")),
)
LABELS = {(type(word), word.value): text for word, text in _LABELS}
"""By list and word: the same word may stand in two lists, and means something else in each."""


def label(word: StrEnum) -> str:
    """The French label of a word of this file."""
    return LABELS[type(word), word.value]
