import { createHmac } from 'node:crypto';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import {
  createTokenVerifier,
  MAX_TOKEN_BYTES,
  type TokenVerifier,
  type TokenVerifierConfig,
} from '../../../server/auth/verify-token.ts';
import { ManualClock } from '../../../shared/clock.ts';
import type { ErrorCode } from '../../../shared/errors.ts';
import {
  assembleToken,
  ecPair,
  edwardsPair,
  forgeToken,
  jwkOf,
  type KeyPair,
  pemOf,
  refusalOf,
  rsaPair,
  SECRET,
  START_SECONDS,
} from './forge-token.ts';

const rsa = rsaPair();

function setUp(config: Partial<TokenVerifierConfig> = {}): { verifier: TokenVerifier; clock: ManualClock } {
  const clock = new ManualClock(START_SECONDS * 1000);
  const verifier = createTokenVerifier({ keys: { kind: 'secret', secret: SECRET }, ...config }, { clock });
  return { verifier, clock };
}

const withPem = (pair: KeyPair) =>
  setUp({ keys: { kind: 'public-key', pem: pemOf(pair.publicKey) } }).verifier;
const withKeys = (...keys: unknown[]) => setUp({ keys: { kind: 'jwks', keys: { keys } } }).verifier;

describe('an accepted token', () => {
  it('gives its subject, its expiry in ms and its grants', async () => {
    const claims = {
      sub: 'ann',
      exp: START_SECONDS + 90,
      ringcast: { subscribe: ['market.>'], publish: ['orders.eu'] },
    };
    const token = await setUp().verifier.verify(forgeToken(SECRET, claims));
    expect(token).toMatchObject({ subject: 'ann', expiresAtMs: (START_SECONDS + 90) * 1000 });
    expect(token.grants.maySubscribe('market.us.AAPL')).toBe(true);
    expect(token.grants.maySubscribe('orders.eu')).toBe(false);
    expect(token.grants.mayPublish('orders.eu')).toBe(true);
    expect(token.grants.admin).toBe(false);
  });

  it('without subject and grants has a null subject and may do nothing', async () => {
    const { subject, grants } = await setUp().verifier.verify(forgeToken(SECRET));
    expect(subject).toBeNull();
    expect([grants.maySubscribe('a'), grants.mayPublish('a'), grants.admin]).toEqual([false, false, false]);
  });

  it('expires at a whole ms even where its exp has a fraction', async () => {
    const token = forgeToken(SECRET, { exp: START_SECONDS + 10.1239 });
    expect((await setUp().verifier.verify(token)).expiresAtMs).toBe(START_SECONDS * 1000 + 10_123);
  });

  it('may have just the longest length that is taken', async () => {
    const { verifier } = setUp();
    const paddingTo = (length: number) => {
      for (let size = 5_500; ; size++) {
        const token = forgeToken(SECRET, { padding: 'x'.repeat(size) });
        if (token.length >= length) return token;
      }
    };
    const longest = paddingTo(MAX_TOKEN_BYTES);
    expect(longest).toHaveLength(MAX_TOKEN_BYTES);
    await verifier.verify(longest);
    await refusalOf(verifier.verify(paddingTo(MAX_TOKEN_BYTES + 1)), 'token-malformed');
  });
});

