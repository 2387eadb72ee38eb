"""What became of the issues that left: every figure says of whom it is (never "38 %" alone)."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from newsletter.formats import number
from newsletter.i18n import _, ngettext
from newsletter.reports import readership
from newsletter.reports.issues import reported_issues
from newsletter.reports.readership import MeasuredShare
from newsletter.web.pages import Marketing, TheInstance, render

router = APIRouter()


@router.get("/bureau/bilans")
def list_reports(request: Request, instance: TheInstance, visitor: Marketing) -> Response:
    return render(request, "reports/list.html", sent=reported_issues(instance))


@router.get("/bureau/bilans/{issue_id}")
def show_report(request: Request, instance: TheInstance, visitor: Marketing, issue_id: int) -> Response:
    report = readership.issue_report(instance, issue_id)
    return render(
        request,
        "reports/issue.html",
        sent=report.sent,
        readers=report.readers,
        links=report.links,
        answers=report.answers,
        clicks_said=_share_said(report.readers.clicks, _("ont cliqué")),
        opens_said=_share_said(report.readers.opens, _("ont ouvert")),
    )


def _share_said(share: MeasuredShare, did: str) -> str:
    """ "38 % des 212 personnes qui ont accepté la mesure ont cliqué (81)"; honest words where nobody accepted."""
    if not share.base:
        return _("Personne n’a accepté cette mesure : nous ne mesurons donc rien.")
    return ngettext(
        "Une seule personne a accepté la mesure : {count} sur 1.",
        "{percent} % des {base} personnes qui ont accepté la mesure {did} ({count}).",
        share.base,
    ).format(percent=share.percent, base=number(share.base), did=did, count=number(share.count))
