import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { KeyFetchOutcome, RemoteKeysConfig } from '../../../server/auth/remote-keys.ts';
import { createTokenVerifier, type TokenVerifier } from '../../../server/auth/verify-token.ts';
import { ManualClock } from '../../../shared/clock.ts';
import { ecPair, forgeToken, jwkOf, type KeyPair, refusalOf, SECRET } from './forge-token.ts';
import { KeyEndpoint } from './key-endpoint.ts';

const MAX_AGE_MS = 600_000;
const COOLDOWN_MS = 30_000;

const oldPair = ecPair();
const newPair = ecPair();
const oldKey = jwkOf(oldPair, { kid: 'old' });
const newKey = jwkOf(newPair, { kid: 'new' });
const tokenOf = (pair: KeyPair, kid: string) =>
  forgeToken(pair.privateKey, { exp: 1_800_000_000 }, { alg: 'ES256', kid });
const oldToken = tokenOf(oldPair, 'old');
const newToken = tokenOf(newPair, 'new');

/** Also counts the timers that are set, each of which would hold a process up. */
class TimerCountingClock extends ManualClock {
  timers = 0;

  override after(delayMs: number, run: () => void): () => void {
    let set = true;
    const end = () => {
      if (set) this.timers--;
      set = false;
    };
    this.timers++;
    const cancel = super.after(delayMs, () => {
      end();
      run();
    });
    return () => {
      end();
      cancel();
    };
  }
}

let endpoint: KeyEndpoint;
let clock: TimerCountingClock;
let opened: TokenVerifier[];
let outcomes: KeyFetchOutcome[];
let waitingForOutcome: (() => void)[];

beforeEach(async () => {
  endpoint = await KeyEndpoint.start();
  endpoint.publish(oldKey);
  clock = new TimerCountingClock();
  opened = [];
  outcomes = [];
  waitingForOutcome = [];
});

afterEach(async () => {
  for (const verifier of opened) verifier.close();
  await endpoint.stop();
});

function open(config: Partial<RemoteKeysConfig> = {}, fetchKeys?: typeof fetch): TokenVerifier {
  const onKeyFetch = (outcome: KeyFetchOutcome) => {
    outcomes.push(outcome);
    for (const resolve of waitingForOutcome.splice(0)) resolve();
  };
  const verifier = createTokenVerifier(
    { keys: { kind: 'jwks-url', url: endpoint.url, ...config } },
    { clock, onKeyFetch, fetch: fetchKeys },
  );
  opened.push(verifier);
  return verifier;
}

/** Resolves when the running fetch, or the next, has ended. */
const fetchEnd = () => new Promise<void>((resolve) => waitingForOutcome.push(resolve));

/** Moves the time on to where a fetch is due, and lets it end. */
async function advanceToFetch(deltaMs: number): Promise<void> {
  const ended = fetchEnd();
  clock.advance(deltaMs);
  await ended;
}

describe('fetching', () => {
  it('begins before the first token and serves any number of them at once', async () => {
    const arrived = endpoint.nextRequest();
    const verifier = open();
    await arrived;
    await Promise.all(Array.from({ length: 50 }, () => verifier.verify(oldToken)));
    for (let i = 0; i < 20; i++) await verifier.verify(oldToken);
    expect(endpoint.requests).toBe(1);
    expect(outcomes).toEqual([{ outcome: 'fetched', usableKeys: 1, ignoredKeys: 0 }]);
  });

  it('is repeated at the max age and not before, without any token asking', async () => {
    await open().verify(oldToken);
    clock.advance(MAX_AGE_MS - 1);
    expect(endpoint.requests).toBe(1);
    await advanceToFetch(1);
    expect(endpoint.requests).toBe(2);
    await advanceToFetch(MAX_AGE_MS);
    expect(endpoint.requests).toBe(3);
  });

  it('at the max age forgets a key that is no longer published', async () => {
    const verifier = open();
    await verifier.verify(oldToken);
    endpoint.publish(newKey);
    await advanceToFetch(MAX_AGE_MS);
    await verifier.verify(newToken);
    await refusalOf(verifier.verify(oldToken), 'token-key-unknown');
  });

  it('at the max age forgets a key that was replaced under its id, for tokens too that were verified with it', async () => {
    const verifier = open();
    await verifier.verify(oldToken);
    endpoint.publish(jwkOf(newPair, { kid: 'old' }));
    await advanceToFetch(MAX_AGE_MS);
    await refusalOf(verifier.verify(oldToken), 'token-signature');
  });

  it('delays no token whose key is known, though the endpoint never answers', async () => {
    const verifier = open();
    await verifier.verify(oldToken);
    endpoint.answer(() => {});
    const arrived = endpoint.nextRequest();
    clock.advance(MAX_AGE_MS);
    await arrived;
    await verifier.verify(oldToken);
    expect(outcomes).toHaveLength(1);
  });

  it('passes over oct keys in the document', async () => {
    const oct = { kty: 'oct', kid: 'shared', alg: 'HS256', k: Buffer.from(SECRET).toString('base64url') };
    endpoint.publish(oct, oldKey);
    const verifier = open();
    await verifier.verify(oldToken);
    expect(outcomes).toEqual([{ outcome: 'fetched', usableKeys: 1, ignoredKeys: 1 }]);
    const forged = forgeToken(SECRET, {}, { alg: 'HS256', kid: 'shared' });
    await refusalOf(verifier.verify(forged), 'token-algorithm');
  });
});

