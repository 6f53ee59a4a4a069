import { TranslationBundle } from '@jupyterlab/translation';

import { Actions } from './actions';
import { Api } from './model/api';
import { Home } from './model/home';

/** What every part of the extension is given. */
export interface IContext {
  home: Home;
  api: Api;
  actions: Actions;
  trans: TranslationBundle;
  /** Connect again. */
  retry: () => void;
}

export namespace CommandIDs {
  export const show = 'caesura:show-panel';
  export const goToCell = 'caesura:go-to-cell';
  export const interrupt = 'caesura:interrupt-cell';
  export const release = 'caesura:release-cell';
  export const hold = 'caesura:hold-cell';
  export const bringBack = 'caesura:bring-back-cell';
  export const park = 'caesura:park-notebook';
  export const answer = 'caesura:answer-event';
  export const collect = 'caesura:collect-store';
}
