import { Widget } from '@lumino/widgets';

import { ICell, IStatus } from './status';

const FINAL_STATES = new Set(['done', 'failed', 'cancelled']);

/** Lists the notebooks and those of their cells that are not finished. */
export class CaesuraPanel extends Widget {
  constructor(private readonly _fetch: () => Promise<IStatus>) {
    super();
    this.id = 'caesura-panel';
    this.addClass('jp-Caesura-panel');
    this.title.label = 'Caesura';
    this.title.caption = 'Notebooks and waiting cells';
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', 'Notebooks and waiting cells');
  }

  /** Ask again and show the answer, or why there is none. Does nothing while the panel is hidden. */
  async refresh(): Promise<void> {
    if (!this.isVisible) {
      return;
    }
    try {
      this._show(await this._fetch());
    } catch (error) {
      this._lines([`No status: ${(error as Error).message}`]);
    }
  }

  protected onAfterShow(): void {
    void this.refresh();
  }

  private _show(status: IStatus): void {
    if (status.coordinator === null) {
      this._lines(['No coordinator runs. It starts with the first kernel.']);
      return;
    }
    const notebooks = status.sessions.filter(one => one.kind === 'notebook');
    const lines = notebooks.flatMap(session => [
      `${session.name || session.session_id}: ${session.state}`,
      ...status.cells
        .filter(cell => cell.session_id === session.session_id)
        .filter(cell => !FINAL_STATES.has(cell.state))
        .map(describe)
    ]);
    this._lines(lines.length > 0 ? lines : ['No notebook is open.']);
  }

  private _lines(lines: string[]): void {
    const list = document.createElement('ul');
    for (const line of lines) {
      const item = document.createElement('li');
      item.textContent = line;
      list.append(item);
    }
    this.node.replaceChildren(list);
  }
}

function describe(cell: ICell): string {
  const waits = cell.waits.map(wait => wait.label || wait.kind).join(', ');
  const what = [
    cell.code.split('\n', 1)[0],
    cell.state,
    waits ? `waits for ${waits}` : '',
    cell.moves > 0 ? `moved ${cell.moves} times` : '',
    cell.reason
  ];
  return what.filter(part => part !== '').join(' · ');
}
