import { generateKeyPairSync } from 'node:crypto';
import { access, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { CliFolder, type Ended } from '../support/cli-process.ts';
import { freePort } from '../support/free-port.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { until } from '../support/until.ts';

let here: CliFolder;
beforeEach(async () => {
  here = new CliFolder(await tempFolder());
});

const exists = (path: string) =>
  access(join(here.path, path)).then(
    () => true,
    () => false,
  );

/** One or two lines, no stack. */
function expectPlain({ stderr }: Ended, code: Ended['code'], expected: Ended['code']): void {
  expect(stderr).not.toMatch(/^\s+at /m);
  expect(stderr.trim().split('\n').length).toBeLessThanOrEqual(2);
  expect(code).toBe(expected);
}

async function fails(args: readonly string[], code: number, text: RegExp): Promise<void> {
  const ended = await here.run(args);
  expect(ended.stderr).toMatch(text);
  expectPlain(ended, ended.code, code);
  // What a hub logs before it fails does not count.
  if (args[0] !== 'serve') expect(ended.stdout).toBe('');
}

async function published(...args: readonly string[]): Promise<string> {
  const ended = await here.run(['pub', ...args]);
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  return ended.stdout.trim();
}

const json = (lines: readonly string[]) => lines.map((line) => JSON.parse(line) as Record<string, unknown>);

describe('usage', () => {
  it('help names every command and ends well', async () => {
    const { code, stdout } = await here.run(['--help']);
    expect(code).toBe(0);
    for (const command of ['serve', 'token', 'pub', 'sub', 'feed', 'inspect'])
      expect(stdout).toContain(`\n  ${command} `);
  });

  it.each([
    [['srve'], /Did you mean serve/],
    [['sub', 'market.>'], /the name of one channel/],
    [['sub', 'a', '--from', 'latest', '--last', '3'], /cannot be used with/],
    [['sub', 'a', '--from', 'yesterday'], /earliest, latest or a cursor/],
    [['sub', 'a', '--last', '0'], /at least 1/],
    [['pub', 'a', '1', '--ack', 'maybe'], /none, memory, disk/],
    [['serve', '--port', '70000'], /0 .* to 65535/],
    [['token', '--ttl', '5'], /duration with its unit/],
  ])('%j is wrong usage', async (args, text) => {
    await fails(args, 2, text);
  });

  it('wrong usage that only the command sees is wrong usage too', async () => {
    await fails(['pub', 'a'], 2, /either DATA.* or --stdin/);
    await fails(['token'], 2, /would allow nothing/);
  });

  it('without a hub, a command says how to start one', async () => {
    await fails(['sub', 'a'], 3, /no hub was found: start one with `ringcast serve`/);
    await fails(['inspect'], 3, /no hub was found/);
    await fails(
      ['pub', 'a', '1', '--url', 'ws://127.0.0.1:1', '--token', 'x'],
      3,
      /cannot connect to ws:\/\/127\.0\.0\.1:1: .*ECONNREFUSED/,
    );
  });
});

describe('serve refuses', () => {
  it('a host that others can reach, without auth', async () => {
    await fails(
      ['serve', '--host', '0.0.0.0'],
      1,
      /host: "0\.0\.0\.0" can be reached from other machines.*write an auth section/,
    );
    expect(await exists('.ringcast')).toBe(false);
  });

  it('a configuration with a mistake, naming it', async () => {
    await writeFile(join(here.path, 'hub.yaml'), 'limits:\n  maxFrames: 1\n');
    await fails(
      ['serve', '--config', 'hub.yaml'],
      1,
      /hub\.yaml cannot be used:\n {2}limits\.maxFrames: .* did you mean maxFrameBytes\?/,
    );
  });

  it('a data folder that it cannot write', async () => {
    await writeFile(join(here.path, 'file'), '');
    await fails(
      ['serve', '--data', 'file/data'],
      1,
      /cannot write to the data folder .*\/file\/data \(ENOTDIR\)/,
    );
  });

  it('a data folder that another hub holds, naming that hub', async () => {
    const { hub, url } = await here.serve();
    await fails(
      ['serve', '--port', '0'],
      1,
      new RegExp(`is in use by the hub at ${url} \\(process ${hub.child.pid}\\): stop it, or`),
    );
    expect(await published('a', '1')).toMatch(/^\d+-1$/);
  });

  it('a port that is in use', async () => {
    const port = String(await freePort());
    await here.serve('--port', port);
    await fails(
      ['serve', '--port', port, '--data', 'other'],
      1,
      new RegExp(`cannot listen on 127\\.0\\.0\\.1:${port}`),
    );
  });
});

describe('a hub in development mode', () => {
  it('is found, published to, read and stopped, and goes on where it was', async () => {
    const { hub } = await here.serve();
    const first = await published('market.us', '{"price": 3.2}', '--key', 'AAPL');
    const second = await published('market.us', 'not JSON', '--ack', 'disk');
    const { stdout, code } = await here.run([
      'sub',
      'market.us',
      '--from',
      'earliest',
      '--count',
      '2',
      '--json',
    ]);
    expect(code).toBe(0);
    expect(json(stdout.trim().split('\n'))).toEqual([
      {
        channel: 'market.us',
        cursor: first,
        timeMs: expect.any(Number),
        key: 'AAPL',
        meta: null,
        data: { price: 3.2 },
      },
      {
        channel: 'market.us',
        cursor: second,
        timeMs: expect.any(Number),
        key: null,
        meta: null,
        data: 'not JSON',
      },
    ]);

    hub.signal('SIGINT');
    expect(await hub.ended).toMatchObject({ code: 0, stderr: '' });
    expect(await exists('.ringcast/hub.json')).toBe(false);
    await fails(['sub', 'market.us'], 3, /no hub runs with the data folder/);

    await here.serve();
    const third = await published('market.us', '3');
    const [epoch, offset] = second.split('-');
    expect(third).toBe(`${epoch}-${Number(offset) + 1}`);
  });

  it('prints records for people, one a line', async () => {
    await here.serve();
    const cursor = await published('a', '{"price": 3.2}', '--key', 'AA\nPL');
    const { stdout } = await here.run(['sub', 'a', '--last', '1', '--count', '1']);
    expect(stdout).toMatch(
      new RegExp(`^\\d\\d:\\d\\d:\\d\\d\\.\\d{3} {2}${cursor} {2}AA\\\\nPL {2}\\{ price: 3\\.2 \\}\\n$`),
    );
  });

  it('is found from folders below', async () => {
    await here.serve();
    await mkdir(join(here.path, 'deep/er'), { recursive: true });
    const below = new CliFolder(join(here.path, 'deep/er'));
    expect(await below.run(['pub', 'a', '1'])).toMatchObject({ code: 0 });
  });

  it('takes a record for each line of standard input, in order', async () => {
    await here.serve();
    const count = 20_000;
    const input = Array.from({ length: count }, (_, i) => (i % 2 ? `text ${i}` : `{"i":${i}}`)).join('\n');
    const { code, stdout } = await here.run(['pub', 'lines', '--stdin', '--key', 'k'], `${input}\n`);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^20,000 records published in \d+\.\d s \([\d,]+\/s\); last cursor \d+-20000\n$/);
    const read = await here.run(['sub', 'lines', '--from', 'earliest', '--count', String(count), '--json']);
    const data = json(read.stdout.trim().split('\n')).map((line) => line.data);
    expect(data).toHaveLength(count);
    expect(data.every((value, i) => (i % 2 ? value === `text ${i}` : (value as { i: number }).i === i))).toBe(
      true,
    );
  });

  it('keeps nothing with --memory', async () => {
    const { hub } = await here.serve('--memory');
    await published('a', '1');
    hub.signal('SIGTERM');
    expect((await hub.ended).code).toBe(0);
    await here.serve('--memory');
    expect(json([(await here.run(['inspect', '--json'])).stdout])[0]?.channels).toEqual([]);
  });
});

