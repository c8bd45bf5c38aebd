import { describe, expect, it } from 'vitest';
import { createLogger, formatLine, silentLogger } from '../../../server/ops/logging.ts';
import { escapeControls } from '../../../server/ops/terminal-text.ts';
import { RingcastError } from '../../../shared/errors.ts';

function capture(options: Parameters<typeof createLogger>[0]) {
  const lines: string[] = [];
  return { lines, log: createLogger(options, { write: (line) => void lines.push(line) }) };
}

describe('createLogger', () => {
  it('writes a JSON object a line, with level in words and time in ISO form', () => {
    const { lines, log } = capture({});
    log.info({ url: 'ws://x' }, 'listening');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/\}\n$/);
    const line = JSON.parse(lines[0]!) as Record<string, unknown>;
    expect(line).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-.*Z$/),
      url: 'ws://x',
      msg: 'listening',
    });
  });

  it('keeps what is below its level to itself', () => {
    const { lines, log } = capture({ level: 'warn' });
    log.info('no');
    log.warn('yes');
    expect(lines).toHaveLength(1);
    silentLogger().fatal('nothing is written');
  });

  it('withholds tokens that slipped into a line', () => {
    const { lines, log } = capture({});
    log.info({ token: 'eyJ', hello: { token: 'eyJ', secret: 's3' } }, 'hello');
    expect(lines.join()).not.toMatch(/eyJ|s3/);
  });

  it('writes lines for people where asked', () => {
    const { lines, log } = capture({ pretty: true });
    log.warn({ channel: 'market.us', details: { count: 2 }, note: 'two words' }, 'slow');
    expect(lines).toEqual([
      expect.stringMatching(
        /^\d\d:\d\d:\d\d\.\d{3} warn {2}slow {2}channel=market\.us {2}details=\{ count: 2 \} {2}note='two words'\n$/,
      ),
    ]);
  });

  it('shows an error with its stack on lines of its own', () => {
    const { lines, log } = capture({ pretty: true });
    log.error({ err: new RingcastError('store-failed', 'the disk is full') }, 'write failed');
    const [head, first, second] = lines.join('').split('\n');
    expect(head).toMatch(/error write failed$/);
    expect(first).toBe('    RingcastError: the disk is full');
    expect(second).toMatch(/^ {8}at /);
  });
});

describe('lines for people', () => {
  const line = (msg: string) => JSON.stringify({ level: 'info', time: '2026-01-02T03:04:05.006Z', msg });

  it('are in colour only where asked', () => {
    expect(formatLine(line('hi'), false)).not.toContain('\x1b');
    expect(formatLine(line('hi'), true)).toContain('\x1b[32minfo \x1b[0m');
  });

  it('cannot steer the terminal or forge a line', () => {
    expect(formatLine(line('a\x1b[2Jb\nfatal c'), false)).toMatch(/a\\x1b\[2Jb\\nfatal c\n$/);
  });

  it('escapeControls leaves text and line feeds alone', () => {
    expect(escapeControls('é 日本 \n\t\x00\x9b')).toBe('é 日本 \n\\x09\\x00\\x9b');
  });
});