describe('algorithms', () => {
  it.each(['HS256', 'HS384', 'HS512'])('a secret verifies %s', async (alg) => {
    await setUp().verifier.verify(forgeToken(SECRET, {}, { alg }));
  });

  it('a secret of bytes is the same as its text, and is copied', async () => {
    const secret = new TextEncoder().encode(SECRET);
    const { verifier } = setUp({ keys: { kind: 'secret', secret } });
    secret.fill(0);
    await verifier.verify(forgeToken(SECRET));
  });

  const p256 = ecPair();
  const ed25519 = edwardsPair();
  const fitting: [string, KeyPair][] = [
    ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'].map((alg): [string, KeyPair] => [alg, rsa]),
    ['ES256', p256],
    ['ES384', ecPair('P-384')],
    ['ES512', ecPair('P-521')],
    ['EdDSA', ed25519],
    ['Ed25519', ed25519],
  ];

  it.each(fitting)('a PEM public key verifies %s', async (alg, pair) => {
    await withPem(pair).verify(forgeToken(pair.privateKey, {}, { alg }));
  });

  it.each(fitting)('a key set verifies %s', async (alg, pair) => {
    const verifier = withKeys(jwkOf(pair, { kid: 'k1' }));
    await verifier.verify(forgeToken(pair.privateKey, {}, { alg, kid: 'k1' }));
  });

  it.each([
    ['RS256 with a P-256 key', forgeToken(rsa.privateKey, {}, { alg: 'RS256' }), p256],
    ['ES384 with a P-256 key', forgeToken(ecPair('P-384').privateKey, {}, { alg: 'ES384' }), p256],
    ['ES256 with an RSA key', forgeToken(p256.privateKey, {}, { alg: 'ES256' }), rsa],
    ['EdDSA with an RSA key', forgeToken(ed25519.privateKey, {}, { alg: 'EdDSA' }), rsa],
  ])('refuses %s', async (_title, token, pair) => {
    const refusal = await refusalOf(withPem(pair).verify(token), 'token-algorithm');
    expect(refusal.advice).toBe('refresh-token');
  });

  it('refuses RS256 where a secret is configured', async () => {
    await refusalOf(
      setUp().verifier.verify(forgeToken(rsa.privateKey, {}, { alg: 'RS256' })),
      'token-algorithm',
    );
  });

  it.each(['none', 'None', 'NONE', '', undefined, 5, ['HS256']])(
    'refuses alg %j without signature',
    async (alg) => {
      const token = assembleToken({ alg, typ: 'JWT' }, { exp: START_SECONDS + 60 });
      await refusalOf(setUp().verifier.verify(token), 'token-algorithm');
      await refusalOf(withPem(rsa).verify(token), 'token-algorithm');
      await refusalOf(withKeys(jwkOf(rsa)).verify(token), 'token-algorithm');
    },
  );

  it('refuses alg none with the signature of an honest token', async () => {
    const signature = forgeToken(SECRET).split('.')[2];
    const token = assembleToken({ alg: 'none' }, { exp: START_SECONDS + 3600 }, signature);
    await refusalOf(setUp().verifier.verify(token), 'token-algorithm');
  });
});

describe('RS/HS confusion', () => {
  const pem = pemOf(rsa.publicKey);
  const der = rsa.publicKey.export({ type: 'spki', format: 'der' });
  const secrets: [string, string | Uint8Array][] = [
    ['the PEM text', pem],
    ['the PEM text without its last newline', pem.trimEnd()],
    ['the DER bytes', der],
    ['the JWK modulus', String(jwkOf(rsa).n)],
  ];

  it.each(secrets)(
    'an HS256 token with %s as its secret is refused by PEM and key set',
    async (_title, secret) => {
      for (const alg of ['HS256', 'HS384', 'HS512']) {
        const token = forgeToken(secret, { ringcast: { admin: true } }, { alg });
        await refusalOf(withPem(rsa).verify(token), 'token-algorithm');
        await refusalOf(withKeys(jwkOf(rsa)).verify(token), 'token-algorithm');
      }
    },
  );

  it.each([pem, new TextEncoder().encode(pem)])('a PEM text is not taken for a secret', (secret) => {
    expect(() => setUp({ keys: { kind: 'secret', secret } })).toThrow(TypeError);
  });

  it('an oct key in a key set verifies nothing, beside good keys and alone', async () => {
    const oct = { kty: 'oct', kid: 'k1', alg: 'HS256', k: Buffer.from(SECRET).toString('base64url') };
    const token = forgeToken(SECRET, {}, { alg: 'HS256', kid: 'k1' });
    const verifier = withKeys(oct, jwkOf(rsa, { kid: 'k2' }));
    await refusalOf(verifier.verify(token), 'token-algorithm');
    await verifier.verify(forgeToken(rsa.privateKey, {}, { alg: 'RS256', kid: 'k2' }));
    expect(() => withKeys(oct)).toThrow(TypeError);
  });
});

describe('times', () => {
  const expired = START_SECONDS + 100;
  const atMs = async (ms: number, claims: object, config: Partial<TokenVerifierConfig> = {}) => {
    const { verifier, clock } = setUp(config);
    clock.advance(ms - clock.nowMs());
    return await verifier.verify(forgeToken(SECRET, { ...claims }));
  };

  it('a token is taken until the last ms of the default tolerance of 5 s after its expiry', async () => {
    await atMs(expired * 1000 + 4_999, { exp: expired });
    await refusalOf(atMs(expired * 1000 + 5_000, { exp: expired }), 'token-expired');
  });

  it('a token is taken from the first ms of the tolerance before its nbf', async () => {
    const nbf = START_SECONDS + 50;
    await refusalOf(atMs(nbf * 1000 - 5_001, { nbf }), 'token-not-yet-valid');
    await atMs(nbf * 1000 - 5_000, { nbf });
  });

  it('a tolerance of 0 draws the borders at exp and nbf themselves', async () => {
    const claims = { nbf: START_SECONDS + 50, exp: expired };
    const config = { clockToleranceMs: 0 };
    await refusalOf(atMs(claims.nbf * 1000 - 1, claims, config), 'token-not-yet-valid');
    await atMs(claims.nbf * 1000, claims, config);
    await atMs(expired * 1000 - 1, claims, config);
    await refusalOf(atMs(expired * 1000, claims, config), 'token-expired');
  });

  it.each([-1, Number.NaN, Number.POSITIVE_INFINITY])('a tolerance of %d is misuse', (clockToleranceMs) => {
    expect(() => setUp({ clockToleranceMs })).toThrow(TypeError);
  });
});

