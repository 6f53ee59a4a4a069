import { Dialog, ReactWidget, showDialog } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import { FormComponent } from '@jupyterlab/ui-components';
import { ReadonlyJSONObject } from '@lumino/coreutils';
import { Message } from '@lumino/messaging';
import * as React from 'react';

import { Api } from '../model/api';
import { firstValue } from '../model/schema';
import { ICall } from '../model/values';
import { waitName } from '../model/words';

type FormProps = React.ComponentProps<typeof FormComponent>;

/** The coordinator checks the value with the whole schema and says what does not fit: nothing is checked twice. */
const NO_CHECK = {
  validateFormData: () => ({ errors: [], errorSchema: {} }),
  toErrorList: () => [],
  isValid: () => true,
  rawValidation: () => ({ errors: [] })
} as unknown as FormProps['validator'];

/** The form of one event. Its value is what the user has entered. */
class EventForm extends ReactWidget {
  constructor(
    private readonly _call: ICall,
    private readonly _trans: TranslationBundle,
    private _data: unknown,
    private readonly _error: string
  ) {
    super();
    this.addClass('jp-Caesura-eventForm');
  }

  /** A text that is not JSON is an Error, which the caller shows. */
  getValue(): unknown {
    if (this._call.schema) {
      return this._data;
    }
    try {
      return JSON.parse(String(this._data));
    } catch (error) {
      return error;
    }
  }

  protected onUpdateRequest(message: Message): void {
    super.onUpdateRequest(message);
    void this.renderPromise?.then(() => labelFields(this.node));
  }

  protected render(): JSX.Element {
    return (
      <>
        {this._error && (
          <p className="jp-Caesura-formError" role="alert">
            {this._error}
          </p>
        )}
        {this._call.schema ? this._form(this._call.schema) : this._text()}
      </>
    );
  }

  private _form(schema: Record<string, unknown>): JSX.Element {
    const props = {
      schema: { title: this._trans.__('Answer'), ...schema },
      formData: this._data as ReadonlyJSONObject,
      validator: NO_CHECK,
      compact: true,
      liveValidate: false,
      onChange: (event: { formData?: unknown }) => {
        this._data = event.formData;
        this.update();
      }
    };
    return <FormComponent {...props} />;
  }

  private _text(): JSX.Element {
    return (
      <label className="jp-Caesura-formText">
        {this._trans.__('The value, as JSON (a text in quotation marks):')}
        <textarea
          className="jp-mod-styled"
          rows={4}
          defaultValue={String(this._data)}
          onChange={event => {
            this._data = event.target.value;
          }}
        />
      </label>
    );
  }
}

/** Ask for an answer until it fits or the user gives up; whether the event was answered. */
export async function askForAnswer(
  call: ICall,
  api: Api,
  trans: TranslationBundle
): Promise<boolean> {
  let data: unknown = call.schema ? firstValue(call.schema) : 'true';
  let error = '';
  for (;;) {
    const result = await showDialog<unknown>({
      title: trans.__('Answer the %1', waitName(call, trans)),
      body: new EventForm(call, trans, data, error),
      buttons: [
        Dialog.cancelButton({ label: trans.__('Cancel') }),
        Dialog.okButton({ label: trans.__('Send') })
      ],
      focusNodeSelector: 'input, textarea, select'
    });
    if (!result.button.accept) {
      return false;
    }
    try {
      if (result.value instanceof Error) {
        throw result.value;
      }
      data = result.value;
      await api.answerEvent(call.name ?? call.label, { value: data ?? null });
      return true;
    } catch (failure) {
      error = (failure as Error).message;
    }
  }
}

/** JupyterLab's forms put the name of a field above it, but not where a screen reader looks. */
function labelFields(node: HTMLElement): void {
  for (const field of node.querySelectorAll<HTMLInputElement>(
    'input[id], select[id], textarea[id]'
  )) {
    const group = field.closest('.jp-FormGroup-content');
    const name = group?.querySelector('.jp-FormGroup-fieldLabel')?.textContent;
    if (name && !field.labels?.length) {
      field.setAttribute('aria-label', name);
    }
  }
}
