import {
  caretDownIcon,
  caretRightIcon,
  closeIcon,
  InputGroup,
  HTMLSelect,
  infoIcon,
  stopIcon
} from '@jupyterlab/ui-components';
import * as React from 'react';

import {
  Filter,
  FILTERS,
  ICellRow,
  INotebookRow,
  IVariableRow,
  nameOf,
  Row,
  rowsOf
} from '../model/rows';
import { phaseOf } from '../model/values';
import {
  duration,
  firstLine,
  phaseName,
  progressOf,
  wayText
} from '../model/words';
import { useCaesura, useHome, useNow } from './hooks';
import { Chip, IconButton, Notice, Progress } from './parts';
import { VirtualList } from './virtualList';

const NOTEBOOK_PX = 30;
const CELL_PX = 70;
const SHORT_CELL_PX = 46;
const TWO_LINES_PX = 18;
const VARIABLE_PX = 64;

function heightOf(row: Row): number {
  if (row.kind === 'notebook') {
    return NOTEBOOK_PX;
  }
  if (row.kind === 'variable') {
    return VARIABLE_PX;
  }
  const { waits, state, chain } = row.cell;
  if (waits.length === 0 || phaseOf(state) === 'ended') {
    return SHORT_CELL_PX;
  }
  return CELL_PX + (chain.length > 1 ? TWO_LINES_PX : 0);
}

/** The cells by notebook, with a field to search in and a filter. */
export function Cells(props: { onOpen: (key: string) => void }): JSX.Element {
  const { trans } = useCaesura();
  const home = useHome();
  const [query, setQuery] = React.useState('');
  const [filter, setFilter] = React.useState<Filter>('active');
  const [closed, setClosed] = React.useState<ReadonlySet<string>>(new Set());
  const rows = React.useMemo(
    () => rowsOf(home, query, filter, closed),
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [home, home.version, query, filter, closed]
  );
  const toggle = (id: string) => {
    const changed = new Set(closed);
    if (!changed.delete(id)) {
      changed.add(id);
    }
    setClosed(changed);
  };
  return (
    <>
      <div className="jp-Caesura-search">
        <InputGroup
          type="search"
          aria-label={trans.__('Search cells')}
          placeholder={trans.__('Search…')}
          rightIcon="ui-components:search"
          value={query}
          onChange={event => setQuery(event.target.value)}
        />
        <HTMLSelect
          aria-label={trans.__('Which cells are shown')}
          value={filter}
          onChange={event => setFilter(event.target.value as Filter)}
        >
          {FILTERS.map(each => (
            <option key={each} value={each}>
              {each === 'active' ? trans.__('active') : phaseName(each, trans)}
            </option>
          ))}
        </HTMLSelect>
      </div>
      {rows.length === 0 ? (
        <Notice
          title={
            query || filter !== 'active'
              ? trans.__('No cell fits')
              : trans.__('No notebook is open')
          }
          text={
            query || filter !== 'active'
              ? trans.__('Look for something else, or show all active cells.')
              : trans.__(
                  'Open one with the kernel “Python 3 (Caesura)”. Its cells are listed here while they run and wait.'
                )
          }
          action={
            query || filter !== 'active'
              ? {
                  label: trans.__('Show all active cells'),
                  run: () => {
                    setQuery('');
                    setFilter('active');
                  }
                }
              : undefined
          }
        />
      ) : (
        <VirtualList
          items={rows}
          keyOf={row => row.key}
          heightOf={heightOf}
          label={trans.__('Cells by notebook')}
          render={(row, isFocusable) =>
            row.kind === 'notebook' ? (
              <NotebookLine
                row={row}
                isFocusable={isFocusable}
                onToggle={() => toggle(row.key)}
              />
            ) : row.kind === 'variable' ? (
              <VariableLine row={row} isFocusable={isFocusable} />
            ) : (
              <CellLine
                row={row}
                isFocusable={isFocusable}
                onOpen={() => props.onOpen(row.key)}
              />
            )
          }
        />
      )}
    </>
  );
}

