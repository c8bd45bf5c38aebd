/**
 * PROTOCOL.md as its tests read it. Under a heading "### 0x02 subscribe" stand pairs of fenced blocks, `hex` and then
 * `json`: one frame in both forms. In hex, "#" begins a comment. "hex record" and "json record" are such a pair for a
 * record.
 */
import { readFileSync } from 'node:fs';

export const PAGE = readFileSync(new URL('../../../shared/PROTOCOL.md', import.meta.url), 'utf8');

export interface Section {
  readonly opcode: number;
  readonly op: string;
  readonly text: string;
  readonly examples: readonly { readonly hex: string; readonly json: Record<string, unknown> }[];
}

export function blocksOf(text: string): { info: string; body: string }[] {
  return [...text.matchAll(/^```([^\n]+)\n(.*?)^```$/gms)].map(([, info, body]) => ({
    info: info!,
    body: body!,
  }));
}

const bytesOf = (body: string) => body.replaceAll(/#.*$/gm, '').replaceAll(/\s/g, '');

/** Throws where hex and json do not alternate, so that no example is passed over. */
export function pairsOf(text: string, suffix = ''): Section['examples'] {
  const blocks = blocksOf(text).filter(({ info }) => info === `hex${suffix}` || info === `json${suffix}`);
  const pairs = [];
  for (let i = 0; i < blocks.length; i += 2) {
    const [hex, json] = [blocks[i], blocks[i + 1]];
    if (hex?.info !== `hex${suffix}` || json?.info !== `json${suffix}`) {
      throw new Error(`hex and json must alternate, near: ${hex?.body}`);
    }
    pairs.push({ hex: bytesOf(hex.body), json: JSON.parse(json.body) });
  }
  return pairs;
}

/** The frame's sections: from "### 0x…" to the next heading. */
export const sections: Section[] = [...PAGE.matchAll(/^### 0x([0-9a-f]{2}) (\S+)$(.*?)(?=^##)/gms)].map(
  ([, opcode, op, text]) => ({
    opcode: Number.parseInt(opcode!, 16),
    op: op!,
    text: text!,
    examples: pairsOf(text!),
  }),
);

/** Rows of the tables below a heading, as cells. */
export function rowsUnder(heading: string): string[][] {
  const text = PAGE.slice(PAGE.indexOf(`\n## ${heading}`) + 1);
  const end = text.indexOf('\n## ', 1);
  return (end < 0 ? text : text.slice(0, end))
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .map((line) =>
      line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim()),
    )
    .filter((cells) => !cells.every((cell) => /^-+$/.test(cell)));
}

export function sectionOf(name: string): string {
  return sections.find(({ op }) => op === name)!.text;
}

/** The rows of the table whose first column has this head. */
export function tableAfter(text: string, head: string): string[][] {
  const [, table] = text.split(new RegExp(`^\\| ${head} +\\|.*\\n`, 'm'));
  return table!
    .slice(0, table!.indexOf('\n\n'))
    .split('\n')
    .slice(1)
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .map((cells) => cells.slice(1, -1));
}
