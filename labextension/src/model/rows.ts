import { Home } from './home';
import { ICell, IObstacle, ISession, Phase, phaseOf } from './values';

export type Filter = 'active' | Phase;

export const FILTERS: readonly Filter[] = [
  'active',
  'suspended',
  'held',
  'running',
  'queued',
  'ended'
];

export interface INotebookRow {
  kind: 'notebook';
  key: string;
  session: ISession;
  count: number;
  isOpen: boolean;
}

export interface ICellRow {
  kind: 'cell';
  key: string;
  session: ISession;
  cell: ICell;
}

/** A variable that would hold the cells of its notebook. */
export interface IVariableRow {
  kind: 'variable';
  key: string;
  session: ISession;
  obstacle: IObstacle;
}

export type Row = INotebookRow | IVariableRow | ICellRow;

/**
 * The lines of the list: notebooks by name, each with its cells in the order in which they were asked for.
 *
 * Between a notebook and its cells stand its variables that would hold them. A notebook without a cell that fits is left out when something is looked for, and shown otherwise.
 */
export function rowsOf(
  home: Home,
  query: string,
  filter: Filter,
  closed: ReadonlySet<string>
): Row[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const bySession = new Map<string, ICell[]>();
  for (const cell of home.cells.values()) {
    if (cell.kind !== 'notebook' || !fits(cell, filter)) {
      continue;
    }
    const session = home.sessions.get(cell.session_id);
    if (session && has(words, session, cell)) {
      const cells = bySession.get(cell.session_id);
      if (cells) {
        cells.push(cell);
      } else {
        bySession.set(cell.session_id, [cell]);
      }
    }
  }
  const sessions = [...home.sessions.values()].filter(
    session =>
      session.kind === 'notebook' &&
      (bySession.has(session.session_id) ||
        (filter === 'active' && has(words, session)))
  );
  sessions.sort((a, b) => nameOf(a).localeCompare(nameOf(b)));
  const rows: Row[] = [];
  for (const session of sessions) {
    const cells = bySession.get(session.session_id) ?? [];
    const isOpen = !closed.has(session.session_id);
    rows.push({
      kind: 'notebook',
      key: session.session_id,
      session,
      count: cells.length,
      isOpen
    });
    if (isOpen) {
      if (filter === 'active' && words.length === 0) {
        for (const [index, obstacle] of session.unmovable.entries()) {
          const key = `${session.session_id} variable ${index}`;
          rows.push({ kind: 'variable', key, session, obstacle });
        }
      }
      cells.sort((a, b) => a.created - b.created);
      for (const cell of cells) {
        const key = `${cell.session_id}/${cell.cell_id}`;
        rows.push({ kind: 'cell', key, session, cell });
      }
    }
  }
  return rows;
}

function fits(cell: ICell, filter: Filter): boolean {
  const phase = phaseOf(cell.state);
  return filter === 'active' ? phase !== 'ended' : phase === filter;
}

function has(words: string[], session: ISession, cell?: ICell): boolean {
  const parts = [session.name];
  if (cell) {
    parts.push(cell.code, cell.state, cell.reason);
    parts.push(...cell.waits.map(wait => `${wait.label} ${wait.key}`));
  }
  const text = parts.join('\n').toLowerCase();
  return words.every(word => text.includes(word));
}

/** The notebook's file name, or the beginning of its session's id. */
export function nameOf(session: ISession): string {
  return session.name.split('/').pop() || session.session_id.slice(0, 8);
}
