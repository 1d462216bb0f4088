import { describe, expect, it } from 'vitest';
import { startFailure } from '#libs/lifecycle/start-failure.ts';

function system(code: string, message: string, more: object = {}): Error {
  return Object.assign(new Error(message), { code, ...more });
}

describe('why a service did not start', () => {
  it.each([
    [
      system('EADDRINUSE', 'listen EADDRINUSE: address already in use :::5001', {
        address: '::',
        port: 5001,
      }),
      'port 5001 (::) is taken by another process. Stop that one, or choose another port.',
    ],
    [
      new Error(
        'No address added out of total 1 resolved errors: [listen EADDRINUSE: address already in use 127.0.0.1:5101]',
      ),
      'port 5101 (127.0.0.1) is taken by another process. Stop that one, or choose another port.',
    ],
    [
      system('EACCES', "EACCES: permission denied, mkdir '/data'", { path: '/data' }),
      "/data can't be written: permission denied. Give this user the right, or choose another directory.",
    ],
    [
      system('EACCES', 'listen EACCES: permission denied 0.0.0.0:80', { address: '0.0.0.0', port: 80 }),
      'listening at port 80 (0.0.0.0) is not permitted. Choose a port above 1023.',
    ],
    [
      system('EROFS', 'read-only', { path: '/data' }),
      "/data can't be written: its file system is read-only. Choose another directory.",
    ],
    [new Error('No etcd.', { cause: new Error('refused') }), 'could not start: No etcd. (refused)'],
    [new AggregateError([new Error('first'), new Error('second')]), 'could not start: first; second'],
  ])('is a sentence for %s', (error, sentence) => {
    expect(startFailure(error)).toBe(sentence);
  });
});
