import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MIN_SECRET_BYTES } from '../../../server/auth/shared-secret.ts';
import {
  ConfigError,
  defaultChannelBounds,
  type HubConfigInput,
  loadConfig,
  parseConfig,
} from '../../../server/config.ts';
import { isLoopback } from '../../../server/config-rules.ts';

const MIB = 1024 * 1024;
const DAY_MS = 86_400_000;

/** The problems as `path: text`; none when the configuration is accepted. */
function problems(input: unknown): string[] {
  try {
    parseConfig(input);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ path, text }) => `${path}: ${text}`);
  }
}

const withAuth = (auth: unknown) => problems({ auth });
const SECRET = 'x'.repeat(MIN_SECRET_BYTES);

describe('defaults', () => {
  it('an empty configuration is a hub in development mode on loopback, complete with every default', () => {
    expect(parseConfig({})).toEqual({
      host: '127.0.0.1',
      port: 7400,
      dataFolder: './.ringcast',
      store: 'rocksdb',
      auth: null,
      tokens: { warnBeforeExpiryMs: 60_000, graceMs: 10_000 },
      helloTimeoutMs: 10_000,
      limits: {
        maxFrameBytes: MIB,
        maxRecordBytes: MIB / 2,
        maxKeyBytes: 255,
        maxMetaBytes: 1024,
        maxConnections: 100_000,
        maxSubscriptionsPerConnection: 10_000,
        maxChannels: 1_000_000,
        publishCreditBytes: MIB / 4,
        maxPullsPerConnection: 16,
      },
      memory: { ringBytes: 256 * MIB, unpersistedBytes: 64 * MIB },
      writeBehind: { maxDelayMs: 50 },
      producers: { maxCount: 1000, maxAgeMs: DAY_MS },
      channels: [],
      figures: { intervalMs: 1000, maxAgeMs: DAY_MS / 24 },
      log: { level: 'info', pretty: process.stdout.isTTY === true },
    });
  });

  it('nothing at all is an empty configuration', () => {
    expect(parseConfig(undefined)).toEqual(parseConfig({}));
    expect(parseConfig(null)).toEqual(parseConfig({}));
  });

  it('what a rule leaves out has the default of channels without a rule', () => {
    const { channels } = parseConfig({
      channels: [{ pattern: 'market.>', retention: { maxRecords: 1000 } }],
    });
    expect(channels).toEqual([
      {
        pattern: 'market.>',
        ring: { maxRecords: null, maxBytes: 16 * MIB, maxAgeMs: null },
        retention: { maxRecords: 1000, maxBytes: 1024 * MIB, maxAgeMs: 7 * DAY_MS },
        state: null,
        readers: {
          policies: ['replay', 'drop-oldest', 'conflate', 'disconnect'],
          maxLagRecords: null,
          maxLagBytes: null,
        },
        pushIntervalMs: 0,
      },
    ]);
    expect(defaultChannelBounds.ring).toEqual(channels[0]?.ring);
    expect(defaultChannelBounds.retention).toEqual({ ...channels[0]?.retention, maxRecords: null });
  });

  it('null takes a bound away', () => {
    const { channels } = parseConfig({
      channels: [{ pattern: 'a', retention: { maxBytes: null, maxAgeMs: null } }],
    });
    expect(channels[0]?.retention).toEqual({ maxRecords: null, maxBytes: null, maxAgeMs: null });
  });

  it('an empty state is one with every default', () => {
    const { channels } = parseConfig({ channels: [{ pattern: 'a', state: {} }] });
    expect(channels[0]?.state).toEqual({ maxKeys: 100_000 });
  });
});

