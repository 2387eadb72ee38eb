"""Every table, imported so that `SQLModel.metadata` is whole."""

from sqlmodel import SQLModel

from newsletter.store import activity, catalogue, issues, leads, ledger, people, staff, work

ROOMS = (people, catalogue, issues, ledger, activity, leads, staff, work)
metadata = SQLModel.metadata
