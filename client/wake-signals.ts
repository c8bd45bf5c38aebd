/**
 * What the platform tells of its being away: pages that sleep, freeze or are put aside, networks that go and come. Only
 * listens; what follows from it is decided in connection-state. In workers there are fewer events, in Node there are
 * none: there the clock alone shows that the program slept.
 */
import type { Clock } from '../shared/clock.ts';

/**
 * `woken`: it may have been away for long, and is back · `doubted`: the network may be gone · `suspended`: from now on
 * nothing runs, until it is woken.
 */
export type WakeSignal = 'woken' | 'doubted' | 'suspended';

export interface WakeSource {
  /** The platform knows of no network. A hint, wrong both ways at times. */
  readonly networkAbsent: boolean;
  /** The returned function ends it. */
  watch(clock: Clock, tell: (signal: WakeSignal) => void): () => void;
}

/** How often the clock is looked at, and how much later than due means sleep, ms. */
export const TICK_MS = 5000;
export const SLEPT_MS = 5000;

/** Those that fire at the document pass the window on their way: listening there in the capturing phase gets them all. */
const CAPTURE = { capture: true } as const;
const EVENTS = ['online', 'offline', 'visibilitychange', 'pageshow', 'pagehide', 'freeze', 'resume'];

/** The part of the global object that is looked at. */
export interface WakeScope {
  readonly document?: { readonly visibilityState: string };
  readonly navigator?: { readonly onLine?: boolean };
  addEventListener?(type: string, listener: (event: Event) => void, options: typeof CAPTURE): void;
  removeEventListener?(type: string, listener: (event: Event) => void, options: typeof CAPTURE): void;
}

export function platformSignals(scope: WakeScope = globalThis): WakeSource {
  return {
    get networkAbsent() {
      return scope.navigator?.onLine === false;
    },
    watch(clock, tell) {
      const listener = (event: Event) => {
        const signal = signalOf(event, scope);
        if (signal) tell(signal);
      };
      for (const type of EVENTS) scope.addEventListener?.(type, listener, CAPTURE);
      const stopTicking = watchSleep(clock, () => tell('woken'));
      return () => {
        stopTicking();
        for (const type of EVENTS) scope.removeEventListener?.(type, listener, CAPTURE);
      };
    },
  };
}

function signalOf(event: Event, { document }: WakeScope): WakeSignal | undefined {
  switch (event.type) {
    case 'visibilitychange':
      return document?.visibilityState === 'visible' ? 'woken' : undefined;
    case 'pagehide':
      // Only a page that may be shown again is put aside; another one just ends.
      return (event as PageTransitionEvent).persisted ? 'suspended' : undefined;
    case 'freeze':
      return 'suspended';
    case 'offline':
      return 'doubted';
    default:
      return 'woken';
  }
}

/** By the wall clock: on most platforms the monotonic one stands still while the machine sleeps, as do the timers. */
function watchSleep(clock: Clock, woken: () => void): () => void {
  let cancel: () => void;
  const look = () => {
    const dueMs = clock.nowMs() + TICK_MS;
    cancel = clock.after(
      TICK_MS,
      () => {
        const isLate = clock.nowMs() - dueMs > SLEPT_MS;
        look();
        if (isLate) woken();
      },
      true,
    );
  };
  look();
  return () => cancel();
}
