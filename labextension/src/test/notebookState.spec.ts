import { describe, expect, it } from 'vitest';

import { Home } from '../model/home';
import { notebookState } from '../model/notebookState';
import { ICell, ISession } from '../model/values';
import { cell, change, session, trans } from './made';

const unmovable = [
  { path: 'conn', kind: 'a socket', detail: '', remedy: 'close it' }
];

function shown(values: Partial<ISession>, cells: ICell[] = []) {
  const home = new Home();
  home.apply(change({ sessions: [session('s1', values)], cells }));
  home.setLink({ is: 'connected' });
  return notebookState(home, 's1.ipynb', trans);
}

describe('the toolbar of a notebook', () => {
  it("says nothing of one that runs, or is another kernel's", () => {
    expect(shown({})).toBeNull();
    expect(shown({ path: 'other.ipynb' })).toBeNull();
  });

  it('says that it is parked', () => {
    expect(shown({ is_away: true, unmovable })?.text).toBe('parked');
  });

  it('says that a cell waits rather than that the session is away', () => {
    const cells = [cell('a', { state: 'released', reason: 'long' })];
    const found = shown({ is_away: true }, cells);
    expect(found?.state).toBe('waiting');
    expect(found?.title).toBe('A cell waits, and has no process\nlong');
  });

  it('names the variables that would hold it, with the remedy', () => {
    const found = shown({ unmovable });
    expect(found?.text).toBe('1 variable holds');
    expect(found?.title).toContain('conn: a socket – close it');
  });
});
