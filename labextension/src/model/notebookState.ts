import { TranslationBundle } from '@jupyterlab/translation';

import { Home } from './home';
import { IObstacle, phaseOf } from './values';
import { wayText } from './words';

export interface INotebookState {
  state: 'waiting' | 'parked' | 'holds';
  text: string;
  title: string;
}

/** What there is to say of a notebook beside its kernel's state; null if there is nothing. */
export function notebookState(
  home: Home,
  path: string,
  trans: TranslationBundle
): INotebookState | null {
  const session = [...home.sessions.values()].find(
    each => each.path === path && each.kind === 'notebook'
  );
  if (!session || home.link.is !== 'connected') {
    return null;
  }
  const cell = home
    .activeCells()
    .find(
      each =>
        each.session_id === session.session_id &&
        ['suspended', 'held'].includes(phaseOf(each.state))
    );
  const held = session.unmovable.map(each => variableText(each));
  if (cell) {
    const way = wayText(cell, trans);
    const title = [
      phaseOf(cell.state) === 'suspended'
        ? trans.__('A cell waits, and has no process')
        : trans.__('A cell waits, and keeps its process'),
      way,
      cell.reason
    ];
    return {
      state: 'waiting',
      text: trans.__('waiting'),
      title: title.filter(Boolean).join('\n')
    };
  }
  if (session.is_away) {
    const title = trans.__(
      'The variables of this notebook are saved, and it has no process until it is used again'
    );
    return { state: 'parked', text: trans.__('parked'), title };
  }
  if (held.length === 0) {
    return null;
  }
  return {
    state: 'holds',
    text: trans._n('1 variable holds', '%1 variables hold', held.length),
    title: [
      trans.__('A cell that waits would keep its process, because of:'),
      ...held
    ].join('\n')
  };
}

function variableText(variable: IObstacle): string {
  const { path, kind, remedy } = variable;
  return `${path}: ${kind}${remedy && ` – ${remedy}`}`;
}
