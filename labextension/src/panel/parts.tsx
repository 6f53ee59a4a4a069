import { LabIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { Phase, phaseOf } from '../model/values';
import { IProgress, phaseName } from '../model/words';
import { useCaesura } from './hooks';

export function IconButton(props: {
  icon: LabIcon;
  label: string;
  onClick: () => void;
  isFocusable?: boolean;
  isPressed?: boolean;
}): JSX.Element {
  return (
    <button
      className="jp-Caesura-iconButton"
      title={props.label}
      aria-label={props.label}
      aria-pressed={props.isPressed}
      tabIndex={props.isFocusable === false ? -1 : 0}
      onClick={event => {
        event.stopPropagation();
        props.onClick();
      }}
    >
      <props.icon.react tag="span" width={14} height={14} />
    </button>
  );
}

export function Chip(props: {
  state: string;
  isFailed?: boolean;
}): JSX.Element {
  const { trans } = useCaesura();
  const phase: Phase = phaseOf(props.state);
  const name =
    phase === 'ended'
      ? {
          done: trans.__('done'),
          failed: trans.__('failed'),
          cancelled: trans.__('cancelled')
        }[props.state]
      : phaseName(phase, trans);
  return (
    <span
      className="jp-Caesura-chip"
      data-phase={phase}
      data-state={props.state}
    >
      {name}
    </span>
  );
}

export function Progress(props: {
  progress: IProgress;
  label: string;
}): JSX.Element {
  const { fraction, band, text } = props.progress;
  return (
    <div className="jp-Caesura-progress">
      <div
        className="jp-Caesura-bar"
        role="progressbar"
        aria-label={props.label}
        aria-valuetext={text}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={
          fraction === null ? undefined : Math.round(fraction * 100)
        }
        data-open={fraction === null || undefined}
      >
        {band && (
          <span
            className="jp-Caesura-band"
            style={{
              left: `${band[0] * 100}%`,
              width: `${(band[1] - band[0]) * 100}%`
            }}
          />
        )}
        {fraction !== null && (
          <span
            className="jp-Caesura-done"
            style={{ width: `${fraction * 100}%` }}
          />
        )}
      </div>
      <span className="jp-Caesura-progressText" title={text}>
        {text}
      </span>
    </div>
  );
}

/** Something in the place of a list: that it is empty, loading or broken, and what to do. */
export function Notice(props: {
  title: string;
  text?: string;
  isBusy?: boolean;
  action?: { label: string; run: () => void };
}): JSX.Element {
  return (
    <div className="jp-Caesura-notice" role="status" aria-busy={props.isBusy}>
      <strong>{props.title}</strong>
      {props.text && <p>{props.text}</p>}
      {props.action && (
        <button
          className="jp-Button jp-mod-styled jp-mod-accept"
          onClick={props.action.run}
        >
          {props.action.label}
        </button>
      )}
    </div>
  );
}

/** The durations of past calls as a line; the newest is at the right. */
export function Sparkline(props: {
  values: readonly number[];
  label: string;
}): JSX.Element | null {
  const { values } = props;
  if (values.length < 2) {
    return null;
  }
  const top = Math.max(...values, 1e-9);
  const points = values
    .map(
      (value, index) =>
        `${((index / (values.length - 1)) * 60).toFixed(1)},${(15 - (value / top) * 14).toFixed(1)}`
    )
    .join(' ');
  return (
    <svg
      className="jp-Caesura-sparkline"
      role="img"
      aria-label={props.label}
      viewBox="0 0 60 16"
      width="60"
      height="16"
    >
      <polyline points={points} />
    </svg>
  );
}
