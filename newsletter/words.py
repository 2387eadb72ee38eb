"""The closed lists, each word with its one meaning (docs/words.md), and the French that people read.

Values are stored as written here, so a word may be added but never renamed without a migration. `LABELS` gives the
French label of every word shown to a person.
"""

from enum import StrEnum

from newsletter.i18n import lazy


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


_LABELS: tuple[tuple[StrEnum, str], ...] = (
    (Axis.newsletter, lazy("recevoir la lettre")),
    (Axis.clicks, lazy("mesure des clics")),
    (Axis.opens, lazy("mesure des ouvertures")),
    (Axis.adviser, lazy("être rappelé par un référent")),
    (Axis.employers, lazy("être présenté à des employeurs")),
    (ConsentState.unknown, lazy("non demandé")),
    (ConsentState.granted, lazy("oui")),
    (ConsentState.denied, lazy("non")),
    (Channel.web, lazy("formulaire d’inscription")),
    (Channel.imported, lazy("fichier importé")),
    (Channel.preferences, lazy("page de préférences")),
    (Channel.one_click, lazy("désinscription en un clic")),
    (Channel.answer, lazy("bouton d’une lettre")),
    (Channel.staff, lazy("dit à l’équipe")),
    (Horizon.unknown, lazy("pas encore dit")),
    (Horizon.this_year, lazy("dans l’année")),
    (Horizon.one_to_three_years, lazy("d’ici 1 à 3 ans")),
    (Horizon.later, lazy("plus tard")),
    (Horizon.dreaming, lazy("juste par curiosité")),
    (SuppressionReason.unsubscribed, lazy("désinscription")),
    (SuppressionReason.complained, lazy("plainte")),
    (SuppressionReason.bounced, lazy("adresse morte")),
    (SuppressionReason.erased, lazy("effacement demandé")),
    (SuppressionReason.objected, lazy("opposition")),
    (SuppressionReason.manual, lazy("décision de l’équipe")),
    (PartnerKind.campsite, lazy("camping")),
    (PartnerKind.site, lazy("site touristique")),
    (PartnerKind.office, lazy("office de tourisme")),
    (PartnerKind.other, lazy("autre")),
    (SupportKind.placemat, lazy("set de table")),
    (SupportKind.postcard, lazy("carte postale")),
    (SupportKind.flyer, lazy("dépliant")),
    (SupportKind.poster, lazy("affiche")),
    (SupportKind.coupon, lazy("coupon papier")),
    (IssueState.draft, lazy("brouillon")),
    (IssueState.approved, lazy("approuvé")),
    (IssueState.scheduled, lazy("programmé")),
    (IssueState.sending, lazy("en cours d’envoi")),
    (IssueState.paused, lazy("en pause")),
    (IssueState.cancelled, lazy("annulé")),
    (IssueMove.approve, lazy("approuver")),
    (IssueMove.reopen, lazy("rouvrir")),
    (IssueMove.schedule, lazy("programmer")),
    (IssueMove.unschedule, lazy("déprogrammer")),
    (IssueMove.start, lazy("envoyer")),
    (IssueMove.pause, lazy("mettre en pause")),
    (IssueMove.resume, lazy("reprendre")),
    (IssueMove.cancel, lazy("annuler")),
    (MailState.planned, lazy("à envoyer")),
    (MailState.armed, lazy("en cours")),
    (MailState.accepted, lazy("acceptés")),
    (MailState.deferred, lazy("à réessayer")),
    (MailState.refused, lazy("refusés")),
    (MailState.suppressed, lazy("retirés (désinscrits depuis)")),
    (MailState.in_doubt, lazy("dans le doute")),
    (MailState.settled, lazy("doute levé")),
    (MailState.cancelled, lazy("annulés")),
    (DoubtPolicy.reconcile, lazy("attendre une preuve, puis nous demander")),
    (DoubtPolicy.hold, lazy("ne rien décider sans nous")),
    (DoubtPolicy.resend, lazy("renvoyer la même lettre")),
    (DoubtPolicy.drop, lazy("abandonner la lettre")),
    (WorkerState.idle, lazy("attend")),
    (WorkerState.sending, lazy("envoie")),
    (LinkKind.employer, lazy("employeur")),
    (LinkKind.opening, lazy("offre d’emploi")),
    (LinkKind.portrait, lazy("portrait")),
    (LinkKind.poll, lazy("réponse au sondage")),
    (LinkKind.callback, lazy("demande de rappel")),
    (LinkKind.page, lazy("page")),
    (EventKind.clicked, lazy("clic")),
    (EventKind.opened, lazy("ouverture")),
    (EventKind.answered, lazy("réponse")),
    (EventKind.callback, lazy("demande de rappel")),
    (EventKind.unsubscribed, lazy("désinscription")),
    (Verdict.human, lazy("une personne")),
    (Verdict.prefetch, lazy("préchargement")),
    (Verdict.scanner, lazy("robot de messagerie")),
    (Verdict.unknown, lazy("incertain")),
    (LeadState.new, lazy("nouveau")),
    (LeadState.handed_over, lazy("confié")),
    (LeadState.closed, lazy("clos")),
    (OutcomeKind.called, lazy("appelé")),
    (OutcomeKind.not_reachable, lazy("injoignable")),
    (OutcomeKind.visit_planned, lazy("visite prévue")),
    (OutcomeKind.settled, lazy("installé")),
    (OutcomeKind.not_now, lazy("pas maintenant")),
    (OutcomeKind.not_interested, lazy("pas intéressé")),
    (Role.marketing, lazy("communication")),
    (Role.adviser, lazy("référent accueil")),
    (Role.admin, lazy("administration")),
)
LABELS = {(type(word), word.value): text for word, text in _LABELS}
"""By list and word: the same word may stand in two lists, and means something else in each."""


def label(word: StrEnum) -> str:
    """What people read for a word of this file, in the language of the moment."""
    return str(LABELS[type(word), word.value])
