import { ISignal, Signal } from '@lumino/signaling';

import {
  ICall,
  ICell,
  IChange,
  ICoordinator,
  ISession,
  IWorker,
  phaseOf
} from './values';

/** How it stands with the connection to the coordinator. */
export type Link =
  | { is: 'connecting' }
  | { is: 'connected' }
  | { is: 'nobody' }
  | { is: 'lost'; why: string };

export interface ITotals {
  running: number;
  suspended: number;
  held: number;
  queued: number;
  parked: number;
  busy: number;
  size: number;
  /** What the processes of all that is suspended or parked last took. */
  freedBytes: number;
  /** Seconds without a process since midnight, over all sessions. */
  freedSeconds: number;
}

/** All that the panel knows, kept as the stream says it. Nothing here asks for anything. */
export class Home {
  readonly cells = new Map<string, ICell>();
  readonly sessions = new Map<string, ISession>();
  readonly workers = new Map<string, IWorker>();
  readonly calls = new Map<string, ICall>();
  coordinator: ICoordinator | null = null;
  link: Link = { is: 'connecting' };
  /** Grows with every change: what React compares. */
  version = 0;
  stream = '';
  number = 0;

  /** Emitted at most once a frame, however many messages came. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Emitted for each cell that is in another state, with its former one (undefined if it is new). */
  get cellChanged(): ISignal<this, { cell: ICell; before?: ICell }> {
    return this._cellChanged;
  }

  /** The time on the coordinator's clock. */
  now(): number {
    return Date.now() / 1000 + this._ahead_s;
  }

  apply(message: IChange): void {
    if (message.type === 'state') {
      this.cells.clear();
      this.sessions.clear();
      this.workers.clear();
      this.calls.clear();
    }
    if (message.now !== undefined) {
      this._ahead_s = message.now - Date.now() / 1000;
    }
    if (message.coordinator !== undefined) {
      this.coordinator = message.coordinator;
    }
    this._countFreed(message);
    for (const session of message.sessions) {
      // A coordinator that was started before an update says less.
      const unmovable = session.unmovable ?? [];
      this.sessions.set(session.session_id, { ...session, unmovable });
    }
    for (const worker of message.workers) {
      this.workers.set(worker.worker_id, worker);
      if (worker.rss_bytes > 0) {
        this._lastBytes.set(worker.session_id, worker.rss_bytes);
      }
    }
    for (const call of message.calls) {
      this.calls.set(call.op_id, call);
    }
    for (const said of message.cells) {
      const cell = { ...said, chain: said.chain ?? [] };
      const key = `${cell.session_id}/${cell.cell_id}`;
      const before = this.cells.get(key);
      this.cells.set(key, cell);
      if (before?.state !== cell.state) {
        this._cellChanged.emit({ cell, before });
      }
    }
    for (const [kind, id] of message.gone ?? []) {
      (this as unknown as Record<string, Map<string, unknown>>)[kind]?.delete(
        id
      );
      if (kind === 'sessions') {
        this._lastBytes.delete(id);
      }
    }
    this.stream = message.stream ?? this.stream;
    this.number = message.n ?? this.number;
    this.touch();
  }

  setLink(link: Link): void {
    this.link = link;
    if (link.is === 'nobody') {
      this.coordinator = null;
    }
    this.touch();
  }

  totals(): ITotals {
    const totals: ITotals = {
      running: 0,
      suspended: 0,
      held: 0,
      queued: 0,
      parked: 0,
      busy: 0,
      size: this.coordinator?.workers ?? 0,
      freedBytes: 0,
      freedSeconds:
        this._freed_s + this._away() * Math.max(0, this.now() - this._freedAt)
    };
    const active = new Set<string>();
    for (const cell of this.cells.values()) {
      const phase = phaseOf(cell.state);
      if (phase !== 'ended') {
        active.add(cell.session_id);
        if (cell.kind === 'notebook') {
          totals[phase] += 1;
        }
      }
    }
    const seen = [...this._lastBytes.values()];
    const usual = seen.length
      ? seen.reduce((sum, each) => sum + each, 0) / seen.length
      : 0;
    for (const session of this.sessions.values()) {
      if (session.is_away) {
        totals.freedBytes += this._lastBytes.get(session.session_id) ?? usual;
        if (session.kind === 'notebook' && !active.has(session.session_id)) {
          totals.parked += 1;
        }
      }
    }
    for (const worker of this.workers.values()) {
      totals.busy += active.has(worker.session_id) ? 1 : 0;
    }
    return totals;
  }

  /** The cell of a notebook that runs the cell `id` of its file, if it is not over. */
  cellOf(path: string, id: string): ICell | undefined {
    return this.activeCells().find(
      cell =>
        cell.notebook_cell === id &&
        this.sessions.get(cell.session_id)?.path === path
    );
  }

  activeCells(): ICell[] {
    return [...this.cells.values()].filter(
      cell => phaseOf(cell.state) !== 'ended'
    );
  }

  callsOf(cell: ICell): ICall[] {
    return [...this.calls.values()].filter(
      call =>
        call.cell_id === cell.cell_id && call.session_id === cell.session_id
    );
  }

  /** Tell who looks that something is different. */
  touch(): void {
    this.version += 1;
    if (!this._isDue) {
      this._isDue = true;
      const emit = () => {
        this._isDue = false;
        this._changed.emit();
      };
      // A hidden page gets no frames, but its badges and notifications go on.
      if (document.hidden) {
        setTimeout(emit, 100);
      } else {
        requestAnimationFrame(emit);
      }
    }
  }

  private _away(): number {
    return [...this.sessions.values()].filter(session => session.is_away)
      .length;
  }

  private _countFreed(message: IChange): void {
    const now = this.now();
    if (message.freed_s !== undefined) {
      this._freed_s = message.freed_s;
    } else {
      this._freed_s += this._away() * Math.max(0, now - this._freedAt);
    }
    this._freedAt = now;
  }

  private _changed = new Signal<this, void>(this);
  private _cellChanged = new Signal<this, { cell: ICell; before?: ICell }>(
    this
  );
  private _isDue = false;
  private _ahead_s = 0;
  private _freed_s = 0;
  private _freedAt = 0;
  private _lastBytes = new Map<string, number>();
}