describe('an unknown key id', () => {
  it('has the keys fetched once more, so that a rotation is taken up at once', async () => {
    const verifier = open();
    await verifier.verify(oldToken);
    endpoint.publish(oldKey, newKey);
    clock.advance(COOLDOWN_MS);
    await verifier.verify(newToken);
    await verifier.verify(oldToken);
    expect(endpoint.requests).toBe(2);
  });

  it('shares that fetch among all tokens that wait for it', async () => {
    const verifier = open();
    await verifier.verify(oldToken);
    endpoint.publish(newKey);
    clock.advance(COOLDOWN_MS);
    await Promise.all(Array.from({ length: 50 }, () => verifier.verify(newToken)));
    expect(endpoint.requests).toBe(2);
  });

  it('during the cooldown is refused without a fetch and told when to come again', async () => {
    const verifier = open();
    await verifier.verify(oldToken);
    endpoint.publish(oldKey, newKey);
    clock.advance(COOLDOWN_MS - 1);
    const refusal = await refusalOf(verifier.verify(newToken), 'token-key-unknown');
    expect(refusal.retryAfterMs).toBe(1);
    expect(endpoint.requests).toBe(1);
    clock.advance(1);
    await verifier.verify(newToken);
  });

  it('however often invented costs one fetch per cooldown', async () => {
    const verifier = open();
    await verifier.verify(oldToken);
    for (let second = 1; second <= 120; second++) {
      clock.advance(1_000);
      await refusalOf(verifier.verify(tokenOf(newPair, `invented-${second}`)), 'token-key-unknown');
    }
    expect(endpoint.requests).toBe(1 + 120_000 / COOLDOWN_MS);
  });

  it('puts the next fetch for age off, since the keys are fresh again', async () => {
    const verifier = open();
    await verifier.verify(oldToken);
    clock.advance(MAX_AGE_MS - 1);
    await refusalOf(verifier.verify(newToken), 'token-key-unknown');
    clock.advance(MAX_AGE_MS - 1);
    expect(endpoint.requests).toBe(2);
    await advanceToFetch(1);
    expect(endpoint.requests).toBe(3);
  });

  it('while the endpoint is down is no fault of the token: keys-unavailable', async () => {
    const verifier = open();
    await verifier.verify(oldToken);
    endpoint.breakDown();
    clock.advance(COOLDOWN_MS);
    const refusal = await refusalOf(verifier.verify(newToken), 'keys-unavailable');
    expect(refusal).toMatchObject({ advice: 'retry', retryAfterMs: 1_000 });
    endpoint.publish(oldKey, newKey);
    await advanceToFetch(1_000);
    await verifier.verify(newToken);
  });
});

describe('an unknown key id during a retry', () => {
  it('waits for the fetch that is under way, though it would not be given one', async () => {
    const verifier = open();
    await verifier.verify(oldToken);
    endpoint.breakDown();
    await advanceToFetch(MAX_AGE_MS);
    let release: () => void = () => {};
    endpoint.answer((response) => {
      release = () => response.end(JSON.stringify({ keys: [oldKey, newKey] }));
    });
    const arrived = endpoint.nextRequest();
    clock.advance(1_000);
    await arrived;
    const verification = verifier.verify(newToken);
    // Its look among the old keys comes first.
    await verifier.verify(oldToken);
    release();
    await verification;
    expect(endpoint.requests).toBe(3);
  });
});

