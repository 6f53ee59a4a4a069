import { ServerConnection } from '@jupyterlab/services';
import { beforeEach, describe, expect, it, vi } from 'vitest';

import { Home } from '../model/home';
import { Stream } from '../model/stream';
import { change } from './made';

class Socket {
  static made: Socket[] = [];
  onmessage: (event: { data: string }) => void = () => undefined;
  onclose: (event: { code: number; reason: string }) => void = () => undefined;
  constructor(readonly url: string) {
    Socket.made.push(this);
  }
  close(): void {
    this.onclose({ code: 1000, reason: '' });
  }
  say(message: unknown): void {
    this.onmessage({ data: JSON.stringify(message) });
  }
}

const settings = {
  wsUrl: 'ws://here/',
  token: 't',
  appendToken: true,
  WebSocket: Socket
} as unknown as ServerConnection.ISettings;

const whole = change({
  type: 'state',
  stream: 'a',
  n: 7,
  coordinator: {
    pid: 1,
    version: '',
    home: '',
    started: 0,
    policy: '',
    workers: 1
  }
});

describe('the stream', () => {
  beforeEach(() => {
    Socket.made = [];
    vi.useFakeTimers();
  });

  it('goes on after the last number when the connection was lost', () => {
    const home = new Home();
    const stream = new Stream(home, settings);
    stream.retry();
    Socket.made[0].say(whole);
    expect(home.link.is).toBe('connected');
    Socket.made[0].onclose({ code: 1006, reason: '' });
    expect(home.link.is).toBe('lost');
    vi.advanceTimersByTime(600);
    expect(Socket.made[1].url).toContain('stream=a&after=7');
    Socket.made[1].say(change({ n: 8 }));
    expect(home.link.is).toBe('connected');
    stream.dispose();
  });

  it('waits longer and longer for a server that does not answer', () => {
    const stream = new Stream(new Home(), settings);
    stream.retry();
    for (let n = 0; n < 8; n += 1) {
      Socket.made[Socket.made.length - 1].onclose({ code: 1006, reason: '' });
      vi.advanceTimersByTime(2000);
    }
    expect(Socket.made.length).toBeLessThan(6);
    stream.dispose();
  });

  it('asks no more where no coordinator runs, until a kernel starts', () => {
    const home = new Home();
    const stream = new Stream(home, settings);
    stream.retry();
    Socket.made[0].say(change({ type: 'state', coordinator: null }));
    Socket.made[0].onclose({ code: 4404, reason: '' });
    vi.advanceTimersByTime(1e6);
    expect(home.link.is).toBe('nobody');
    expect(Socket.made.length).toBe(1);
    stream.retry();
    expect(Socket.made.length).toBe(2);
    stream.dispose();
  });

  it('says why the coordinator does not answer', () => {
    const home = new Home();
    const stream = new Stream(home, settings);
    stream.retry();
    Socket.made[0].say({ type: 'error', message: 'another protocol' });
    Socket.made[0].onclose({ code: 4410, reason: '' });
    expect(home.link).toEqual({ is: 'lost', why: 'another protocol' });
    stream.dispose();
  });
});