describe('sub', () => {
  it('goes on over a killed hub, and tells of what was lost', async () => {
    const port = String(await freePort());
    const { hub } = await here.serve('--port', port);
    const sub = here.start('sub', 'a', '--json', '--from', 'earliest');
    const kept = await published('a', '"before"', '--ack', 'disk');
    await sub.untilLines(1);
    hub.signal('SIGKILL');
    await until(() => sub.stderr.includes('connecting again'), {
      what: 'word of the cut',
      have: () => sub.stderr,
    });
    await here.serve('--port', port);
    const next = await published('a', '"after"');
    const [before, gap, after] = json(await sub.untilLines(3));
    expect(before).toMatchObject({ cursor: kept, data: 'before' });
    expect(gap).toMatchObject({ gap: { after: kept, count: null, reason: 'lost' } });
    expect(after).toMatchObject({ cursor: next, data: 'after' });
    expect(sub.stderr).toContain('connected again');
    sub.signal('SIGINT');
    expect((await sub.ended).code).toBe(0);
  });

  it('ends well when its reader has had enough', async () => {
    await here.serve();
    const sub = here.start('sub', 'a', '--from', 'earliest');
    await published('a', '1');
    await sub.untilLines(1);
    sub.child.stdout?.destroy();
    const feed = here.start('pub', 'a', '--stdin');
    const timer = setInterval(() => feed.child.stdin?.write('more\n'), 20);
    const { code, stderr } = await sub.ended.finally(() => clearInterval(timer));
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });
});

