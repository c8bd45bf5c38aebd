/**
 * This machine's figures, as records to publish. The only importer of systeminformation.
 *
 * What each costs (Linux, CPU of this process and of those it starts): CPU times and load from Node 0.5 ms, memory
 * 0.8 ms; network 10 ms and disks 14 ms, as they start half a dozen processes each, and they stay the same for half a
 * second. systeminformation's CPU load starts three processes and blocks until they end, so Node's CPU times are used.
 * Hence two paces: the quick figures each time, the slow ones once a second.
 */
import { cpus, loadavg, platform } from 'node:os';
import systemInformation from 'systeminformation';

export interface Figure {
  /** The last token of the channel. */
  readonly name: 'cpu' | 'memory' | 'load' | 'network' | 'disk';
  readonly key: string;
  readonly data: Readonly<Record<string, number | string>>;
}

const SLOW_EVERY_MS = 1000;

interface CpuTimes {
  readonly busyMs: number;
  readonly totalMs: number;
}

export class MachineFigures {
  #cpuTimes = readCpuTimes();
  #slowDueMs = 0;
  #slowReading = false;
  #slow: Figure[] = [];
  readonly #quickMemory = platform() === 'linux';

  /** What there is to say since the last call; figures that this machine does not tell are left out. */
  async read(nowMs = performance.now()): Promise<Figure[]> {
    if (nowMs >= this.#slowDueMs && !this.#slowReading) {
      this.#slowDueMs = nowMs + SLOW_EVERY_MS;
      // Not awaited: the quick figures keep their pace.
      void this.#readSlow();
    }
    const slow = this.#slow;
    this.#slow = [];
    const memory = this.#quickMemory ? await readMemory() : [];
    return [...this.#readCpu(), ...memory, readLoad(), ...slow];
  }

  #readCpu(): Figure[] {
    const before = this.#cpuTimes;
    this.#cpuTimes = readCpuTimes();
    const deltas = this.#cpuTimes.map(({ busyMs, totalMs }, i) => ({
      busyMs: busyMs - (before[i]?.busyMs ?? 0),
      totalMs: totalMs - (before[i]?.totalMs ?? 0),
    }));
    const all = {
      busyMs: deltas.reduce((sum, { busyMs }) => sum + busyMs, 0),
      totalMs: deltas.reduce((sum, { totalMs }) => sum + totalMs, 0),
    };
    const cores = deltas.map(
      (delta, i): Figure => ({ name: 'cpu', key: `core-${i}`, data: { percent: percent(delta) } }),
    );
    return [{ name: 'cpu', key: 'total', data: { percent: percent(all), cores: deltas.length } }, ...cores];
  }

  async #readSlow(): Promise<void> {
    this.#slowReading = true;
    try {
      const memory = this.#quickMemory ? [] : readMemory();
      this.#slow = (await Promise.all([memory, readNetwork(), readDisks()])).flat();
    } catch {
      // A figure that cannot be read this time is left out this time.
    } finally {
      this.#slowReading = false;
    }
  }
}

function readCpuTimes(): CpuTimes[] {
  return cpus().map(({ times: { user, nice, sys, irq, idle } }) => {
    const busyMs = user + nice + sys + irq;
    return { busyMs, totalMs: busyMs + idle };
  });
}

/** The kernel counts in steps of 10 ms, so a short interval may have none. */
function percent({ busyMs, totalMs }: CpuTimes): number {
  return totalMs > 0 ? round((100 * busyMs) / totalMs) : 0;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

async function readMemory(): Promise<Figure[]> {
  const { total, used, available, swapused } = await systemInformation.mem();
  const data = {
    totalBytes: total,
    usedBytes: used,
    availableBytes: available,
    swapUsedBytes: swapused,
    percent: round((100 * (total - available)) / Math.max(1, total)),
  };
  return [{ name: 'memory', key: 'memory', data }];
}

function readLoad(): Figure {
  const [one = 0, five = 0, fifteen = 0] = loadavg().map((value) => Math.round(value * 100) / 100);
  return { name: 'load', key: 'load', data: { oneMinute: one, fiveMinutes: five, fifteenMinutes: fifteen } };
}

/** The rates of the interface that leads outside. The first reading has none: a rate needs two. */
async function readNetwork(): Promise<Figure[]> {
  const all = await systemInformation.networkStats(await outsideInterface());
  return all.flatMap(({ iface, rx_sec, tx_sec }): Figure[] =>
    rx_sec === null || tx_sec === null
      ? []
      : [
          {
            name: 'network',
            key: iface,
            data: { receivedBytesPerSecond: Math.round(rx_sec), sentBytesPerSecond: Math.round(tx_sec) },
          },
        ],
  );
}

let outside: Promise<string> | undefined;

/** Asked once: finding it costs more than the figures. */
function outsideInterface(): Promise<string> {
  outside ??= systemInformation.networkInterfaceDefault();
  return outside;
}

/** Null where the system does not tell (Windows). */
async function readDisks(): Promise<Figure[]> {
  const disks: Awaited<ReturnType<typeof systemInformation.fsStats>> | null =
    await systemInformation.fsStats();
  if (disks === null || disks.rx_sec === null || disks.wx_sec === null) return [];
  const data = {
    readBytesPerSecond: Math.round(disks.rx_sec),
    writtenBytesPerSecond: Math.round(disks.wx_sec),
  };
  return [{ name: 'disk', key: 'all', data }];
}
