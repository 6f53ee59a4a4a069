import { LabIcon } from '@jupyterlab/ui-components';

/** Two strokes, as a caesura is written in a line of verse. */
export const caesuraIcon = new LabIcon({
  name: 'caesura:mark',
  svgstr:
    '<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24"><g class="jp-icon3" fill="#616161"><path d="M9.6 3h2.6L7.6 21H5z"/><path d="M16.4 3H19l-4.6 18h-2.6z"/></g></svg>'
});
