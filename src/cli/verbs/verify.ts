import { existsSync } from 'node:fs';
import { type ExitCode, exitCodes, UserError } from '../../diagnostics/diagnostic.ts';
import { openStore } from '../../store/open.ts';
import { verify } from '../../store/verify.ts';
import { again } from '../again.ts';
import { workspaceOf } from '../pipeline-options.ts';
import { count, size } from '../units.ts';
import type { VerbContext } from '../verb.ts';
import { progressLine } from '../views/progress-line.ts';
import { shortPath } from '../views/summary.ts';

/** `orograph verify [--repair]`: exit code 3 where something is damaged and stays so. */
export async function main({ args, cwd, out, err }: VerbContext): Promise<ExitCode> {
  const repair = args.has('repair');
  const json = args.has('json');
  const { cache } = await workspaceOf(args, cwd);
  if (!existsSync(cache))
    throw new UserError({
      severity: 'error',
      code: 'no-such-folder',
      message: `there is no cache ${shortPath(cache, cwd)}`,
      hint: 'nothing has run with it yet; another one is named with --cache DIR',
    });
  const store = openStore(cache, { reading: !repair });
  const progress = json ? undefined : progressLine(err, 'verifying');
  let [damage, leftovers, blobs, bytes] = [0, 0, 0, 0];
  try {
    // What opening the store had to give up is as much a finding.
    const notices = store.notices.map((notice) => ({ severity: 'damage' as const, ...notice }));
    damage += notices.length;
    const onProgress = (done: { readonly blobs: number; readonly bytes: number }): void => {
      ({ blobs, bytes } = done);
      progress?.onBytes(bytes, undefined);
    };
    const advised = again(args, 'verify', '--repair');
    const report = (found: { severity: 'damage' | 'leftover'; what: string; cure: string }): void => {
      // To be typed as it stands: with the cache that this was about.
      const finding = { ...found, cure: found.cure.replace('orograph verify --repair', advised) };
      progress?.pause();
      const mark = finding.severity === 'damage' ? out.paint('red', '✗') : out.paint('yellow', '○');
      out.line(json ? JSON.stringify(finding) : `${mark} ${finding.what}: ${finding.cure}`);
    };
    notices.forEach(report);
    for await (const finding of verify(store, { repair, onProgress })) {
      if (finding.severity === 'damage') damage++;
      else leftovers++;
      report(finding);
    }
  } finally {
    progress?.close();
    store.close();
  }
  if (json) out.line(JSON.stringify({ blobs, bytes, damage, leftovers, repaired: repair }));
  else {
    const looked = `${count(blobs, 'stored file')} (${size(bytes)}) read`;
    const found = damage === 0 ? 'nothing wrong' : `${count(damage, 'problem')}${repair ? ', removed' : ''}`;
    const rest = leftovers > 0 ? `, ${count(leftovers, 'leftover')} of interrupted runs` : '';
    out.line(`${looked}: ${found}${rest}`);
  }
  return damage > 0 && !repair ? exitCodes.verificationFailed : exitCodes.good;
}
