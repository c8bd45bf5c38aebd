import { describe, expect, it } from 'vitest';
import { AnswerCounter } from '../../bench/wire/answer-counter.ts';

function count(text: string, pieceBytes: number): { answered: number; failures: string[] } {
  const result = { answered: 0, failures: [] as string[] };
  const counter = new AnswerCounter('{"stream":', ['-ERR'], {
    onAnswered: (answers) => {
      result.answered += answers;
    },
    onFailure: ({ message }) => result.failures.push(message),
  });
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += pieceBytes) counter.take(bytes.subarray(at, at + pieceBytes));
  return result;
}

describe('AnswerCounter', () => {
  const text = 'MSG answers.1 1 26\r\n{"stream":"bench","seq":1}\r\n'.repeat(20);

  it.each([1, 7, 48, 10_000])('counts each answer once in pieces of %i bytes', (pieceBytes) => {
    expect(count(text, pieceBytes)).toEqual({ answered: 20, failures: [] });
  });

  it('tells a refusal with its text', () => {
    expect(count(`${text}-ERR no space left`, 10_000).failures).toEqual(['-ERR no space left']);
  });
});
