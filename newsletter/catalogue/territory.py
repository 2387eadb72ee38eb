"""The Lot: its communes, its intercommunalities, and the closed list of trades people speak of here."""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlmodel import Session, col, select

from newsletter.errors import NewsletterError
from newsletter.i18n import _
from newsletter.store.catalogue import Commune, Epci, Sector
from newsletter.store.portable import upsert
from newsletter.text import fold, nearest

REFERENCE = Path(__file__).parent / "reference"


class UnknownWordError(NewsletterError):
    """A name that is none of ours: of a sector, a commune, an employer or a partner."""


def unknown(text: str, names: Iterable[str], *, what: str, advice: str) -> UnknownWordError:
    """The error that says `what` is wrong, and proposes the nearest of these names; or else gives the advice."""
    close = nearest(text, names)
    hint = _("Vouliez-vous dire « {nearest} » ?").format(nearest=close) if close else advice
    return UnknownWordError(f"{what} {hint}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TerritoryCounts:
    """How much territory the store now holds."""

    communes: int
    epcis: int
    sectors: int


def load(session: Session) -> TerritoryCounts:
    """Put the communes, EPCIs and sectors that ship with the program into the store. Safe to repeat."""
    communes = _read("lot-communes.csv")
    sectors = _read("sectors.csv")
    epcis = {row["epci_siren"]: row["epci_name"] for row in communes}
    upsert(session, Epci, [{"siren": s, "name": n} for s, n in epcis.items()], key=["siren"], replace=["name"])
    upsert(
        session,
        Commune,
        [_commune(row) for row in communes],
        key=["insee_code"],
        replace=["name", "postcodes", "population", "epci_siren"],
    )
    upsert(session, Sector, sectors, key=["code"], replace=["name_fr", "name_en"])
    return TerritoryCounts(communes=len(communes), epcis=len(epcis), sectors=len(sectors))


def _read(name: str) -> list[dict[str, str]]:
    with (REFERENCE / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _commune(row: Mapping[str, str]) -> dict[str, str | int]:
    return {
        "insee_code": row["insee_code"],
        "name": row["name"],
        "postcodes": row["postcodes"],
        "population": int(row["population"]),
        "epci_siren": row["epci_siren"],
    }


def sectors(session: Session) -> list[Sector]:
    """Every sector, by its French name."""
    return sorted(session.exec(select(Sector)).all(), key=lambda sector: fold(sector.name_fr))


def communes(session: Session) -> list[Commune]:
    """Every commune, by name."""
    return sorted(session.exec(select(Commune)).all(), key=lambda commune: fold(commune.name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Gazetteer:
    """The words of the territory as people write them, read once. Finds codes, whatever the case and the accents."""

    sectors: Mapping[str, Sector]
    communes: Mapping[str, Commune]

    def sector(self, text: str) -> str:
        """The code of a sector given by its code, French or English name. Raises UnknownWordError."""
        found = self.sectors.get(fold(text))
        if found is not None:
            return found.code
        names = sorted({sector.name_fr for sector in self.sectors.values()}, key=fold)
        raise unknown(
            text,
            names,
            what=_("Le secteur « {text} » n’existe pas.").format(text=text),
            advice=_("Choisissez parmi : {all}.").format(all=", ".join(names)),
        )

    def commune(self, text: str) -> str:
        """The INSEE code of a commune of the Lot given by its name or code. Raises UnknownWordError."""
        found = self.communes.get(fold(text))
        if found is not None:
            return found.insee_code
        raise unknown(
            text,
            [commune.name for commune in self.communes.values()],
            what=_("La commune « {text} » n’existe pas dans le Lot.").format(text=text),
            advice=_("Donnez son nom ou son code INSEE."),
        )


def gazetteer(session: Session) -> Gazetteer:
    """The sectors and communes of the store, by every word they are known by."""
    known = session.exec(select(Sector)).all()
    places = session.exec(select(Commune).order_by(col(Commune.insee_code))).all()
    return Gazetteer(
        sectors={fold(word): sector for sector in known for word in (sector.name_en, sector.code, sector.name_fr)},
        communes={fold(word): commune for commune in places for word in (commune.insee_code, commune.name)},
    )
