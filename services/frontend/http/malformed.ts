import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { errorBody, RegistryError } from '#libs/oci/errors.ts';

/** A request that is on a connection, and its answer. */
interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/**
 * Answers what can't be read as HTTP in the spec's shape, too, and closes the connection: where a request ends that can't be read, nobody
 * knows. A client that doesn't close it as well is cut off after `lingerMs`.
 */
export function answerMalformed(server: Server, maxHeaderBytes: number, lingerMs: number): void {
  const last = new WeakMap<Duplex, Exchange>();
  server.on('request', (request, response) => last.set(request.socket, { request, response }));

  server.on('clientError', (error: NodeJS.ErrnoException & { rawPacket?: Buffer }, socket) => {
    // Whoever speaks no TLS, or other TLS, can't be told so: there is no connection yet to answer on.
    if (error.code === 'ECONNRESET' || isHandshake(error) || !socket.writable) {
      socket.destroy();
      return;
    }
    const [status, message] = refusal(error.code, maxHeaderBytes);
    const refused = { status, error: new RegistryError('REQUEST_INVALID', message) };
    const exchange = last.get(socket);
    const inBody = exchange !== undefined && !exchange.request.complete;
    if (exchange === undefined || (inBody && !exchange.response.headersSent)) {
      const method = inBody ? exchange.request.method : methodOf(error.rawPacket);
      close(socket, answer(refused, method), lingerMs);
      return;
    }
    // The answer of the request before comes first; the malformed rest of a body that has its answer already gets no second one.
    const text = inBody ? '' : answer(refused);
    if (exchange.response.writableFinished) close(socket, text, lingerMs);
    else exchange.response.once('finish', () => close(socket, text, lingerMs));
  });

  // Without a listener Node would hang up without an answer.
  server.on('connect', (_request, socket) => {
    const error = new RegistryError('UNSUPPORTED', 'CONNECT is not supported: this is a registry, no proxy.');
    close(socket, answer({ status: '405 Method Not Allowed', error, allow: METHODS }), lingerMs);
  });
  // Expectations other than 100-continue may be ignored: https://www.rfc-editor.org/rfc/rfc9110#section-10.1.1
  server.on('checkExpectation', (request, response) => server.emit('request', request, response));
}

function isHandshake({ code = '' }: NodeJS.ErrnoException): boolean {
  return code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_');
}

const METHODS = 'HEAD, GET, POST, PUT, PATCH, DELETE, OPTIONS';

interface Refused {
  readonly status: string;
  readonly error: RegistryError;
  readonly allow?: string;
}

function answer({ status, error, allow }: Refused, method?: string): string {
  const body = JSON.stringify(errorBody(error));
  const more = allow === undefined ? '' : `Allow: ${allow}\r\n`;
  return (
    `HTTP/1.1 ${status}\r\nConnection: close\r\n${more}Content-Type: application/json\r\n` +
    `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${method === 'HEAD' ? '' : body}`
  );
}

function close(socket: Duplex, text: string, lingerMs: number): void {
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  socket
    .once('close', () => clearTimeout(timer))
    .on('error', () => undefined)
    .end(text);
}

/** The method of a connection's first request, which could not be parsed, if it begins with one. */
function methodOf(packet: Buffer | undefined): string | undefined {
  return packet === undefined ? undefined : /^[A-Z]+(?= )/.exec(packet.toString('latin1', 0, 16))?.[0];
}

function refusal(code: string | undefined, maxHeaderBytes: number): [status: string, message: string] {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return [
        '431 Request Header Fields Too Large',
        `The request's header has more than the ${maxHeaderBytes} bytes that are accepted.`,
      ];
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return ['408 Request Timeout', "The request's header did not arrive in time."];
    default:
      return ['400 Bad Request', 'The request is not valid HTTP/1.1.'];
  }
}
