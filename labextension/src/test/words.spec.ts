import { describe, expect, it } from 'vitest';

import {
  bytes,
  duration,
  firstLine,
  progressOf,
  waitsText,
  wayText
} from '../model/words';
import { cell, trans } from './made';

const wait = {
  kind: 'function',
  key: 'function:score',
  label: 'score()',
  since: 100,
  due: null
};

describe('words', () => {
  it('say durations as people do', () => {
    expect([0.1, 4, 12, 200, 7500, 300_000].map(duration)).toEqual([
      '0.10 s',
      '4.0 s',
      '12 s',
      '3 min 20 s',
      '2 h 05 min',
      '3 d 11 h'
    ]);
  });

  it('say sizes', () => {
    expect([0, 950, 56_100, 1.2e9].map(bytes)).toEqual([
      '0 B',
      '950 B',
      '56.1 kB',
      '1.2 GB'
    ]);
  });

  it('name each kind of wait once', () => {
    const event = { ...wait, kind: 'event', label: '', key: 'event:go' };
    expect(waitsText([wait, wait, event], trans)).toBe('2 × score(), event go');
  });

  it('tell the way from the cell to what it awaits', () => {
    const chain = [
      { function: '<module>', cell: 7, line: 1 },
      { function: 'fetch_all', cell: 3, line: 12 },
      { function: 'gather', done: 37, total: 50 }
    ];
    expect(wayText(cell('a', { chain, waits: [wait] }), trans)).toBe(
      'cell [7] → fetch_all() line 12 → gather 37/50 → score()'
    );
    expect(wayText(cell('a', { waits: [wait] }), trans)).toBe(
      'waits for score()'
    );
    expect(wayText(cell('a'), trans)).toBe('');
  });

  it('show the first line that says something', () => {
    expect(firstLine('# a comment\nimport y\n\n  await x()')).toBe('await x()');
  });
});

describe('the progress of a wait', () => {
  it('is none without a wait', () => {
    expect(progressOf(cell('a'), 110, trans)).toBeNull();
  });

  it('goes to a known end', () => {
    const shown = progressOf(
      cell('a', { waits: [{ ...wait, due: 140 }] }),
      110,
      trans
    );
    expect(shown).toMatchObject({ fraction: 0.25, text: 'ends in 30 s' });
  });

  it('says how long it usually takes, and has its band there', () => {
    const expected = {
      since: 100,
      label: '',
      basis: 'key',
      p10: 40,
      p50: 50,
      p90: 80,
      count: 9
    };
    const shown = progressOf(
      cell('a', { waits: [wait], expected }),
      120,
      trans
    );
    expect(shown?.fraction).toBe(0.25);
    expect(shown?.band).toEqual([0.5, 1]);
    expect(shown?.text).toBe('usually 40–80 s, 20 s so far');
  });

  it('is never beyond its end', () => {
    const expected = {
      since: 100,
      label: '',
      basis: 'key',
      p10: 1,
      p50: 1,
      p90: 1,
      count: 1
    };
    const shown = progressOf(
      cell('a', { waits: [wait], expected }),
      500,
      trans
    );
    expect(shown?.fraction).toBe(1);
  });

  it('says only how long it has lasted where nothing is known', () => {
    const shown = progressOf(cell('a', { waits: [wait] }), 103, trans);
    expect(shown).toEqual({ fraction: null, band: null, text: '3.0 s so far' });
  });
});
