import { describe, expect, it } from 'vitest';

import { Home } from '../model/home';
import { Filter, rowsOf } from '../model/rows';
import { cell, change, session } from './made';

function keys(query = '', filter: Filter = 'active', closed: string[] = []) {
  const home = new Home();
  const wait = {
    kind: 'function',
    key: 'function:score',
    label: 'score()',
    since: 1,
    due: null
  };
  const unmovable = [
    { path: 'conn', kind: 'sqlite3.Connection', detail: '', remedy: 'close it' }
  ];
  home.apply(
    change({
      sessions: [
        session('s2', { name: '/n/beta.ipynb', unmovable }),
        session('s1', { name: '/n/alpha.ipynb' }),
        session('f', { kind: 'function' })
      ],
      cells: [
        cell('late', { created: 9, state: 'released', waits: [wait] }),
        cell('early', { created: 1 }),
        cell('over', { state: 'done' }),
        cell('other', { session_id: 's2', state: 'held' }),
        cell('body', { session_id: 'f', kind: 'function' })
      ]
    })
  );
  return rowsOf(home, query, filter, new Set(closed)).map(row => row.key);
}

describe('the lines of the list', () => {
  it('are notebooks by name with their active cells by age', () => {
    expect(keys().filter(key => !key.includes('variable'))).toEqual([
      's1',
      's1/early',
      's1/late',
      's2',
      's2/other'
    ]);
  });

  it('have the variables that would hold a notebook before its cells', () => {
    expect(keys().slice(3)).toEqual(['s2', 's2 variable 0', 's2/other']);
  });

  it('leave out the cells of a notebook that is closed', () => {
    expect(keys('', 'active', ['s1', 's2'])).toEqual(['s1', 's2']);
  });

  it('are only those that have all words, also of what they wait for', () => {
    expect(keys('alpha score')).toEqual(['s1', 's1/late']);
    expect(keys('alpha nothing')).toEqual([]);
  });

  it('are only those in a state', () => {
    expect(keys('', 'ended')).toEqual(['s1', 's1/over']);
    expect(keys('', 'held')).toEqual(['s2', 's2/other']);
  });
});