describe('what is refused', () => {
  it('an unknown setting is refused, with the nearest known one', () => {
    expect(problems({ limits: { maxFramesBytes: 1 } })).toEqual([
      'limits.maxFramesBytes: is not a setting; did you mean maxFrameBytes?',
    ]);
    expect(problems({ limits: { maxFrames: 1 } })).toEqual([
      'limits.maxFrames: is not a setting; did you mean maxFrameBytes?',
    ]);
    expect(problems({ Port: 1 })).toEqual(['Port: is not a setting; did you mean port?']);
    expect(problems({ channels: [{ pattern: 'a', retention: { maxAge: 1 } }] })).toEqual([
      'channels.0.retention.maxAge: is not a setting; did you mean maxAgeMs?',
    ]);
    expect(problems({ auth: { secret: SECRET, audiance: 'x' } })).toEqual([
      'auth.audiance: is not a setting; did you mean audience?',
    ]);
  });

  it('an unknown setting that is near none is refused with all that there are', () => {
    expect(problems({ writeBehind: { turbo: true } })).toEqual([
      'writeBehind.turbo: is not a setting; write one of maxDelayMs',
    ]);
  });

  it('every problem is named at once, each with what to write', () => {
    const found = problems({
      port: 70_000,
      store: 'redis',
      helloTimeoutMs: '10s',
      limits: { maxKeyBytes: 0 },
      nope: 1,
    });
    expect(found).toEqual([
      'port: is 70000; write a whole number from 0 to 65535',
      'store: is "redis"; write rocksdb or memory',
      'helloTimeoutMs: is "10s"; write a whole number of ms from 100 to 300000',
      'limits.maxKeyBytes: is 0; write a whole number of bytes from 1 to 1024',
      expect.stringMatching(/^nope: is not a setting/),
    ]);
  });

  it('the message has a line for each problem', () => {
    expect(() => parseConfig({ port: -1, log: { level: 'loud' } }, 'hub.yaml')).toThrow(
      'hub.yaml cannot be used:\n  port: is -1; write a whole number from 0 to 65535\n  log.level: is "loud"; write fatal,',
    );
  });

  it.each([[[]], ['text'], [7]])('%j is not a configuration', (input) => {
    expect(problems(input)).toEqual([expect.stringContaining('write a map of settings')]);
  });

  it('a pattern that matches nothing by its form is refused', () => {
    expect(problems({ channels: [{ pattern: 'market..us' }] })).toEqual([
      'channels.0.pattern: is "market..us"; write a channel pattern such as market.>',
    ]);
    expect(problems({ channels: [{ ring: {} }] })).toEqual([
      'channels.0.pattern: is missing; write a channel pattern such as market.>',
    ]);
  });

  it('a rule behind one with the same pattern is refused, as it would never count', () => {
    expect(problems({ channels: [{ pattern: 'a.>' }, { pattern: 'b' }, { pattern: 'a.>' }] })).toEqual([
      'channels.2.pattern: a.> is ruled by channels.0 already; join the two',
    ]);
  });
});

describe('auth', () => {
  it('a host that others can reach is refused without auth, and the text says what to write', () => {
    const [problem, ...others] = problems({ host: '0.0.0.0' });
    expect(problem).toMatch(/^host: "0\.0\.0\.0" can be reached from other machines/);
    expect(problem).toMatch(/write an auth section .* or host: 127\.0\.0\.1$/);
    expect(others).toEqual([]);
    expect(problems({ host: '0.0.0.0', auth: { secret: SECRET } })).toEqual([]);
  });

  it.each(['127.0.0.1', '127.1.2.3', 'localhost', '::1', '::ffff:127.0.0.1', 'LOCALHOST'])(
    '%s is loopback',
    (host) => {
      expect(isLoopback(host)).toBe(true);
    },
  );

  it.each([
    '0.0.0.0',
    '::',
    '10.0.0.1',
    '127.0.0.1.evil.example',
    'x127.0.0.1',
    'localhost.example',
    '1127.0.0.1',
    '',
  ])('%s is not loopback', (host) => {
    expect(isLoopback(host)).toBe(false);
  });

  it('a host is written without brackets and without a port', () => {
    for (const host of ['[::1]', 'http://x', '']) {
      expect(problems({ host })).toEqual([
        `host: is "${host}"; write an address or host name, such as 127.0.0.1 or ::1`,
      ]);
    }
  });

  it('needs exactly one source of keys', () => {
    const one = 'write exactly one of secret, secretFile, publicKeyFile, jwksFile, jwksUrl';
    expect(withAuth({})).toEqual([`auth: has no keys to verify tokens with; ${one}`]);
    expect(withAuth({ secretFile: 'a', jwksFile: 'b' })).toEqual([
      `auth: has secretFile and jwksFile; ${one}`,
    ]);
    expect(withAuth({ jwksUrl: 'https://issuer.example/jwks.json' })).toEqual([]);
  });

  it('a secret that is too short is refused, and never shown', () => {
    const found = withAuth({ secret: 'hunter2' });
    expect(found).toEqual([expect.stringMatching(/^auth\.secret: is too short; write at least 32/)]);
    expect(found.join()).not.toContain('hunter2');
    expect(withAuth({ secret: 12345 }).join()).not.toContain('12345');
    expect(withAuth({ secret: 'x'.repeat(MIN_SECRET_BYTES - 1) })).toHaveLength(1);
    expect(withAuth({ secret: SECRET })).toEqual([]);
  });

  it('a JWKS URL is http or https', () => {
    for (const jwksUrl of ['file:///etc/passwd', 'issuer.example']) {
      expect(withAuth({ jwksUrl })).toEqual([`auth.jwksUrl: is "${jwksUrl}"; write an http or https URL`]);
    }
  });
});

