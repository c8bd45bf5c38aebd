/** What a chart draws beside its lines, and the colours that it takes from the style sheet. Called by chart.tsx only. */
import type uPlot from 'uplot';
import { type Hole, holeLabel } from '../model/holes.ts';

export interface Palette {
  readonly lines: readonly string[];
  readonly muted: string;
  readonly grid: string;
  readonly hole: string;
  readonly lost: string;
  readonly font: string;
}

export const LINE_COLOURS = 6;

export function readPalette(element: HTMLElement): Palette {
  const style = getComputedStyle(element);
  const read = (name: string): string => style.getPropertyValue(name).trim();
  return {
    lines: Array.from({ length: LINE_COLOURS }, (_, i) => read(`--line-${i}`)),
    muted: read('--muted'),
    grid: read('--grid'),
    hole: read('--hole'),
    lost: read('--lost'),
    font: `11px ${style.fontFamily}`,
  };
}

/** Bands from edge to edge, with their reason where there is room for it. */
export function drawHoles(chart: uPlot, holes: readonly Hole[], palette: Palette): void {
  const { ctx } = chart;
  const { left, top, width, height } = chart.bbox;
  const scale = devicePixelRatio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top, width, height);
  ctx.clip();
  for (const hole of holes) {
    const from = chart.valToPos(hole.fromMs / 1000, 'x', true);
    const to = Math.max(from + 2 * scale, chart.valToPos(hole.toMs / 1000, 'x', true));
    if (to < left || from > left + width) continue;
    const colour = hole.reason === 'silent' ? palette.hole : palette.lost;
    hatch(ctx, { from, to, top, height, scale }, colour);
    const text = holeLabel(hole);
    ctx.font = `${11 * scale}px ${palette.font.slice(palette.font.indexOf(' ') + 1)}`;
    if (to - from < ctx.measureText(text).width + 8 * scale) continue;
    ctx.fillStyle = palette.muted;
    ctx.textAlign = 'center';
    ctx.textBaseline = 'middle';
    ctx.fillText(text, (Math.max(from, left) + Math.min(to, left + width)) / 2, top + height / 2);
  }
  ctx.restore();
}

interface Band {
  readonly from: number;
  readonly to: number;
  readonly top: number;
  readonly height: number;
  readonly scale: number;
}

/** Lines aslant: a band is told by its pattern too, not by its colour alone. */
function hatch(ctx: CanvasRenderingContext2D, { from, to, top, height, scale }: Band, colour: string): void {
  ctx.save();
  ctx.beginPath();
  ctx.rect(from, top, to - from, height);
  ctx.clip();
  ctx.globalAlpha = 0.16;
  ctx.fillStyle = colour;
  ctx.fillRect(from, top, to - from, height);
  ctx.globalAlpha = 0.5;
  ctx.strokeStyle = colour;
  ctx.lineWidth = scale;
  const step = 7 * scale;
  ctx.beginPath();
  for (let x = from - height; x < to; x += step) {
    ctx.moveTo(x, top + height);
    ctx.lineTo(x + height, top);
  }
  ctx.stroke();
  ctx.restore();
}
