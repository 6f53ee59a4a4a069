import * as React from 'react';

const SPARE_PX = 200;

export interface IVirtualListProps<T> {
  items: readonly T[];
  keyOf: (item: T) => string;
  heightOf: (item: T) => number;
  render: (item: T, isFocusable: boolean) => React.ReactNode;
  label: string;
}

/**
 * A list of which only what is in sight is in the page: thousands of items cost what thirty do.
 *
 * One item is in the order of the tab key; the arrow keys, Home and End go to the others.
 */
export function VirtualList<T>(props: IVirtualListProps<T>): JSX.Element {
  const { items, keyOf, heightOf, render, label } = props;
  const node = React.useRef<HTMLDivElement>(null);
  const [view, setView] = React.useState({ top: 0, height: 600 });
  const [active, setActive] = React.useState(0);
  const offsets = React.useMemo(() => {
    const sums = [0];
    for (const item of items) {
      sums.push(sums[sums.length - 1] + heightOf(item));
    }
    return sums;
  }, [items, heightOf]);

  React.useLayoutEffect(() => {
    const element = node.current;
    if (!element) {
      return;
    }
    const look = () =>
      setView({ top: element.scrollTop, height: element.clientHeight || 600 });
    const observer = new ResizeObserver(look);
    observer.observe(element);
    element.addEventListener('scroll', look, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener('scroll', look);
    };
  }, []);

  const current = Math.min(active, items.length - 1);
  const first = Math.max(0, indexAt(offsets, view.top - SPARE_PX));
  const end = Math.min(
    items.length,
    indexAt(offsets, view.top + view.height + SPARE_PX) + 1
  );

  const go = (index: number) => {
    const element = node.current;
    const target = Math.max(0, Math.min(items.length - 1, index));
    setActive(target);
    if (!element) {
      return;
    }
    if (offsets[target] < element.scrollTop) {
      element.scrollTop = offsets[target];
    } else if (offsets[target + 1] > element.scrollTop + element.clientHeight) {
      element.scrollTop = offsets[target + 1] - element.clientHeight;
    }
    requestAnimationFrame(() =>
      element
        .querySelector<HTMLElement>(`[data-index="${target}"] [data-main]`)
        ?.focus()
    );
  };

  const onKeyDown = (event: React.KeyboardEvent) => {
    const steps: Record<string, number> = {
      ArrowDown: current + 1,
      ArrowUp: current - 1,
      Home: 0,
      End: items.length - 1
    };
    if (event.key in steps) {
      event.preventDefault();
      go(steps[event.key]);
    }
  };

  const shown = [];
  for (let index = first; index < end; index += 1) {
    const item = items[index];
    shown.push(
      <div
        key={keyOf(item)}
        role="listitem"
        aria-setsize={items.length}
        aria-posinset={index + 1}
        data-index={index}
        className="jp-Caesura-listItem"
        style={{ top: offsets[index], height: heightOf(item) }}
        onFocus={() => setActive(index)}
      >
        {render(item, index === current)}
      </div>
    );
  }
  return (
    <div
      ref={node}
      className="jp-Caesura-list"
      role="list"
      aria-label={label}
      onKeyDown={onKeyDown}
    >
      <div
        role="presentation"
        style={{ height: offsets[items.length], position: 'relative' }}
      >
        {shown}
      </div>
    </div>
  );
}

/** The last index whose offset is not beyond `at`. */
export function indexAt(offsets: readonly number[], at: number): number {
  let low = 0;
  let high = offsets.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (offsets[middle] <= at) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
}