function NotebookLine(props: {
  row: INotebookRow;
  isFocusable: boolean;
  onToggle: () => void;
}): JSX.Element {
  const { trans, actions } = useCaesura();
  const { session, isOpen, count } = props.row;
  const Caret = isOpen ? caretDownIcon : caretRightIcon;
  const note = session.is_kept
    ? trans.__('kept')
    : session.is_away && count === 0
      ? trans.__('parked')
      : '';
  return (
    <div className="jp-Caesura-notebookLine">
      <button
        className="jp-Caesura-main"
        data-main
        aria-expanded={isOpen}
        tabIndex={props.isFocusable ? 0 : -1}
        title={session.name}
        onClick={props.onToggle}
      >
        <Caret.react tag="span" width={14} height={14} />
        <span className="jp-Caesura-name">{nameOf(session)}</span>
        <span className="jp-Caesura-note">{note}</span>
        <span className="jp-Caesura-count">
          {trans._n('%1 cell', '%1 cells', count)}
        </span>
      </button>
      {session.is_kept && (
        <IconButton
          icon={closeIcon}
          label={trans.__('Drop the session of %1', nameOf(session))}
          isFocusable={props.isFocusable}
          onClick={() => void actions.drop(session)}
        />
      )}
    </div>
  );
}

/** A variable that would hold the cells of its notebook, with what can be done about it. */
function VariableLine(props: {
  row: IVariableRow;
  isFocusable: boolean;
}): JSX.Element {
  const { trans } = useCaesura();
  const { path, kind, detail, remedy } = props.row.obstacle;
  return (
    <div
      className="jp-Caesura-variableLine"
      data-main
      tabIndex={props.isFocusable ? 0 : -1}
      title={[`${path}: ${kind}${detail && ` (${detail})`}`, remedy].join('\n')}
    >
      <span className="jp-Caesura-firstLine">
        <span className="jp-Caesura-chip" data-phase="held">
          {trans.__('would hold')}
        </span>
        <code>{path}</code> {kind}
      </span>
      <span className="jp-Caesura-secondLine">{remedy || detail}</span>
    </div>
  );
}

function CellLine(props: {
  row: ICellRow;
  isFocusable: boolean;
  onOpen: () => void;
}): JSX.Element {
  const { trans, actions } = useCaesura();
  const { cell } = props.row;
  const phase = phaseOf(cell.state);
  const isOver = phase === 'ended';
  const now = useNow(!isOver);
  const progress = isOver ? null : progressOf(cell, now, trans);
  const way = wayText(cell, trans);
  const line = firstLine(cell.code);
  const facts = [
    cell.moves > 0 ? trans._n('moved once', 'moved %1 times', cell.moves) : '',
    isOver ? '' : duration(now - (cell.started ?? cell.created))
  ].filter(Boolean);
  return (
    <div
      className="jp-Caesura-cellLine"
      data-phase={phase}
      title={[way, cell.reason].filter(Boolean).join('\n') || undefined}
    >
      <button
        className="jp-Caesura-main"
        data-main
        tabIndex={props.isFocusable ? 0 : -1}
        onClick={() => actions.goTo(cell)}
        onKeyDown={event => {
          if (event.key === 'ArrowRight') {
            event.preventDefault();
            props.onOpen();
          }
        }}
      >
        <span className="jp-Caesura-firstLine">
          <Chip state={cell.state} />
          <code>{line}</code>
        </span>
        <span
          className="jp-Caesura-secondLine"
          data-long={(!isOver && cell.chain.length > 1) || undefined}
        >
          {isOver || !way
            ? cell.reason || facts.join(' · ')
            : `${way}${facts.length ? ` · ${facts[0]}` : ''}`}
        </span>
      </button>
      <span className="jp-Caesura-lineActions">
        <IconButton
          icon={infoIcon}
          label={trans.__('Details of the cell %1', line)}
          isFocusable={props.isFocusable}
          onClick={props.onOpen}
        />
        {!isOver && (
          <IconButton
            icon={stopIcon}
            label={
              phase === 'queued'
                ? trans.__('Cancel the cell %1', line)
                : trans.__('Interrupt the cell %1', line)
            }
            isFocusable={props.isFocusable}
            onClick={() =>
              void (phase === 'queued'
                ? actions.cancelQueued(cell)
                : actions.interrupt(cell))
            }
          />
        )}
      </span>
      {progress && (
        <Progress progress={progress} label={trans.__('How far the wait is')} />
      )}
    </div>
  );
}
