import { ReactWidget } from '@jupyterlab/apputils';
import * as React from 'react';

import { caesuraIcon } from './icons';
import { Context, useCaesura, useHome } from './panel/hooks';
import { IContext } from './tokens';

/** In the status bar: how many cells wait. Nothing while there is nothing to say. */
export class StatusItem extends ReactWidget {
  constructor(
    private readonly _context: IContext,
    private readonly _show: () => void
  ) {
    super();
  }

  protected render(): JSX.Element {
    return (
      <Context.Provider value={this._context}>
        <Status show={this._show} />
      </Context.Provider>
    );
  }
}

function Status(props: { show: () => void }): JSX.Element | null {
  const { trans } = useCaesura();
  const home = useHome();
  if (home.link.is === 'nobody' || home.link.is === 'connecting') {
    return null;
  }
  const { suspended, held, parked } = home.totals();
  const text =
    home.link.is === 'lost'
      ? trans.__('disconnected')
      : [
          trans._n('%1 waiting', '%1 waiting', suspended + held),
          parked > 0 ? trans._n('%1 parked', '%1 parked', parked) : ''
        ]
          .filter(Boolean)
          .join(', ');
  return (
    <button
      className="jp-Caesura-status"
      title={trans.__('Caesura: show what waits')}
      onClick={props.show}
    >
      <caesuraIcon.react tag="span" width={14} height={14} />
      <span>{text}</span>
    </button>
  );
}
