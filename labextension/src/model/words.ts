import { TranslationBundle } from '@jupyterlab/translation';

import { ICell, IExpected, IStep, IWait, Phase } from './values';

/** `0.4 s`, `12 s`, `3 min 20 s`, `2 h 05 min`, `3 d 4 h`. */
export function duration(seconds: number): string {
  if (seconds < 10) {
    return `${Math.max(0, seconds).toFixed(seconds < 1 ? 2 : 1)} s`;
  }
  const whole = Math.round(seconds);
  if (whole < 120) {
    return `${whole} s`;
  }
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) {
    return `${minutes} min ${whole % 60} s`;
  }
  const hours = Math.floor(minutes / 60);
  if (hours < 48) {
    return `${hours} h ${String(minutes % 60).padStart(2, '0')} min`;
  }
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** `40–70 s`, `3.1–4.9 s`, `55 s – 3 min 20 s`. */
export function range(low: number, high: number): string {
  const [from, to] = [duration(low), duration(high)];
  if (from === to) {
    return from;
  }
  return high < 119.5 ? `${from.replace(' s', '')}–${to}` : `${from} – ${to}`;
}

/** `950 B`, `56.1 kB`, `1.2 GB`. */
export function bytes(count: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = count;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

export function clock(at: number): string {
  return new Date(at * 1000).toLocaleTimeString();
}

/** The first line that tells one cell from another: no comment, import or magic, if there is such a line. */
export function firstLine(code: string): string {
  const lines = code
    .split('\n')
    .map(line => line.trim())
    .filter(Boolean);
  return (
    lines.find(line => !/^(#|%|@|import\s|from\s.+\simport\s)/.test(line)) ??
    lines[0] ??
    ''
  );
}

export function phaseName(phase: Phase, trans: TranslationBundle): string {
  switch (phase) {
    case 'suspended':
      return trans.__('suspended');
    case 'held':
      return trans.__('held');
    case 'running':
      return trans.__('running');
    case 'queued':
      return trans.__('queued');
    case 'ended':
      return trans.__('ended');
  }
}

/** What a cell waits for, each kind once: `6 × forecast()`, `event approval`. Empty if it waits for nothing. */
export function waitsText(waits: IWait[], trans: TranslationBundle): string {
  const counts = new Map<string, number>();
  for (const wait of waits) {
    const name = waitName(wait, trans);
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts]
    .map(([name, count]) => (count > 1 ? `${count} × ${name}` : name))
    .join(', ');
}

/** `cell [7]`, `fetch_all() line 12`, `gather 37/50`. */
export function stepName(step: IStep, trans: TranslationBundle): string {
  if (step.total !== undefined) {
    return `${step.function} ${step.done ?? 0}/${step.total}`;
  }
  if (step.function === '<module>' && typeof step.cell === 'number') {
    return trans.__('cell [%1]', step.cell);
  }
  return trans.__('%1 line %2', `${step.function}()`, step.line ?? 0);
}

/** `cell [7] → fetch_all() line 12 → gather 37/50 → score()`; only what is awaited where the way is not known. */
export function wayText(cell: ICell, trans: TranslationBundle): string {
  const waits = waitsText(cell.waits, trans);
  const steps = cell.chain.map(step => stepName(step, trans));
  return steps.length > 1
    ? [...steps, waits].filter(Boolean).join(' → ')
    : waits && trans.__('waits for %1', waits);
}

export function waitName(
  wait: { kind: string; key: string; label: string },
  trans: TranslationBundle
): string {
  const label = wait.label || wait.key;
  if (wait.kind === 'event') {
    return wait.label || trans.__('event %1', label.replace(/^event:/, ''));
  }
  if (wait.kind === 'timer') {
    return trans.__('timer');
  }
  return label;
}

export interface IProgress {
  /** From 0 to 1; null where the end is not known. */
  fraction: number | null;
  /** The band in which the end is expected, from 0 to 1 of the bar. */
  band: [number, number] | null;
  text: string;
}

/**
 * How far a wait has come: the bar ends at the 90 % quantile, and its band begins at the 10 % one. Null for a cell that
 * waits for nothing.
 */
export function progressOf(
  cell: ICell,
  now: number,
  trans: TranslationBundle
): IProgress | null {
  if (cell.waits.length === 0) {
    return null;
  }
  const dues = cell.waits.map(wait => wait.due);
  const expected = cell.expected;
  if (dues.every(due => due !== null)) {
    const since = Math.min(...cell.waits.map(wait => wait.since));
    return knownEnd(since, Math.max(...dues), now, trans);
  }
  if (expected && expected.p50 !== null) {
    return predicted(expected, now, trans);
  }
  const since = Math.min(...cell.waits.map(wait => wait.since));
  const lasted = duration(Math.max(0, now - since));
  return { fraction: null, band: null, text: trans.__('%1 so far', lasted) };
}

function knownEnd(
  since: number,
  due: number,
  now: number,
  trans: TranslationBundle
): IProgress {
  const fraction = clamp((now - since) / Math.max(0.001, due - since));
  const text =
    due > now
      ? trans.__('ends in %1', duration(due - now))
      : trans.__('due since %1', duration(now - due));
  return { fraction, band: null, text };
}

function predicted(
  expected: IExpected,
  now: number,
  trans: TranslationBundle
): IProgress {
  const elapsed = Math.max(0, now - expected.since);
  const p50 = expected.p50 ?? 0;
  const low = expected.p10 ?? p50;
  const high = expected.p90 ?? p50;
  const end = Math.max(high, elapsed, 0.001);
  return {
    fraction: clamp(elapsed / end),
    band: [clamp(low / end), clamp(high / end)],
    text: trans.__('usually %1, %2 so far', range(low, high), duration(elapsed))
  };
}

function clamp(value: number): number {
  return Math.min(1, Math.max(0, value));
}