describe('audience and issuer', () => {
  const { verifier } = setUp({ audience: ['hub', 'hub-eu'], issuer: 'https://issuer.example' });
  const good = { aud: 'hub', iss: 'https://issuer.example' };
  const verify = (claims: object) => verifier.verify(forgeToken(SECRET, { ...good, ...claims }));

  it('one of the configured audiences is enough, alone or in an array', async () => {
    await verify({});
    await verify({ aud: 'hub-eu' });
    await verify({ aud: ['other', 'hub-eu'] });
  });

  it.each(['other', ['other', 'more'], [], undefined, null, 7, 'hub ', ['hu', 'b']])(
    'refuses aud %j',
    async (aud) => {
      await refusalOf(verify({ aud }), 'token-audience');
    },
  );

  it.each(['https://other.example', 'https://issuer.example/', undefined, null, ['https://issuer.example']])(
    'refuses iss %j',
    async (iss) => {
      await refusalOf(verify({ iss }), 'token-issuer');
    },
  );

  it('nothing is asked of aud and iss where none is configured', async () => {
    await setUp().verifier.verify(forgeToken(SECRET, { aud: 'anyone', iss: 'anyone' }));
  });
});

describe('refusals', () => {
  const signed = forgeToken(SECRET);
  const [header, payload, signature] = signed.split('.') as [string, string, string];
  const secretB64 = (value: string) => Buffer.from(value).toString('base64url');

  it.each([null, ''])('%j is a missing token', async (token) => {
    await refusalOf(setUp().verifier.verify(token), 'token-missing');
  });

  it.each([
    ['a word', 'token'],
    ['a header alone', header],
    ['two parts', `${header}.${payload}`],
    ['four parts', `${signed}.x`],
    ['five parts', `${signed}.x.x`],
    ['a header that is no JSON', `${secretB64('{alg')}.${payload}.${signature}`],
    ['a header that is an array', `${secretB64('["HS256"]')}.${payload}.${signature}`],
    ['a signature outside base64url', `${header}.${payload}.!!!!`],
    ['an unknown critical extension', forgeToken(SECRET, {}, { alg: 'HS256', crit: ['cnf'], cnf: 1 })],
    ['"Bearer" before it', `Bearer ${signed}`],
    ['letters outside ASCII', `${header}.ü${payload}.${signature}`],
  ])('%s is malformed', async (_title, token) => {
    await refusalOf(setUp().verifier.verify(token), 'token-malformed');
  });

  it('a payload that is no JSON object is malformed though rightly signed', async () => {
    for (const body of ['[1]', 'null', '"text"', '{"exp":']) {
      const input = `${secretB64('{"alg":"HS256"}')}.${secretB64(body)}`;
      const mac = createHmac('sha256', SECRET).update(input).digest('base64url');
      await refusalOf(setUp().verifier.verify(`${input}.${mac}`), 'token-malformed');
    }
  });

  it('another key, an altered payload, a cut signature and none fail as signatures', async () => {
    const { verifier } = setUp();
    await refusalOf(verifier.verify(forgeToken(`${SECRET}!`)), 'token-signature');
    const altered = secretB64(JSON.stringify({ exp: START_SECONDS + 3600, ringcast: { admin: true } }));
    await refusalOf(verifier.verify(`${header}.${altered}.${signature}`), 'token-signature');
    await refusalOf(verifier.verify(`${header}.${payload}.`), 'token-signature');
    await refusalOf(verifier.verify(`${header}.${payload}.${signature.slice(0, -3)}`), 'token-signature');
    await refusalOf(
      withPem(rsa).verify(forgeToken(rsaPair().privateKey, {}, { alg: 'RS256' })),
      'token-signature',
    );
  });

  it('claims are looked at only once the signature holds', async () => {
    await refusalOf(setUp().verifier.verify(forgeToken(`${SECRET}!`, { exp: 1 })), 'token-signature');
  });

  const badClaims: [string, object][] = [
    ['no exp', { exp: undefined }],
    ['a null exp', { exp: null }],
    ['an exp of text', { exp: String(START_SECONDS + 60) }],
    ['an exp in ms', { exp: (START_SECONDS + 60) * 1000 }],
    ['an nbf of text', { nbf: 'now' }],
    ['an iat of text', { iat: 'now' }],
    ['a numeric sub', { sub: 7 }],
    ['ringcast null', { ringcast: null }],
    ['ringcast as array', { ringcast: ['market.>'] }],
    ['subscribe as text', { ringcast: { subscribe: 'market.>' } }],
    ['a malformed pattern', { ringcast: { publish: ['orders..eu'] } }],
    ['admin as text', { ringcast: { admin: 'true' } }],
  ];

  it.each(badClaims)('%s is refused as token-claims', async (_title, claims) => {
    await refusalOf(setUp().verifier.verify(forgeToken(SECRET, { ...claims })), 'token-claims');
  });

  it('a kid that the key set lacks is an unknown key, and so is an alg that its key is not for', async () => {
    const verifier = withKeys(jwkOf(rsa, { kid: 'k1', alg: 'RS256' }));
    const verify = (head: { alg: string; kid?: unknown }) =>
      verifier.verify(forgeToken(rsa.privateKey, {}, head));
    await verify({ alg: 'RS256', kid: 'k1' });
    await refusalOf(verify({ alg: 'RS256', kid: 'k2' }), 'token-key-unknown');
    await refusalOf(verify({ alg: 'RS256', kid: 1 }), 'token-key-unknown');
    await refusalOf(verify({ alg: 'RS512', kid: 'k1' }), 'token-key-unknown');
  });

  it('no refusal carries the token or its claims, however it is printed', async () => {
    const { verifier } = setUp({ audience: 'hub', issuer: 'us' });
    const mark = 'personal-mark';
    const base = { aud: 'hub', iss: 'us', sub: mark };
    const cases: [ErrorCode, string][] = [
      ['token-expired', forgeToken(SECRET, { ...base, exp: START_SECONDS - 60 })],
      ['token-not-yet-valid', forgeToken(SECRET, { ...base, nbf: START_SECONDS + 60 })],
      ['token-audience', forgeToken(SECRET, { ...base, aud: mark })],
      ['token-issuer', forgeToken(SECRET, { ...base, iss: mark })],
      ['token-claims', forgeToken(SECRET, { ...base, exp: mark })],
      ['token-signature', forgeToken(`${SECRET}!`, base)],
      ['token-algorithm', forgeToken(rsa.privateKey, base, { alg: 'RS256' })],
      ['token-malformed', `${forgeToken(SECRET, base)}.x`],
    ];
    for (const [code, token] of cases) {
      const printed = inspect(await refusalOf(verifier.verify(token), code), {
        depth: null,
        showHidden: true,
      });
      for (const piece of [mark, ...token.split('.').filter((text) => text.length > 10)]) {
        expect(printed, code).not.toContain(piece);
      }
    }
  });
});

