BEGIN TRANSACTION;
CREATE TABLE cells (
        session_id TEXT NOT NULL REFERENCES sessions(id) ON DELETE CASCADE, id TEXT NOT NULL, seq INTEGER NOT NULL,
        state TEXT NOT NULL, request BLOB NOT NULL, code_preview TEXT NOT NULL, created REAL NOT NULL,
        started REAL, ended REAL, status TEXT NOT NULL, moves INTEGER NOT NULL, reason TEXT NOT NULL,
        error TEXT NOT NULL, waits TEXT NOT NULL, PRIMARY KEY (session_id, id), UNIQUE (session_id, seq));
INSERT INTO "cells" VALUES('s-1','c-1',1,'released',X'0001','await fetch()',2.0,2.25,NULL,'',1,'','','[]');
CREATE TABLE decisions (
        id INTEGER PRIMARY KEY, at REAL NOT NULL,
        session_id TEXT NOT NULL REFERENCES sessions(id) ON DELETE CASCADE, cell_id TEXT NOT NULL,
        key TEXT NOT NULL, kind TEXT NOT NULL, policy TEXT NOT NULL, predicted_p10 REAL, predicted_p50 REAL,
        predicted_p90 REAL, predicted_mean REAL, threshold_s REAL, action TEXT NOT NULL, reason TEXT NOT NULL,
        actual_s REAL);
INSERT INTO "decisions" VALUES(1,3.5,'s-1','c-1','function:fetch','function','always',NULL,NULL,NULL,NULL,NULL,'suspend','the policy is always',NULL);
CREATE TABLE events (
        id INTEGER PRIMARY KEY, session_id TEXT NOT NULL REFERENCES sessions(id) ON DELETE CASCADE,
        cell_id TEXT NOT NULL, kind TEXT NOT NULL, at REAL NOT NULL, consumed INTEGER NOT NULL);
INSERT INTO "events" VALUES(1,'s-1','c-1','interrupt',6.0,0);
CREATE TABLE ledger (
        id INTEGER PRIMARY KEY, at REAL NOT NULL, cell_id TEXT NOT NULL, key TEXT NOT NULL, kind TEXT NOT NULL,
        policy TEXT NOT NULL, wait_s REAL NOT NULL, held_s REAL NOT NULL, moved INTEGER NOT NULL, save_s REAL NOT NULL,
        load_s REAL NOT NULL, delay_s REAL NOT NULL, freed_s REAL NOT NULL, memory_bytes INTEGER NOT NULL,
        predicted_p10 REAL, predicted_p90 REAL, cost_s REAL NOT NULL, never_s REAL NOT NULL, always_s REAL NOT NULL,
        fixed_s REAL NOT NULL, break_even_s REAL NOT NULL, mean_s REAL NOT NULL, clairvoyant_s REAL NOT NULL);
