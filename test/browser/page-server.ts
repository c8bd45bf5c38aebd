/** Serves the tests' pages on the loopback, under the policy that the hub's own page has: no inline script, no eval. */
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { pageScript, sdkBundle } from './bundle.ts';

const POLICY =
  "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; connect-src 'self' ws:; img-src 'self' data:; base-uri 'none'";

/** The address of the page that runs test/browser/pages/<name>.ts. The script gets `params` from `readParams`. */
export type PageUrl = (name: string, params: object) => string;

export interface PageServerOptions {
  /** What `GET /token` gives, as a user's own server would. */
  readonly token?: () => Promise<string>;
}

/** Until the test is over. */
export async function servePages({ token }: PageServerOptions = {}): Promise<PageUrl> {
  const server = createServer(async ({ url = '/' }, response) => {
    const { pathname } = new URL(url, 'http://pages.test');
    try {
      if (pathname === '/client.js') answer(response, 'text/javascript', await sdkBundle());
      else if (pathname === '/stores.js') answer(response, 'text/javascript', await sdkBundle('stores.js'));
      else if (pathname === '/favicon.ico')
        answer(response, 'image/svg+xml', '<svg xmlns="http://www.w3.org/2000/svg"/>');
      else if (pathname === '/token') answer(response, 'text/plain', await token!());
      else if (pathname.endsWith('.js')) {
        answer(response, 'text/javascript', await pageScript(pathname.slice(1, -'.js'.length)));
      } else answer(response, 'text/html', document(pathname.slice(1)));
    } catch (error) {
      response.writeHead(500).end(String(error));
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return (name, params) => `http://127.0.0.1:${port}/${name}#${encodeURIComponent(JSON.stringify(params))}`;
}

function answer(response: ServerResponse, type: string, body: string): void {
  response.writeHead(200, {
    'content-type': `${type}; charset=utf-8`,
    'content-security-policy': POLICY,
    'cache-control': 'no-cache',
  });
  response.end(body);
}

function document(name: string): string {
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>${name}</title>
<main id="root"></main><script type="module" src="/${name}.js"></script></html>`;
}
