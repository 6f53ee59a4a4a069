import * as React from 'react';

import { IFrame } from '../model/values';
import { stepName } from '../model/words';
import { useCaesura } from './hooks';

/** The frames of a suspended cell, each with what its local variables were. Those of libraries are closed. */
export function Frames(props: { frames: IFrame[] }): JSX.Element | null {
  const { trans } = useCaesura();
  if (props.frames.length === 0) {
    return null;
  }
  return (
    <section>
      <h3>{trans.__('Frames')}</h3>
      <ol className="jp-Caesura-frames">
        {props.frames.map((frame, index) => (
          <li key={index} data-library={frame.is_library || undefined}>
            <Frame frame={frame} />
          </li>
        ))}
      </ol>
    </section>
  );
}

function Frame(props: { frame: IFrame }): JSX.Element {
  const { trans } = useCaesura();
  const { frame } = props;
  const variables = frame.variables ?? [];
  const more = frame.more ?? 0;
  const head = (
    <>
      <code>{stepName(frame, trans)}</code> <Place frame={frame} />
    </>
  );
  if (variables.length === 0) {
    return <div className="jp-Caesura-frameHead">{head}</div>;
  }
  return (
    <details open={!frame.is_library}>
      <summary>{head}</summary>
      <dl className="jp-Caesura-variables">
        {variables.map(([name, type, text]) => (
          <React.Fragment key={name}>
            <dt>
              <code>{name}</code>
            </dt>
            <dd title={text || undefined}>
              {text && <code>{text}</code>} <span>{type}</span>
            </dd>
          </React.Fragment>
        ))}
      </dl>
      {more > 0 && (
        <p className="jp-Caesura-note">
          {trans._n('and one more', 'and %1 more', more)}
        </p>
      )}
    </details>
  );
}

function Place(props: { frame: IFrame }): JSX.Element | null {
  const { trans } = useCaesura();
  const { frame } = props;
  if (frame.total !== undefined) {
    return null;
  }
  const place =
    typeof frame.cell !== 'number'
      ? frame.file
      : frame.function === '<module>'
        ? trans.__('line %1', frame.line ?? 0)
        : trans.__('cell [%1]', frame.cell);
  return place ? <span className="jp-Caesura-note">{place}</span> : null;
}
