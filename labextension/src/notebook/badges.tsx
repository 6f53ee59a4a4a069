import { ReactWidget } from '@jupyterlab/apputils';
import { Cell } from '@jupyterlab/cells';
import { NotebookPanel } from '@jupyterlab/notebook';
import { infoIcon, stopIcon } from '@jupyterlab/ui-components';
import { PanelLayout } from '@lumino/widgets';
import * as React from 'react';

import { ICell, phaseOf } from '../model/values';
import { progressOf, waitsText } from '../model/words';
import { Context, useCaesura, useHome, useNow } from '../panel/hooks';
import { Chip, IconButton, Progress } from '../panel/parts';
import { IContext } from '../tokens';

const PATIENCE_S = 0.8;

/** The line between input and output of one waiting cell. */
class Badge extends ReactWidget {
  constructor(
    private readonly _context: IContext,
    private readonly _key: string,
    private readonly _open: (key: string) => void
  ) {
    super();
    this.addClass('jp-Caesura-badge');
  }

  protected render(): JSX.Element {
    return (
      <Context.Provider value={this._context}>
        <WaitLine id={this._key} open={this._open} />
      </Context.Provider>
    );
  }
}

function WaitLine(props: {
  id: string;
  open: (key: string) => void;
}): JSX.Element | null {
  const { trans, actions } = useCaesura();
  const home = useHome();
  const cell = home.cells.get(props.id);
  const now = useNow(true);
  if (!cell) {
    return null;
  }
  const progress = progressOf(cell, now, trans);
  const waits = waitsText(cell.waits, trans);
  const events = home.callsOf(cell).filter(call => call.kind === 'event');
  return (
    <div
      className="jp-Caesura-waitLine"
      role="group"
      aria-label={trans.__('This cell waits')}
      title={cell.reason || undefined}
    >
      <Chip state={cell.state} />
      <span className="jp-Caesura-waits">
        {waits ? trans.__('waits for %1', waits) : cell.reason}
      </span>
      {progress && (
        <Progress progress={progress} label={trans.__('How far the wait is')} />
      )}
      {events.length === 1 && (
        <button
          className="jp-Button jp-mod-styled jp-mod-accept jp-Caesura-small"
          onClick={() => void actions.answer(events[0])}
        >
          {trans.__('Answer…')}
        </button>
      )}
      <IconButton
        icon={infoIcon}
        label={trans.__('Details of this wait')}
        onClick={() => props.open(props.id)}
      />
      <IconButton
        icon={stopIcon}
        label={trans.__('Interrupt this cell')}
        onClick={() => void actions.interrupt(cell)}
      />
    </div>
  );
}

/** Puts a badge at each waiting cell of one notebook, and takes it away when the cell goes on. */
export class Badges {
  constructor(
    private readonly _panel: NotebookPanel,
    private readonly _context: IContext,
    private readonly _open: (key: string) => void
  ) {
    this._context.home.changed.connect(this._look, this);
    _panel.content.modelContentChanged.connect(this._look, this);
    _panel.disposed.connect(() => {
      this._context.home.changed.disconnect(this._look, this);
      clearTimeout(this._timer);
    });
    this._look();
  }

  private _look(): void {
    const { home } = this._context;
    const path = this._panel.context.path;
    const wanted = new Map<string, ICell>();
    for (const cell of home.cells.values()) {
      const phase = phaseOf(cell.state);
      const waits = phase === 'suspended' || phase === 'held';
      if (
        waits &&
        cell.notebook_cell &&
        home.sessions.get(cell.session_id)?.path === path
      ) {
        // A wait that is over in a moment is not worth a line that comes and goes.
        const rest = cell.since + PATIENCE_S - home.now();
        if (rest <= 0 || this._shown.has(cell.notebook_cell)) {
          wanted.set(cell.notebook_cell, cell);
        } else {
          clearTimeout(this._timer);
          this._timer = setTimeout(() => this._look(), rest * 1000 + 20);
        }
      }
    }
    for (const [id, badge] of this._shown) {
      if (!wanted.has(id) || badge.isDisposed) {
        badge.dispose();
        this._shown.delete(id);
      }
    }
    for (const widget of this._panel.content.widgets) {
      const cell = wanted.get(widget.model.id);
      if (cell && !this._shown.has(widget.model.id)) {
        this._add(widget, cell);
      }
    }
  }

  private _add(widget: Cell, cell: ICell): void {
    const layout = widget.layout as PanelLayout | null;
    const input = layout?.widgets.findIndex(each =>
      each.hasClass('jp-Cell-inputWrapper')
    );
    if (!layout || input === undefined || input < 0) {
      return; // it is still a placeholder; the next change looks again
    }
    const key = `${cell.session_id}/${cell.cell_id}`;
    const badge = new Badge(this._context, key, this._open);
    layout.insertWidget(input + 1, badge);
    this._shown.set(widget.model.id, badge);
  }

  private _shown = new Map<string, Badge>();
  private _timer: ReturnType<typeof setTimeout> | undefined;
}
