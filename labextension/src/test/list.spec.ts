import { describe, expect, it } from 'vitest';

import { firstValue } from '../model/schema';
import { indexAt } from '../panel/virtualList';

describe('the list', () => {
  it('finds what is at a height', () => {
    const offsets = [0, 30, 100, 170];
    expect(
      [-5, 0, 29, 30, 99, 100, 500].map(at => indexAt(offsets, at))
    ).toEqual([0, 0, 0, 1, 1, 2, 3]);
  });
});

describe('the form of an event', () => {
  it('begins with its defaults, and with false for what is true or false', () => {
    expect(
      firstValue({
        type: 'object',
        properties: {
          approved: { type: 'boolean' },
          by: { type: 'string', default: 'me' },
          note: { type: 'string' }
        }
      })
    ).toEqual({ approved: false, by: 'me' });
    expect(firstValue({ type: 'integer' })).toBeUndefined();
  });
});
