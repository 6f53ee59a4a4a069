"""The tables of the records at the present schema version, for queries. ``migrations.py`` makes them.

What lives here: table objects. What must not: queries, SQL text, connections.
"""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, Float, Integer, LargeBinary, MetaData, Table, Text

metadata = MetaData()

meta = Table("meta", metadata, Column("key", Text, primary_key=True), Column("value", Text))

sessions = Table(
    "sessions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text),
    Column("state", Text),
    Column("epoch", Integer),
    Column("connection", JSON),
    Column("environment", JSON),
    Column("name", Text),
    Column("created", Float),
    Column("updated", Float),
    Column("detached", Boolean),
    Column("policy", Text),
    Column("next_number", Integer),
    Column("snapshot_id", Text),
    Column("parent_op", Text),
    Column("worker", JSON),
    Column("holder", JSON),
)

cells = Table(
    "cells",
    metadata,
    Column("session_id", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("seq", Integer),
    Column("state", Text),
    Column("request", LargeBinary),
    Column("code_preview", Text),
    Column("created", Float),
    Column("started", Float),
    Column("ended", Float),
    Column("status", Text),
    Column("moves", Integer),
    Column("reason", Text),
    Column("error", Text),
    Column("waits", JSON),
)

operations = Table(
    "operations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("session_id", Text),
    Column("cell_id", Text),
    Column("kind", Text),
    Column("key", Text),
    Column("label", Text),
    Column("request", LargeBinary),
    Column("options", JSON),
    Column("parent", JSON),
    Column("state", Text),
    Column("created", Float),
    Column("due", Float),
    Column("ok", Boolean),
    Column("result", LargeBinary),
    Column("text", Text),
    Column("answered_at", Float),
    Column("consumed", Boolean),
)

snapshots = Table(
    "snapshots",
    metadata,
    Column("id", Text, primary_key=True),
    Column("session_id", Text),
    Column("cell_id", Text),
    Column("epoch", Integer),
    Column("manifest", JSON),
    Column("blobs", JSON),
    Column("state", Text),
    Column("size_bytes", Integer),
    Column("last_number", Integer),
    Column("created", Float),
    Column("failures", Integer),
    Column("stream", LargeBinary),
)

moves = Table(
    "moves",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("session_id", Text),
    Column("cell_id", Text),
    Column("epoch", Integer),
    Column("from_pid", Integer),
    Column("to_pid", Integer),
    Column("suspended_at", Float),
    Column("resumed_at", Float),
    Column("waited_for", JSON),
    Column("size_bytes", Integer),
    Column("save_s", Float),
    Column("load_s", Float),
)

decisions = Table(
    "decisions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", Float),
    Column("session_id", Text),
    Column("cell_id", Text),
    Column("key", Text),
    Column("kind", Text),
    Column("policy", Text),
    Column("predicted_p10", Float),
    Column("predicted_p50", Float),
    Column("predicted_p90", Float),
    Column("predicted_mean", Float),
    Column("threshold_s", Float),
    Column("action", Text),
    Column("reason", Text),
    Column("actual_s", Float),
)

waits = Table(
    "waits",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", Text),
    Column("kind", Text),
    Column("duration_s", Float),
    Column("at", Float),
    Column("censored", Boolean),
)

ledger = Table(
    "ledger",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", Float),
    Column("cell_id", Text),
    Column("key", Text),
    Column("kind", Text),
    Column("policy", Text),
    Column("wait_s", Float),
    Column("held_s", Float),
    Column("moved", Boolean),
    Column("save_s", Float),
    Column("load_s", Float),
    Column("delay_s", Float),
    Column("freed_s", Float),
    Column("memory_bytes", Integer),
    Column("predicted_p10", Float),
    Column("predicted_p90", Float),
    Column("cost_s", Float),
    Column("never_s", Float),
    Column("always_s", Float),
    Column("fixed_s", Float),
    Column("break_even_s", Float),
    Column("mean_s", Float),
    Column("clairvoyant_s", Float),
)

outputs = Table(
    "outputs",
    metadata,
    Column("session_id", Text, primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("channel", Text),
    Column("frames", LargeBinary),
    Column("sent", Boolean),
    Column("cell_id", Text),
    Column("size_bytes", Integer),
    Column("at", Float),
    Column("kept", Boolean),
    Column("file", Integer),
)

marks = Table("marks", metadata, Column("key", Text, primary_key=True), Column("value", Text))

events = Table(
    "events",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("session_id", Text),
    Column("cell_id", Text),
    Column("kind", Text),
    Column("at", Float),
    Column("consumed", Boolean),
)
