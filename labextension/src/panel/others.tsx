import { refreshIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { nameOf } from '../model/rows';
import { bytes, clock, duration, range } from '../model/words';
import { CallLine } from './detail';
import { useAsked, useCaesura, useHome, useNow } from './hooks';
import { IconButton, Notice, Sparkline } from './parts';

const SHOWN = 200;

/** What is awaited now, by age, with how long it took before. */
export function Calls(): JSX.Element {
  const { trans, api } = useCaesura();
  const home = useHome();
  const calls = [...home.calls.values()].sort((a, b) => a.since - b.since);
  useNow(calls.length > 0);
  const keys = [...new Set(calls.map(call => call.key))].sort().join(' ');
  const history = useAsked(() => api.history(), keys);
  if (calls.length === 0) {
    return (
      <Notice
        title={trans.__('Nothing is awaited')}
        text={trans.__(
          'Remote functions, events and timed calls are listed here while a cell awaits them.'
        )}
      />
    );
  }
  return (
    <ul className="jp-Caesura-calls jp-Caesura-scroll">
      {calls.slice(0, SHOWN).map(call => {
        const past = history.value?.find(each => each.key === call.key);
        const { p10, p50, p90 } = call.expected;
        return (
          <CallLine key={call.op_id} call={call}>
            {p50 !== null &&
              ` · ${trans.__('usually %1 (%2)', duration(p50), range(p10 ?? p50, p90 ?? p50))}`}
            {past && (
              <Sparkline
                values={past.durations_s}
                label={trans.__(
                  'The last %1 took from %2 to %3',
                  past.durations_s.length,
                  duration(Math.min(...past.durations_s)),
                  duration(Math.max(...past.durations_s))
                )}
              />
            )}
          </CallLine>
        );
      })}
      {calls.length > SHOWN && (
        <li>{trans.__('and %1 more', calls.length - SHOWN)}</li>
      )}
    </ul>
  );
}

export function Workers(): JSX.Element {
  const { trans, actions } = useCaesura();
  const home = useHome();
  const workers = [...home.workers.values()].sort((a, b) => a.since - b.since);
  useNow(workers.length > 0);
  if (workers.length === 0) {
    return (
      <Notice
        title={trans.__('No process runs')}
        text={trans.__('One is started when a cell needs it.')}
      />
    );
  }
  return (
    <table className="jp-Caesura-table">
      <thead>
        <tr>
          <th scope="col">{trans.__('Pid')}</th>
          <th scope="col">{trans.__('For')}</th>
          <th scope="col">{trans.__('Memory')}</th>
          <th scope="col">{trans.__('Age')}</th>
          <th scope="col" aria-label={trans.__('Action')} />
        </tr>
      </thead>
      <tbody>
        {workers.map(worker => {
          const session = home.sessions.get(worker.session_id);
          return (
            <tr key={worker.worker_id} title={worker.state}>
              <td>{worker.pid || '…'}</td>
              <td>{session ? nameOf(session) : worker.state}</td>
              <td>{worker.rss_bytes ? bytes(worker.rss_bytes) : '–'}</td>
              <td>{duration(Math.max(0, home.now() - worker.since))}</td>
              <td>
                {worker.state === 'attached' && (
                  <IconButton
                    icon={refreshIcon}
                    label={trans.__(
                      'Replace the worker %1: save its session, and go on with it in a new process',
                      String(worker.pid)
                    )}
                    onClick={() => void actions.restartWorker(worker)}
                  />
                )}
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

export function Store(): JSX.Element {
  const { trans, api } = useCaesura();
  const [isBusy, setBusy] = React.useState(false);
  const { value, error, again } = useAsked(() => api.store(), 'store');
  if (error) {
    return (
      <Notice
        title={error}
        action={{ label: trans.__('Try again'), run: again }}
      />
    );
  }
  if (!value) {
    return <Notice title={trans.__('Looking at the store…')} isBusy />;
  }
  const collect = async () => {
    setBusy(true);
    try {
      await api.store(true);
    } finally {
      setBusy(false);
      again();
    }
  };
  const facts: [string, string][] = [
    [trans.__('On disk'), bytes(value.bytes)],
    [trans.__('Snapshots'), String(value.snapshots)],
    [trans.__('Shared'), `${Math.round(value.shared_fraction * 100)} %`],
    [
      trans.__('Quota'),
      value.quota_bytes === null ? trans.__('none') : bytes(value.quota_bytes)
    ],
    [trans.__('Free on disk'), bytes(value.free_bytes)],
    [
      trans.__('Last collected'),
      value.collected_at === null
        ? trans.__('not yet')
        : trans.__(
            '%1, %2 freed',
            clock(value.collected_at),
            bytes(value.freed_bytes)
          )
    ]
  ];
  return (
    <div className="jp-Caesura-store">
      <dl className="jp-Caesura-facts">
        {facts.map(([name, text]) => (
          <React.Fragment key={name}>
            <dt>{name}</dt>
            <dd>{text}</dd>
          </React.Fragment>
        ))}
      </dl>
      <button
        className="jp-Button jp-mod-styled jp-mod-minimal"
        disabled={isBusy}
        onClick={() => void collect()}
      >
        {isBusy ? trans.__('Collecting…') : trans.__('Collect now')}
      </button>
    </div>
  );
}
