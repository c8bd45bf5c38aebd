/**
 * The configuration of a hub, from a value or a file: checked, complete, or refused with every problem named.
 * Not its job: the settings themselves (config-schema.ts), reading keys and secrets (the hub does when it starts),
 * command-line flags (cli/). Called by whoever starts a hub.
 */
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { type Document, LineCounter, parseDocument } from 'yaml';
import { ConfigError, problemsOf } from './config-problems.ts';
import { relationProblems } from './config-rules.ts';
import { type HubConfig, type HubConfigInput, hubConfig, KEY_SOURCES } from './config-schema.ts';

export { ConfigError, type ConfigProblem } from './config-problems.ts';
export {
  type ChannelBounds,
  defaultChannelBounds,
  type HubConfig,
  type HubConfigInput,
} from './config-schema.ts';

/** Checks a configuration and fills in the defaults; null is an empty one. Throws {@link ConfigError}. */
export function parseConfig(input: unknown, source = 'the configuration'): HubConfig {
  const result = hubConfig.safeParse(input ?? {});
  if (!result.success) throw new ConfigError(source, problemsOf(result.error, hubConfig));
  const problems = relationProblems(result.data);
  if (problems.length > 0) throw new ConfigError(source, problems);
  return result.data;
}

export interface ConfigSource {
  /** A YAML or JSON file. Paths in it are relative to its folder. Default: none, all is default. */
  readonly file?: string | undefined;
  /** Top-level settings that rule over the file's; undefined leaves them alone. */
  readonly overrides?: { readonly [K in keyof HubConfigInput]?: HubConfigInput[K] | undefined };
}

/** Throws {@link ConfigError}, also when the file cannot be read. */
export async function loadConfig({ file, overrides = {} }: ConfigSource = {}): Promise<HubConfig> {
  const written = file === undefined ? {} : await readConfigFile(file);
  const given = Object.entries(overrides).filter(([, value]) => value !== undefined);
  const merged = isMap(written) ? { ...written, ...Object.fromEntries(given) } : written;
  return parseConfig(merged, file ?? 'the configuration');
}

async function readConfigFile(file: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new ConfigError(
      file,
      [{ path: '', text: `it cannot be read (${code}); write the path of a YAML or JSON file` }],
      cause,
    );
  }
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false });
  if (document.errors.length > 0) {
    const problems = document.errors.map(({ pos, message }) => ({
      path: `line ${lineCounter.linePos(pos[0]).line}`,
      text: message,
    }));
    throw new ConfigError(file, problems, document.errors[0]);
  }
  return withPathsFrom(dirname(file), toValue(document, file));
}

function toValue(document: Document.Parsed, file: string): unknown {
  try {
    return document.toJS() ?? {};
  } catch (cause) {
    // Aliases that expand without end, or name nothing.
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError(file, [{ path: '', text: `${reason}; write the settings out` }], cause);
  }
}

const AUTH_FILES = KEY_SOURCES.filter((name) => name.endsWith('File'));

/** Paths in a file mean the same wherever the hub is started from. */
function withPathsFrom(folder: string, written: unknown): unknown {
  if (!isMap(written)) return written;
  const place = (settings: Record<string, unknown>, names: readonly string[]) => {
    const placed = { ...settings };
    for (const name of names) {
      const path = settings[name];
      if (typeof path === 'string' && path !== '') placed[name] = resolve(folder, path);
    }
    return placed;
  };
  const placed = place(written, ['dataFolder']);
  return isMap(placed.auth) ? { ...placed, auth: place(placed.auth, AUTH_FILES) } : placed;
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
