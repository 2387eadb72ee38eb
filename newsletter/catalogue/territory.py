"""The Lot: its communes, its intercommunalities, and the closed list of trades people speak of here."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlmodel import Session, col, select

from newsletter.errors import NewsletterError
from newsletter.spelling import fold, nearest
from newsletter.store.catalogue import Commune, Epci, Sector
from newsletter.store.portable import upsert
from newsletter.words import _

REFERENCE = Path(__file__).parent / "reference"


class UnknownWordError(NewsletterError):
    """A commune or a sector that is not one of ours; the sentence names the nearest one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """How much territory the store now holds."""

    communes: int
    epcis: int
    sectors: int


def load(session: Session) -> Loaded:
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
    return Loaded(communes=len(communes), epcis=len(epcis), sectors=len(sectors))


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
        close = nearest(text, names)
        if close is not None:
            raise UnknownWordError(
                _("Le secteur « {text} » n’existe pas. Vouliez-vous dire « {nearest} » ?").format(
                    text=text, nearest=close
                )
            )
        raise UnknownWordError(
            _("Le secteur « {text} » n’existe pas. Choisissez parmi : {all}.").format(text=text, all=", ".join(names))
        )

    def commune(self, text: str) -> str:
        """The INSEE code of a commune of the Lot given by its name or code. Raises UnknownWordError."""
        found = self.communes.get(fold(text))
        if found is not None:
            return found.insee_code
        close = nearest(text, [commune.name for commune in self.communes.values()])
        if close is not None:
            raise UnknownWordError(
                _("La commune « {text} » n’existe pas dans le Lot. Vouliez-vous dire « {nearest} » ?").format(
                    text=text, nearest=close
                )
            )
        raise UnknownWordError(
            _("La commune « {text} » n’existe pas dans le Lot. Donnez son nom ou son code INSEE.").format(text=text)
        )


def gazetteer(session: Session) -> Gazetteer:
    """The sectors and communes of the store, by every word they are known by."""
    known = session.exec(select(Sector)).all()
    places = session.exec(select(Commune).order_by(col(Commune.insee_code))).all()
    return Gazetteer(
        sectors={fold(word): sector for sector in known for word in (sector.name_en, sector.code, sector.name_fr)},
        communes={fold(word): commune for commune in places for word in (commune.insee_code, commune.name)},
    )
