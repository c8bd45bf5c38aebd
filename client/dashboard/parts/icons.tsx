/** @jsxImportSource preact */
/** The page's few icons, as strokes in the colour of the text beside them. Decoration: what they say is said in words too. */
const PATHS = {
  live: 'M3 8a5 5 0 0 1 10 0M5.5 8a2.5 2.5 0 0 1 5 0M8 8v.01',
  dot: 'M8 6.5a1.5 1.5 0 1 0 0 3 1.5 1.5 0 0 0 0-3z',
  check: 'M3.5 8.5l3 3 6-7',
  clock: 'M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11zM8 5v3l2 1.5',
  stack: 'M2.5 5.5L8 3l5.5 2.5L8 8 2.5 5.5zM2.5 8L8 10.5 13.5 8M2.5 10.5L8 13l5.5-2.5',
  socket: 'M5 2.5v3M11 2.5v3M3.5 5.5h9v2a4.5 4.5 0 0 1-9 0v-2zM8 12v2',
  hourglass: 'M4 2.5h8M4 13.5h8M5 2.5c0 3 3 4 3 5.5S5 10.5 5 13.5M11 2.5c0 3-3 4-3 5.5s3 2.5 3 5.5',
  warn: 'M8 2.5L14 13H2L8 2.5zM8 6.5v3M8 11.2v.01',
  cross: 'M4 4l8 8M12 4l-8 8',
  offline:
    'M2.5 2.5l11 11M4.2 7.2A6 6 0 0 1 6.5 6M9.8 6.1a6 6 0 0 1 2.6 1.6M6.3 10a2.5 2.5 0 0 1 3 0M8 12.5v.01',
  play: 'M5 3.5v9l7-4.5-7-4.5z',
  pause: 'M5.5 3.5v9M10.5 3.5v9',
  step: 'M4 3.5v9l5.5-4.5L4 3.5zM12 3.5v9',
  up: 'M8 12.5v-9M4.5 7L8 3.5 11.5 7',
  down: 'M8 3.5v9M4.5 9L8 12.5 11.5 9',
  sun: 'M8 5.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5zM8 1.5v1.5M8 13v1.5M1.5 8H3M13 8h1.5M3.4 3.4l1 1M11.6 11.6l1 1M3.4 12.6l1-1M11.6 4.4l1-1',
  moon: 'M13 9.5A5.5 5.5 0 0 1 6.5 3a5.5 5.5 0 1 0 6.5 6.5z',
  auto: 'M8 2.5a5.5 5.5 0 1 0 0 11V2.5zM8 2.5a5.5 5.5 0 0 1 0 11',
  key: 'M10.5 2.5a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM8.2 7.8L3 13M5 11l1.5 1.5M3 13l1 1',
  help: 'M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11zM6.5 6.5a1.5 1.5 0 1 1 2.2 1.3c-.5.3-.7.6-.7 1.2M8 11v.01',
  send: 'M2.5 8h10M9 4.5L12.5 8 9 11.5',
  right: 'M6 3.5L10.5 8 6 12.5',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
