import { Dialog, showDialog } from '@jupyterlab/apputils';
import { CodeCell } from '@jupyterlab/cells';
import { DocumentRegistry } from '@jupyterlab/docregistry';
import { NotebookPanel } from '@jupyterlab/notebook';
import { KernelMessage } from '@jupyterlab/services';

import { IListedSession, phaseOf } from '../model/values';
import { IContext } from '../tokens';
import { IMessage, Replay } from './replay';

/**
 * A notebook that is opened again: what was missed is put into its cells, what still comes for them goes there, and
 * what is safe in the file need not be kept any longer.
 */
export class Returning {
  constructor(
    private readonly _panel: NotebookPanel,
    private readonly _context: IContext
  ) {
    _panel.sessionContext.iopubMessage.connect(this._heard, this);
    _panel.context.saveState.connect(this._saving, this);
    void this._come();
  }

  private async _come(): Promise<void> {
    const { home, api } = this._context;
    const panel = this._panel;
    await Promise.all([panel.context.ready, firstState(home)]);
    const path = panel.context.path;
    const kept = [...home.sessions.values()].find(
      session => session.is_kept && session.path === path
    );
    let listed = kept ? await api.sessionsOf(path) : [];
    const before = listed.find(
      session => session.session_id === kept?.session_id
    );
    await panel.sessionContext.ready;
    await panel.revealed;
    if (before && !(await this._askWhetherToGoOn(before))) {
      await panel.sessionContext.session?.kernel?.restart();
      this._waiting = null;
      return;
    }
    if ([...home.sessions.values()].some(session => session.path === path)) {
      listed = await api.sessionsOf(path);
    }
    const session = listed.find(
      each => each.state === 'open' || each.session_id === kept?.session_id
    );
    if (session && !panel.isDisposed) {
      this._session = session.session_id;
      await this._fetch(session.session_id);
    }
    this._waiting = null;
  }

  private async _askWhetherToGoOn(session: IListedSession): Promise<boolean> {
    const { trans } = this._context;
    const waiting = session.cells.filter(
      cell => phaseOf(cell.state) !== 'ended'
    ).length;
    const facts = [
      session.variables === null
        ? ''
        : trans._n(
            'It has %1 variable.',
            'It has %1 variables.',
            session.variables.length
          ),
      waiting === 0
        ? ''
        : trans._n(
            'A cell of it has not ended.',
            '%1 cells of it have not ended.',
            waiting
          ),
      session.outputs.count === 0
        ? ''
        : trans._n(
            'One output was missed and is put into its cell.',
            '%1 outputs were missed and are put into their cells.',
            session.outputs.count
          )
    ];
    const result = await showDialog({
      title: trans.__('Go on with this notebook?'),
      body: [
        trans.__('Its session was kept while the notebook was closed.'),
        ...facts
      ]
        .filter(Boolean)
        .join(' '),
      buttons: [
        Dialog.warnButton({
          label: trans.__('Start afresh'),
          caption: trans.__('Its variables and waiting cells are lost'),
          accept: false
        }),
        Dialog.okButton({ label: trans.__('Go on') })
      ],
      hasClose: false
    });
    return result.button.accept;
  }

  private async _fetch(session: string): Promise<void> {
    let after = 0;
    for (;;) {
      const found = await this._context.api.recorded(session, after);
      for (const cell of found.cells) {
        if (cell.notebook_cell) {
          this._cellOf.set(cell.cell_id, cell.notebook_cell);
          if (phaseOf(cell.state) !== 'ended') {
            this._setRunning(cell.notebook_cell, true);
          }
        }
      }
      for (const { cell_id, message } of found.outputs) {
        if (this._cellOf.has(cell_id)) {
          this._show(cell_id, message);
        } else {
          // Asked for by the page itself, or by a console: no file holds it.
          this._seen.add(message.header.msg_id);
        }
      }
      after = found.last;
      if (!found.more) {
        break;
      }
    }
    for (const message of this._waiting ?? []) {
      this._route(message);
    }
  }

  /** A message came live. That of a cell which this page runs is shown by JupyterLab itself. */
  private _heard(_: unknown, any: KernelMessage.IMessage): void {
    const message = any as KernelMessage.IIOPubMessage;
    if (this._waiting !== null) {
      this._waiting.push(message);
    } else {
      this._route(message);
    }
    if (SHOWN.has(message.header.msg_type)) {
      this._seen.add(message.header.msg_id);
    }
  }

  private _route(message: KernelMessage.IIOPubMessage): void {
    const parent = (message.parent_header as { msg_id?: string }).msg_id ?? '';
    const id = this._cellOf.get(parent);
    if (id === undefined) {
      return;
    }
    this._show(parent, message as unknown as IMessage);
    const state = (message.content as { execution_state?: string })
      .execution_state;
    if (message.header.msg_type === 'status' && state === 'idle') {
      this._setRunning(id, false);
    }
  }

  private _show(msgId: string, message: IMessage): void {
    const id = this._cellOf.get(msgId);
    if (id === undefined || this._shown.has(message.header.msg_id)) {
      return;
    }
    this._shown.add(message.header.msg_id);
    this._seen.add(message.header.msg_id);
    const cell = this._find(id);
    if (cell) {
      let replay = this._replays.get(id);
      if (!replay) {
        this._replays.set(id, (replay = new Replay(cell.model)));
      }
      replay.apply(message);
    }
  }

  private _find(id: string): CodeCell | undefined {
    return this._panel.content.widgets.find(
      widget => widget.model.id === id && widget.model.type === 'code'
    ) as CodeCell | undefined;
  }

  private _setRunning(id: string, isRunning: boolean): void {
    const cell = this._find(id);
    if (cell) {
      cell.model.executionState = isRunning ? 'running' : 'idle';
    }
  }

  /** What was shown when a save began is in the file when it has ended. */
  private _saving(_: unknown, state: DocumentRegistry.SaveState): void {
    if (state === 'started') {
      this._inFile = new Set(this._seen);
    }
    if (state === 'completed' && this._inFile.size > 0) {
      void this._confirm();
    }
  }

  private async _confirm(): Promise<void> {
    const inFile = this._inFile;
    const { api, home } = this._context;
    this._session ||=
      [...home.sessions.values()].find(
        session => session.path === this._panel.context.path
      )?.session_id ?? '';
    if (!this._session) {
      return;
    }
    try {
      const { outputs } = await api.recorded(this._session, 0);
      let upTo = 0;
      for (const { n, message } of outputs) {
        if (!inFile.has(message.header.msg_id)) {
          break;
        }
        upTo = n;
        this._seen.delete(message.header.msg_id);
      }
      if (upTo > 0) {
        await api.confirm(this._session, upTo);
      }
    } catch {
      // The coordinator keeps them; the next save says it again.
    }
  }

  private _session = '';
  private _cellOf = new Map<string, string>();
  private _replays = new Map<string, Replay>();
  private _shown = new Set<string>();
  private _seen = new Set<string>();
  private _inFile = new Set<string>();
  private _waiting: KernelMessage.IIOPubMessage[] | null = [];
}

const SHOWN = new Set([
  'stream',
  'display_data',
  'update_display_data',
  'execute_result',
  'error',
  'clear_output',
  'execute_input'
]);

/** When the stream has said what there is, or that there is nothing. */
function firstState(home: IContext['home']): Promise<void> {
  return new Promise(resolve => {
    const look = () => {
      if (home.link.is !== 'connecting') {
        home.changed.disconnect(look);
        resolve();
      }
    };
    home.changed.connect(look);
    look();
  });
}
