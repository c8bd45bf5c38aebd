/** @jsxImportSource preact */
/** The name, with a ring that is a log: open where the newest record comes in. */
export function Wordmark() {
  return (
    <span class="wordmark">
      <svg viewBox="0 0 16 16" width="18" height="18" aria-hidden="true" focusable="false">
        <circle
          cx="8"
          cy="8"
          r="5.75"
          fill="none"
          stroke-width="2.5"
          stroke-dasharray="27 9.1"
          transform="rotate(-60 8 8)"
        />
      </svg>
      Ringcast
    </span>
  );
}
