import { RegistryError } from '#libs/oci/errors.ts';
import { quote } from '#libs/oci/quote.ts';
import type { Operations } from '#libs/rpc/contracts.ts';
import { ask } from '../peers/ask.ts';
import type { PeerDirectory } from '../peers/directory.ts';

export interface OperationsRelayOptions {
  readonly region: string;
  readonly own: Operations;
  readonly directory: PeerDirectory;
  /** What another region may take to answer. */
  readonly timeoutMs: number;
}

const RETRY_AFTER_SECONDS = 5;

/** The operations of every region: calls go to the one that they name. Throws NAME_UNKNOWN, and UNAVAILABLE where it can't be reached. */
export function createOperationsRelay(options: OperationsRelayOptions): Operations {
  const { region, own, timeoutMs } = options;
  const at = <T>(
    name: string,
    signal: AbortSignal,
    call: (operations: Operations, signal: AbortSignal) => Promise<T>,
  ): Promise<T> =>
    name === region
      ? call(own, signal)
      : ask(name, { signal, timeoutMs }, (limited) => call(operationsOf(name, options), limited));
  return {
    getCollection: (request, { signal }) =>
      at(request.region, signal, (there, limited) => there.getCollection(request, { signal: limited })),
    startCollection: (request, { signal }) =>
      at(request.region, signal, (there, limited) => there.startCollection(request, { signal: limited })),
    awaitDurable: (request, { signal }) =>
      at(request.region, signal, (there, limited) => there.awaitDurable(request, { signal: limited })),
    getStanding: (request, { signal }) =>
      at(request.region, signal, (there, limited) => there.getStanding(request, { signal: limited })),
    getDrain: (request, { signal }) =>
      at(request.region, signal, (there, limited) => there.getDrain(request, { signal: limited })),
    checkDrain: (request, { signal }) =>
      at(request.region, signal, (there, limited) => there.checkDrain(request, { signal: limited })),
    getQuorum: (request, context) => own.getQuorum(request, context),
    getHealing: (request, { signal }) =>
      at(request.region, signal, (there, limited) => there.getHealing(request, { signal: limited })),
    startHealing: (request, { signal }) =>
      at(request.region, signal, (there, limited) => there.startHealing(request, { signal: limited })),
    explainBlobs: (request, context) => operationsOf(request.region, options).explainBlobs(request, context),
  };
}

function operationsOf(name: string, { region, own, directory }: OperationsRelayOptions): Operations {
  if (name === region) return own;
  const remote = directory.find(name);
  if (remote === undefined && directory.isComplete()) {
    throw new RegistryError('NAME_UNKNOWN', `There is no region ${quote(name)} in this cluster.`);
  }
  if (remote?.live === true) return remote.operations;
  throw new RegistryError('UNAVAILABLE', `The region ${name} can't be reached now; try again.`, {
    detail: { region: name },
    retryAfterSeconds: RETRY_AFTER_SECONDS,
  });
}
