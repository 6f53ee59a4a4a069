import { Notification } from '@jupyterlab/apputils';

import { ICell, phaseOf } from './model/values';
import { duration, firstLine } from './model/words';
import { IContext } from './tokens';

/** Say when a cell has ended that took longer than `after_s()` seconds (0: never). */
export function notifyOfLongCells(
  context: IContext,
  after_s: () => number
): void {
  const { home, trans, actions } = context;
  home.cellChanged.connect((_, { cell, before }) => {
    const limit = after_s();
    const took = cell.since - (cell.started ?? cell.created);
    if (
      before === undefined ||
      limit <= 0 ||
      took < limit ||
      cell.kind !== 'notebook' ||
      cell.state === 'cancelled' ||
      phaseOf(cell.state) !== 'ended'
    ) {
      return;
    }
    const text = trans.__(
      cell.state === 'done'
        ? 'A cell has ended after %1: %2'
        : 'A cell has failed after %1: %2',
      duration(took),
      firstLine(cell.code).slice(0, 60)
    );
    const options = {
      autoClose: false as const,
      actions: [
        { label: trans.__('Go to cell'), callback: () => actions.goTo(cell) }
      ]
    };
    if (cell.state === 'done') {
      Notification.success(text, options);
    } else {
      Notification.error(text, options);
    }
  });
}

/** The cell of a notebook that `notebookCell` runs, or the first active one of it. */
export function activeCellOf(
  context: IContext,
  path: string,
  notebookCell: string | undefined
): ICell | undefined {
  const { home } = context;
  const own = notebookCell ? home.cellOf(path, notebookCell) : undefined;
  return (
    own ??
    home
      .activeCells()
      .find(cell => home.sessions.get(cell.session_id)?.path === path)
  );
}
