/**
 * One connection that publishes frames which were made before, so that the load costs next to nothing: what the frames
 * are, how many may be sent now, and how many were answered. One file beside this for each server.
 */
import type { Socket } from 'node:net';

export interface LineOrder {
  /** ws:// of a hub, tcp:// of others. */
  readonly url: string;
  readonly token: string;
  /** Of equal length; in turn. */
  readonly channels: readonly string[];
  readonly payload: Buffer;
  readonly recordsPerFrame: number;
  readonly ack: 'memory' | 'disk';
}

export interface PublishLine {
  readonly socket: Socket;
  /** Frames of equal length, one behind the other, at least as many as may be unanswered. */
  readonly frames: Buffer;
  readonly frameBytes: number;
  /** How many more frames the server lets it send; Infinity where it does not say. */
  allowance(): number;
  sent(frames: number): void;
}

export interface LineEvents {
  onAnswered(frames: number): void;
  /** The allowance has grown. */
  onAllowance(): void;
  onFailure(error: Error): void;
}

/** @param leastFrames that `frames` must hold */
export type OpenLine = (order: LineOrder, leastFrames: number, events: LineEvents) => Promise<PublishLine>;

/** At least so many frames, and whole rounds of the channels. */
export function frameCount(channels: number, leastFrames: number): number {
  return Math.ceil(leastFrames / channels) * channels;
}
