/**
 * A bench's results as one picture: a panel for each scenario with a bar for each server, as SVG on a light ground of its own,
 * so that it reads alike on dark pages. Pure; the only file that knows the charting library.
 */
import * as echarts from 'echarts';
import type { Machine } from '../machine.ts';
import { figuresOf, isOurs, type Outcome, type Results, type ScenarioResult } from '../results.ts';
import { FORMS, formatted } from './figures.ts';

const COLUMNS = 2;
const PANEL_WIDTH = 600;
const BAR_HEIGHT = 24;
const PANEL_HEAD = 48;
const PANEL_GAP = 28;
const NAME_WIDTH = 112;
/** Room for the value behind the longest bar. */
const VALUE_WIDTH = 84;
const HEAD = 64;
const FOOT = 56;
/** Where the largest value is so many times the least, lengths would show only the largest. */
const LOG_SPAN = 30;

const COLORS = { ground: '#ffffff', text: '#1f2328', faint: '#59636e', ours: '#0969da', other: '#9aa4b0' };
// Names in quotes would end the attribute that they are written into.
const FONT = 'system-ui, -apple-system, Helvetica, Arial, sans-serif';

interface Panel {
  readonly letter: string;
  readonly result: ScenarioResult;
  readonly left: number;
  readonly top: number;
  readonly barsHeight: number;
}

export function plotOf(results: Results, machine: Machine): string {
  const { panels, height } = layOut(results);
  const width = COLUMNS * PANEL_WIDTH + (COLUMNS + 1) * PANEL_GAP;
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width, height: height + FOOT });
  chart.setOption({
    animation: false,
    backgroundColor: COLORS.ground,
    textStyle: { fontFamily: FONT, color: COLORS.text },
    title: [
      titleOf(
        'Ringcast beside others',
        'Each server on one core, the load on another; blue is Ringcast',
        PANEL_GAP,
        16,
        20,
      ),
      ...panels.map(panelTitle),
      { ...titleOf('', footer(machine), PANEL_GAP, height, 1) },
    ],
    grid: panels.map(({ left, top, barsHeight }) => ({
      left: left + NAME_WIDTH,
      top: top + PANEL_HEAD,
      width: PANEL_WIDTH - NAME_WIDTH - VALUE_WIDTH,
      height: barsHeight,
    })),
    xAxis: panels.map(valueAxis),
    yAxis: panels.map(nameAxis),
    series: panels.map(bars),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}

/** Panels side by side; a row is as high as its highest. */
function layOut(results: Results): { panels: Panel[]; height: number } {
  const entries = Object.entries(results);
  const panels: Panel[] = [];
  let top = HEAD;
  for (let i = 0; i < entries.length; i += COLUMNS) {
    const row = entries.slice(i, i + COLUMNS).map(([letter, result], column) => ({
      letter,
      result,
      left: PANEL_GAP + column * (PANEL_WIDTH + PANEL_GAP),
      top,
      barsHeight: Object.keys(result.servers).length * BAR_HEIGHT,
    }));
    panels.push(...row);
    top += PANEL_HEAD + Math.max(...row.map(({ barsHeight }) => barsHeight)) + PANEL_GAP;
  }
  return { panels, height: top };
}

function panelTitle({ letter, result, left, top }: Panel) {
  const { figure, better } = result.compares;
  const scale = isLogarithmic(result) ? ', logarithmic' : '';
  return titleOf(
    `${letter}: ${result.what}`,
    `${FORMS[figure].title}; ${better} is better${scale}`,
    left,
    top,
    14,
  );
}

function titleOf(text: string, subtext: string, left: number, top: number, fontSize: number) {
  const textStyle = { fontFamily: FONT, fontSize, fontWeight: 600, color: COLORS.text };
  return {
    text,
    subtext,
    left,
    top,
    itemGap: 5,
    padding: 0,
    textStyle,
    subtextStyle: { color: COLORS.faint },
  };
}

function valueAxis({ result }: Panel, gridIndex: number) {
  const isLog = isLogarithmic(result);
  const values = valuesOf(result);
  return {
    gridIndex,
    type: isLog ? 'log' : 'value',
    // A bar of the least value must still have a length.
    min: isLog ? 10 ** Math.floor(Math.log10(Math.min(...values) * 0.9)) : 0,
    max: Math.max(...values, Number.MIN_VALUE),
    axisLabel: { show: false },
    axisLine: { show: false },
    axisTick: { show: false },
    splitLine: { show: false },
  };
}

function nameAxis({ result }: Panel, gridIndex: number) {
  return {
    gridIndex,
    type: 'category',
    inverse: true,
    data: Object.keys(result.servers),
    axisLabel: { color: COLORS.text, interval: 0, fontSize: 12 },
    axisLine: { lineStyle: { color: COLORS.other } },
    axisTick: { show: false },
  };
}

function bars({ result }: Panel, index: number) {
  const { figure } = result.compares;
  const isLog = isLogarithmic(result);
  const least = Math.min(...valuesOf(result));
  return {
    type: 'bar',
    // A picture: nothing lights up under a pointer.
    silent: true,
    emphasis: { disabled: true },
    xAxisIndex: index,
    yAxisIndex: index,
    barWidth: 14,
    data: Object.entries(result.servers).map(([name, outcome]) => {
      const value = figuresOf(outcome)?.[figure];
      const text = value === undefined ? remark(outcome) : formatted(figure, value);
      return {
        // Without a value: as short as can be, to carry its remark.
        value: value ?? (isLog ? 10 ** Math.floor(Math.log10(least * 0.9)) : 0),
        itemStyle: { color: isOurs(name) ? COLORS.ours : COLORS.other },
        label: { show: true, position: 'right', formatter: text, color: COLORS.text, fontSize: 12 },
      };
    }),
  };
}

function remark(outcome: Outcome): string {
  if ('absent' in outcome) return `absent: ${outcome.absent}`;
  return 'failed' in outcome ? 'failed' : 'no figure';
}

function valuesOf({ servers, compares }: ScenarioResult): number[] {
  return Object.values(servers)
    .map((outcome) => figuresOf(outcome)?.[compares.figure])
    .filter((value) => value !== undefined && value > 0) as number[];
}

function isLogarithmic(result: ScenarioResult): boolean {
  const values = valuesOf(result);
  return values.length > 1 && Math.max(...values) > LOG_SPAN * Math.min(...values);
}

function footer({ cpu, cores, node, os, date, versions }: Machine): string {
  const peers = Object.entries(versions).map(([name, version]) => `${name} ${version ?? 'absent'}`);
  return `${cpu}, ${cores} cores, ${os}, Node ${node}, ${date.slice(0, 10)}\n${peers.join(' · ')}`;
}
