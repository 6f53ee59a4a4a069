import {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';

import { CaesuraPanel } from './panel';
import { fetchStatus } from './status';

/** Adds the panel and refreshes it whenever Jupyter says that a session or a kernel changed. */
const panel: JupyterFrontEndPlugin<void> = {
  id: '@caesura/labextension:panel',
  description: 'A sidebar that lists the notebooks and cells of Caesura.',
  autoStart: true,
  activate: (app: JupyterFrontEnd): void => {
    const { kernels, sessions, serverSettings } = app.serviceManager;
    const widget = new CaesuraPanel(() => fetchStatus(serverSettings));
    const refresh = () => void widget.refresh();
    sessions.runningChanged.connect(refresh);
    kernels.runningChanged.connect(refresh);
    app.shell.add(widget, 'left', { rank: 250 });
  }
};

export default panel;
