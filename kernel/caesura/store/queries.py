"""What the parts of the records have in common: running a statement and reading rows.

What runs for every message or move is a :class:`~caesura.store.prepared.Prepared` statement, with values; all else is
built by SQLAlchemy when it is needed.

What lives here: plumbing between statements and the row classes. What must not: any table's meaning.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any, TypeVar

from sqlalchemy import Executable, Integer, Select, Table, bindparam, insert

from caesura.store.database import Database
from caesura.store.prepared import Prepared
from caesura.store.rows import values_of

Row = TypeVar("Row")


@functools.cache
def _insert_into(table: Table, names: tuple[str, ...]) -> Prepared:
    return Prepared(insert(table).values({name: bindparam(name) for name in names}))


class Queries:
    """The root of the parts of :class:`~caesura.store.records.Records`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def _insert(self, table: Table, row: Any, *, without: Iterable[str] = ()) -> int:
        """Add one row; its integer key, if the table has one. IntegrityError if it breaks a rule of the table."""
        values = {name: value for name, value in values_of(row).items() if name not in without}
        key = _insert_into(table, tuple(values)).execute(self._database.raw, values).lastrowid
        return key or 0 if isinstance(table.primary_key.columns[0].type, Integer) else 0

    def _one(self, row: type[Row], query: Select[Any] | Prepared, **values: Any) -> Row | None:
        return next(iter(self._all(row, query, **values)), None)

    def _all(self, row: type[Row], query: Select[Any] | Prepared, **values: Any) -> list[Row]:
        if isinstance(query, Prepared):
            return [row(**found) for found in query.rows(self._database.raw, values)]
        return [row(**found._mapping) for found in self._database.connection.execute(query)]

    def _scalar(self, query: Select[Any] | Prepared, **values: Any) -> Any:
        """The first column of the first row, None if there is no row; as SQLite has it, if the query is prepared."""
        if isinstance(query, Prepared):
            found = query.execute(self._database.raw, values).fetchone()
            return None if found is None else found[0]
        return self._database.connection.execute(query).scalar()

    def _changed(self, statement: Executable | Prepared, **values: Any) -> int:
        """Run an UPDATE or DELETE; how many rows it touched."""
        if isinstance(statement, Prepared):
            return statement.execute(self._database.raw, values).rowcount
        return self._database.connection.execute(statement).rowcount