describe('rules between sizes', () => {
  it('the largest record fits into the largest frame with its key and meta', () => {
    const limits = (maxRecordBytes: number) => ({ limits: { maxRecordBytes, maxFrameBytes: 65_536 } });
    expect(problems(limits(65_536 - 4096))).toEqual([]);
    expect(problems(limits(65_536 - 4095))).toEqual([
      'limits.maxRecordBytes: a record of 61441 bytes does not fit into a frame of 65536; write at most 61440, or raise limits.maxFrameBytes to 65537',
    ]);
  });

  it('frames end at 16 MiB and credit begins at 64 KiB', () => {
    expect(problems({ limits: { maxFrameBytes: 16 * MIB + 1 } })).toHaveLength(1);
    expect(problems({ limits: { maxFrameBytes: 16 * MIB } })).toEqual([]);
    expect(problems({ limits: { publishCreditBytes: 65_535 } })).toHaveLength(1);
    expect(problems({ limits: { publishCreditBytes: 65_536 } })).toEqual([]);
  });

  it('memory holds what is not synced, and that holds a frame', () => {
    expect(problems({ memory: { ringBytes: 32 * MIB } })).toEqual([
      `memory.ringBytes: must hold what is not synced yet; write at least memory.unpersistedBytes, ${64 * MIB}`,
    ]);
    expect(problems({ memory: { unpersistedBytes: MIB }, limits: { maxFrameBytes: 2 * MIB } })).toEqual([
      `memory.unpersistedBytes: a frame of limits.maxFrameBytes could never be taken; write at least ${2 * MIB}`,
    ]);
  });
});

describe('files', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ringcast-config-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  async function load(name: string, text: string, overrides: HubConfigInput = {}) {
    const file = join(folder, name);
    await writeFile(file, text);
    return await loadConfig({ file, overrides });
  }

  it('YAML and JSON say the same', async () => {
    const yaml = await load('hub.yaml', '# the hub\nport: 9000\nlimits:\n  maxKeyBytes: 64\n');
    expect(yaml).toEqual(await load('hub.json', '{"port": 9000, "limits": {"maxKeyBytes": 64}}'));
    expect(yaml.port).toBe(9000);
    expect(yaml.limits).toMatchObject({ maxKeyBytes: 64, maxMetaBytes: 1024 });
  });

  it('an empty file is all default', async () => {
    expect(await load('empty.yaml', '# nothing yet\n')).toEqual(parseConfig({}));
  });

  it('overrides rule over the file; those that are undefined do not', async () => {
    const overrides = { port: 0, host: undefined } as unknown as HubConfigInput;
    expect(await load('over.yaml', 'port: 9000\nhost: 127.0.0.2\n', overrides)).toMatchObject({
      port: 0,
      host: '127.0.0.2',
    });
  });

  it('paths in a file are relative to its folder; overrides stay as they are', async () => {
    const text = 'dataFolder: data\nauth: {secretFile: keys/secret, audience: hub}\n';
    expect(await load('paths.yaml', text)).toMatchObject({
      dataFolder: join(folder, 'data'),
      auth: { secretFile: join(folder, 'keys/secret'), audience: 'hub' },
    });
    expect(await load('paths.yaml', text, { dataFolder: 'here' })).toMatchObject({ dataFolder: 'here' });
  });

  it('a file with a mistake in its form names the line', async () => {
    await expect(load('broken.yaml', 'port: 1\nhost: "unclosed\n')).rejects.toThrow(
      /broken\.yaml cannot be used:\n {2}line [23]: /,
    );
    await expect(load('twice.yaml', 'port: 1\nport: 2\n')).rejects.toThrow(/line 2: .*unique/);
  });

  it('aliases that expand without end are refused', async () => {
    const levels = Array.from(
      { length: 12 },
      (_, i) => `l${i + 1}: &l${i + 1} [${Array(9).fill(`*l${i}`).join(', ')}]`,
    );
    await expect(load('bomb.yaml', ['l0: &l0 x', ...levels].join('\n'))).rejects.toBeInstanceOf(ConfigError);
  });

  it('a file that is not there is named with its reason', async () => {
    const file = join(folder, 'missing.yaml');
    await expect(loadConfig({ file })).rejects.toThrow(
      `${file} cannot be used:\n  it cannot be read (ENOENT)`,
    );
  });
});
