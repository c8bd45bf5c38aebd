/** Connections that subscribe to `bench` and then do nothing but answer their server's pings. */
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { msgpackCodec } from '../../../shared/codec.ts';
import { SUBPROTOCOLS } from '../../../shared/frames.ts';
import { frameOf } from '../raw-socket.ts';
import { answer } from './answering.ts';

export interface IdleOrder {
  readonly server: string;
  readonly port: number;
  readonly token: string;
  readonly count: number;
  /** One for each process, or their ports would run out. */
  readonly localAddress: string;
}

/** Under way at a time: less than any server's backlog. */
const AT_ONCE = 100;
/** Below those that systems give out by themselves. */
const FIRST_PORT = 10_000;
const NATS_GREETING = 'CONNECT {"verbose":false,"pedantic":false}\r\nSUB bench 1\r\nPING\r\n';

interface Line {
  write(bytes: string | Uint8Array): void;
  /** Resolves once this text has come. */
  until(text: string): Promise<void>;
}

type Greet = (line: Line, order: IdleOrder) => Promise<void>;

const GREET: Readonly<Record<string, Greet>> = {
  async ringcast(line, { token }) {
    await upgrade(line, '/', SUBPROTOCOLS.msgpack);
    const hello = { op: 'hello', token, client: 'idle', features: [], producerId: null } as const;
    line.write(frameOf(msgpackCodec.encodeClient(hello)));
    await line.until('ringcast/');
    const subscribe = { op: 'subscribe', id: 1, channel: 'bench', from: 'latest', options: null } as const;
    line.write(frameOf(msgpackCodec.encodeClient(subscribe)));
    await line.until('channelNumber');
  },
  uws: greetBare,
  ws: greetBare,
  async socketio(line) {
    await upgrade(line, '/socket.io/?EIO=4&transport=websocket');
    await line.until('"sid"');
    line.write(textFrame('40'));
    await line.until('40{"sid"');
    line.write(textFrame('420["sub","bench"]'));
    await line.until('430[');
  },
  async nats(line) {
    await line.until('INFO');
    line.write(NATS_GREETING);
    await line.until('PONG');
  },
  async 'nats-ws'(line) {
    await upgrade(line, '/');
    line.write(frameOf(Buffer.from(NATS_GREETING)));
    await line.until('PONG');
  },
  async redis(line) {
    line.write('*2\r\n$9\r\nSUBSCRIBE\r\n$5\r\nbench\r\n');
    await line.until('subscribe');
  },
};

/** What a server asks to see whether the client is there, and the answer. */
const PINGS: Readonly<Record<string, { readonly asks: Buffer; readonly answer: Uint8Array }>> = {
  socketio: { asks: Buffer.from('\x81\x012', 'latin1'), answer: textFrame('3') },
  nats: { asks: Buffer.from('PING\r\n'), answer: Buffer.from('PONG\r\n') },
  'nats-ws': { asks: Buffer.from('PING\r\n'), answer: frameOf(Buffer.from('PONG\r\n')) },
};

/** The bench's own bare servers, see dialects/bare.ts. */
async function greetBare(line: Line): Promise<void> {
  await upgrade(line, '/');
  line.write(frameOf(Buffer.of(0)));
  await line.until('ok');
}

async function upgrade(line: Line, path: string, protocol?: string): Promise<void> {
  line.write(
    [
      `GET ${path} HTTP/1.1`,
      'Host: 127.0.0.1',
      'Upgrade: websocket',
      'Connection: Upgrade',
      `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
      'Sec-WebSocket-Version: 13',
      ...(protocol ? [`Sec-WebSocket-Protocol: ${protocol}`] : []),
      '\r\n',
    ].join('\r\n'),
  );
  await line.until('\r\n\r\n');
}

function textFrame(text: string): Buffer {
  return frameOf(Buffer.from(text), false);
}

let opened = 0;
let open = 0;

async function openOne(order: IdleOrder): Promise<void> {
  const { port, localAddress, server } = order;
  // The system takes long to find a free one of an address that is given.
  const localPort = FIRST_PORT + opened++;
  const socket = connect({ host: '127.0.0.1', port, noDelay: true, localAddress, localPort });
  const ping = PINGS[server];
  let text = '';
  let awaited: { text: string; done: () => void } | undefined;
  const look = () => {
    const at = awaited ? text.indexOf(awaited.text) : -1;
    if (at < 0) return;
    // What came behind it may be awaited next.
    text = text.slice(at + awaited!.text.length);
    const { done } = awaited!;
    awaited = undefined;
    done();
  };
  const failed = new Promise<never>((_, reject) => {
    socket.once('error', reject);
    socket.once('close', () => {
      open--;
      reject(new Error(`${server} closed a connection: ${text.slice(0, 200)}`));
    });
  });
  failed.catch(() => {});
  socket.on('data', (bytes) => {
    if (ping && bytes.includes(ping.asks)) socket.write(ping.answer);
    text += bytes.toString('latin1');
    look();
  });
  open++;
  const line: Line = {
    write: (bytes) => socket.write(bytes),
    until: (wanted) =>
      new Promise((done) => {
        awaited = { text: wanted, done };
        look();
      }),
  };
  await Promise.race([GREET[server]!(line, order), failed]);
  quieten(socket, ping);
}

/** Keeps as little of the connection as can be. */
function quieten(socket: Socket, ping: (typeof PINGS)[string] | undefined): void {
  socket.removeAllListeners('data');
  socket.on('data', (bytes) => {
    if (ping && bytes.includes(ping.asks)) socket.write(ping.answer);
  });
}

answer({
  async open(order: IdleOrder) {
    let left = order.count;
    const openSome = async () => {
      while (left-- > 0) await openOne(order);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, openSome));
  },
  count: () => open,
});