describe('an endpoint that is down', () => {
  it('leaves the last good keys in use for as long as it takes', async () => {
    const verifier = open();
    await verifier.verify(oldToken);
    await endpoint.stop();
    await advanceToFetch(MAX_AGE_MS);
    await verifier.verify(oldToken);
    for (let hour = 0; hour < 24; hour++) await advanceToFetch(3_600_000);
    await verifier.verify(oldToken);
    expect(outcomes.at(-1)).toMatchObject({ outcome: 'failed', lastGoodAgeMs: MAX_AGE_MS + 24 * 3_600_000 });
    endpoint = await KeyEndpoint.start();
  });

  const broken: [string, (at: KeyEndpoint) => void][] = [
    ['an HTTP error', (at) => at.answerWith(503, JSON.stringify({ keys: [newKey] }))],
    ['a page that is no JSON', (at) => at.answerWith(200, '<html>maintenance</html>')],
    ['JSON that is no key set', (at) => at.answerWith(200, '{"error":"maintenance"}')],
    ['a document beyond all measure', (at) => at.answerWith(200, `{"keys":[]}${' '.repeat(300 * 1024)}`)],
    [
      'a redirect, even to good keys',
      (at) =>
        at.answer((response) => {
          at.publish(oldKey);
          response.writeHead(302, { location: at.url }).end();
        }),
    ],
    [
      'half an answer',
      (at) => at.answer((response) => response.write('{"keys":[', () => response.destroy())),
    ],
  ];

  it.each(broken)('counts %s as down', async (_title, breakDown) => {
    const verifier = open();
    await verifier.verify(oldToken);
    breakDown(endpoint);
    await advanceToFetch(MAX_AGE_MS);
    expect(outcomes.at(-1)).toMatchObject({ outcome: 'failed', lastGoodAgeMs: MAX_AGE_MS });
    await verifier.verify(oldToken);
  });

  it('at first gives keys-unavailable, and recovers by itself', async () => {
    endpoint.breakDown();
    const verifier = open();
    const refusal = await refusalOf(verifier.verify(oldToken), 'keys-unavailable');
    expect(refusal).toMatchObject({ advice: 'retry', retryAfterMs: 1_000 });
    expect(outcomes).toMatchObject([{ outcome: 'failed', lastGoodAgeMs: null }]);
    endpoint.publish(oldKey);
    clock.advance(400);
    const again = await refusalOf(verifier.verify(oldToken), 'keys-unavailable');
    expect(again.retryAfterMs).toBe(600);
    expect(endpoint.requests).toBe(1);
    clock.advance(600);
    await verifier.verify(oldToken);
    expect(endpoint.requests).toBe(2);
    await refusalOf(verifier.verify(newToken), 'token-key-unknown');
    clock.advance(MAX_AGE_MS - 1);
    expect(endpoint.requests).toBe(2);
  });

  it('is asked again after 1, 2, 4, 8 and 16 s and then once per cooldown', async () => {
    endpoint.breakDown();
    const firstEnd = fetchEnd();
    open();
    await firstEnd;
    for (const delayMs of [1_000, 2_000, 4_000, 8_000, 16_000, COOLDOWN_MS, COOLDOWN_MS]) {
      const before = endpoint.requests;
      clock.advance(delayMs - 1);
      expect(endpoint.requests).toBe(before);
      await advanceToFetch(1);
      expect(endpoint.requests).toBe(before + 1);
    }
  });

  it.each(['before its header', 'within its body'])('is given up at the timeout %s', async (where) => {
    endpoint.answer((response) => {
      if (where === 'within its body') response.writeHead(200).write('{"keys":');
    });
    const arrived = endpoint.nextRequest();
    const verifier = open({ fetchTimeoutMs: 700 });
    const verification = refusalOf(verifier.verify(oldToken), 'keys-unavailable');
    await arrived;
    clock.advance(699);
    expect(outcomes).toEqual([]);
    clock.advance(1);
    await verification;
    expect(outcomes).toMatchObject([{ outcome: 'failed' }]);
  });
});

describe('the fetch that is handed in', () => {
  it('is used in place of the global one', async () => {
    const urls: string[] = [];
    const verifier = open({ url: 'https://issuer.example/keys' }, async (url) => {
      urls.push(String(url));
      return Response.json({ keys: [oldKey] });
    });
    await verifier.verify(oldToken);
    expect(urls).toEqual(['https://issuer.example/keys']);
    expect(endpoint.requests).toBe(0);
  });
});

describe('closing', () => {
  it('ends the repeated fetching, and what is known goes on verifying', async () => {
    const verifier = open();
    await verifier.verify(oldToken);
    expect(clock.timers).toBe(1);
    verifier.close();
    expect(clock.timers).toBe(0);
    clock.advance(10 * MAX_AGE_MS);
    await verifier.verify(oldToken);
    await refusalOf(verifier.verify(newToken), 'token-key-unknown');
    expect(endpoint.requests).toBe(1);
  });

  it('ends a fetch that is under way together with those who wait for it', async () => {
    endpoint.answer(() => {});
    const arrived = endpoint.nextRequest();
    const verifier = open();
    const verification = refusalOf(verifier.verify(oldToken), 'keys-unavailable');
    await arrived;
    verifier.close();
    await verification;
    expect(clock.timers).toBe(0);
    clock.advance(MAX_AGE_MS);
    expect(endpoint.requests).toBe(1);
    expect(outcomes).toEqual([]);
  });
});
