"""What a partner's supports brought: scans, sign-ups, confirmations. Never a name, and no small number."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.catalogue.kinds import CatalogueKind, EntryForm, KindSlug, entry_form
from newsletter.i18n import _
from newsletter.instance import Instance
from newsletter.store.catalogue import Scan, Support
from newsletter.store.columns import key
from newsletter.store.people import SignUp, Subscriber

_SMALLEST_SHOWN = 5
"""Below this, a family on a campsite could be recognised."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SupportReport:
    """What one support brought, as counts over rows."""

    support: Support
    scans: int
    sign_ups: int
    confirmed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerReport:
    """Everything a partner brought: by support, and the people they met, however those reached us."""

    supports: list[SupportReport]
    met: int  # subscribers whose first source is this partner, paper coupons and imported files included


def partner_report(session: Session, partner_id: int) -> PartnerReport:
    """Count what this partner's supports brought, the newest season first."""
    scans = sa.select(sa.func.coalesce(sa.func.sum(col(Scan.count)), 0)).where(col(Scan.support_id) == col(Support.id))
    asked = sa.select(sa.func.count()).where(col(SignUp.support_id) == col(Support.id))
    confirmed = asked.where(col(SignUp.confirmed_at).is_not(None))
    read, sent, sure = (count.correlate(Support).scalar_subquery() for count in (scans, asked, confirmed))
    rows = session.exec(
        select(Support, read, sent, sure)
        .where(col(Support.partner_id) == partner_id)
        .order_by(col(Support.season).desc(), col(Support.id))
    )
    met = select(sa.func.count()).select_from(Subscriber).where(col(Subscriber.partner_id) == partner_id)
    return PartnerReport(
        supports=[SupportReport(support=s, scans=int(n), sign_ups=a, confirmed=c) for s, n, a, c in rows],
        met=session.exec(met).one(),
    )


def masked_count(count: int) -> str:
    """The number as it may be shown to anyone: a small one only says that it is small."""
    return _("moins de {smallest}").format(smallest=_SMALLEST_SHOWN) if 0 < count < _SMALLEST_SHOWN else str(count)


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryReport:
    """The form of an entry of the catalogue; a partner's with what their supports brought."""

    form: EntryForm
    partner: PartnerReport | None


def entry_report(instance: Instance, kind: CatalogueKind, row_id: int | None = None) -> EntryReport:
    """The form of this entry, or an empty one. Raises NotFoundError."""
    with instance.store.reading() as session:
        form = entry_form(session, kind, row_id)
        brought = row_id is not None and kind.slug is KindSlug.partners
        return EntryReport(form=form, partner=partner_report(session, key(row_id)) if brought else None)
