/**
 * A program that reads objects with a client library as fast as it can, and looks into each. Ringcast: its SDK with a
 * listener, over all that a channel holds, again and again. Socket.IO: its client's event. NATS: its client's callback,
 * `msg.json()`, and word to the publisher of how far it is.
 */
import { connect as connectNats } from '@nats-io/transport-node';
import { io } from 'socket.io-client';
import { connect } from '../../../client/node.ts';
import { answer, usage } from './answering.ts';
import type { Sample } from './sample.ts';

export interface ReadOrder {
  readonly url: string;
  readonly token: string;
  /** Ringcast: how many records the channel holds. */
  readonly records: number;
}

/** NATS: told after each so many. */
const PROGRESS_RECORDS = 5000;

let records = 0;
let sum = 0;

function look(data: unknown): void {
  records++;
  sum += (data as Sample).size;
}

async function readHub({ url, token, records: held }: ReadOrder): Promise<void> {
  const client = await connect(url, { token });
  const again = () => {
    let left = held;
    const subscription = client.subscribe('bench', { from: 'earliest' }, (record) => {
      look(record.data);
      if (--left > 0) return;
      subscription.unsubscribe();
      setImmediate(again);
    });
  };
  again();
}

async function readSocketIo({ url }: ReadOrder): Promise<void> {
  const socket = io(url, { transports: ['websocket'] });
  socket.on('record', look);
  await new Promise<void>((resolve) => socket.once('connect', resolve));
  socket.emit('flood');
}

async function readNats({ url }: ReadOrder): Promise<void> {
  const connection = await connectNats({ servers: url });
  connection.subscribe('bench', {
    callback: (error, message) => {
      if (error) throw error;
      look(message.json());
      if (records % PROGRESS_RECORDS === 0) connection.publish('progress', String(records));
    },
  });
  await connection.flush();
}

answer({
  ringcast: readHub,
  socketio: readSocketIo,
  nats: readNats,
  count() {
    if (Number.isNaN(sum)) throw new Error('a record was not what was published');
    return { records, ...usage() };
  },
});
