import { ReactWidget } from '@jupyterlab/apputils';
import { NotebookPanel } from '@jupyterlab/notebook';
import * as React from 'react';

import { caesuraIcon } from '../icons';
import { notebookState } from '../model/notebookState';
import { Context, useCaesura, useHome } from '../panel/hooks';
import { IContext } from '../tokens';

/** In the notebook's toolbar: that it waits or is parked, and variables that would hold it. Else nothing. */
export class ToolbarItem extends ReactWidget {
  constructor(
    private readonly _panel: NotebookPanel,
    private readonly _context: IContext,
    private readonly _show: () => void
  ) {
    super();
    this.addClass('jp-Caesura-toolbarItem');
  }

  protected render(): JSX.Element {
    return (
      <Context.Provider value={this._context}>
        <Indicator panel={this._panel} show={this._show} />
      </Context.Provider>
    );
  }
}

function Indicator(props: {
  panel: NotebookPanel;
  show: () => void;
}): JSX.Element | null {
  const { trans } = useCaesura();
  const home = useHome();
  const shown = notebookState(home, props.panel.context.path, trans);
  if (!shown) {
    return null;
  }
  return (
    <button
      className="jp-Caesura-indicator"
      data-state={shown.state}
      title={shown.title}
      onClick={props.show}
    >
      <caesuraIcon.react tag="span" width={14} height={14} />
      <span>{shown.text}</span>
    </button>
  );
}

/** Put it before the kernel's name, where JupyterLab shows what the kernel does. */
export function addToToolbar(
  panel: NotebookPanel,
  context: IContext,
  show: () => void
): void {
  void panel.context.ready.then(() => {
    if (panel.isDisposed) {
      return;
    }
    const item = new ToolbarItem(panel, context, show);
    if (!panel.toolbar.insertBefore('kernelName', 'caesura', item)) {
      panel.toolbar.addItem('caesura', item);
    }
  });
}
