import { describe, expect, it } from 'vitest';

import { Home } from '../model/home';
import { ICell, ISession } from '../model/values';
import { cell, change, session } from './made';

function made(): Home {
  const home = new Home();
  home.apply(
    change({
      type: 'state',
      stream: 'a',
      n: 4,
      freed_s: 60,
      coordinator: {
        pid: 1,
        version: '0',
        home: '/h',
        started: 0,
        policy: 'auto',
        workers: 2
      },
      sessions: [session('s1'), session('s2', { is_away: true })],
      cells: [cell('a'), cell('b', { session_id: 's2', state: 'released' })],
      workers: [
        {
          worker_id: 'w',
          pid: 7,
          session_id: 's1',
          state: 'attached',
          since: 1,
          rss_bytes: 5e7
        }
      ]
    })
  );
  return home;
}

describe('the state of the home', () => {
  it('counts cells by what their user has to know', () => {
    const totals = made().totals();
    expect(totals).toMatchObject({ running: 1, suspended: 1, held: 0 });
    expect(totals).toMatchObject({ busy: 1, size: 2, parked: 0 });
    expect(totals.freedSeconds).toBeGreaterThanOrEqual(60);
  });

  it('takes for what is suspended what its process took, or what is usual', () => {
    expect(made().totals().freedBytes).toBe(5e7);
  });

  it('counts a notebook that runs nothing and has no process as parked', () => {
    const home = made();
    home.apply(
      change({ cells: [cell('b', { session_id: 's2', state: 'done' })] })
    );
    expect(home.totals()).toMatchObject({ suspended: 0, parked: 1 });
  });

  it('forgets what is gone and remembers the number', () => {
    const home = made();
    home.apply(
      change({
        n: 9,
        gone: [
          ['cells', 's1/a'],
          ['workers', 'w']
        ]
      })
    );
    expect([...home.cells.keys()]).toEqual(['s2/b']);
    expect(home.workers.size).toBe(0);
    expect([home.stream, home.number]).toEqual(['a', 9]);
  });

  it('begins anew with a whole state', () => {
    const home = made();
    home.apply(change({ type: 'state', stream: 'b', n: 1 }));
    expect(home.cells.size).toBe(0);
    expect(home.stream).toBe('b');
  });

  it('says once which state a cell was in before', () => {
    const home = made();
    const heard: [string | undefined, string][] = [];
    home.cellChanged.connect((_, { cell, before }) => {
      heard.push([before?.state, cell.state]);
    });
    home.apply(change({ cells: [cell('a', { state: 'held' })] }));
    home.apply(change({ cells: [cell('a', { state: 'held', moves: 1 })] }));
    expect(heard).toEqual([['running', 'held']]);
  });

  it('takes what a coordinator says that is older than the page', () => {
    const home = new Home();
    const older: Partial<ISession> = session('s1');
    delete older.unmovable;
    const olderCell: Partial<ICell> = cell('a');
    delete olderCell.chain;
    home.apply(
      change({ sessions: [older as ISession], cells: [olderCell as ICell] })
    );
    expect(home.sessions.get('s1')?.unmovable).toEqual([]);
    expect(home.cells.get('s1/a')?.chain).toEqual([]);
  });

  it('tells who looks at most once a frame', async () => {
    const home = made();
    await new Promise(requestAnimationFrame);
    let times = 0;
    home.changed.connect(() => {
      times += 1;
    });
    for (let n = 0; n < 100; n += 1) {
      home.apply(change({ n, cells: [cell(`c${n}`)] }));
    }
    await new Promise(requestAnimationFrame);
    expect(times).toBe(1);
  });
});
