import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

/** What a cell waits for; times are seconds since the epoch. */
export interface IWait {
  kind: string;
  label: string;
  since: number;
  due: number | null;
}

export interface ICell {
  cell_id: string;
  session_id: string;
  code: string;
  state: string;
  moves: number;
  waits: IWait[];
  reason: string;
}

export interface ISession {
  session_id: string;
  kind: string;
  name: string;
  state: string;
  worker_pid: number | null;
}

/** The part of `GET /caesura/status` that the panel shows. `coordinator` is null if none runs. */
export interface IStatus {
  coordinator: { pid: number; policy: string; workers: number } | null;
  sessions: ISession[];
  cells: ICell[];
}

/** The present status; a ResponseError if the server does not give one. */
export async function fetchStatus(
  settings: ServerConnection.ISettings
): Promise<IStatus> {
  const url = URLExt.join(settings.baseUrl, 'caesura', 'status');
  const response = await ServerConnection.makeRequest(url, {}, settings);
  if (!response.ok) {
    throw await ServerConnection.ResponseError.create(response);
  }
  return (await response.json()) as IStatus;
}
