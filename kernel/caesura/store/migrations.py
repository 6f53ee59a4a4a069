"""The steps from one schema version of the records to the next.

What lives here: SQL, exactly as it was released. A released step is never edited; a change is a new step at the end,
and ``schema.py`` (the tables that queries are written against) follows it. A test compares the two.

Times are wall seconds (REAL), ids and JSON are TEXT.
"""

from __future__ import annotations

from typing import Final

_V1: Final = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    """CREATE TABLE sessions (
        id TEXT PRIMARY KEY, kind TEXT NOT NULL, state TEXT NOT NULL, epoch INTEGER NOT NULL,
        connection TEXT NOT NULL, environment TEXT NOT NULL, name TEXT NOT NULL,
        created REAL NOT NULL, updated REAL NOT NULL, detached INTEGER NOT NULL, policy TEXT NOT NULL,
        next_number INTEGER NOT NULL, snapshot_id TEXT, parent_op TEXT, worker TEXT NOT NULL)""",
    """CREATE TABLE cells (
        session_id TEXT NOT NULL REFERENCES sessions(id) ON DELETE CASCADE, id TEXT NOT NULL, seq INTEGER NOT NULL,
        state TEXT NOT NULL, request BLOB NOT NULL, code_preview TEXT NOT NULL, created REAL NOT NULL,
        started REAL, ended REAL, status TEXT NOT NULL, moves INTEGER NOT NULL, reason TEXT NOT NULL,
        error TEXT NOT NULL, waits TEXT NOT NULL, PRIMARY KEY (session_id, id), UNIQUE (session_id, seq))""",
    "CREATE INDEX cells_by_state ON cells (state)",
    "CREATE INDEX cells_by_id ON cells (id)",
    """CREATE TABLE operations (
        id TEXT PRIMARY KEY, session_id TEXT NOT NULL REFERENCES sessions(id) ON DELETE CASCADE,
        cell_id TEXT NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL, label TEXT NOT NULL, request BLOB NOT NULL,
        options TEXT NOT NULL, parent TEXT NOT NULL, state TEXT NOT NULL, created REAL NOT NULL, due REAL,
        ok INTEGER, result BLOB, text TEXT NOT NULL, answered_at REAL, consumed INTEGER NOT NULL)""",
    "CREATE INDEX operations_by_session ON operations (session_id, state)",
    "CREATE INDEX operations_by_due ON operations (due) WHERE state = 'pending' AND due IS NOT NULL",
    """CREATE TABLE snapshots (
        id TEXT PRIMARY KEY, session_id TEXT NOT NULL REFERENCES sessions(id) ON DELETE CASCADE,
        cell_id TEXT NOT NULL, epoch INTEGER NOT NULL, manifest TEXT NOT NULL, blobs TEXT NOT NULL,
        state TEXT NOT NULL, size_bytes INTEGER NOT NULL, last_number INTEGER NOT NULL, created REAL NOT NULL,
        failures INTEGER NOT NULL)""",
    "CREATE INDEX snapshots_by_session ON snapshots (session_id, created)",
    """CREATE TABLE moves (
        id INTEGER PRIMARY KEY, session_id TEXT NOT NULL REFERENCES sessions(id) ON DELETE CASCADE,
        cell_id TEXT NOT NULL, epoch INTEGER NOT NULL, from_pid INTEGER NOT NULL, to_pid INTEGER,
        suspended_at REAL NOT NULL, resumed_at REAL, waited_for TEXT NOT NULL, size_bytes INTEGER NOT NULL,
        save_s REAL NOT NULL, load_s REAL)""",
    "CREATE INDEX moves_by_cell ON moves (session_id, cell_id)",
    """CREATE TABLE decisions (
        id INTEGER PRIMARY KEY, at REAL NOT NULL,
        session_id TEXT NOT NULL REFERENCES sessions(id) ON DELETE CASCADE, cell_id TEXT NOT NULL,
        key TEXT NOT NULL, kind TEXT NOT NULL, policy TEXT NOT NULL, predicted_p10 REAL, predicted_p50 REAL,
        predicted_p90 REAL, predicted_mean REAL, threshold_s REAL, action TEXT NOT NULL, reason TEXT NOT NULL,
        actual_s REAL)""",
    "CREATE INDEX decisions_by_cell ON decisions (session_id, cell_id)",
    """CREATE TABLE waits (
        id INTEGER PRIMARY KEY, key TEXT NOT NULL, kind TEXT NOT NULL, duration_s REAL NOT NULL, at REAL NOT NULL,
        censored INTEGER NOT NULL)""",
    "CREATE INDEX waits_by_key ON waits (key, id)",
    """CREATE TABLE outputs (
        session_id TEXT NOT NULL REFERENCES sessions(id) ON DELETE CASCADE, n INTEGER NOT NULL,
        channel TEXT NOT NULL, frames BLOB NOT NULL, sent INTEGER NOT NULL, PRIMARY KEY (session_id, n))""",
    "CREATE TABLE marks (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    """CREATE TABLE events (
        id INTEGER PRIMARY KEY, session_id TEXT NOT NULL REFERENCES sessions(id) ON DELETE CASCADE,
        cell_id TEXT NOT NULL, kind TEXT NOT NULL, at REAL NOT NULL, consumed INTEGER NOT NULL)""",
    "CREATE INDEX events_open ON events (session_id) WHERE consumed = 0",
)

_V2: Final = (
    "ALTER TABLE sessions ADD COLUMN holder TEXT NOT NULL DEFAULT '{}'",
    "ALTER TABLE outputs ADD COLUMN cell_id TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE outputs ADD COLUMN size_bytes INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE outputs ADD COLUMN at REAL NOT NULL DEFAULT 0",
    "ALTER TABLE outputs ADD COLUMN kept INTEGER NOT NULL DEFAULT 0",
    # It holds all that is asked about many at once, so that no message is read for it.
    "CREATE INDEX outputs_kept ON outputs (session_id, n, size_bytes, at, cell_id, channel, kept) WHERE kept IS 1",
)

_V3: Final = ("ALTER TABLE snapshots ADD COLUMN stream BLOB",)

_V4: Final = (
    "ALTER TABLE outputs ADD COLUMN file INTEGER NOT NULL DEFAULT 0",
    "CREATE INDEX outputs_files ON outputs (session_id, file) WHERE file > 0",
)

_V5: Final = (
    # It outlives the sessions that it counts.
    """CREATE TABLE ledger (
        id INTEGER PRIMARY KEY, at REAL NOT NULL, cell_id TEXT NOT NULL, key TEXT NOT NULL, kind TEXT NOT NULL,
        policy TEXT NOT NULL, wait_s REAL NOT NULL, held_s REAL NOT NULL, moved INTEGER NOT NULL, save_s REAL NOT NULL,
        load_s REAL NOT NULL, delay_s REAL NOT NULL, freed_s REAL NOT NULL, memory_bytes INTEGER NOT NULL,
        predicted_p10 REAL, predicted_p90 REAL, cost_s REAL NOT NULL, never_s REAL NOT NULL, always_s REAL NOT NULL,
        fixed_s REAL NOT NULL, break_even_s REAL NOT NULL, mean_s REAL NOT NULL, clairvoyant_s REAL NOT NULL)""",
)

MIGRATIONS: Final[tuple[tuple[str, ...], ...]] = (_V1, _V2, _V3, _V4, _V5)
"""``MIGRATIONS[n]`` leads from version n to n + 1."""

SCHEMA_VERSION: Final = len(MIGRATIONS)
