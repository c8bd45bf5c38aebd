/** The servers that are programs of the bench itself, in servers/. */
import { end, message, SERVER_CORE, start, usage } from '../children.ts';
import type { Peer } from './peer.ts';

export async function startProgram(name: string, args: readonly string[] = []): Promise<Peer> {
  const child = start(`./servers/${name}.js`, SERVER_CORE, args);
  try {
    const { url, token } = (await message(child)) as { url: string; token: string };
    return { url, token, usage: () => usage(child), stop: () => end(child) };
  } catch (cause) {
    await end(child);
    throw cause;
  }
}