describe('key sets', () => {
  it('a token without kid is tried with every key that fits its algorithm', async () => {
    const [first, second, stranger] = [ecPair(), ecPair(), ecPair()];
    const verifier = withKeys(
      jwkOf(first, { kid: 'a' }),
      jwkOf(second, { kid: 'b' }),
      jwkOf(rsa, { kid: 'c' }),
    );
    for (const pair of [first, second])
      await verifier.verify(forgeToken(pair.privateKey, {}, { alg: 'ES256' }));
    await refusalOf(
      verifier.verify(forgeToken(stranger.privateKey, {}, { alg: 'ES256' })),
      'token-signature',
    );
    for (const pair of [first, second]) {
      const late = forgeToken(pair.privateKey, { exp: START_SECONDS - 60 }, { alg: 'ES256' });
      await refusalOf(verifier.verify(late), 'token-expired');
    }
  });

  it('bad keys are passed over, and good ones beside them still verify', async () => {
    const good = ecPair();
    const verifier = withKeys(
      null,
      'key',
      { kty: 'EC', crv: 'P-256', kid: 'broken', x: 'AA', y: 'AA' },
      { ...rsa.privateKey.export({ format: 'jwk' }), kid: 'private' },
      jwkOf(rsaPair(1024), { kid: 'weak' }),
      jwkOf(rsa, { kid: 'encryption', use: 'enc' }),
      jwkOf(rsa, { kid: 'sign-only', key_ops: ['sign'] }),
      jwkOf(rsa, { kid: 'misfit', alg: 'ES256' }),
      jwkOf(good, { kid: 'good', use: 'sig', key_ops: ['verify', 'sign'], ext: false }),
    );
    await verifier.verify(forgeToken(good.privateKey, {}, { alg: 'ES256', kid: 'good' }));
    for (const kid of ['private', 'weak', 'encryption', 'sign-only', 'misfit']) {
      const token = forgeToken(rsa.privateKey, {}, { alg: 'RS256', kid });
      await refusalOf(verifier.verify(token), 'token-key-unknown');
    }
  });
});

