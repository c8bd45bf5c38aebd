/**
 * The settings of a hub: each with its unit, default and range. What is not written has its default.
 * Not its job: rules between settings (config-rules.ts), files (config.ts, which calls it).
 */
import { z } from 'zod';
import { isChannelPattern } from '../shared/channel-name.ts';
import { DROP_POLICIES } from '../shared/terms.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;
const DAY_MS = 24 * 60 * 60 * 1000;

/** Beyond this the transport cuts connections without a word. */
const LARGEST_FRAME_BYTES = 16 * MIB;
/** What key, meta and framing of one record may add to its payload within a frame. */
export const FRAME_OVERHEAD_BYTES = 4 * KIB;
/** As for HS256 itself: RFC 7518, 3.2. */
const MIN_SECRET_BYTES = 32;

// Kinds of setting ---------------------------------------------------------------------------------------------------

const shown = (value: unknown) => (value === undefined ? 'is missing' : `is ${JSON.stringify(value)}`);

/** A check whose text says what was written and what to write. */
const wants = (what: string) => ({
  error: (issue: { input?: unknown }) => `${shown(issue.input)}; write ${what}`,
});

function whole(unit: string, min: number, max: number) {
  return z
    .int(wants(`a whole number${unit && ` of ${unit}`} from ${min} to ${max}`))
    .min(min)
    .max(max);
}
const bytes = (min: number, max: number) => whole('bytes', min, max);
const delayMs = (min: number, max: number) => whole('ms', min, max);

/** A bound that null takes away. */
function bound(unit: string, min: number) {
  return z
    .int(wants(`a whole number of ${unit}, at least ${min}, or null for no bound`))
    .min(min)
    .nullable();
}

const section = <S extends z.core.$ZodLooseShape>(shape: S) =>
  z.strictObject(shape, wants('a map of settings'));

const HOST = 'an address or host name, such as 127.0.0.1 or ::1';
const filePath = z.string(wants('the path of a file')).min(1);
const nameOrNames = z.union(
  [z.string().min(1), z.array(z.string().min(1)).min(1)],
  wants('a name or a list of names'),
);

// Settings -----------------------------------------------------------------------------------------------------------

const auth = section({
  /** HS256/384/512 secret, at least 32 bytes. Better kept in a file of its own: `secretFile`. */
  // Its text never shows what was written.
  secret: z
    .string({ error: 'write a text of at least 32 random bytes' })
    .refine((text) => Buffer.byteLength(text) >= MIN_SECRET_BYTES, {
      error: `is too short; write at least ${MIN_SECRET_BYTES} random bytes, as \`openssl rand -base64 48\` prints`,
    })
    .optional(),
  /** File that holds such a secret; white space at its ends does not count. */
  secretFile: filePath.optional(),
  /** PEM file: RSA, EC or Ed25519 public key, or a certificate. */
  publicKeyFile: filePath.optional(),
  /** File with a JSON Web Key Set. */
  jwksFile: filePath.optional(),
  /** Where a JSON Web Key Set is fetched and kept fresh from; the last good keys serve while it is down. */
  jwksUrl: z.url({ protocol: /^https?$/, ...wants('an http or https URL') }).optional(),
  /** One of these must be among a token's `aud`. Default: not checked. */
  audience: nameOrNames.optional(),
  /** A token's `iss` must be one of these. Default: not checked. */
  issuer: nameOrNames.optional(),
  /** By how much an issuer's clock may differ, ms. Default 5,000; 0 to 300,000. */
  clockToleranceMs: delayMs(0, 300_000).default(5_000),
});
/** Exactly one of them is given. */
export const KEY_SOURCES = ['secret', 'secretFile', 'publicKeyFile', 'jwksFile', 'jwksUrl'] as const;

const tokens = section({
  /** How long before its token expires a client is warned, ms. Default 60,000; 0 to one day. */
  warnBeforeExpiryMs: delayMs(0, DAY_MS).default(60_000),
  /** How long a connection lives on after its token expired, ms. Default 10,000; 0 to one hour. */
  graceMs: delayMs(0, DAY_MS / 24).default(10_000),
});

