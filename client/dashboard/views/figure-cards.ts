/** Which figures the overview shows, in which words and units. Data only; drawn by figure-card.tsx. */
import type { HubFigures } from '../../../shared/figures.ts';
import {
  bytesReading,
  bytesText,
  countText,
  delayReading,
  delayText,
  grouped,
  type Reading,
  rateText,
} from '../model/format.ts';
import type { HubFigure } from '../model/hub-history.ts';

export interface CardLine {
  readonly figure: HubFigure;
  readonly label: string;
  /** Of the palette. */
  readonly colour: number;
  readonly filled?: boolean;
}

export interface FigureCard {
  readonly title: string;
  /** The first is the headline's. */
  readonly lines: readonly CardLine[];
  readonly headline: (figures: HubFigures) => Reading;
  readonly format: (value: number | null | undefined) => string;
  /** The scale's, where it is shorter. */
  readonly axisFormat?: (value: number) => string;
  /** Bytes. */
  readonly binary?: boolean;
  /** What is not a line. */
  readonly facts: (figures: HubFigures) => readonly (readonly [label: string, text: string])[];
}

const perSecond = (value: number): Reading => ({ value: rateText(value), unit: '/s' });
const bytesPerSecond = (value: number): Reading => {
  const { value: text, unit } = bytesReading(value);
  return { value: text, unit: `${unit}/s` };
};
const rateLabel = (value: number | null | undefined): string => `${bytesText(value)}/s`;

export const CARDS: readonly FigureCard[] = [
  {
    title: 'Published',
    lines: [{ figure: 'published', label: 'records/s', colour: 0, filled: true }],
    headline: (f) => perSecond(f.publishedPerSecond),
    format: rateText,
    facts: (f) => [['channels', countText(f.channels)]],
  },
  {
    title: 'Delivered',
    lines: [
      { figure: 'delivered', label: 'records/s', colour: 0, filled: true },
      { figure: 'replayed', label: 'of these replayed', colour: 1 },
    ],
    headline: (f) => perSecond(f.deliveredPerSecond),
    format: rateText,
    facts: () => [],
  },
  {
    title: 'Connections',
    lines: [
      { figure: 'connections', label: 'connections', colour: 0, filled: true },
      { figure: 'subscriptions', label: 'subscriptions', colour: 1 },
      { figure: 'lagging', label: 'not live', colour: 2 },
    ],
    headline: (f) => ({ value: grouped(f.connections), unit: '' }),
    format: countText,
    facts: () => [],
  },
  {
    title: 'Bytes delivered',
    lines: [
      { figure: 'deliveredBytes', label: 'delivered', colour: 0, filled: true },
      { figure: 'publishedBytes', label: 'published', colour: 1 },
    ],
    headline: (f) => bytesPerSecond(f.deliveredBytesPerSecond),
    format: rateLabel,
    axisFormat: bytesText,
    binary: true,
    facts: (f) => [['in sockets', bytesText(f.bufferedBytes)]],
  },
  {
    title: 'Push, p99',
    lines: [
      { figure: 'pushP99', label: 'p99', colour: 0, filled: true },
      { figure: 'pushP50', label: 'p50', colour: 1 },
    ],
    headline: (f) => delayReading(f.pushMs.p99),
    format: delayText,
    facts: (f) => [['max', delayText(f.pushMs.max)]],
  },
  {
    title: 'Event-loop delay, p99',
    lines: [
      { figure: 'loopP99', label: 'p99', colour: 0, filled: true },
      { figure: 'loopP50', label: 'p50', colour: 1 },
    ],
    headline: (f) => delayReading(f.eventLoopDelayMs.p99),
    format: delayText,
    facts: (f) => [['max', delayText(f.eventLoopDelayMs.max)]],
  },
  {
    title: 'Write-behind lag',
    lines: [{ figure: 'unpersistedMs', label: 'head minus durable', colour: 0, filled: true }],
    headline: (f) => delayReading(f.unpersistedMs),
    format: delayText,
    facts: (f) => [
      ['records', countText(f.unpersistedRecords)],
      ['bytes', bytesText(f.unpersistedBytes)],
    ],
  },
  {
    title: 'Memory',
    lines: [
      { figure: 'rss', label: 'process', colour: 0, filled: true },
      { figure: 'heap', label: 'heap', colour: 1 },
      { figure: 'rings', label: 'rings', colour: 3 },
    ],
    headline: (f) => bytesReading(f.rssBytes),
    format: bytesText,
    binary: true,
    facts: () => [],
  },
  {
    title: 'CPU, of one core',
    lines: [{ figure: 'cpu', label: 'process', colour: 0, filled: true }],
    headline: (f) => ({ value: (f.cpu * 100).toFixed(f.cpu < 0.1 ? 1 : 0), unit: '%' }),
    format: (value) => (value === null || value === undefined ? '–' : `${Number(value.toFixed(1))} %`),
    facts: (f) => [['stored on disk', f.storedBytes === null ? 'memory store' : bytesText(f.storedBytes)]],
  },
];
