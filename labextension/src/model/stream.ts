import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import { IDisposable } from '@lumino/disposable';

import { Home } from './home';
import { IChange } from './values';

const NO_COORDINATOR = 4404;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;

/** Keeps `home` up to date over one websocket, which goes on after the last number when it was lost. */
export class Stream implements IDisposable {
  constructor(
    private readonly _home: Home,
    private readonly _settings: ServerConnection.ISettings
  ) {
    window.addEventListener('online', this.retry);
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /** Connect now, if nothing is connected: somebody asks for it, or a kernel was started. */
  readonly retry = (): void => {
    if (!this._socket && !this._isDisposed) {
      this._pause_ms = FIRST_PAUSE_MS;
      this._connect();
    }
  };

  dispose(): void {
    this._isDisposed = true;
    window.removeEventListener('online', this.retry);
    clearTimeout(this._timer);
    this._socket?.close();
  }

  private _connect(): void {
    clearTimeout(this._timer);
    const { wsUrl, token, appendToken, WebSocket } = this._settings;
    const query: Record<string, string> = {};
    if (this._home.stream) {
      query.stream = this._home.stream;
      query.after = String(this._home.number);
    }
    if (appendToken && token) {
      query.token = token;
    }
    const url =
      URLExt.join(wsUrl, 'caesura', 'api', 'stream') +
      URLExt.objectToQueryString(query);
    let error = '';
    const socket = (this._socket = new WebSocket(url));
    socket.onmessage = (event: MessageEvent) => {
      const message = JSON.parse(event.data as string) as
        IChange | { type: 'error'; message: string };
      if (message.type === 'error') {
        error = message.message;
        return;
      }
      this._pause_ms = FIRST_PAUSE_MS;
      this._home.apply(message);
      if (message.coordinator !== null && this._home.link.is !== 'connected') {
        this._home.setLink({ is: 'connected' });
      }
    };
    socket.onclose = (event: CloseEvent) => {
      this._socket = null;
      if (this._isDisposed) {
        return;
      }
      if (event.code === NO_COORDINATOR) {
        this._home.setLink({ is: 'nobody' });
        return;
      }
      this._home.setLink({ is: 'lost', why: error || event.reason });
      clearTimeout(this._timer);
      this._timer = setTimeout(() => this._connect(), this._pause_ms);
      this._pause_ms = Math.min(this._pause_ms * 2, LONGEST_PAUSE_MS);
    };
  }

  private _socket: WebSocket | null = null;
  private _timer: ReturnType<typeof setTimeout> | undefined;
  private _pause_ms = FIRST_PAUSE_MS;
  private _isDisposed = false;
}