describe('tokens', () => {
  it('allow what they name and nothing else; refusals end with code 4', async () => {
    await here.serve();
    const { stdout } = await here.run(['token', '--publish', 'in.*', '--subscribe', 'out.>', '--ttl', '5m']);
    const token = ['--token', stdout.trim()];
    await published('in.a', '1', ...token);
    await fails(['pub', 'out.a', '1', ...token], 4, /forbidden/);
    await fails(['sub', 'in.a', ...token], 4, /forbidden/);
    await fails(['inspect', ...token], 4, /admin/);
    await fails(['sub', 'out.a', '--token', 'nonsense'], 4, /token-malformed/);
  });

  it('are signed with the secret that a configuration names', async () => {
    await writeFile(join(here.path, 'secret'), `${'s3cr3t'.repeat(8)}\n`);
    await writeFile(
      join(here.path, 'hub.yaml'),
      'auth: {secretFile: secret, audience: [hub], issuer: [me]}\n',
    );
    await here.serve('--config', 'hub.yaml');
    await fails(['pub', 'a', '1'], 4, /no token for ws:\/\/127/);
    const { stdout } = await here.run(['token', '--config', 'hub.yaml', '--publish', 'a']);
    expect(await published('a', '1', '--token', stdout.trim())).toMatch(/-1$/);
  });

  it('cannot be signed for a hub that has public keys only', async () => {
    const { publicKey } = generateKeyPairSync('ed25519');
    await writeFile(join(here.path, 'key.pem'), publicKey.export({ type: 'spki', format: 'pem' }));
    await writeFile(join(here.path, 'hub.yaml'), 'auth: {publicKeyFile: key.pem}\n');
    await fails(['token', '--config', 'hub.yaml', '--admin'], 1, /signed by whoever has the private key/);
  });
});

describe('feed', () => {
  it('publishes figures of this machine, also after the hub came back', async () => {
    const port = String(await freePort());
    const { hub } = await here.serve('--port', port);
    const feed = here.start('feed', '--interval', '50', '--name', 'box');
    const sub = here.start('sub', 'host.box.cpu', '--json');
    const [figure] = json(await sub.untilLines(3));
    expect(figure).toMatchObject({ channel: 'host.box.cpu', data: { percent: expect.any(Number) } });
    hub.signal('SIGTERM');
    await hub.ended;
    await here.serve('--port', port);
    // What was in the pipe before the restart must not pass for what came after it.
    await until(() => feed.stderr.includes('connected again'), { what: 'the feed to come back' });
    await sub.untilLines(sub.lines.length + 3);
    feed.signal('SIGINT');
    expect((await feed.ended).code).toBe(0);
    const { stdout } = await here.run(['inspect', '--json', 'host.box.*']);
    const { channels } = JSON.parse(stdout) as { channels: { name: string }[] };
    const names = channels.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['host.box.cpu', 'host.box.load', 'host.box.memory']));
  });
});

describe('inspect', () => {
  it('tells the same of a running hub and of its folder', async () => {
    const { hub } = await here.serve();
    for (const channel of ['a.one', 'a.one', 'b']) await published(channel, '1', '--ack', 'disk');
    const inspected = async (...args: string[]) => {
      const { stdout } = await here.run(['inspect', '--json', ...args]);
      const { epoch, channels } = JSON.parse(stdout) as {
        epoch: number;
        channels: Record<string, unknown>[];
      };
      return {
        epoch,
        channels: channels.map(({ name, head, oldest, durable, storedBytes }) => ({
          name,
          head,
          oldest,
          durable,
          storedBytes,
        })),
      };
    };
    const running = await inspected();
    expect(running.channels).toMatchObject([
      { name: 'a.one', head: 2, oldest: 1, durable: 2 },
      { name: 'b', head: 1, oldest: 1, durable: 1 },
    ]);
    expect((await inspected('a.>')).channels).toEqual(running.channels.slice(0, 1));
    const table = await here.run(['inspect']);
    expect(table.stdout).toMatch(/^epoch \d+ · 2 channels · .*\n\nchannel +number.*\na\.one +\d+ +1 +2 +2 /);

    hub.signal('SIGINT');
    await hub.ended;
    expect(await inspected()).toEqual(running);
    expect((await here.run(['inspect'])).stderr).toContain('no hub runs with');
  });
});
