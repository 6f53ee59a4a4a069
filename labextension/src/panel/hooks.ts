import * as React from 'react';

import { IContext } from '../tokens';

export const Context = React.createContext<IContext | null>(null);

export function useCaesura(): IContext {
  const context = React.useContext(Context);
  if (!context) {
    throw new Error('outside of the panel');
  }
  return context;
}

/** Render again when anything of the home has changed. */
export function useHome(): IContext['home'] {
  const { home } = useCaesura();
  React.useSyncExternalStore(
    React.useCallback(
      notify => {
        home.changed.connect(notify);
        return () => home.changed.disconnect(notify);
      },
      [home]
    ),
    () => home.version
  );
  return home;
}

/** The coordinator's time, anew every second while `isTicking`. Asks nobody. */
export function useNow(isTicking: boolean): number {
  const { home } = useCaesura();
  const [, tick] = React.useReducer((count: number) => count + 1, 0);
  React.useEffect(() => {
    if (!isTicking) {
      return;
    }
    const timer = setInterval(tick, 1000);
    return () => clearInterval(timer);
  }, [isTicking]);
  return home.now();
}

/** What a request gives, asked for anew when `key` changes or `again` is called. */
export function useAsked<T>(
  ask: () => Promise<T>,
  key: string
): { value: T | null; error: string; again: () => void } {
  const [found, setFound] = React.useState<{
    value: T | null;
    error: string;
  }>({ value: null, error: '' });
  const [times, again] = React.useReducer((count: number) => count + 1, 0);
  React.useEffect(() => {
    let isWanted = true;
    ask().then(
      value => isWanted && setFound({ value, error: '' }),
      error =>
        isWanted && setFound({ value: null, error: (error as Error).message })
    );
    return () => {
      isWanted = false;
    };
    // `ask` is made anew in every rendering; `key` says when it means something else.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [key, times]);
  return { ...found, again };
}
