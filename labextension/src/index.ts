import {
  ILabShell,
  ILayoutRestorer,
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { INotebookTracker } from '@jupyterlab/notebook';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { Actions } from './actions';
import { addCommands } from './commands';
import { Api } from './model/api';
import { Home } from './model/home';
import { Stream } from './model/stream';
import { Badges } from './notebook/badges';
import { addToToolbar } from './notebook/toolbar';
import { Returning } from './notebook/returning';
import { notifyOfLongCells } from './notifications';
import { CaesuraPanel } from './panel/panel';
import { StatusItem } from './statusItem';
import { IContext } from './tokens';

const PLUGIN_ID = '@caesura/labextension:plugin';
const RANK = 250;

const plugin: JupyterFrontEndPlugin<void> = {
  id: PLUGIN_ID,
  description:
    'Shows what waits in the notebooks of Caesura, why, and for how long.',
  autoStart: true,
  optional: [
    ITranslator,
    ISettingRegistry,
    ICommandPalette,
    ILayoutRestorer,
    INotebookTracker,
    IStatusBar,
    ILabShell
  ],
  activate: async (
    app: JupyterFrontEnd,
    translator: ITranslator | null,
    registry: ISettingRegistry | null,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null,
    tracker: INotebookTracker | null,
    statusBar: IStatusBar | null
  ): Promise<void> => {
    const { serverSettings, sessions, kernels } = app.serviceManager;
    const trans = (translator ?? nullTranslator).load('caesura');
    const home = new Home();
    const api = new Api(serverSettings);
    const stream = new Stream(home, serverSettings);
    const actions = new Actions(home, api, app.commands, trans);
    const context: IContext = {
      home,
      api,
      actions,
      trans,
      retry: stream.retry
    };

    const panel = new CaesuraPanel(context);
    app.shell.add(panel, 'left', { rank: RANK });
    restorer?.add(panel, panel.id);
    const open = (key: string): void => {
      panel.open(key);
      app.shell.activateById(panel.id);
    };
    addCommands(app, context, panel.id, tracker, palette);
    statusBar?.registerStatusItem(`${PLUGIN_ID}-status`, {
      item: new StatusItem(context, () => app.shell.activateById(panel.id)),
      align: 'left',
      rank: 4
    });

    // A kernel may have started the coordinator.
    sessions.runningChanged.connect(stream.retry);
    kernels.runningChanged.connect(stream.retry);
    stream.retry();

    const settings = registry ? await loaded(registry) : null;
    const setting = <T>(name: string, otherwise: T): T =>
      (settings?.get(name).composite as T | undefined) ?? otherwise;
    notifyOfLongCells(context, () => setting('notifyAfterSeconds', 60));
    const opened = (notebook: Parameters<typeof watchNotebook>[0]): void =>
      watchNotebook(notebook, setting('badges', true));
    const watchNotebook = (
      notebook: NonNullable<INotebookTracker['currentWidget']>,
      hasBadges: boolean
    ): void => {
      if (hasBadges) {
        new Badges(notebook, context, open);
      }
      addToToolbar(notebook, context, () => app.shell.activateById(panel.id));
      new Returning(notebook, context);
    };
    tracker?.forEach(opened);
    tracker?.widgetAdded.connect((_, notebook) => opened(notebook));
  }
};

async function loaded(
  registry: ISettingRegistry
): Promise<ISettingRegistry.ISettings | null> {
  try {
    return await registry.load(PLUGIN_ID);
  } catch (error) {
    console.warn('caesura: the settings could not be read', error);
    return null;
  }
}

export default plugin;
