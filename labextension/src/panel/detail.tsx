import { caretLeftIcon, closeIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { ICall, ICell, IDecision, IMove, phaseOf } from '../model/values';
import {
  bytes,
  clock,
  duration,
  firstLine,
  progressOf,
  range,
  waitName,
  waitsText
} from '../model/words';
import { Frames } from './frames';
import { useAsked, useCaesura, useHome, useNow } from './hooks';
import { Chip, IconButton, Notice, Progress } from './parts';

/** One cell: what it awaits, where it has been, what was decided, and what can be done. */
export function Detail(props: { id: string; onBack: () => void }): JSX.Element {
  const { trans, api } = useCaesura();
  const home = useHome();
  const cell = home.cells.get(props.id);
  const title = React.useRef<HTMLHeadingElement>(null);
  React.useEffect(() => title.current?.focus(), [props.id]);
  const state = cell?.state;
  React.useEffect(() => {
    // A button that had the focus may be gone: nobody is thrown out of the panel.
    if (document.activeElement === document.body) {
      title.current?.focus();
    }
  }, [state]);
  const story = useAsked(
    () => api.story(props.id.slice(props.id.indexOf('/') + 1)),
    cell ? `${props.id} ${cell.state} ${cell.moves}` : props.id
  );
  useNow(cell !== undefined && phaseOf(cell.state) !== 'ended');
  const back = (
    <IconButton
      icon={caretLeftIcon}
      label={trans.__('Back to the list')}
      onClick={props.onBack}
    />
  );
  if (!cell) {
    return (
      <div className="jp-Caesura-detail">
        {back}
        <Notice title={trans.__('This cell is not listed any more')} />
      </div>
    );
  }
  const progress =
    phaseOf(cell.state) === 'ended'
      ? null
      : progressOf(cell, home.now(), trans);
  return (
    <div
      className="jp-Caesura-detail"
      onKeyDown={event => event.key === 'Escape' && props.onBack()}
    >
      <header>
        {back}
        <h2 ref={title} tabIndex={-1}>
          <Chip state={cell.state} /> <code>{firstLine(cell.code)}</code>
        </h2>
      </header>
      {progress && (
        <Progress progress={progress} label={trans.__('How far the wait is')} />
      )}
      {cell.reason && <p className="jp-Caesura-reason">{cell.reason}</p>}
      <CellButtons cell={cell} />
      <Obstacles cell={cell} />
      <Awaits cell={cell} />
      <Facts cell={cell} />
      {story.error && <Notice title={story.error} />}
      {story.value && (
        <>
          <Frames frames={story.value.frames ?? []} />
          <Hops moves={story.value.moves} />
          <Decisions decisions={story.value.decisions} />
        </>
      )}
    </div>
  );
}

function CellButtons(props: { cell: ICell }): JSX.Element {
  const { trans, actions } = useCaesura();
  const { cell } = props;
  const phase = phaseOf(cell.state);
  const buttons: [string, () => Promise<void> | void][] = [
    [trans.__('Go to cell'), () => actions.goTo(cell)]
  ];
  if (phase === 'suspended' || phase === 'held' || phase === 'running') {
    buttons.push([trans.__('Interrupt'), () => actions.interrupt(cell)]);
  }
  if (phase === 'queued') {
    buttons.push([trans.__('Cancel'), () => actions.cancelQueued(cell)]);
  }
  if (phase === 'held' && cell.obstacles.length === 0) {
    buttons.push([trans.__('Release now'), () => actions.release(cell)]);
  }
  if (phase === 'held' || phase === 'running') {
    buttons.push(
      cell.by_hand === 'hold'
        ? [trans.__('Let the policy decide'), () => actions.letPolicy(cell)]
        : [trans.__('Hold here'), () => actions.hold(cell)]
    );
  }
  if (cell.state === 'released') {
    buttons.push([trans.__('Bring back now'), () => actions.bringBack(cell)]);
  }
  if (cell.state === 'failed') {
    buttons.push([
      trans.__('Resume from snapshot'),
      () => actions.resume(cell)
    ]);
  }
  return (
    <div className="jp-Caesura-buttons">
      {buttons.map(([label, run]) => (
        <button
          key={label}
          className="jp-Button jp-mod-styled jp-mod-minimal"
          onClick={() => void run()}
        >
          {label}
        </button>
      ))}
    </div>
  );
}

function Obstacles(props: { cell: ICell }): JSX.Element | null {
  const { trans } = useCaesura();
  const { obstacles } = props.cell;
  if (obstacles.length === 0) {
    return null;
  }
  return (
    <section>
      <h3>{trans.__('What holds it')}</h3>
      <ul>
        {obstacles.map((each, index) => (
          <li key={index}>
            {each.path && (
              <>
                <code>{each.path}</code>{' '}
              </>
            )}
            {each.kind}
            {each.detail && ` (${each.detail})`}
            {each.remedy && (
              <span className="jp-Caesura-note">{each.remedy}</span>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Awaits(props: { cell: ICell }): JSX.Element | null {
  const { trans } = useCaesura();
  const home = useHome();
  const { cell } = props;
  const calls = home.callsOf(cell);
  const timers = cell.waits.filter(wait => wait.kind === 'timer');
  if (calls.length + timers.length === 0) {
    return null;
  }
  return (
    <section>
      <h3>{trans.__('What it awaits')}</h3>
      <ul className="jp-Caesura-calls">
        {calls.slice(0, 100).map(call => (
          <CallLine key={call.op_id} call={call} />
        ))}
        {calls.length > 100 && (
          <li>{trans.__('and %1 more', calls.length - 100)}</li>
        )}
        {timers.map((wait, index) => (
          <li key={`timer ${index}`}>
            <span className="jp-Caesura-callName">{waitName(wait, trans)}</span>
            {wait.due !== null && (
              <span className="jp-Caesura-note">
                {trans.__('ends at %1', clock(wait.due))}
              </span>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

/** One call that is awaited, with where it runs and what in turn that waits for. */
export function CallLine(props: {
  call: ICall;
  children?: React.ReactNode;
}): JSX.Element {
  const { trans, actions, home } = useCaesura();
  const { call } = props;
  const name = waitName(call, trans);
  const session = [...home.sessions.values()].find(
    each => each.parent_call === call.op_id
  );
  const body = session
    ? home.cells.get(`${session.session_id}/${call.op_id}`)
    : undefined;
  const inner = body ? waitsText(body.waits, trans) : '';
  return (
    <li>
      <span className="jp-Caesura-callName">
        {name}
        {inner && ` → ${inner}`}
      </span>
      <span className="jp-Caesura-note">
        {trans.__('for %1', duration(Math.max(0, home.now() - call.since)))}
        {body && (
          <>
            {' '}
            · <Chip state={body.state} />
            {body.worker_pid !== null &&
              ` ${trans.__('pid %1', body.worker_pid)}`}
          </>
        )}
        {props.children}
      </span>
      <span className="jp-Caesura-lineActions">
        {call.kind === 'event' && (
          <button
            className="jp-Button jp-mod-styled jp-mod-accept jp-Caesura-small"
            aria-label={trans.__('Answer the %1', name)}
            onClick={() => void actions.answer(call)}
          >
            {trans.__('Answer…')}
          </button>
        )}
        <IconButton
          icon={closeIcon}
          label={trans.__('Give up %1', name)}
          onClick={() => void actions.giveUpCall(call)}
        />
      </span>
    </li>
  );
}

function Facts(props: { cell: ICell }): JSX.Element {
  const { trans } = useCaesura();
  const { cell } = props;
  const facts: [string, string][] = [
    [trans.__('Asked for'), clock(cell.created)],
    [
      trans.__('Process'),
      cell.worker_pid === null
        ? trans.__('none')
        : trans.__('pid %1', cell.worker_pid)
    ],
    [trans.__('Moved'), trans._n('once', '%1 times', cell.moves)],
    [
      trans.__('Snapshot'),
      cell.snapshot_bytes > 0 ? bytes(cell.snapshot_bytes) : trans.__('none')
    ],
    [trans.__('Policy'), cell.policy]
  ];
  return (
    <section>
      <h3>{trans.__('Now')}</h3>
      <dl className="jp-Caesura-facts">
        {facts.map(([name, value]) => (
          <React.Fragment key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </React.Fragment>
        ))}
      </dl>
    </section>
  );
}

function Hops(props: { moves: IMove[] }): JSX.Element | null {
  const { trans } = useCaesura();
  if (props.moves.length === 0) {
    return null;
  }
  return (
    <section>
      <h3>{trans.__('Hops between processes')}</h3>
      <ol className="jp-Caesura-hops">
        {props.moves.slice(-50).map((move, index) => (
          <li key={index}>
            <span className="jp-Caesura-hopPids">
              {move.from_pid} → {move.to_pid ?? '…'}
            </span>
            <span>
              {move.resumed_at === null
                ? trans.__('left at %1', clock(move.suspended_at))
                : trans.__(
                    '%1, away for %2',
                    clock(move.suspended_at),
                    duration(move.resumed_at - move.suspended_at)
                  )}
            </span>
            <span className="jp-Caesura-note">
              {waitsText(move.waited_for, trans)} · {bytes(move.size_bytes)} ·{' '}
              {trans.__('saved in %1 ms', Math.round(move.save_s * 1000))}
              {move.load_s !== null &&
                `, ${trans.__('loaded in %1 ms', Math.round(move.load_s * 1000))}`}
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}

function Decisions(props: { decisions: IDecision[] }): JSX.Element | null {
  const { trans } = useCaesura();
  if (props.decisions.length === 0) {
    return null;
  }
  return (
    <section>
      <h3>{trans.__('Decisions')}</h3>
      <ol className="jp-Caesura-decisions" reversed>
        {props.decisions
          .slice(-20)
          .reverse()
          .map(decision => (
            <li key={decision.id}>
              <span>
                {clock(decision.at)}{' '}
                <strong>
                  {decision.action === 'suspend'
                    ? trans.__('suspend')
                    : trans.__('hold')}
                </strong>
              </span>
              <span>{decision.reason}</span>
              {decision.predicted_p50 !== null && (
                <span className="jp-Caesura-note">
                  {trans.__(
                    'predicted %1 (%2)',
                    duration(decision.predicted_p50),
                    range(
                      decision.predicted_p10 ?? 0,
                      decision.predicted_p90 ?? 0
                    )
                  )}
                  {decision.actual_s !== null &&
                    `, ${trans.__('was %1', duration(decision.actual_s))}`}
                </span>
              )}
            </li>
          ))}
      </ol>
    </section>
  );
}
