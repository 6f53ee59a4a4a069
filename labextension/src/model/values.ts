/** What the server extension says (docs/cli-json.md). Times are seconds since the epoch, durations end in `_s`. */

export interface IWait {
  kind: string;
  key: string;
  label: string;
  since: number;
  due: number | null;
}

/** How long a wait lasts in all, counted from its beginning; null where nothing is known. */
export interface IQuantiles {
  p10: number | null;
  p50: number | null;
  p90: number | null;
  count: number;
}

export interface IExpected extends IQuantiles {
  since: number;
  label: string;
  basis: string;
}

export interface IObstacle {
  kind: string;
  path: string;
  detail: string;
  remedy: string;
}

/** Where a frame of a suspended cell stands, or how far a gather is. */
export interface IStep {
  function: string;
  /** The number of the notebook's cell that it is in; null for a module. */
  cell?: number | null;
  line?: number;
  done?: number;
  total?: number;
}

/** A frame with its variables, as texts that were made when it was suspended. */
export interface IFrame extends IStep {
  file?: string;
  is_library?: boolean;
  variables?: [name: string, type: string, text: string][];
  more?: number;
}

export interface ICell {
  cell_id: string;
  session_id: string;
  kind: string;
  code: string;
  state: string;
  status: string;
  created: number;
  since: number;
  started: number | null;
  moves: number;
  waits: IWait[];
  reason: string;
  error: string;
  worker_pid: number | null;
  policy: string;
  snapshot_bytes: number;
  notebook_cell: string | null;
  execution_count: number;
  by_hand: string;
  obstacles: IObstacle[];
  expected: IExpected | null;
  /** From the cell's statement to what is awaited, while it is suspended. */
  chain: IStep[];
}

export interface ISession {
  session_id: string;
  kind: string;
  name: string;
  /** Where the contents service of this server finds the notebook; null if it does not. */
  path: string | null;
  state: string;
  worker_pid: number | null;
  environment: string;
  is_kept: boolean;
  kept_until: number | null;
  is_away: boolean;
  size_bytes: number | null;
  /** Of a function: the call that it is run for. */
  parent_call: string;
  /** Variables that would hold its cells. */
  unmovable: IObstacle[];
}

export interface IWorker {
  worker_id: string;
  pid: number;
  session_id: string;
  state: string;
  since: number;
  rss_bytes: number;
}

export interface ICall {
  op_id: string;
  session_id: string;
  cell_id: string;
  kind: string;
  key: string;
  label: string;
  since: number;
  due: number | null;
  expected: IQuantiles;
  /** Of an event. */
  name?: string;
  schema?: Record<string, unknown> | null;
}

export interface ICoordinator {
  pid: number;
  version: string;
  home: string;
  started: number;
  policy: string;
  workers: number;
}

/** A message of the stream: all that there is (`state`), or what is different (`change`). */
export interface IChange {
  type: 'state' | 'change';
  stream?: string;
  n?: number;
  now?: number;
  freed_s?: number;
  coordinator?: ICoordinator | null;
  sessions: ISession[];
  cells: ICell[];
  workers: IWorker[];
  calls: ICall[];
  gone?: [string, string][];
}

export interface IMove {
  epoch: number;
  from_pid: number;
  to_pid: number | null;
  suspended_at: number;
  resumed_at: number | null;
  waited_for: IWait[];
  size_bytes: number;
  save_s: number;
  load_s: number | null;
}

export interface IDecision {
  id: number;
  at: number;
  policy: string;
  action: string;
  reason: string;
  predicted_p10: number | null;
  predicted_p50: number | null;
  predicted_p90: number | null;
  threshold_s: number | null;
  actual_s: number | null;
}

export interface IStory {
  cell: ICell;
  moves: IMove[];
  decisions: IDecision[];
  frames: IFrame[];
}

export interface IHistory {
  key: string;
  kind: string;
  count: number;
  durations_s: number[];
}

export interface IStore {
  directory: string;
  bytes: number;
  blobs: number;
  snapshots: number;
  shared_fraction: number;
  quota_bytes: number | null;
  free_bytes: number;
  freed_bytes: number;
  collected_at: number | null;
}

/** A session as `/caesura/api/sessions` lists it. */
export interface IListedSession {
  session_id: string;
  path: string;
  state: 'open' | 'kept' | 'ended';
  since: number;
  kept_until: number | null;
  size_bytes: number | null;
  variables: string[] | null;
  cells: { cell_id: string; notebook_cell: string | null; state: string }[];
  outputs: { count: number; bytes: number; last: number };
}

const ENDED = new Set(['done', 'failed', 'cancelled']);
const AWAY = new Set(['released', 'due']);
const HELD = new Set(['held', 'blocked']);

export type Phase = 'suspended' | 'held' | 'running' | 'queued' | 'ended';

/** What of the many states of a cell its user has to know. */
export function phaseOf(state: string): Phase {
  if (ENDED.has(state)) {
    return 'ended';
  }
  if (AWAY.has(state)) {
    return 'suspended';
  }
  if (HELD.has(state)) {
    return 'held';
  }
  return state === 'queued' ? 'queued' : 'running';
}
