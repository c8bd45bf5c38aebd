/** What the test hands to its page, in the address. */
export function readParams<Params>(): Params {
  return JSON.parse(decodeURIComponent(location.hash.slice(1))) as Params;
}
