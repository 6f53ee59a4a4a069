"""Statements that run for every message or move, compiled once and given to SQLite past SQLAlchemy, whose own execution
costs several times what SQLite's does.

What lives here: compiling, and the conversion of values as the types of the columns say. What must not: any table's
meaning.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Select, UpdateBase
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.elements import BindParameter
from sqlalchemy.types import TypeEngine

Convert = Callable[[Any], Any]

_DIALECT = sqlite.dialect(paramstyle="named")


class Prepared:
    """``statement`` with a ``bindparam`` for each value that differs from time to time; no expanding ones."""

    def __init__(self, statement: Select[Any] | UpdateBase) -> None:
        compiled = statement.compile(dialect=_DIALECT)
        self._sql = str(compiled)
        self._constants: dict[str, Any] = {}
        self._conversions: dict[str, Convert] = {}
        for name, bind in compiled.binds.items():
            self._take(name, bind)
        columns: list[Any] = list(statement.selected_columns) if isinstance(statement, Select) else []
        self._names = [column.name for column in columns]
        self._results = [(place, found) for place, column in enumerate(columns) if (found := _reader(column.type))]

    def _take(self, name: str, bind: BindParameter[Any]) -> None:
        convert = bind.type.dialect_impl(_DIALECT).bind_processor(_DIALECT)
        if not bind.required:
            value = bind.effective_value
            self._constants[name] = value if convert is None else convert(value)
        elif convert is not None:
            self._conversions[name] = convert

    def execute(self, raw: sqlite3.Connection, values: Mapping[str, Any]) -> sqlite3.Cursor:
        """Run it; the rows as SQLite has them."""
        converted = {name: convert(values[name]) for name, convert in self._conversions.items()}
        return raw.execute(self._sql, {**self._constants, **values, **converted})

    def rows(self, raw: sqlite3.Connection, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Run a query; its rows by the names of their columns, in their types."""
        found = []
        for each in self.execute(raw, values):
            row = dict(zip(self._names, each, strict=True))
            for place, convert in self._results:
                row[self._names[place]] = convert(each[place])
            found.append(row)
        return found


def _reader(kind: TypeEngine[Any]) -> Convert | None:
    return kind.dialect_impl(_DIALECT).result_processor(_DIALECT, None)