describe('a token that was verified before', () => {
  const exp = START_SECONDS + 60;

  it('is the same one, and shares its grants with others of the same claim', async () => {
    const { verifier } = setUp();
    const ringcast = { subscribe: ['market.>'] };
    const first = await verifier.verify(forgeToken(SECRET, { sub: 'ann', ringcast }));
    expect(await verifier.verify(forgeToken(SECRET, { sub: 'ann', ringcast }))).toBe(first);
    const other = await verifier.verify(forgeToken(SECRET, { sub: 'bob', ringcast }));
    expect([other.subject, other.grants === first.grants]).toEqual(['bob', true]);
    const lesser = await verifier.verify(forgeToken(SECRET, { ringcast: { subscribe: ['market.us'] } }));
    expect([lesser.grants.maySubscribe('market.us'), lesser.grants.maySubscribe('market.eu')]).toEqual([
      true,
      false,
    ]);
  });

  it('is refused once it has expired', async () => {
    const { verifier, clock } = setUp({ clockToleranceMs: 0 });
    const token = forgeToken(SECRET, { exp });
    clock.advance(59_999);
    await verifier.verify(token);
    clock.advance(1);
    await refusalOf(verifier.verify(token), 'token-expired');
  });

  it('is not valid yet once the clock was set back before its nbf', async () => {
    let nowMs = START_SECONDS * 1000;
    const clock = new ManualClock();
    clock.nowMs = () => nowMs;
    const verifier = createTokenVerifier(
      { keys: { kind: 'secret', secret: SECRET }, clockToleranceMs: 0 },
      { clock },
    );
    const token = forgeToken(SECRET, { exp, nbf: START_SECONDS });
    await verifier.verify(token);
    nowMs -= 1000;
    await refusalOf(verifier.verify(token), 'token-not-yet-valid');
  });

  it('does not vouch for another payload or signature', async () => {
    const { verifier } = setUp();
    const token = forgeToken(SECRET, { exp });
    await verifier.verify(token);
    const [header, , signature] = token.split('.');
    const payload = Buffer.from(JSON.stringify({ exp: exp + 1 })).toString('base64url');
    await refusalOf(verifier.verify(`${header}.${payload}.${signature}`), 'token-signature');
    await refusalOf(verifier.verify(forgeToken(`${SECRET}!`, { exp })), 'token-signature');
  });
});

describe('misuse', () => {
  const pem = pemOf(rsa.publicKey);
  const privatePem = rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

  it.each([
    ['a secret below 32 bytes', { kind: 'secret', secret: 'x'.repeat(31) }],
    ['an empty secret', { kind: 'secret', secret: '' }],
    ['a PEM text that is none', { kind: 'public-key', pem: pem.replace('BEGIN', 'BEGINNING') }],
    ['a private key', { kind: 'public-key', pem: privatePem }],
    ['an RSA key of 1024 bits', { kind: 'public-key', pem: pemOf(rsaPair(1024).publicKey) }],
    ['a curve that JWS lacks', { kind: 'public-key', pem: pemOf(ecPair('P-224').publicKey) }],
    ['a document that is no key set', { kind: 'jwks', keys: [] }],
    ['a key set without keys', { kind: 'jwks', keys: { keys: [] } }],
    ['a key set with a misfit alg alone', { kind: 'jwks', keys: { keys: [jwkOf(rsa, { alg: 'ES256' })] } }],
    ['a URL that is none', { kind: 'jwks-url', url: 'issuer.example/keys' }],
    ['a file URL', { kind: 'jwks-url', url: 'file:///etc/keys.json' }],
    ['a URL with a password', { kind: 'jwks-url', url: 'https://me:hunter2@issuer.example/keys' }],
    ['a max age of 0', { kind: 'jwks-url', url: 'https://issuer.example/keys', maxAgeMs: 0 }],
    ['a source of another kind', { kind: 'kerberos' }],
  ])('%s throws a TypeError that holds no key', (_title, keys) => {
    let thrown: unknown;
    try {
      setUp({ keys: keys as TokenVerifierConfig['keys'] }).verifier.close();
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(TypeError);
    expect(String(thrown)).not.toMatch(/xxx|MII|hunter2/);
  });
});
