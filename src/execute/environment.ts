/**
 * What of the environment reaches a stage: a place for programs and temporary files, what native libraries need to
 * load, and what the stage declares. Anything else could decide a result, and would be in no key.
 *
 * A worker gets no more from its start on: Node reads the locale once, so it is en-US in all of them. The time zone is
 * UTC, because without a variable it is the machine's.
 */

/** Which of several devices, and by which driver: libraries read them when they start. */
const ofDevices = ['CUDA_VISIBLE_DEVICES', 'VK_ICD_FILENAMES', 'VK_DRIVER_FILES'];
const always = ['PATH', 'HOME', 'TMPDIR', 'LD_LIBRARY_PATH', 'NODE_OPTIONS', ...ofDevices];

type Variables = Readonly<Record<string, string | null | undefined>>;

/** Of a worker; `declared` by the stage that it runs. */
export function workerEnvironment(own: Variables, declared: Variables = {}): Record<string, string> {
  const passed = Object.entries(own).filter(
    ([name]) => always.includes(name) || name.startsWith('OROGRAPH_'),
  );
  return given([...passed, ['TZ', 'UTC'], ...Object.entries(declared)]);
}

/** Of a program, but for what its stage declares. */
export function programEnvironment({ PATH, HOME }: Variables): Record<string, string> {
  return given(Object.entries({ PATH, HOME, TZ: 'UTC' }));
}

function given(variables: readonly (readonly [string, string | null | undefined])[]): Record<string, string> {
  return Object.fromEntries(
    variables.filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}
