import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import { IHistory, IListedSession, IStore, IStory } from './values';

/** A message that was recorded of a kernel, as its websocket would give it. */
export interface IRecordedOutput {
  n: number;
  cell_id: string;
  message: {
    header: { msg_type: string; msg_id: string };
    content: Record<string, unknown>;
    metadata: Record<string, unknown>;
  };
}

export interface IRecorded {
  outputs: IRecordedOutput[];
  cells: { cell_id: string; notebook_cell: string | null; state: string }[];
  last: number;
  more: boolean;
}

export type CellAction =
  | 'interrupt'
  | 'cancel'
  | 'resume'
  | 'hold'
  | 'let_policy'
  | 'release'
  | 'bring_back';

/** Whether a request was refused because it would lose variables or a cell, and has to be forced. */
export function wouldLose(error: unknown): boolean {
  return (
    error instanceof ServerConnection.ResponseError &&
    error.response.status === 409
  );
}

/** The requests of the server extension. Each rejects with an Error whose message is for the user. */
export class Api {
  constructor(private readonly _settings: ServerConnection.ISettings) {}

  story(cell: string): Promise<IStory> {
    return this._ask('GET', ['cells', cell]);
  }

  act(cell: string, action: CellAction): Promise<unknown> {
    return this._ask('POST', ['cells', cell, action], {});
  }

  giveUpCall(id: string): Promise<unknown> {
    return this._ask('DELETE', ['calls', id]);
  }

  answerEvent(
    name: string,
    answer: { value: unknown } | { error: string }
  ): Promise<{ answered: number }> {
    return this._ask('POST', ['events', name], answer);
  }

  park(session: string): Promise<unknown> {
    return this._ask('POST', ['sessions', session, 'park'], {});
  }

  /** Rejects with an error of which `wouldLose` is true if the worker's session cannot be saved, unless it is forced. */
  restartWorker(id: string, force: boolean): Promise<unknown> {
    return this._ask('POST', ['workers', id, 'restart'], { force });
  }

  drop(session: string): Promise<unknown> {
    return this._ask('DELETE', ['sessions', session]);
  }

  async history(): Promise<IHistory[]> {
    return (await this._ask<{ calls: IHistory[] }>('GET', ['history'])).calls;
  }

  async store(collect = false): Promise<IStore | null> {
    const found = collect
      ? this._ask<{ store: IStore | null }>('POST', ['store'], {})
      : this._ask<{ store: IStore | null }>('GET', ['store']);
    return (await found).store;
  }

  async sessionsOf(path: string): Promise<IListedSession[]> {
    const query = URLExt.objectToQueryString({ path });
    return (
      await this._ask<{ sessions: IListedSession[] }>(
        'GET',
        ['sessions'],
        undefined,
        query
      )
    ).sessions;
  }

  recorded(session: string, after: number): Promise<IRecorded> {
    const query = URLExt.objectToQueryString({ after });
    return this._ask('GET', ['sessions', session, 'outputs'], undefined, query);
  }

  confirm(session: string, upTo: number): Promise<unknown> {
    return this._ask('POST', ['sessions', session, 'outputs'], {
      up_to: upTo
    });
  }

  private async _ask<T>(
    method: string,
    path: string[],
    body?: unknown,
    query = ''
  ): Promise<T> {
    const url =
      URLExt.join(
        this._settings.baseUrl,
        'caesura',
        'api',
        ...path.map(encodeURIComponent)
      ) + query;
    const init: RequestInit = { method };
    if (body !== undefined) {
      init.body = JSON.stringify(body);
    }
    const response = await ServerConnection.makeRequest(
      url,
      init,
      this._settings
    );
    if (!response.ok) {
      throw await ServerConnection.ResponseError.create(response);
    }
    return (await response.json()) as T;
  }
}
