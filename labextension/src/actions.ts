import { Dialog, Notification, showDialog } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import { CommandRegistry } from '@lumino/commands';

import { Api, CellAction, wouldLose } from './model/api';
import { Home } from './model/home';
import { nameOf } from './model/rows';
import { ICall, ICell, ISession, IWorker } from './model/values';
import { waitName } from './model/words';
import { askForAnswer } from './panel/eventForm';
import { CommandIDs } from './tokens';

/** What the user may do. Asks first only where something is lost; what fails is a notification. */
export class Actions {
  constructor(
    private readonly _home: Home,
    private readonly _api: Api,
    private readonly _commands: CommandRegistry,
    private readonly _trans: TranslationBundle
  ) {}

  goTo(cell: ICell): void {
    const path = this._home.sessions.get(cell.session_id)?.path;
    if (!path) {
      Notification.warning(
        this._trans.__(
          'The notebook of this cell is not below the folder of this server.'
        ),
        { autoClose: 4000 }
      );
      return;
    }
    void this._commands.execute(CommandIDs.goToCell, {
      path,
      cell: cell.notebook_cell
    });
  }

  openNotebook(session: ISession): void {
    if (session.path) {
      void this._commands.execute('docmanager:open', { path: session.path });
    }
  }

  interrupt(cell: ICell): Promise<void> {
    return this._act(cell, 'interrupt');
  }

  cancelQueued(cell: ICell): Promise<void> {
    return this._act(cell, 'cancel');
  }

  async release(cell: ICell): Promise<void> {
    await this._act(cell, 'release');
  }

  async bringBack(cell: ICell): Promise<void> {
    await this._act(cell, 'bring_back');
  }

  /** Stays in its process until it is said otherwise: with a way to undo it. */
  async hold(cell: ICell): Promise<void> {
    if (await this._do(() => this._api.act(cell.cell_id, 'hold'))) {
      Notification.info(
        this._trans.__('The cell keeps its process while it waits.'),
        {
          autoClose: 6000,
          actions: [
            {
              label: this._trans.__('Undo'),
              callback: () => void this.letPolicy(cell)
            }
          ]
        }
      );
    }
  }

  letPolicy(cell: ICell): Promise<void> {
    return this._act(cell, 'let_policy');
  }

  async resume(cell: ICell): Promise<void> {
    const isSure = await this._isSure(
      this._trans.__('Go on from the last snapshot?'),
      this._trans.__(
        'What the cell did after that snapshot runs again, and variables that were made since in this notebook are dropped.'
      ),
      this._trans.__('Go on')
    );
    if (isSure) {
      await this._act(cell, 'resume');
    }
  }

  async giveUpCall(call: ICall): Promise<void> {
    const name = waitName(call, this._trans);
    const isSure = await this._isSure(
      this._trans.__('Give up %1?', name),
      this._trans.__(
        'Its await raises an error in the cell, and what it has done so far is lost.'
      ),
      this._trans.__('Give up')
    );
    if (isSure) {
      await this._do(() => this._api.giveUpCall(call.op_id));
    }
  }

  async answer(call: ICall): Promise<void> {
    const answered = await askForAnswer(call, this._api, this._trans);
    if (answered) {
      Notification.success(
        this._trans.__('The event %1 was answered.', call.name ?? call.label),
        { autoClose: 4000 }
      );
    }
  }

  async park(session: ISession): Promise<void> {
    await this._do(() => this._api.park(session.session_id));
  }

  /** Replaces a worker. What its session holds is saved first; asks only if that is not possible. */
  async restartWorker(worker: IWorker): Promise<void> {
    const restart = (force: boolean) =>
      this._api.restartWorker(worker.worker_id, force);
    try {
      await restart(false);
    } catch (error) {
      const { message } = error as Error;
      if (!wouldLose(error)) {
        Notification.error(message, { autoClose: 8000 });
        return;
      }
      const isSure = await this._isSure(
        this._trans.__('End the worker %1?', String(worker.pid)),
        message,
        this._trans.__('End it')
      );
      if (isSure) {
        await this._do(() => restart(true));
      }
    }
  }

  async drop(session: ISession): Promise<void> {
    const isSure = await this._isSure(
      this._trans.__('Drop the session of %1?', nameOf(session)),
      this._trans.__(
        'Its variables are lost, and a cell of it that waits is given up.'
      ),
      this._trans.__('Drop')
    );
    if (isSure) {
      await this._do(() => this._api.drop(session.session_id));
    }
  }

  private async _act(cell: ICell, action: CellAction): Promise<void> {
    await this._do(() => this._api.act(cell.cell_id, action));
  }

  private async _do(ask: () => Promise<unknown>): Promise<boolean> {
    try {
      await ask();
      return true;
    } catch (error) {
      Notification.error((error as Error).message, { autoClose: 8000 });
      return false;
    }
  }

  private async _isSure(
    title: string,
    body: string,
    label: string
  ): Promise<boolean> {
    const result = await showDialog({
      title,
      body,
      buttons: [
        Dialog.cancelButton({ label: this._trans.__('Cancel') }),
        Dialog.warnButton({ label })
      ],
      defaultButton: 0
    });
    return result.button.accept;
  }
}
