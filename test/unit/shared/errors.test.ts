import { describe, expect, it } from 'vitest';
import {
  adviceFor,
  adviceForClose,
  CLOSE_CODES,
  ERROR_CODES,
  isErrorCode,
  RingcastError,
} from '../../../shared/errors.ts';

describe('error codes', () => {
  it('are lower-case words with hyphens, each with its advice', () => {
    const advice = ['fix', 'retry', 'refresh-token', 'resubscribe', 'report'];
    for (const code of ERROR_CODES) {
      expect(code).toMatch(/^[a-z]+(-[a-z]+)*$/);
      expect(advice, code).toContain(adviceFor(code));
    }
  });

  it('about the token advise another token', () => {
    const codes = ERROR_CODES.filter((code) => code.startsWith('token-'));
    expect(codes).toHaveLength(10);
    for (const code of codes) expect(adviceFor(code), code).toBe('refresh-token');
  });

  it('of a publish that is lost if it is not sent again advise a retry, and those that a repetition cannot mend do not', () => {
    for (const code of ['overloaded', 'store-failed', 'out-of-sequence', 'shutting-down'] as const) {
      expect(adviceFor(code), code).toBe('retry');
    }
    for (const code of ['conflict', 'producer-unknown', 'too-many-keys'] as const) {
      expect(adviceFor(code), code).toBe('fix');
    }
  });

  it('are told from other words, those of Object.prototype too', () => {
    expect(isErrorCode('bad-frame')).toBe(true);
    for (const text of ['', 'Bad-Frame', 'bad_frame', 'constructor', '__proto__', 'toString']) {
      expect(isErrorCode(text), text).toBe(false);
    }
  });
});

describe('RingcastError', () => {
  it('carries its code, advice, cause and delay', () => {
    const cause = new Error('below');
    const error = new RingcastError('overloaded', 'publish again later', { cause, retryAfterMs: 250 });
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      name: 'RingcastError',
      code: 'overloaded',
      advice: 'retry',
      retryAfterMs: 250,
    });
    expect(error.message).toBe('publish again later');
    expect(error.cause).toBe(cause);
  });

  it('without options has neither cause nor delay', () => {
    const error = new RingcastError('internal', 'why');
    expect('cause' in error).toBe(false);
    expect(error.retryAfterMs).toBeUndefined();
  });

  it('keeps a cause that is undefined or null, as it was thrown', () => {
    expect('cause' in new RingcastError('internal', 'why', { cause: undefined })).toBe(true);
    expect(new RingcastError('internal', 'why', { cause: null }).cause).toBeNull();
  });
});

describe('close codes', () => {
  it('are distinct, and each in the range of its advice', () => {
    const codes = Object.values(CLOSE_CODES);
    expect(new Set(codes).size).toBe(codes.length);
    const byAdvice: Record<string, string[]> = {};
    for (const [name, code] of Object.entries(CLOSE_CODES)) {
      const advice = adviceForClose(code);
      byAdvice[advice] = [...(byAdvice[advice] ?? []), name];
    }
    expect(byAdvice).toEqual({
      reconnect: [
        'going-away',
        'hello-timeout',
        'internal-error',
        'too-many-connections',
        'not-reading',
        'lagging',
      ],
      'refresh-token': ['token-expired', 'token-refused'],
      stop: ['bad-frame', 'frame-too-large', 'credit-exceeded', 'hello-required', 'producer-replaced'],
    });
  });

  it.each([
    [1000, 'reconnect'],
    [1006, 'reconnect'],
    [3999, 'reconnect'],
    [4000, 'reconnect'],
    [4099, 'reconnect'],
    [4100, 'refresh-token'],
    [4199, 'refresh-token'],
    [4200, 'stop'],
    [4299, 'stop'],
    [4300, 'reconnect'],
    [4999, 'reconnect'],
  ])('%d means %s', (code, advice) => expect(adviceForClose(code)).toBe(advice));
});
