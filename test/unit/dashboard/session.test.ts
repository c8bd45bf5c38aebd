import { describe, expect, it } from 'vitest';
import {
  forgetToken,
  hubUrl,
  keepToken,
  type Place,
  takeToken,
  tokenIn,
} from '../../../client/dashboard/session.ts';

function page(hash: string): Place & { address: string; kept: Map<string, string> } {
  const kept = new Map<string, string>();
  const place = {
    address: `/${hash}`,
    kept,
    location: { hash, pathname: '/', search: '' },
    history: {
      replaceState: (_data: unknown, _unused: string, url: string) => {
        place.address = url;
      },
    },
    sessionStorage: {
      getItem: (name: string) => kept.get(name) ?? null,
      setItem: (name: string, value: string) => void kept.set(name, value),
      removeItem: (name: string) => void kept.delete(name),
    },
  };
  return place;
}

describe('the token', () => {
  it('is taken from the fragment, and is gone from the address', () => {
    const place = page('#token=a.b.c');
    expect(takeToken(place)).toBe('a.b.c');
    expect(place.address).toBe('/#/');
  });

  it('is there after a reload, and not once it was forgotten', () => {
    const place = page('#token=a.b.c');
    takeToken(place);
    const again = { ...page('#/subscriptions'), sessionStorage: place.sessionStorage };
    expect(takeToken(again)).toBe('a.b.c');
    forgetToken(again);
    expect(takeToken(again)).toBeNull();
  });

  it('leaves other fragments alone', () => {
    const place = page('#/channel/token=x');
    expect(takeToken(place)).toBeNull();
    expect(place.address).toBe('/#/channel/token=x');
  });

  it('does without a storage that the browser forbids', () => {
    const forbidden = (): never => {
      throw new Error('SecurityError');
    };
    const place = {
      ...page('#token=a.b.c'),
      sessionStorage: { getItem: forbidden, setItem: forbidden, removeItem: forbidden },
    };
    expect(takeToken(place)).toBe('a.b.c');
    expect(() => keepToken(place, 'x')).not.toThrow();
    expect(takeToken({ ...place, location: { hash: '', pathname: '/', search: '' } })).toBeNull();
  });

  it('is found in what people paste', () => {
    expect(tokenIn('  a.b.c\n')).toBe('a.b.c');
    expect(tokenIn('http://127.0.0.1:7400/#token=a.b.c')).toBe('a.b.c');
    expect(tokenIn('Bearer a.b.c')).toBe('a.b.c');
  });
});

describe('the address of the hub', () => {
  it('is where the page came from, as safe as the page', () => {
    expect(hubUrl({ protocol: 'http:', host: '127.0.0.1:7400' })).toBe('ws://127.0.0.1:7400/');
    expect(hubUrl({ protocol: 'https:', host: 'hub.example' })).toBe('wss://hub.example/');
  });
});
