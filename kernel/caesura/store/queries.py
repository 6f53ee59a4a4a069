"""What the parts of the records have in common: running a statement and reading rows.

What lives here: plumbing between SQLAlchemy Core and the row classes. What must not: any table's meaning.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from sqlalchemy import Executable, Insert, Select, Table, insert

from caesura.store.database import Database
from caesura.store.rows import values_of

Row = TypeVar("Row")


@functools.cache
def _insert_into(table: Table) -> Insert:
    """Built once: building a statement costs more than running it."""
    return insert(table)


class Queries:
    """The root of the parts of :class:`~caesura.store.records.Records`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def _insert(self, table: Table, row: Any, *, without: Iterable[str] = ()) -> int:
        """Add one row; its integer key, if the table has one. IntegrityError if it breaks a rule of the table."""
        values = {name: value for name, value in values_of(row).items() if name not in without}
        result = self._database.connection.execute(_insert_into(table), values)
        key = result.inserted_primary_key
        return key[0] if key is not None and isinstance(key[0], int) else 0

    def _one(self, row: type[Row], query: Select[Any], values: Mapping[str, Any] | None = None) -> Row | None:
        found = self._database.connection.execute(query, values).first()
        return None if found is None else row(**found._mapping)

    def _all(self, row: type[Row], query: Select[Any]) -> list[Row]:
        return [row(**found._mapping) for found in self._database.connection.execute(query)]

    def _scalar(self, query: Select[Any], values: Mapping[str, Any] | None = None) -> Any:
        return self._database.connection.execute(query, values).scalar()

    def _changed(self, statement: Executable, values: Mapping[str, Any] | None = None) -> int:
        """Run an UPDATE or DELETE; how many rows it touched."""
        return self._database.connection.execute(statement, values).rowcount
