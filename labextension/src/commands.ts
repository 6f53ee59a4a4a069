import { JupyterFrontEnd } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';

import { caesuraIcon } from './icons';
import { ICell, phaseOf } from './model/values';
import { activeCellOf } from './notifications';
import { CommandIDs, IContext } from './tokens';

/** All commands, and their entries in the palette. Those on a cell mean that of the notebook which is in front. */
export function addCommands(
  app: JupyterFrontEnd,
  context: IContext,
  panelId: string,
  tracker: INotebookTracker | null,
  palette: ICommandPalette | null
): void {
  const { commands, shell } = app;
  const { trans, home, actions, api } = context;
  const category = trans.__('Caesura');
  const noArgs = { args: { type: 'object', properties: {} } } as const;

  commands.addCommand(CommandIDs.show, {
    label: trans.__('Show What Waits'),
    caption: trans.__('Show the cells of all notebooks that run and wait'),
    icon: caesuraIcon,
    describedBy: noArgs,
    execute: () => shell.activateById(panelId)
  });

  commands.addCommand(CommandIDs.goToCell, {
    label: trans.__('Go to a Cell of a Notebook'),
    describedBy: {
      args: {
        type: 'object',
        required: ['path'],
        properties: {
          path: { type: 'string', description: 'The path of the notebook' },
          cell: { type: 'string', description: 'The id of the cell in it' }
        }
      }
    },
    execute: async args => {
      const panel = (await commands.execute('docmanager:open', {
        path: args.path as string
      })) as NotebookPanel | undefined;
      if (!panel?.content || args.cell === null || args.cell === undefined) {
        return;
      }
      await panel.context.ready;
      await panel.revealed;
      const { content } = panel;
      const index = content.widgets.findIndex(
        widget => widget.model.id === args.cell
      );
      if (index >= 0) {
        content.activeCellIndex = index;
        await content.scrollToCell(content.widgets[index], 'center');
        shell.activateById(panel.id);
      }
    }
  });

  const current = (): ICell | undefined => {
    const panel = tracker?.currentWidget;
    return panel
      ? activeCellOf(
          context,
          panel.context.path,
          panel.content.activeCell?.model.id
        )
      : undefined;
  };
  const onCell = (
    id: string,
    label: string,
    fits: (cell: ICell) => boolean,
    run: (cell: ICell) => Promise<void>
  ): void => {
    commands.addCommand(id, {
      label,
      describedBy: noArgs,
      isEnabled: () => {
        const cell = current();
        return cell !== undefined && fits(cell);
      },
      execute: async () => {
        const cell = current();
        if (cell && fits(cell)) {
          await run(cell);
        }
      }
    });
    palette?.addItem({ command: id, category });
  };
  onCell(
    CommandIDs.interrupt,
    trans.__('Interrupt Cell'),
    () => true,
    cell => actions.interrupt(cell)
  );
  onCell(
    CommandIDs.release,
    trans.__('Release the Process of a Waiting Cell Now'),
    cell => phaseOf(cell.state) === 'held' && cell.obstacles.length === 0,
    cell => actions.release(cell)
  );
  onCell(
    CommandIDs.hold,
    trans.__('Hold a Cell in Its Process'),
    cell => ['held', 'running'].includes(phaseOf(cell.state)),
    cell => actions.hold(cell)
  );
  onCell(
    CommandIDs.bringBack,
    trans.__('Bring a Suspended Cell Back Now'),
    cell => cell.state === 'released',
    cell => actions.bringBack(cell)
  );
  onCell(
    CommandIDs.answer,
    trans.__('Answer the Event that a Cell Waits For…'),
    cell => home.callsOf(cell).some(call => call.kind === 'event'),
    async cell => {
      const call = home.callsOf(cell).find(each => each.kind === 'event');
      if (call) {
        await actions.answer(call);
      }
    }
  );

  const session = () => {
    const path = tracker?.currentWidget?.context.path;
    return [...home.sessions.values()].find(each => each.path === path);
  };
  commands.addCommand(CommandIDs.park, {
    label: trans.__('Park This Notebook Now'),
    caption: trans.__(
      'Save its variables and end its process until it is used again'
    ),
    describedBy: noArgs,
    isEnabled: () => {
      const found = session();
      return found !== undefined && !found.is_away;
    },
    execute: async () => {
      const found = session();
      if (found) {
        await actions.park(found);
      }
    }
  });
  commands.addCommand(CommandIDs.collect, {
    label: trans.__('Remove What No Snapshot Needs from the Store'),
    describedBy: noArgs,
    isEnabled: () => home.coordinator !== null,
    execute: () => api.store(true)
  });
  for (const command of [
    CommandIDs.show,
    CommandIDs.park,
    CommandIDs.collect
  ]) {
    palette?.addItem({ command, category });
  }
  // Whoever shows commands looks at all of them again: once a second is enough.
  let timer: ReturnType<typeof setTimeout> | undefined;
  home.changed.connect(() => {
    timer ??= setTimeout(() => {
      timer = undefined;
      commands.notifyCommandChanged();
    }, 1000);
  });
}
