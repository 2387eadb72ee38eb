"""The one store around which the stations stand. Its tables are the model: there is no second set of classes."""

from sqlmodel import Session

from newsletter.store.engine import Store, StoreError

__all__ = ["Session", "Store", "StoreError"]
