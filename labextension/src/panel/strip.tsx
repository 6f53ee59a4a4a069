import * as React from 'react';

import { bytes, duration } from '../model/words';
import { useCaesura, useHome, useNow } from './hooks';

/** The whole home in one line of figures. */
export function Strip(): JSX.Element {
  const { trans } = useCaesura();
  const home = useHome();
  const totals = home.totals();
  useNow(totals.suspended + totals.parked > 0);
  const figures: [string, string, string][] = [
    [
      `${totals.busy}/${totals.size}`,
      trans.__('workers'),
      trans.__('Processes that run or hold a cell, and how many the pool has')
    ],
    [
      String(totals.running + totals.queued),
      trans.__('running'),
      trans.__('Cells that compute, or wait for a process')
    ],
    [
      String(totals.suspended),
      trans.__('suspended'),
      trans.__('Cells that wait and take no process')
    ],
    [
      String(totals.held),
      trans.__('held'),
      trans.__('Cells that wait in their process')
    ],
    [
      String(totals.parked),
      trans.__('parked'),
      trans.__('Notebooks that run no cell and take no process')
    ],
    [
      totals.freedBytes > 0 ? bytes(totals.freedBytes) : '–',
      trans.__('freed now'),
      trans.__(
        'What the processes of all that is suspended or parked last took'
      )
    ],
    [
      duration(totals.freedSeconds),
      trans.__('saved today'),
      trans.__('Time since midnight in which notebooks had no process')
    ]
  ];
  return (
    <dl className="jp-Caesura-strip" aria-label={trans.__('Totals')}>
      {figures.map(([value, name, title]) => (
        <div key={name} title={title}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