INSERT INTO "ledger" VALUES(1,5.0,'c-1','function:fetch','function','auto',3.25,0.5,1,0.125,0.0625,0.0625,2.5,1000,3.0,4.0,0.75,3.25,0.25,3.25,0.5,0.25,0.25);
CREATE TABLE marks (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO "marks" VALUES('greeting','hello');
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO "meta" VALUES('schema_version','5');
CREATE TABLE moves (
        id INTEGER PRIMARY KEY, session_id TEXT NOT NULL REFERENCES sessions(id) ON DELETE CASCADE,
        cell_id TEXT NOT NULL, epoch INTEGER NOT NULL, from_pid INTEGER NOT NULL, to_pid INTEGER,
        suspended_at REAL NOT NULL, resumed_at REAL, waited_for TEXT NOT NULL, size_bytes INTEGER NOT NULL,
        save_s REAL NOT NULL, load_s REAL);
INSERT INTO "moves" VALUES(1,'s-1','c-1',0,10,NULL,5.0,NULL,'[{"label": "fetch"}]',10,0.25,NULL);
CREATE TABLE operations (
        id TEXT PRIMARY KEY, session_id TEXT NOT NULL REFERENCES sessions(id) ON DELETE CASCADE,
        cell_id TEXT NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL, label TEXT NOT NULL, request BLOB NOT NULL,
        options TEXT NOT NULL, parent TEXT NOT NULL, state TEXT NOT NULL, created REAL NOT NULL, due REAL,
        ok INTEGER, result BLOB, text TEXT NOT NULL, answered_at REAL, consumed INTEGER NOT NULL);
INSERT INTO "operations" VALUES('o-1','s-1','c-1','function','function:fetch','fetch',X'02','{}','{}','pending',3.0,60.5,NULL,NULL,'',NULL,0);
CREATE TABLE outputs (
        session_id TEXT NOT NULL REFERENCES sessions(id) ON DELETE CASCADE, n INTEGER NOT NULL,
        channel TEXT NOT NULL, frames BLOB NOT NULL, sent INTEGER NOT NULL, cell_id TEXT NOT NULL DEFAULT '', size_bytes INTEGER NOT NULL DEFAULT 0, at REAL NOT NULL DEFAULT 0, kept INTEGER NOT NULL DEFAULT 0, file INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (session_id, n));
INSERT INTO "outputs" VALUES('s-1',1,'iopub',X'FF',0,'c-1',1,4.5,1,2);
CREATE TABLE sessions (
        id TEXT PRIMARY KEY, kind TEXT NOT NULL, state TEXT NOT NULL, epoch INTEGER NOT NULL,
        connection TEXT NOT NULL, environment TEXT NOT NULL, name TEXT NOT NULL,
        created REAL NOT NULL, updated REAL NOT NULL, detached INTEGER NOT NULL, policy TEXT NOT NULL,
        next_number INTEGER NOT NULL, snapshot_id TEXT, parent_op TEXT, worker TEXT NOT NULL, holder TEXT NOT NULL DEFAULT '{}');
INSERT INTO "sessions" VALUES('s-1','notebook','suspended',1,'{"ip": "127.0.0.1", "shell_port": 1}','{"cwd": "/"}','a.ipynb',1.5,5.0,0,'always',3,'n-1',NULL,'{}','{"since": 9.5}');
CREATE TABLE snapshots (
        id TEXT PRIMARY KEY, session_id TEXT NOT NULL REFERENCES sessions(id) ON DELETE CASCADE,
        cell_id TEXT NOT NULL, epoch INTEGER NOT NULL, manifest TEXT NOT NULL, blobs TEXT NOT NULL,
        state TEXT NOT NULL, size_bytes INTEGER NOT NULL, last_number INTEGER NOT NULL, created REAL NOT NULL,
        failures INTEGER NOT NULL, stream BLOB);
INSERT INTO "snapshots" VALUES('n-1','s-1','c-1',0,'{"format": 1}','["aa", "bb"]','committed',10,2,4.0,0,X'80054E2E');
CREATE TABLE waits (
        id INTEGER PRIMARY KEY, key TEXT NOT NULL, kind TEXT NOT NULL, duration_s REAL NOT NULL, at REAL NOT NULL,
        censored INTEGER NOT NULL);
INSERT INTO "waits" VALUES(1,'function:fetch','function',3.25,1.0,0);
CREATE INDEX cells_by_state ON cells (state);
CREATE INDEX cells_by_id ON cells (id);
CREATE INDEX operations_by_session ON operations (session_id, state);
CREATE INDEX operations_by_due ON operations (due) WHERE state = 'pending' AND due IS NOT NULL;
CREATE INDEX snapshots_by_session ON snapshots (session_id, created);
CREATE INDEX moves_by_cell ON moves (session_id, cell_id);
CREATE INDEX decisions_by_cell ON decisions (session_id, cell_id);
CREATE INDEX waits_by_key ON waits (key, id);
CREATE INDEX events_open ON events (session_id) WHERE consumed = 0;
CREATE INDEX outputs_files ON outputs (session_id, file) WHERE file > 0;
CREATE INDEX outputs_kept ON outputs (session_id, n, size_bytes, at, cell_id, channel, kept) WHERE kept IS 1;
COMMIT;
