import { ICodeCellModel } from '@jupyterlab/cells';
import { IOutput } from '@jupyterlab/nbformat';

/** What is needed of a message of a kernel. */
export interface IMessage {
  header: { msg_type: string; msg_id: string };
  content: Record<string, unknown>;
}

/** Shows messages of a kernel in a cell as if its page had been there. */
export class Replay {
  constructor(private readonly _model: ICodeCellModel) {}

  apply(message: IMessage): void {
    const { content } = message;
    const outputs = this._model.outputs;
    switch (message.header.msg_type) {
      case 'execute_input':
        outputs.clear();
        this._model.executionCount = content.execution_count as number;
        return;
      case 'clear_output':
        outputs.clear(Boolean(content.wait));
        return;
      case 'stream':
      case 'error':
      case 'display_data':
      case 'execute_result': {
        const { transient, ...rest } = content;
        const output = {
          ...rest,
          output_type: message.header.msg_type
        } as IOutput;
        const index = outputs.add(output) - 1;
        const id = displayId(transient);
        if (id) {
          this._displays.set(id, [...(this._displays.get(id) ?? []), index]);
        }
        return;
      }
      case 'update_display_data': {
        const { transient, ...rest } = content;
        for (const index of this._displays.get(displayId(transient)) ?? []) {
          if (index < outputs.length) {
            outputs.set(index, {
              ...rest,
              output_type: 'display_data'
            });
          }
        }
        return;
      }
    }
  }

  private _displays = new Map<string, number[]>();
}

function displayId(transient: unknown): string {
  return String((transient as { display_id?: string })?.display_id ?? '');
}
