/** On what, and of what versions, a bench ran. */
import { readFileSync } from 'node:fs';
import { cpus, release, type as systemName } from 'node:os';
import { pathToFileURL } from 'node:url';
import { versionOf } from './daemons/installed-program.ts';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly node: string;
  readonly os: string;
  /** ISO 8601, UTC. */
  readonly date: string;
  /** null: not installed. */
  readonly versions: Readonly<Record<string, string | null>>;
}

export function describeMachine(): Machine {
  const processors = cpus();
  return {
    cpu: processors[0]?.model.trim() ?? 'unknown',
    cores: processors.length,
    node: process.version,
    os: `${systemName()} ${release()}`,
    date: new Date().toISOString(),
    versions: {
      'uWebSockets.js': packageVersion('uWebSockets.js'),
      ws: packageVersion('ws'),
      'socket.io': packageVersion('socket.io'),
      'nats-server': versionOf('nats-server', '--version'),
      'redis-server': versionOf('redis-server', '--version'),
      mosquitto: versionOf('mosquitto', '-h'),
    },
  };
}

/** From the folder that `npm run` is in: some packages export no package.json. */
function packageVersion(name: string): string | null {
  try {
    const file = new URL(`node_modules/${name}/package.json`, pathToFileURL(`${process.cwd()}/`));
    return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
  } catch {
    return null;
  }
}
