import type { Server } from 'node:http';
import { errorBody, RegistryError } from '#libs/oci/errors.ts';

/** Answers what can't be read as HTTP in the spec's shape, too. */
export function answerMalformed(server: Server, maxHeaderBytes: number): void {
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy();
      return;
    }
    const [status, message] = refusal(error.code, maxHeaderBytes);
    const body = JSON.stringify(errorBody(new RegistryError('REQUEST_INVALID', message)));
    socket.end(
      `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: application/json\r\n` +
        `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
  });
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
