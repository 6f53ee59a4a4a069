import { ReactWidget } from '@jupyterlab/apputils';
import * as React from 'react';

import { caesuraIcon } from '../icons';
import { IContext } from '../tokens';
import { Cells } from './cells';
import { Detail } from './detail';
import { Context, useCaesura, useHome } from './hooks';
import { Calls, Store, Workers } from './others';
import { Notice } from './parts';
import { Strip } from './strip';

/** The sidebar. */
export class CaesuraPanel extends ReactWidget {
  constructor(private readonly _context: IContext) {
    super();
    const { trans } = _context;
    this.id = 'caesura-panel';
    this.addClass('jp-Caesura-panel');
    this.title.icon = caesuraIcon;
    this.title.caption = trans.__('Caesura: what waits');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', trans.__('Caesura: what waits'));
  }

  /** Show one cell, by its session's and its own id (`SESSION/CELL`). */
  open(id: string): void {
    this._wanted = id;
    this.update();
  }

  protected render(): JSX.Element {
    return (
      <Context.Provider value={this._context}>
        <Panel
          wanted={this._wanted}
          onBack={() => {
            this._wanted = '';
          }}
        />
      </Context.Provider>
    );
  }

  private _wanted = '';
}

function Panel(props: { wanted: string; onBack: () => void }): JSX.Element {
  const home = useHome();
  const { trans, retry } = useCaesura();
  const [opened, setOpened] = React.useState('');
  React.useEffect(() => {
    if (props.wanted) {
      setOpened(props.wanted);
    }
  }, [props.wanted]);
  const { link } = home;
  if (link.is === 'connecting') {
    return <Notice title={trans.__('Connecting…')} isBusy />;
  }
  if (link.is === 'nobody') {
    return (
      <Notice
        title={trans.__('No coordinator runs')}
        text={trans.__(
          'It starts with the first notebook that has the kernel “Python 3 (Caesura)”.'
        )}
        action={{ label: trans.__('Look again'), run: retry }}
      />
    );
  }
  const lost = link.is === 'lost' && (
    <Notice
      title={trans.__('The connection is lost; trying again')}
      text={link.why || trans.__('What is shown may be out of date.')}
      action={{ label: trans.__('Try now'), run: retry }}
    />
  );
  if (!home.coordinator) {
    return <>{lost}</>;
  }
  if (opened) {
    const back = () => {
      props.onBack();
      setOpened('');
    };
    return (
      <>
        {lost}
        <Detail id={opened} onBack={back} />
      </>
    );
  }
  return (
    <>
      {lost}
      <Strip />
      <Tabs
        tabs={[
          ['cells', trans.__('Cells'), <Cells key="c" onOpen={setOpened} />],
          ['calls', trans.__('Calls'), <Calls key="a" />],
          ['workers', trans.__('Workers'), <Workers key="w" />],
          ['store', trans.__('Store'), <Store key="s" />]
        ]}
      />
    </>
  );
}

function Tabs(props: { tabs: [string, string, JSX.Element][] }): JSX.Element {
  const [current, setCurrent] = React.useState(0);
  const { trans } = useCaesura();
  const list = React.useRef<HTMLDivElement>(null);
  const onKeyDown = (event: React.KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step) {
      event.preventDefault();
      const next = (current + step + props.tabs.length) % props.tabs.length;
      setCurrent(next);
      list.current?.querySelectorAll<HTMLElement>('[role=tab]')[next].focus();
    }
  };
  const [name, , content] = props.tabs[current];
  return (
    <>
      <div
        ref={list}
        className="jp-Caesura-tabs"
        role="tablist"
        aria-label={trans.__('What is shown')}
        onKeyDown={onKeyDown}
      >
        {props.tabs.map(([id, label], index) => (
          <button
            key={id}
            id={`caesura-tab-${id}`}
            role="tab"
            aria-selected={index === current}
            aria-controls="caesura-tab-content"
            tabIndex={index === current ? 0 : -1}
            onClick={() => setCurrent(index)}
          >
            {label}
          </button>
        ))}
      </div>
      <div
        id="caesura-tab-content"
        className="jp-Caesura-content"
        role="tabpanel"
        aria-labelledby={`caesura-tab-${name}`}
      >
        {content}
      </div>
    </>
  );
}
