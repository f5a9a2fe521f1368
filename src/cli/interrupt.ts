import { exitCodes } from '../diagnostics/diagnostic.ts';

/** Ctrl-C, `kill`, and a terminal that goes away. */
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * The first signal asks for a clean stop; the second ends the process at once, which the store survives at any moment.
 * @param say is called at the first signal.
 */
export function catchInterrupts(say: () => void): { readonly signal: AbortSignal; dispose(): void } {
  const controller = new AbortController();
  const onSignal = (): void => {
    if (controller.signal.aborted) process.exit(exitCodes.interrupted);
    say();
    controller.abort();
  };
  for (const name of signals) process.on(name, onSignal);
  return {
    signal: controller.signal,
    dispose: () => {
      for (const name of signals) process.off(name, onSignal);
    },
  };
}