const limits = section({
  /** Largest frame from a client, bytes. Default 1 MiB; 64 KiB to 16 MiB. */
  maxFrameBytes: bytes(64 * KIB, LARGEST_FRAME_BYTES).default(MIB),
  /** Largest payload of a record, bytes. Default 512 KiB; 1 to maxFrameBytes − 4096. */
  maxRecordBytes: bytes(1, LARGEST_FRAME_BYTES - FRAME_OVERHEAD_BYTES).default(512 * KIB),
  /** Longest key of a record, bytes of UTF-8. Default 255; 1 to 1024. */
  maxKeyBytes: bytes(1, 1024).default(255),
  /** Largest meta of a record, bytes of msgpack. Default 1024; 1 to 2048. */
  maxMetaBytes: bytes(1, 2 * KIB).default(KIB),
  /** Connections at a time. Default 100,000; 1 to 10,000,000. */
  maxConnections: whole('', 1, 10_000_000).default(100_000),
  /** Subscriptions of one connection. Default 10,000; 1 to 1,000,000. */
  maxSubscriptionsPerConnection: whole('', 1, 1_000_000).default(10_000),
  /** Channels of the hub. Default 1,000,000; 1 to 100,000,000. */
  maxChannels: whole('', 1, 100_000_000).default(1_000_000),
  /** What a connection may publish ahead of the hub, bytes. Default 256 KiB; 64 KiB to 16 MiB. */
  publishCreditBytes: bytes(64 * KIB, LARGEST_FRAME_BYTES).default(256 * KIB),
  /** Pages of history that one connection may wait for at a time. Default 16; 1 to 1024. */
  maxPullsPerConnection: whole('', 1, 1024).default(16),
});

const memory = section({
  /** Records held in memory, of all channels together, bytes. Default 256 MiB; 1 MiB to 1 TiB. */
  ringBytes: bytes(MIB, KIB * GIB).default(256 * MIB),
  /** Records accepted but not synced yet, bytes; beyond it publishers are told `overloaded`. Default 64 MiB; 1 MiB to 1 TiB. */
  unpersistedBytes: bytes(MIB, KIB * GIB).default(64 * MIB),
});

const writeBehind = section({
  /** How long a record waits at most to be written, ms: what a crash can take back. Default 50; 0 to 5,000. */
  maxDelayMs: delayMs(0, 5_000).default(50),
});

/** What each channel remembers of idempotent producers, so as to take nothing twice. */
const producers = section({
  /** Producers of one channel; the least recently active ones are forgotten. Each write of the channel holds all. Default 1,000; 1 to 10,000. */
  maxCount: whole('', 1, 10_000).default(1_000),
  /** One that was inactive for longer is forgotten, ms. Default one day; at least one minute. */
  maxAgeMs: delayMs(60_000, 365 * DAY_MS).default(DAY_MS),
});

/** What memory holds of one channel: the newest records, within all of these bounds. */
const ring = section({
  /** Default null. */
  maxRecords: bound('records', 1).default(null),
  /** Default 16 MiB; at least 64 KiB. */
  maxBytes: bound('bytes', 64 * KIB).default(16 * MIB),
  /** Default null. */
  maxAgeMs: bound('ms', 1).default(null),
});

/** What is kept of one channel at all; what is older goes, and readers that need it get a gap. */
const retention = section({
  /** Default null. */
  maxRecords: bound('records', 1).default(null),
  /** Default 1 GiB; at least 64 KiB. */
  maxBytes: bound('bytes', 64 * KIB).default(GIB),
  /** Default 7 days. */
  maxAgeMs: bound('ms', 1).default(7 * DAY_MS),
});

/** What the hub says of itself, on the channels `$sys.hub`, `$sys.channels` and `$sys.subscriptions`. */
const figures = section({
  /** How often, ms; the two lists half as often. Default 1,000; 0: not at all, else 100 to 60,000. */
  intervalMs: delayMs(0, 60_000)
    .refine((ms) => ms === 0 || ms >= 100, wants('0, or a whole number of ms from 100 to 60000'))
    .default(1_000),
  /** How long they are kept, ms, where no rule in `channels` names them. Default one hour. */
  maxAgeMs: bound('ms', 1).default(DAY_MS / 24),
});

