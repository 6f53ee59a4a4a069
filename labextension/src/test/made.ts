import { nullTranslator } from '@jupyterlab/translation';

import { ICell, IChange, ISession } from '../model/values';

export const trans = nullTranslator.load('caesura');

/** A cell that runs, with what a test says about it. */
export function cell(id: string, values: Partial<ICell> = {}): ICell {
  return {
    cell_id: id,
    session_id: 's1',
    kind: 'notebook',
    code: `await ${id}()`,
    state: 'running',
    status: '',
    created: 100,
    since: 100,
    started: 100,
    moves: 0,
    waits: [],
    reason: '',
    error: '',
    worker_pid: 1,
    policy: 'auto',
    snapshot_bytes: 0,
    notebook_cell: null,
    execution_count: 0,
    by_hand: '',
    obstacles: [],
    expected: null,
    chain: [],
    ...values
  };
}

export function session(id: string, values: Partial<ISession> = {}): ISession {
  return {
    session_id: id,
    kind: 'notebook',
    name: `/notes/${id}.ipynb`,
    path: `${id}.ipynb`,
    state: 'running',
    worker_pid: 1,
    environment: '',
    is_kept: false,
    kept_until: null,
    is_away: false,
    size_bytes: null,
    parent_call: '',
    unmovable: [],
    ...values
  };
}

export function change(values: Partial<IChange> = {}): IChange {
  return {
    type: 'change',
    sessions: [],
    cells: [],
    workers: [],
    calls: [],
    ...values
  };
}
