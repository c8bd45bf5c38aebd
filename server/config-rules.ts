/**
 * The rules between settings, for a configuration whose every setting is in its range.
 * Not its job: the ranges (config-schema.ts). Called by config.ts.
 */
import type { ConfigProblem } from './config-problems.ts';
import { FRAME_OVERHEAD_BYTES, type HubConfig, KEY_SOURCES } from './config-schema.ts';

export function relationProblems(config: HubConfig): ConfigProblem[] {
  return [...authProblems(config), ...sizeProblems(config), ...ruleProblems(config)];
}

function authProblems({ auth, host }: HubConfig): ConfigProblem[] {
  if (auth === null) {
    if (isLoopback(host)) return [];
    return [
      {
        path: 'host',
        text: `${JSON.stringify(host)} can be reached from other machines, and without auth everyone there could read and write; write an auth section (auth: {secretFile: …}, publicKeyFile, jwksFile or jwksUrl), or host: 127.0.0.1`,
      },
    ];
  }
  const given = KEY_SOURCES.filter((name) => auth[name] !== undefined);
  if (given.length === 1) return [];
  const found = given.length === 0 ? 'has no keys to verify tokens with' : `has ${given.join(' and ')}`;
  return [{ path: 'auth', text: `${found}; write exactly one of ${KEY_SOURCES.join(', ')}` }];
}

/** Names other than localhost may resolve to anything, so they do not count. */
export function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|(::ffff:127(\.\d{1,3}){3})|::1)$/i.test(host);
}

function sizeProblems({ limits, memory }: HubConfig): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const { maxFrameBytes, maxRecordBytes } = limits;
  if (maxRecordBytes + FRAME_OVERHEAD_BYTES > maxFrameBytes) {
    problems.push({
      path: 'limits.maxRecordBytes',
      text: `a record of ${maxRecordBytes} bytes does not fit into a frame of ${maxFrameBytes}; write at most ${maxFrameBytes - FRAME_OVERHEAD_BYTES}, or raise limits.maxFrameBytes to ${maxRecordBytes + FRAME_OVERHEAD_BYTES}`,
    });
  }
  if (maxFrameBytes > memory.unpersistedBytes) {
    problems.push({
      path: 'memory.unpersistedBytes',
      text: `a frame of limits.maxFrameBytes could never be taken; write at least ${maxFrameBytes}`,
    });
  }
  if (memory.unpersistedBytes > memory.ringBytes) {
    problems.push({
      path: 'memory.ringBytes',
      text: `must hold what is not synced yet; write at least memory.unpersistedBytes, ${memory.unpersistedBytes}`,
    });
  }
  return problems;
}

/** A rule behind one with the same pattern would never count. */
function ruleProblems({ channels }: HubConfig): ConfigProblem[] {
  const patterns = channels.map(({ pattern }) => pattern);
  return patterns.flatMap((pattern, i) =>
    patterns.indexOf(pattern) === i
      ? []
      : [
          {
            path: `channels.${i}.pattern`,
            text: `${pattern} is ruled by channels.${patterns.indexOf(pattern)} already; join the two`,
          },
        ],
  );
}
