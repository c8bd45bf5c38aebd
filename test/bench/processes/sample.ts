/** What programs publish and read in benches of client libraries: a trade, some 100 B as msgpack. */

export interface Sample {
  readonly symbol: string;
  readonly price: number;
  readonly size: number;
  readonly venue: string;
  readonly buyer: string;
  readonly seller: string;
  readonly timeMs: number;
}

export const SAMPLE: Sample = {
  symbol: 'AAPL',
  price: 189.52,
  size: 300,
  venue: 'XNAS',
  buyer: 'fund-1729',
  seller: 'desk-4104',
  timeMs: 1_732_380_600_123,
};