/** The newest record of each key, kept beside the log for subscribers from `state`. */
const state = section({
  /** Keys at most; beyond it publishers of new ones are refused. About 150 bytes of memory each. Default 100,000; 1 to 10,000,000. */
  maxKeys: whole('keys', 1, 10_000_000).default(100_000),
});

/** What subscribers may choose for when they lag. */
const readers = section({
  /** Default all. */
  policies: z
    .array(z.enum(DROP_POLICIES, wants(DROP_POLICIES.join(', '))), wants('a list of policies'))
    .min(1)
    .default([...DROP_POLICIES]),
  /** The most that `drop-oldest` keeps and `disconnect` bears. Default null. */
  maxLagRecords: bound('records', 1).default(null),
  /** As above, in bytes. Default null. */
  maxLagBytes: bound('bytes', 1).default(null),
});

const channelBounds = {
  ring: ring.prefault({}),
  retention: retention.prefault({}),
  /** Default null: none is kept. */
  state: state.nullable().default(null),
  readers: readers.prefault({}),
  /**
   * Records are gathered for so long and pushed together, ms: a push costs the same for each reader, whether it carries
   * one record or a hundred. For dashboards 10 to 50. Default 0: pushed as they come; 0 to 1,000.
   */
  pushIntervalMs: delayMs(0, 1_000).default(0),
};
const channelRule = section({
  /** Which channels: `market.us.AAPL`, `market.*.AAPL`, `market.>`. */
  pattern: z
    .string(wants('a channel pattern such as market.>'))
    .refine(isChannelPattern, wants('a channel pattern such as market.>')),
  ...channelBounds,
});

const log = section({
  /** Default `info`. */
  level: z
    .enum(
      ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
      wants('fatal, error, warn, info, debug, trace or silent'),
    )
    .default('info'),
  /** Lines for people instead of JSON. Default: whether standard output is a terminal. */
  pretty: z.boolean(wants('true or false')).default(() => process.stdout.isTTY === true),
});

export const hubConfig = section({
  /** Address to listen on. Default `127.0.0.1`; any that is not loopback needs `auth`. */
  host: z
    .string(wants(HOST))
    .regex(/^[^\s/[\]]+$/, wants(HOST))
    .default('127.0.0.1'),
  /** Default 7400; 0 to 65535, where 0 takes any free port. */
  port: whole('', 0, 65_535).default(7400),
  /** Where records, and in development mode the secret, are kept. Default `./.ringcast`. */
  dataFolder: z.string(wants('the path of a folder')).min(1).default('./.ringcast'),
  /** `rocksdb` (default) keeps records on disk; `memory` forgets them when the hub stops. */
  store: z.enum(['rocksdb', 'memory'], wants('rocksdb or memory')).default('rocksdb'),
  /** How tokens are verified. Default null: development mode, on loopback only, with a secret the hub makes itself. */
  auth: auth.nullable().default(null),
  tokens: tokens.prefault({}),
  /** How long a new connection may take to say hello, ms. Default 10,000; 100 to 300,000. */
  helloTimeoutMs: delayMs(100, 300_000).default(10_000),
  limits: limits.prefault({}),
  memory: memory.prefault({}),
  writeBehind: writeBehind.prefault({}),
  producers: producers.prefault({}),
  /** Bounds by channel: the first rule whose pattern matches counts, what it leaves out has the default. */
  channels: z
    .array(channelRule, wants('a list of {pattern, ring, retention, state, readers, pushIntervalMs}'))
    .default([]),
  figures: figures.prefault({}),
  log: log.prefault({}),
});

/** Complete: every setting has a value. */
export type HubConfig = z.output<typeof hubConfig>;
/** As written: everything may be left out. */
export type HubConfigInput = z.input<typeof hubConfig>;
export type ChannelBounds = Omit<HubConfig['channels'][number], 'pattern'>;

/** For channels that no rule matches. */
export const defaultChannelBounds: ChannelBounds = z.strictObject(channelBounds).parse({});
