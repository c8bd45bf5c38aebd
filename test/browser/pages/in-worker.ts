/** A page that leaves the SDK to a Web Worker, and shows what that was given as `window.posted`. */
import { readParams } from './params.ts';

export interface WorkerParams {
  readonly url: string;
  readonly token: string;
  readonly channel: string;
}

declare global {
  interface Window {
    posted: unknown[];
  }
}

window.posted = [];
const worker = new Worker('/worker-notebook.js', { type: 'module' });
worker.onmessage = ({ data }) => window.posted.push(data);
worker.onerror = ({ message }) => window.posted.push(`error: ${message}`);
worker.postMessage(readParams<WorkerParams>());
