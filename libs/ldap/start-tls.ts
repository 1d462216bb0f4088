import { once } from 'node:events';
import type { Socket } from 'node:net';
import { ExtendedRequest, ExtendedResponse, MessageParser, MessageResponseStatus } from 'ldapts';

const START_TLS = '1.3.6.1.4.1.1466.20037';
const MESSAGE_ID = 1;
/** Longer answers are none to this question. */
const MAX_ANSWER_BYTES = 4_096;

/**
 * Asks the server to go on in TLS; resolves when the next byte may be TLS. Whatever comes with the answer or behind it was sent by who knows whom, and is
 * an error: read later, it could pass for what came through TLS.
 * https://www.rfc-editor.org/rfc/rfc4511#section-4.14
 */
export async function startTls(socket: Socket, signal: AbortSignal): Promise<void> {
  socket.write(new ExtendedRequest({ messageId: MESSAGE_ID, oid: START_TLS }).write());
  let received: Buffer = Buffer.alloc(0);
  for (;;) {
    const [bytes] = (await once(socket, 'data', { signal })) as [Buffer];
    received = Buffer.concat([received, bytes]);
    const wanted = messageLength(received);
    if (received.length > MAX_ANSWER_BYTES) throw new Error('The answer to StartTLS is too long.');
    if (wanted === undefined || received.length < wanted) continue;
    if (received.length > wanted) throw new Error('The server sent more before TLS than an answer.');
    if (isSuccess(received)) return;
    throw new Error('The server does not offer StartTLS.');
  }
}

/** With its head, of the message that begins here; undefined while that can't be told. */
function messageLength(bytes: Buffer): number | undefined {
  const [, first] = bytes;
  if (first === undefined) return undefined;
  if (first < 0x80) return 2 + first;
  const size = first & 0x7f;
  if (size === 0 || size > 3) throw new Error('The answer to StartTLS is no LDAP message.');
  return bytes.length < 2 + size ? undefined : 2 + size + bytes.readUIntBE(2, size);
}

function isSuccess(bytes: Buffer): boolean {
  const parser = new MessageParser();
  let isGood = false;
  parser.on('error', () => undefined);
  parser.on('message', (message: object) => {
    isGood =
      message instanceof ExtendedResponse &&
      message.messageId === MESSAGE_ID &&
      message.status === MessageResponseStatus.Success;
  });
  parser.read(bytes, new Map());
  return isGood;
}
